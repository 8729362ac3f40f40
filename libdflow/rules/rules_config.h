/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration file (docs/configuration.md). */
#pragma once

#include "base/err.h"
#include "rules/rules_priv.h"

/*
 * Fills `r` (empty, settings at their defaults) from the YAML file. -EINVAL: a mistake in it; the
 * sentence names the line. What was filled before an error stays, for dfl_rules_free.
 */
int dfl_rules_read(struct dfl_rules *r, const char *path, struct dfl_err *err);
