// SPDX-License-Identifier: Apache-2.0
/*
 * A message is: total length, length of the headers, checksum of both (4 bytes each, big-endian);
 * headers; payload; checksum of all (4 bytes). smithy.io, "Amazon Event Stream Specification".
 */
#include "decode/http/aws_event_stream.h"

#include <string.h>

#define FRAMING 16 /* bytes of a message without headers and payload: three numbers, a checksum */

enum part { HEADERS, PAYLOAD, CHECKSUM };

/* InvokeModelWithResponseStream: {"bytes": base64}. */
static void str_begin(void *ud, const char *path, const uint8_t *at)
{
	struct dfl_aws_event_stream *e = ud;

	e->in_bytes = !strcmp(path, "bytes");
	e->digits = (struct dfl_digits){ 0 };
}

/* The position of a decoded byte is that of the base64 digit that completed it. */
static void str_data(void *ud, const struct dfl_slice *s)
{
	struct dfl_aws_event_stream *e = ud;
	uint8_t byte;
	struct dfl_slice one = { &byte, 1, 0, 1 };

	for (size_t i = 0; e->in_bytes && i < s->len; i++) {
		int v = dfl_base64_digit(s->data[i]);

		if (v < 0 || !dfl_digits_add(&e->digits, v, DFL_BASE64_BITS, &byte))
			continue;
		one.pos = dfl_slice_pos(s, i);
		dfl_json_fields_feed(&e->inner, &one, e->from);
	}
}

static void str_end(void *ud, const uint8_t *at)
{
	((struct dfl_aws_event_stream *)ud)->in_bytes = false;
}

static const struct dfl_json_ops ops = { .str_begin = str_begin,
					 .str_data = str_data,
					 .str_end = str_end };

void dfl_aws_event_stream_init(struct dfl_aws_event_stream *e, const struct dfl_decoder_ctx *ctx,
			       struct dfl_op *op, enum dfl_dir dir, enum dfl_json_field_set set)
{
	memset(e, 0, sizeof(*e));
	dfl_json_fields_init(&e->fields, ctx, op, dir, NULL, set);
	dfl_json_fields_init(&e->inner, ctx, op, dir, NULL, set);
	dfl_json_init(&e->payload, &ops, e);
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void prelude_byte(struct dfl_aws_event_stream *e, uint8_t c)
{
	uint32_t total, headers;

	e->prelude[e->n_prelude++] = c;
	if (e->n_prelude < sizeof(e->prelude))
		return;
	total = number(e->prelude);
	headers = number(e->prelude + 4);
	if (total < FRAMING || total > DFL_AWS_EVENT_MAX || headers > total - FRAMING) {
		e->broken = true;
		return;
	}
	e->left[HEADERS] = headers;
	e->left[PAYLOAD] = total - headers - FRAMING;
	e->left[CHECKSUM] = 4;
}

static void message_end(struct dfl_aws_event_stream *e, uint64_t ts_ns)
{
	e->n_prelude = 0;
	e->in_bytes = false;
	dfl_json_fields_next(&e->fields, ts_ns);
	dfl_json_fields_next(&e->inner, ts_ns);
	dfl_json_reset(&e->payload);
}

/* The next bytes of the message, all of one part. Returns how many. */
static size_t part_run(struct dfl_aws_event_stream *e, const struct dfl_slice *s, size_t i)
{
	enum part part = e->left[HEADERS] ? HEADERS : e->left[PAYLOAD] ? PAYLOAD : CHECKSUM;
	size_t n = s->len - i < e->left[part] ? s->len - i : e->left[part];
	struct dfl_slice run = dfl_slice_sub(s, i, n);

	e->left[part] -= (uint32_t)n;
	if (part == PAYLOAD) {
		dfl_json_fields_feed(&e->fields, &run, e->from);
		dfl_json_feed(&e->payload, &run);
	}
	if (!e->left[CHECKSUM])
		message_end(e, e->from->ts_ns);
	return n;
}

void dfl_aws_event_stream_feed(struct dfl_aws_event_stream *e, const struct dfl_slice *s,
			       const struct dfl_chunk *from)
{
	e->from = from;
	for (size_t i = 0; i < s->len && !e->broken;) {
		if (e->n_prelude < sizeof(e->prelude))
			prelude_byte(e, s->data[i++]);
		else
			i += part_run(e, s, i);
	}
	e->from = NULL;
}

/* A gap within a payload is stepped over. After another one no message can be found. */
void dfl_aws_event_stream_gap(struct dfl_aws_event_stream *e, uint64_t pos, uint64_t len,
			      uint64_t ts_ns)
{
	bool inside = !e->left[HEADERS] && len <= e->left[PAYLOAD];

	dfl_json_fields_gap(&e->fields, pos, len, ts_ns);
	dfl_json_fields_gap(&e->inner, pos, len, ts_ns);
	dfl_json_reset(&e->payload);
	e->in_bytes = false;
	if (inside)
		e->left[PAYLOAD] -= (uint32_t)len;
	else
		e->broken = true;
}

void dfl_aws_event_stream_fini(struct dfl_aws_event_stream *e, uint64_t ts_ns)
{
	dfl_json_fields_fini(&e->fields, ts_ns);
	dfl_json_fields_fini(&e->inner, ts_ns);
}
