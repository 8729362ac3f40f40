/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming parser of RESP2 and RESP3 (redis.io, "Redis serialization protocol specification").
 * It hands out bulk strings as slices of what it is fed, and keeps nothing of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/slice.h"

#define DFL_RESP_DEPTH_MAX 8	       /* aggregates in aggregates; deeper is an error */
#define DFL_RESP_LINE_MAX 64	       /* kept of a simple string, number or inline command */
#define DFL_RESP_BULK_MAX (512u << 20) /* redis.conf: proto-max-bulk-len */

#define DFL_RESP_INLINE 'i' /* type of an inline command ("PING\r\n"); no type of RESP */

/*
 * `at` points into the slice that is being fed, or just behind it. type: the first byte of a value
 * ('*', '$', …). Bulk strings are what has a length: '$', '!' and '='.
 */
struct dfl_resp_parser_ops {
	/* An outermost value begins with the byte at. */
	void (*top_begin)(void *ud, uint8_t type, const uint8_t *at);
	/*
	 * A bulk string begins at the byte at. depth: aggregates around it, 0 none; index: its
	 * number in the outermost of them, from 0.
	 */
	void (*bulk_begin)(void *ud, unsigned depth, uint64_t index, const uint8_t *at);
	void (*bulk_data)(void *ud, const struct dfl_slice *s);
	/* It ended before the byte at; NULL: in a gap. */
	void (*bulk_end)(void *ud, const uint8_t *at);
	/*
	 * A value of one line: '+', '-', ':', '_', '#', '(', ',', or an inline command. text ends
	 * with a NUL and is cut at DFL_RESP_LINE_MAX.
	 */
	void (*line)(void *ud, uint8_t type, unsigned depth, uint64_t index, const char *text,
		     size_t len);
	/* The outermost value ended before the byte at. */
	void (*top_end)(void *ud, const uint8_t *at);
};

struct dfl_resp_parser {
	const struct dfl_resp_parser_ops *ops;
	void *ud;
	bool commands; /* the client's direction: only arrays and inline commands */
	uint8_t state; /* enum of resp_parser.c */
	uint8_t type;  /* of the value that is being read */
	uint8_t depth;
	uint8_t line_len;
	bool line_long;			   /* the line was cut */
	uint64_t index;			   /* of the element of the outermost aggregate */
	uint64_t left;			   /* bytes of the bulk string that are still to come */
	uint64_t todo[DFL_RESP_DEPTH_MAX]; /* elements still to come of each open aggregate */
	char text[DFL_RESP_LINE_MAX + 1];
};

/* All members of ops must be set. commands: it reads what a client sends. */
void dfl_resp_parser_init(struct dfl_resp_parser *p, const struct dfl_resp_parser_ops *ops,
			  void *ud, bool commands);
/* Returns 0, or -EPROTO at a byte that no value can have; *ret_used: bytes before that one. */
int dfl_resp_parser_feed(struct dfl_resp_parser *p, const struct dfl_slice *s, size_t *ret_used);
/* Steps over len missing bytes. False, and nothing is done: they are not all in a bulk string. */
bool dfl_resp_parser_skip(struct dfl_resp_parser *p, uint64_t len);
