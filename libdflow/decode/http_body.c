// SPDX-License-Identifier: Apache-2.0
/* Bodies of HTTP messages, after llhttp has taken the chunks apart. */
#include "decode/http_body.h"

#include <strings.h>

#include "decode/emit.h"

#define INFLATE_OUT 4096

static enum dfl_coding coding_of(const char *content_encoding)
{
	const char *e = content_encoding;

	if (!strncasecmp(e, "aws-chunked", 11)) /* frames only; the text between them is plain */
		e += 11 + strspn(e + 11, ", ");
	if (!*e || !strcasecmp(e, "identity"))
		return DFL_CODING_NONE;
	if (!strcasecmp(e, "gzip") || !strcasecmp(e, "x-gzip") || !strcasecmp(e, "deflate"))
		return DFL_CODING_ZLIB;
	return DFL_CODING_UNREADABLE;
}

static void init_reader(struct dfl_body *b, const struct dfl_route *route, bool is_request,
			const char *type)
{
	enum dfl_field_set set = is_request ? route->request : route->response;

	if (is_request && route->file && !strncasecmp(type, "multipart/form-data", 19)) {
		if (dfl_multipart_init(&b->multipart, b->ctx, b->op, b->dir, type))
			b->kind = DFL_BODY_MULTIPART;
	} else if (set && !strncasecmp(type, "text/event-stream", 17)) {
		dfl_sse_init(&b->sse, b->ctx, b->op, b->dir, set);
		b->kind = DFL_BODY_SSE;
	} else if (set && (!*type || strcasestr(type, "json"))) {
		dfl_fields_init(&b->json, b->ctx, b->op, b->dir, NULL, set);
		b->kind = DFL_BODY_JSON;
	}
}

void dfl_body_init(struct dfl_body *b, const struct dfl_dec_ctx *ctx, struct dfl_op *op,
		   enum dfl_dir dir, const struct dfl_route *route, bool is_request,
		   const char *content_type, const char *content_encoding)
{
	memset(b, 0, sizeof(*b));
	b->ctx = ctx;
	b->op = op;
	b->dir = dir;
	b->coding = coding_of(content_encoding);
	if (route)
		init_reader(b, route, is_request, content_type);
}

static void put_plain(struct dfl_body *b, const struct dfl_slice *s, const struct dfl_chunk *from)
{
	if (!b->view)
		b->view = dfl_open_view(b->ctx, b->op, b->dir, NULL, false);
	dfl_put_view(b->ctx, b->view, s, from);
	if (b->kind == DFL_BODY_JSON)
		dfl_fields_feed(&b->json, s, from);
	else if (b->kind == DFL_BODY_SSE)
		dfl_sse_feed(&b->sse, s, from);
	else if (b->kind == DFL_BODY_MULTIPART)
		dfl_multipart_feed(&b->multipart, s, from->ts_ns);
}

static void put_unreadable(struct dfl_body *b, uint64_t pos, uint64_t len)
{
	if (!b->view)
		b->view = dfl_open_view(b->ctx, b->op, b->dir, NULL, false);
	dfl_gap_view(b->ctx, b->view, pos, len);
}

/* "deflate" is a zlib stream (RFC 9110, 8.4.1.2), but some send the bare one: the first byte tells.
 */
static bool start_inflate(struct dfl_body *b, uint8_t first)
{
	int bits = first == 0x1f ? 15 + 16 : (first & 0x0f) == 8 ? 15 : -15;

	b->inflating = inflateInit2(&b->z, bits) == Z_OK;
	return b->inflating;
}

static void stop_inflate(struct dfl_body *b)
{
	if (b->inflating)
		inflateEnd(&b->z);
	b->inflating = false;
	b->coding = DFL_CODING_UNREADABLE;
}

/* Every byte that comes out stands for the whole step. */
static void inflate_step(struct dfl_body *b)
{
	uint8_t out[INFLATE_OUT];
	struct dfl_slice o = { .data = out, .pos = b->step_pos };
	int r;

	if (!b->step_len)
		return;
	if (!b->inflating && !start_inflate(b, b->step[0])) {
		b->coding = DFL_CODING_UNREADABLE;
		return;
	}
	b->z.next_in = b->step;
	b->z.avail_in = b->step_len;
	b->step_len = 0;
	do {
		b->z.next_out = out;
		b->z.avail_out = sizeof(out);
		r = inflate(&b->z, Z_NO_FLUSH);
		o.len = sizeof(out) - b->z.avail_out;
		b->inflated += o.len;
		o.pos_len = b->step_end - b->step_pos;
		if (o.len == o.pos_len) /* it is not byte for byte, so it must not look so */
			o.pos_len--;
		put_plain(b, &o, &b->last);
	} while (r == Z_OK && !b->z.avail_out && b->inflated < DFL_INFLATE_MAX);
	if (b->inflated >= DFL_INFLATE_MAX)
		dfl_limit_hit(b->ctx, DFL_LIMIT_INFLATED);
	if ((r != Z_OK && r != Z_BUF_ERROR && r != Z_STREAM_END) || b->inflated >= DFL_INFLATE_MAX)
		stop_inflate(b);
	explicit_bzero(out, sizeof(out));
}

static void put_compressed(struct dfl_body *b, const struct dfl_slice *s,
			   const struct dfl_chunk *from)
{
	struct dfl_slice part;

	b->last = *from;
	b->last.data = NULL;
	b->last.len = 0;
	for (size_t i = 0; i < s->len; i += part.len) {
		size_t room = sizeof(b->step) - b->step_len;

		part = dfl_slice_sub(s, i, s->len - i < room ? s->len - i : room);
		if (b->coding != DFL_CODING_ZLIB) {
			put_unreadable(b, part.pos, part.pos_len);
			continue;
		}
		if (!b->step_len)
			b->step_pos = part.pos;
		memcpy(b->step + b->step_len, part.data, part.len);
		b->step_len = (uint16_t)(b->step_len + part.len);
		b->step_end = part.pos + part.pos_len;
		if (b->step_len == sizeof(b->step))
			inflate_step(b);
	}
}

void dfl_body_feed(struct dfl_body *b, const struct dfl_slice *s, const struct dfl_chunk *from)
{
	if (!s->len || !b->ctx)
		return;
	switch (b->coding) {
	case DFL_CODING_NONE:
		put_plain(b, s, from);
		break;
	case DFL_CODING_ZLIB:
		put_compressed(b, s, from);
		break;
	default:
		put_unreadable(b, s->pos, s->pos_len);
	}
}

void dfl_body_gap(struct dfl_body *b, uint64_t pos, uint64_t len, uint64_t ts_ns)
{
	if (!b->ctx)
		return;
	if (b->coding == DFL_CODING_ZLIB) {
		inflate_step(b);
		stop_inflate(b);
	}
	put_unreadable(b, pos, len);
	if (b->kind == DFL_BODY_JSON)
		dfl_fields_gap(&b->json, pos, len, ts_ns);
	else if (b->kind == DFL_BODY_SSE)
		dfl_sse_gap(&b->sse, pos, len, ts_ns);
}

void dfl_body_fini(struct dfl_body *b, uint64_t ts_ns)
{
	if (!b->ctx)
		return;
	inflate_step(b);
	stop_inflate(b);
	if (b->kind == DFL_BODY_JSON)
		dfl_fields_fini(&b->json, ts_ns);
	else if (b->kind == DFL_BODY_SSE)
		dfl_sse_fini(&b->sse, ts_ns);
	else if (b->kind == DFL_BODY_MULTIPART)
		dfl_multipart_fini(&b->multipart, ts_ns);
	dfl_close_view(b->ctx, &b->view);
	b->ctx = NULL;
}
