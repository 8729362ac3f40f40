// SPDX-License-Identifier: Apache-2.0
/* A growing byte buffer that wipes what it held. */
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int dfl_buf_reserve(struct dfl_buf *b, size_t more_bytes)
{
	size_t need, cap;
	uint8_t *data;

	if (__builtin_add_overflow(b->len, more_bytes, &need))
		return -ENOMEM;
	if (need <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 256;
	/* Doubling: n appended bytes are copied at most about twice in all. */
	while (cap < need)
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			return -ENOMEM;
	data = malloc(cap); /* not realloc: the old bytes have to be wiped */
	if (!data)
		return -ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data) {
		explicit_bzero(b->data, b->len);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

int dfl_buf_append(struct dfl_buf *b, const void *data, size_t len_bytes)
{
	int r;

	if (!len_bytes)
		return 0;
	r = dfl_buf_reserve(b, len_bytes);
	if (r)
		return r;
	memcpy(b->data + b->len, data, len_bytes);
	b->len += len_bytes;
	return 0;
}

int dfl_buf_putc(struct dfl_buf *b, uint8_t c)
{
	return dfl_buf_append(b, &c, 1);
}

void dfl_buf_drop(struct dfl_buf *b, size_t n)
{
	if (n >= b->len) {
		if (b->data)
			explicit_bzero(b->data, b->len);
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void dfl_buf_fini(struct dfl_buf *b)
{
	if (b->data) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	*b = (struct dfl_buf){ 0 };
}
