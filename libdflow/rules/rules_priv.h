/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration file fills (rules_config.c) and the answers use (rules.c). */
#pragma once

#include <stddef.h>

#include "base/addr.h"
#include "rules/rule.h"
#include "rules/settings.h"

struct dfl_named_addr {
	struct dfl_network range;
	char *name;
};

struct dfl_region_rule {
	char *match; /* range or host glob */
	char *region;
};

struct dfl_rules {
	struct dfl_rule *rules; /* of the configuration; asked before the built-in ones */
	size_t n_rules;
	struct dfl_network *vpc;
	size_t n_vpc;
	struct dfl_named_addr *names;
	size_t n_names;
	struct dfl_region_rule *regions;
	size_t n_regions;
	struct dfl_settings settings;
};
