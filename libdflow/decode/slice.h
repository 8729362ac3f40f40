/* SPDX-License-Identifier: Apache-2.0 */
/* Decoded bytes together with the stream positions they stand for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * pos_len == len: byte i stands at pos + i. Otherwise every byte stands for the whole range
 * [pos, pos + pos_len) (an unescaped character, inflated bytes).
 */
struct dfl_slice {
	const uint8_t *data;
	size_t len;
	uint64_t pos;
	uint64_t pos_len;
};

static inline struct dfl_slice dfl_slice_sub(const struct dfl_slice *s, size_t from, size_t len)
{
	if (s->pos_len != s->len)
		return (struct dfl_slice){ s->data + from, len, s->pos, s->pos_len };
	return (struct dfl_slice){ s->data + from, len, s->pos + from, len };
}

/* Stream position of byte i, and of the end of byte i. */
static inline uint64_t dfl_slice_pos(const struct dfl_slice *s, size_t i)
{
	return s->pos_len == s->len ? s->pos + i : s->pos;
}

static inline uint64_t dfl_slice_end(const struct dfl_slice *s, size_t i)
{
	return s->pos_len == s->len ? s->pos + i + 1 : s->pos + s->pos_len;
}
