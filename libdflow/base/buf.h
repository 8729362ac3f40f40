/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. What it held can be payload, so it is wiped when it is freed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty buffer. */
struct dfl_buf {
	uint8_t *data; /* NULL: nothing was ever put in */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
};

/*
 * Each returns 0 or -ENOMEM; on failure the buffer is unchanged. On success `data` may have moved.
 */
/* Makes room, so that more_bytes bytes can be written behind `len`. */
int dfl_buf_reserve(struct dfl_buf *b, size_t more_bytes);
int dfl_buf_append(struct dfl_buf *b, const void *data, size_t len_bytes);
int dfl_buf_putc(struct dfl_buf *b, uint8_t c);

/* Drops the first n bytes (n <= len). */
void dfl_buf_drop(struct dfl_buf *b, size_t n);

/* Wipes and releases; the buffer is empty and usable after it. */
void dfl_buf_fini(struct dfl_buf *b);
