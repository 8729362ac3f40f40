/* SPDX-License-Identifier: Apache-2.0 */
/* Decoded bytes together with the stream positions that they stand for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * data is borrowed. The bytes stand for the stream positions [pos, pos + pos_len):
 * pos_len == len: byte i stands at pos + i.
 * pos_len != len: every byte stands for the whole range (an unescaped character, inflated bytes).
 * So decoded bytes that happen to be as many as their range must not say so: see vector.c.
 */
struct dfl_slice {
	const uint8_t *data;
	size_t len;
	uint64_t pos;
	uint64_t pos_len;
};

/* len bytes from byte `from` on. */
static inline struct dfl_slice dfl_slice_sub(const struct dfl_slice *s, size_t from, size_t len)
{
	if (s->pos_len != s->len)
		return (struct dfl_slice){ s->data + from, len, s->pos, s->pos_len };
	return (struct dfl_slice){ s->data + from, len, s->pos + from, len };
}

/* The stream position where byte i begins. */
static inline uint64_t dfl_slice_pos(const struct dfl_slice *s, size_t i)
{
	return s->pos_len == s->len ? s->pos + i : s->pos;
}

/* The stream position where byte i ends. */
static inline uint64_t dfl_slice_end(const struct dfl_slice *s, size_t i)
{
	return s->pos_len == s->len ? s->pos + i + 1 : s->pos + s->pos_len;
}
