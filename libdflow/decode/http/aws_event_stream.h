/* SPDX-License-Identifier: Apache-2.0 */
/*
 * application/vnd.amazon.eventstream, in which Bedrock answers: messages with a JSON payload, which
 * may hold the model's own JSON in base64.
 */
#pragma once

#include "decode/digits.h"
#include "decode/dify/json_fields.h"

#define DFL_AWS_EVENT_MAX (24u << 20) /* bytes of a message (smithy: Amazon Event Stream) */

struct dfl_aws_event_stream {
	struct dfl_json_fields fields; /* of the payload: ConverseStream */
	struct dfl_json_fields inner;  /* of what is base64 in it: InvokeModelWithResponseStream */
	struct dfl_json payload;       /* finds that */
	const struct dfl_chunk *from;
	bool in_bytes, broken;
	struct dfl_digits digits;
	uint8_t n_prelude;
	uint8_t prelude[12];
	uint32_t left[3]; /* of the message: headers, payload, checksum */
};

void dfl_aws_event_stream_init(struct dfl_aws_event_stream *e, const struct dfl_decoder_ctx *ctx,
			       struct dfl_op *op, enum dfl_dir dir, enum dfl_json_field_set set);
void dfl_aws_event_stream_feed(struct dfl_aws_event_stream *e, const struct dfl_slice *s,
			       const struct dfl_chunk *from);
void dfl_aws_event_stream_gap(struct dfl_aws_event_stream *e, uint64_t pos, uint64_t len,
			      uint64_t ts_ns);
void dfl_aws_event_stream_fini(struct dfl_aws_event_stream *e, uint64_t ts_ns);
