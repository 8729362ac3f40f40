/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded list of short strings: columns, places. A zeroed one is empty. What does not fit, or
 * finds no memory, is left out: the list then ends earlier, and nothing in it is wrong.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define DFL_NAMES_MAX 256

struct dfl_names {
	struct dfl_buf buf; /* the strings, each with its NUL */
	uint16_t n;
	uint32_t off[DFL_NAMES_MAX]; /* where each begins */
};

/* Name i, "" when there are fewer. Borrowed until the next put. */
static inline const char *dfl_names_get(const struct dfl_names *l, size_t i)
{
	return i < l->n ? (const char *)l->buf.data + l->off[i] : "";
}

/* name: copied. */
static inline void dfl_names_put(struct dfl_names *l, const char *name)
{
	uint32_t off = (uint32_t)l->buf.len;

	if (l->n < DFL_NAMES_MAX && !dfl_buf_append(&l->buf, name, strlen(name) + 1))
		l->off[l->n++] = off;
}

/* Empties it and keeps its memory. */
static inline void dfl_names_clear(struct dfl_names *l)
{
	l->n = 0;
	l->buf.len = 0;
}

static inline void dfl_names_fini(struct dfl_names *l)
{
	dfl_buf_fini(&l->buf);
	l->n = 0;
}

/* What `to` held before is gone. */
static inline void dfl_names_copy(struct dfl_names *to, const struct dfl_names *from)
{
	dfl_names_clear(to);
	for (size_t i = 0; i < from->n; i++)
		dfl_names_put(to, dfl_names_get(from, i));
}
