// SPDX-License-Identifier: Apache-2.0
/* "5;chunk-signature=…\r\nhello\r\n0\r\nx-amz-checksum-crc32:…\r\n\r\n" */
#include "decode/http/aws_chunked.h"

#include <string.h>

#include "decode/digits.h"

#define CHUNK_MAX (1ULL << 40) /* S3: an object has at most 5 TiB, a part 5 GiB */

/* What the next byte is of. AFTER: the line break after data. BROKEN: all is data. */
enum state { SIZE, EXTENSION, DATA, AFTER, TRAILER, BROKEN };

/* A byte of the chunk's size in hex. Returns the next state. */
static uint8_t size_byte(struct dfl_aws_chunked *a, uint8_t c)
{
	int v = dfl_hex_digit(c);

	if (v >= 0) {
		a->left = a->left << 4 | (unsigned)v;
		return a->left > CHUNK_MAX ? BROKEN : SIZE;
	}
	return c == ';' || c == '\r' ? EXTENSION : BROKEN;
}

/* A byte of framing. Returns the next state; a chunk of size 0 is the last. */
static uint8_t frame_byte(struct dfl_aws_chunked *a, uint8_t c)
{
	switch (a->state) {
	case SIZE:
		return size_byte(a, c);
	case EXTENSION:
		return c != '\n' ? EXTENSION : a->left ? DATA : TRAILER;
	case AFTER:
		return c == '\n' ? SIZE : c == '\r' ? AFTER : BROKEN;
	default:
		return a->state;
	}
}

size_t dfl_aws_chunked_run(struct dfl_aws_chunked *a, const uint8_t *data, size_t len,
			   bool *ret_is_data)
{
	size_t n = 0;

	*ret_is_data = a->state == DATA || a->state == BROKEN;
	if (a->state == BROKEN || a->state == TRAILER)
		return len;
	if (a->state == DATA) {
		n = len < a->left ? len : (size_t)a->left;
		a->left -= n;
		if (!a->left)
			a->state = AFTER;
		return n;
	}
	while (n < len && a->state != DATA && a->state != BROKEN)
		a->state = frame_byte(a, data[n++]);
	return n;
}

void dfl_aws_chunked_skip(struct dfl_aws_chunked *a, uint64_t len)
{
	if (a->state == TRAILER)
		return;
	if (a->state != DATA || len > a->left)
		a->state = BROKEN;
	else if (!(a->left -= len))
		a->state = AFTER;
}
