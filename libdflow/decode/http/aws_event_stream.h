/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming reader of application/vnd.amazon.eventstream, in which Bedrock answers: messages with
 * a JSON payload, which may hold the model's own JSON in base64. All bytes are also in the body's
 * view.
 */
#pragma once

#include "decode/digits.h"
#include "decode/dify/json_fields.h"

/* Bytes of a message (aws-c-event-stream: AWS_EVENT_STREAM_MAX_MESSAGE_SIZE). */
#define DFL_AWS_EVENT_MAX (24u << 20)

struct dfl_aws_event_stream {
	struct dfl_json_fields fields; /* of the payload: ConverseStream */
	struct dfl_json_fields inner;  /* of the base64 in it: InvokeModelWithResponseStream */
	struct dfl_json payload;       /* finds that base64 */
	const struct dfl_chunk *from;  /* that is being read; NULL between calls */
	bool in_bytes;		       /* in the string that is base64 */
	bool broken;		       /* nobody knows where the next message is */
	struct dfl_digits digits;
	uint8_t n_prelude;
	uint8_t prelude[12]; /* total length, length of headers, checksum */
	uint32_t left[3];    /* of the message, still to come: headers, payload, checksum */
};

/* set: which fields of the JSON mean something. */
void dfl_aws_event_stream_init(struct dfl_aws_event_stream *e, const struct dfl_decoder_ctx *ctx,
			       struct dfl_op *op, enum dfl_dir dir, enum dfl_json_field_set set);
void dfl_aws_event_stream_feed(struct dfl_aws_event_stream *e, const struct dfl_slice *s,
			       const struct dfl_chunk *from);
/* Bytes are missing. Those within a payload are stepped over; after others nothing is read. */
void dfl_aws_event_stream_gap(struct dfl_aws_event_stream *e, uint64_t pos, uint64_t len,
			      uint64_t ts_ns);
void dfl_aws_event_stream_fini(struct dfl_aws_event_stream *e, uint64_t ts_ns);
