/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming reader of server-sent events (WHATWG HTML, "Server-sent events"): takes the "data:"
 * lines and reads their JSON. All bytes are also in the body's view.
 */
#pragma once

#include "decode/dify/json_fields.h"

struct dfl_sse {
	struct dfl_json_fields fields; /* of the event that is being read */
	uint8_t state;		       /* enum of sse.c */
	uint8_t matched;	       /* bytes of "data:" at the start of the line so far */
	bool line_empty;
};

/* set: which fields of the events mean something. */
void dfl_sse_init(struct dfl_sse *s, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		  enum dfl_dir dir, enum dfl_json_field_set set);
void dfl_sse_feed(struct dfl_sse *s, const struct dfl_slice *d, const struct dfl_chunk *from);
/* Bytes are missing: the event is given up, and reading goes on with the next line. */
void dfl_sse_gap(struct dfl_sse *s, uint64_t pos, uint64_t len, uint64_t ts_ns);
void dfl_sse_fini(struct dfl_sse *s, uint64_t ts_ns);
