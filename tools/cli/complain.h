/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on standard error. */
#pragma once

#include <dflow.h>

#include "cli/status.h"

/*
 * Prints "dflow: " and the sentence on standard error, and returns `status`, so that a caller can
 * write `return complain(…)`. On a terminal long sentences are folded. The sentence has no newline
 * at its end. It never holds payload.
 */
int complain(enum exit_status status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status that belongs to an error of the library. */
enum exit_status status_of(const struct dflow_error *error);

/* Says which texts of earlier requests cannot be recognised again, and why. `store`: its path. */
void say_unknown(const struct dflow_stats *stats, const char *store);
