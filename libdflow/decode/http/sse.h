/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: frames the "data:" lines and reads their JSON. */
#pragma once

#include "decode/dify/json_fields.h"

struct dfl_sse {
	struct dfl_json_fields fields;
	uint8_t state;
	uint8_t matched; /* bytes of "data:" seen at the start of the line */
	bool line_empty;
};

void dfl_sse_init(struct dfl_sse *s, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		  enum dfl_dir dir, enum dfl_json_field_set set);
void dfl_sse_feed(struct dfl_sse *s, const struct dfl_slice *d, const struct dfl_chunk *from);
void dfl_sse_gap(struct dfl_sse *s, uint64_t pos, uint64_t len, uint64_t ts_ns);
void dfl_sse_fini(struct dfl_sse *s, uint64_t ts_ns);
