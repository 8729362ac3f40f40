// SPDX-License-Identifier: Apache-2.0
/* Canonical text with its position map. */
#include "match/canon/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Bytes that may have been written: all, if some were dropped, else what there is, and what was
 * stored after it.
 */
static size_t used(const struct dfl_text *t)
{
	return t->base || t->len + DFL_TEXT_SLACK > t->cap ? t->cap : t->len + DFL_TEXT_SLACK;
}

/* Wipes and frees the bytes. */
static void release(struct dfl_text *t)
{
	if (!t->data)
		return;
	if (t->secret) {
		dfl_secret_free(t->secret, t->data, t->cap);
		return;
	}
	explicit_bzero(t->data, used(t));
	free(t->data);
}

/* A copy, not realloc, so that what moved can be wiped. */
int dfl_text_reserve(struct dfl_text *t, size_t raw)
{
	size_t need = t->len + raw + DFL_TEXT_SLACK, cap = t->cap ? t->cap : 256;
	uint8_t *data;
	int r;

	/* First, so that data moves only when nothing can fail any more: the index points to it. */
	r = dfl_map_reserve(&t->map, (uint32_t)raw + DFL_TEXT_SLACK);
	if (r || need <= t->cap)
		return r;
	while (cap < need)
		cap *= 2;
	data = t->secret ? dfl_secret_alloc(t->secret, cap) : malloc(cap);
	if (!data)
		return -ENOMEM;
	if (t->len)
		memcpy(data, t->data, t->len);
	release(t);
	t->data = data;
	t->cap = cap;
	return 0;
}

void dfl_text_drop(struct dfl_text *t, size_t n)
{
	if (!n)
		return;
	memmove(t->data, t->data + n, t->len - n);
	t->len -= n;
	t->base += n;
	dfl_map_drop(&t->map, (uint32_t)n);
}

void dfl_text_clear(struct dfl_text *t)
{
	if (t->data)
		explicit_bzero(t->data, used(t));
	t->len = 0;
	t->base = 0;
	t->map.n = 0;
}

void dfl_text_fini(struct dfl_text *t)
{
	release(t);
	dfl_map_fini(&t->map);
	*t = (struct dfl_text){ .secret = t->secret };
}
