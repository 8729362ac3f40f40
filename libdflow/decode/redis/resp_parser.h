/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming parser of RESP2 and RESP3 (redis.io, "Redis serialization protocol specification").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/slice.h"

#define DFL_RESP_DEPTH 8
#define DFL_RESP_LINE 64	       /* kept of a simple string, number or inline command */
#define DFL_RESP_BULK_MAX (512u << 20) /* Redis: proto-max-bulk-len */

#define DFL_RESP_INLINE 'i' /* type of an inline command */

struct dfl_resp_ops {
	/* An outermost value begins. */
	void (*top_begin)(void *ud, uint8_t type, const uint8_t *at);
	/*
	 * depth 0: it is the outermost value itself; index: of the element of the outermost
	 * aggregate.
	 */
	void (*bulk_begin)(void *ud, unsigned depth, uint64_t index, const uint8_t *at);
	void (*bulk_data)(void *ud, const struct dfl_slice *s);
	void (*bulk_end)(void *ud, const uint8_t *at);
	/*
	 * Anything on one line: +, -, :, _, #, (, `,`, and inline commands. Cut at DFL_RESP_LINE.
	 */
	void (*line)(void *ud, uint8_t type, unsigned depth, uint64_t index, const char *text,
		     size_t len);
	/* at: the byte after the value. */
	void (*top_end)(void *ud, const uint8_t *at);
};

struct dfl_resp {
	const struct dfl_resp_ops *ops;
	void *ud;
	bool commands; /* the client's direction: inline commands are allowed */
	uint8_t state;
	uint8_t type;
	uint8_t depth;
	uint8_t line_len;
	bool line_long;
	uint64_t index;
	uint64_t left;		       /* bytes of the bulk */
	uint64_t todo[DFL_RESP_DEPTH]; /* elements left of each open aggregate */
	char text[DFL_RESP_LINE + 1];
};

void dfl_resp_init(struct dfl_resp *p, const struct dfl_resp_ops *ops, void *ud, bool commands);
/* Returns 0 or -EPROTO; *ret_used: bytes consumed in that case. */
int dfl_resp_feed(struct dfl_resp *p, const struct dfl_slice *s, size_t *ret_used);
/* Skips bytes that are missing inside a bulk string; false when they are not all inside one. */
bool dfl_resp_skip(struct dfl_resp *p, uint64_t len);
/* Between two outermost values? */
bool dfl_resp_idle(const struct dfl_resp *p);
