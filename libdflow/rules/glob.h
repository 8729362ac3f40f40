/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of rules. */
#pragma once

#include <stdbool.h>

#define DFL_RULE_PATTERN_MAX 255 /* bytes of one alternative; a longer one matches nothing */

/*
 * Does one of the alternatives match the whole text? They are shell globs (fnmatch(3)) separated by
 * '|'; letters of either case are equal.
 */
bool dfl_glob(const char *pattern, const char *text);
