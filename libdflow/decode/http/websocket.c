// SPDX-License-Identifier: Apache-2.0
/*
 * Frames and messages of WebSocket (RFC 6455, 5). Clients mask their payload with four bytes that
 * stand in the frame; it is unmasked here, else no text could be found in it.
 */
#include "decode/http/websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/dify/routes.h"
#include "decode/emit.h"

#define PIECE 1024 /* bytes that are unmasked at once */
#define INFLATE_OUT 4096

enum { FIN = 0x80, RSV1 = 0x40, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
#define CONTROL 8 /* opcodes from 8 on are of control frames */

static bool is_control(const struct dfl_websocket_side *s)
{
	return s->head[0] & CONTROL;
}

/* Bytes that the head of the frame has, as far as it is known. */
static size_t head_size(const struct dfl_websocket_side *s)
{
	size_t n = 2;

	if (s->head_len < 2)
		return n;
	n += (s->head[1] & LENGTH) == 126 ? 2 : (s->head[1] & LENGTH) == 127 ? 8 : 0;
	return n + (s->head[1] & MASKED ? 4 : 0);
}

static uint64_t payload_size(const struct dfl_websocket_side *s)
{
	uint64_t n = s->head[1] & LENGTH;
	size_t bytes = n == 126 ? 2 : n == 127 ? 8 : 0;

	if (bytes)
		n = 0;
	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | s->head[2 + i];
	return n;
}

static struct dfl_op *op_of(struct dfl_websocket *w, struct dfl_websocket_side *s, uint64_t ts_ns)
{
	const struct dfl_op_desc d = { .protocol = "http",
				       .operation = w->operation,
				       .residency = w->inbound ? DFL_TRANSIT : DFL_RES_UNKNOWN,
				       .ttl_s = -1,
				       .dir = s->dir };

	if (s->op)
		return s->op;
	s->op = dfl_begin_op(w->ctx, &d, ts_ns);
	if (!s->is_client)
		dfl_json_fields_init(&s->fields, w->ctx, s->op, s->dir, NULL, DFL_FIELDS_EVENT);
	return s->op;
}

static void end_op(struct dfl_websocket *w, struct dfl_websocket_side *s, uint64_t ts_ns)
{
	if (!s->op)
		return;
	dfl_http_body_fini(&s->body, ts_ns);
	if (!s->is_client)
		dfl_json_fields_fini(&s->fields, ts_ns);
	dfl_close_view(w->ctx, &s->view);
	dfl_close_view(w->ctx, &s->frames);
	dfl_end_op(w->ctx, &s->op, ts_ns);
}

static void inflate_begin(struct dfl_websocket *w, struct dfl_websocket_side *s)
{
	if (s->has_inflater && w->no_takeover[s->is_client]) {
		inflateReset(&s->z);
		s->deflate_lost = false;
	}
	if (s->has_inflater)
		return;
	memset(&s->z, 0, sizeof(s->z));
	s->has_inflater = inflateInit2(&s->z, -15) == Z_OK; /* no header: RFC 7692, 7.2.2 */
	s->deflate_lost |= !s->has_inflater;
}

static void message_begin(struct dfl_websocket *w, struct dfl_websocket_side *s, uint64_t pos,
			  uint64_t ts_ns)
{
	s->in_message = true;
	s->compressed = w->deflate && s->head[0] & RSV1;
	s->message_pos = pos;
	if (s->compressed)
		inflate_begin(w, s);
	if (s->is_client)
		dfl_http_body_init(&s->body, w->ctx, s->op, s->dir,
				   w->inbound ? &dfl_route_unknown : NULL, true, "", "");
}

/* Decoded bytes of the message. */
static void put_text(struct dfl_websocket *w, struct dfl_websocket_side *s,
		     const struct dfl_slice *text, const struct dfl_chunk *from)
{
	if (s->is_client) {
		dfl_http_body_feed(&s->body, text, from);
		return;
	}
	if (!s->view)
		s->view = dfl_open_view(w->ctx, s->op, s->dir, NULL);
	dfl_put_view(w->ctx, s->view, text, from);
	dfl_json_fields_feed(&s->fields, text, from);
}

static void put_hole(struct dfl_websocket *w, struct dfl_websocket_side *s, uint64_t pos,
		     uint64_t len, uint64_t ts_ns)
{
	if (s->is_client) {
		dfl_http_body_gap(&s->body, pos, len, ts_ns);
		return;
	}
	dfl_gap_view(w->ctx, s->view, pos, len);
	dfl_json_fields_gap(&s->fields, pos, len, ts_ns);
}

/*
 * What comes out stands for all of the message that went in so far: no library tells which input
 * byte an output byte came from.
 */
static void put_inflated(struct dfl_websocket *w, struct dfl_websocket_side *s,
			 const struct dfl_slice *in, const struct dfl_chunk *from)
{
	uint8_t out[INFLATE_OUT];
	struct dfl_slice text = { out, 0, s->message_pos, in->pos + in->pos_len - s->message_pos };
	int r = Z_OK;

	s->z.next_in = (uint8_t *)(uintptr_t)in->data;
	s->z.avail_in = (uInt)in->len;
	do {
		s->z.next_out = out;
		s->z.avail_out = sizeof(out);
		r = s->deflate_lost ? Z_DATA_ERROR : inflate(&s->z, Z_SYNC_FLUSH);
		text.len = sizeof(out) - s->z.avail_out;
		if (text.len == text.pos_len) /* it is not byte for byte, and must not look so */
			text.pos_len++;
		if (text.len && r != Z_DATA_ERROR)
			put_text(w, s, &text, from);
	} while (r == Z_OK && !s->z.avail_out);
	explicit_bzero(out, sizeof(out));
	if (r == Z_OK || r == Z_BUF_ERROR || r == Z_STREAM_END)
		return;
	s->deflate_lost = true;
	if (!in->pos_len)
		return;
	put_hole(w, s, in->pos, in->pos_len, from->ts_ns);
	dfl_put_unread(w->ctx, s->dir, in->len);
}

static void inflate_step(struct dfl_websocket *w, struct dfl_websocket_side *s,
			 const struct dfl_chunk *from)
{
	const struct dfl_slice in = { s->step, s->step_len, s->step_pos, s->step_len };

	s->step_len = 0;
	if (in.len)
		put_inflated(w, s, &in, from);
}

static void put_compressed(struct dfl_websocket *w, struct dfl_websocket_side *s,
			   const struct dfl_slice *part, const struct dfl_chunk *from)
{
	for (size_t i = 0, n; i < part->len; i += n) {
		size_t room = sizeof(s->step) - s->step_len;

		n = part->len - i < room ? part->len - i : room;
		if (!s->step_len)
			s->step_pos = part->pos + i;
		memcpy(s->step + s->step_len, part->data + i, n);
		s->step_len = (uint16_t)(s->step_len + n);
		if (s->step_len == sizeof(s->step))
			inflate_step(w, s, from);
	}
}

/* Deflate blocks end with four bytes that the sender left out (RFC 7692, 7.2.1). */
static void message_end(struct dfl_websocket *w, struct dfl_websocket_side *s,
			const struct dfl_chunk *from, uint64_t pos)
{
	static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };
	const struct dfl_slice in = { tail, sizeof(tail), pos, 0 };

	if (s->compressed)
		put_inflated(w, s, &in, from);
	s->in_message = false;
	if (s->is_client) {
		end_op(w, s, from->ts_ns);
		return;
	}
	dfl_close_view(w->ctx, &s->view);
	dfl_json_fields_next(&s->fields, from->ts_ns);
}

static void frame_end(struct dfl_websocket *w, struct dfl_websocket_side *s,
		      const struct dfl_chunk *from, uint64_t pos)
{
	inflate_step(w, s, from);
	s->in_payload = false;
	s->head_len = 0;
	if (s->in_message && !is_control(s) && s->head[0] & FIN)
		message_end(w, s, from, pos);
	else if (s->is_client && !s->in_message)
		end_op(w, s, from->ts_ns); /* a control frame between messages */
}

/* The head is complete. pos: behind it. */
static void frame_begin(struct dfl_websocket *w, struct dfl_websocket_side *s,
			const struct dfl_chunk *from, uint64_t pos)
{
	const struct dfl_slice head = { s->head, s->head_len, pos - s->head_len, s->head_len };

	s->left = payload_size(s);
	s->at = 0;
	s->in_payload = true;
	/* The next turn begins, unless a message of the server is under way. */
	if (!is_control(s) && !s->in_message && s->is_client && !w->side[1].in_message)
		end_op(w, &w->side[1], from->ts_ns);
	op_of(w, s, from->ts_ns);
	if (!s->frames)
		s->frames = dfl_open_view(w->ctx, s->op, s->dir, NULL);
	dfl_put_framing(w->ctx, s->frames, &head, from);
	if (!is_control(s) && !s->in_message)
		message_begin(w, s, pos, from->ts_ns);
	if (!s->left)
		frame_end(w, s, from, pos);
}

static size_t head_bytes(struct dfl_websocket *w, struct dfl_websocket_side *s,
			 const struct dfl_chunk *c, size_t i)
{
	s->head[s->head_len++] = c->data[i];
	if (s->head_len >= head_size(s))
		frame_begin(w, s, c, c->pos + i + 1);
	return 1;
}

static void put_payload(struct dfl_websocket *w, struct dfl_websocket_side *s,
			const struct dfl_slice *part, const struct dfl_chunk *from)
{
	if (is_control(s))
		dfl_put_view(w->ctx, s->frames, part, from);
	else if (s->compressed)
		put_compressed(w, s, part, from);
	else
		put_text(w, s, part, from);
}

static size_t payload_bytes(struct dfl_websocket *w, struct dfl_websocket_side *s,
			    const struct dfl_chunk *c, size_t i)
{
	const uint8_t *mask = s->head[1] & MASKED ? s->head + s->head_len - 4 : NULL;
	uint8_t plain[PIECE];
	size_t n = c->len - i;
	struct dfl_slice part;

	n = n < sizeof(plain) ? n : sizeof(plain);
	n = n < s->left ? n : (size_t)s->left;
	for (size_t k = 0; k < n; k++)
		plain[k] = c->data[i + k] ^ (mask ? mask[(s->at + k) & 3] : 0);
	part = (struct dfl_slice){ plain, n, c->pos + i, n };
	put_payload(w, s, &part, c);
	explicit_bzero(plain, n);
	s->at += n;
	s->left -= n;
	if (!s->left)
		frame_end(w, s, c, c->pos + i + n);
	return n;
}

static struct dfl_websocket_side *side_of(struct dfl_websocket *w, enum dfl_dir dir)
{
	return &w->side[w->side[0].dir == dir ? 0 : 1];
}

void dfl_websocket_feed(struct dfl_websocket *w, const struct dfl_chunk *c)
{
	struct dfl_websocket_side *s = side_of(w, c->dir);
	size_t i = 0;

	if (s->broken)
		dfl_put_unread(w->ctx, c->dir, c->len);
	while (i < c->len && !s->broken)
		i += s->in_payload ? payload_bytes(w, s, c, i) : head_bytes(w, s, c, i);
}

void dfl_websocket_gap(struct dfl_websocket *w, const struct dfl_gap *g)
{
	struct dfl_websocket_side *s = side_of(w, g->dir);
	const struct dfl_chunk c = { .dir = g->dir, .pos = g->pos, .ts_ns = g->ts_ns };

	if (s->broken)
		return;
	inflate_step(w, s, &c);
	if (s->in_message && s->in_payload && !is_control(s))
		put_hole(w, s, g->pos, g->len, g->ts_ns);
	if (!s->in_payload || !g->len || g->len > s->left) {
		s->broken = true;
		end_op(w, s, g->ts_ns);
		return;
	}
	s->deflate_lost |= s->compressed;
	s->at += g->len;
	s->left -= g->len;
	if (!s->left)
		frame_end(w, s, &c, g->pos + g->len);
}

struct dfl_websocket *dfl_websocket_new(const struct dfl_decoder_ctx *ctx, enum dfl_dir asker,
					bool inbound, const char *path, const char *extensions)
{
	struct dfl_websocket *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ctx = ctx;
	w->inbound = inbound;
	w->deflate = strcasestr(extensions, "permessage-deflate") != NULL;
	w->no_takeover[true] = strcasestr(extensions, "client_no_context_takeover") != NULL;
	w->no_takeover[false] = strcasestr(extensions, "server_no_context_takeover") != NULL;
	w->side[0].dir = asker;
	w->side[0].is_client = true;
	w->side[1].dir = dfl_other(asker);
	snprintf(w->operation, sizeof(w->operation), "WEBSOCKET %s", path);
	return w;
}

void dfl_websocket_free(struct dfl_websocket *w, uint64_t ts_ns)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		end_op(w, &w->side[i], ts_ns);
		if (w->side[i].has_inflater)
			inflateEnd(&w->side[i].z);
	}
	free(w);
}
