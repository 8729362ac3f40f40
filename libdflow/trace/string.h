/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: two equal ones are the same pointer, so that they can be compared as such. */
#pragma once

struct dfl_trace;

enum {
	MAX_STRINGS = 65536,
};

/*
 * The one copy of this string. It lives as long as the stage. NULL and "" give NULL. When the table
 * is full, or memory is short, it gives "*": a name that stands for any.
 */
const char *dfl_string(struct dfl_trace *t, const char *text);

void dfl_strings_free(struct dfl_trace *t);
