// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies of HTTP messages; llhttp has taken the chunks of the transfer coding apart.
 *
 * The way of the bytes: aws-chunked framing is split off; compressed bytes are gathered into steps
 * of 256 and undone, the coding applied last first; what comes out goes to the body's view and to
 * the reader. Whatever cannot be undone is a gap of the view and counted as unread, so that nobody
 * takes it for bytes without the text.
 */
#include "decode/http/http_body.h"

#include <strings.h>

#include "decode/emit.h"

#define INFLATE_OUT 4096 /* bytes out of one call of a decompressor */

/* One name of the list "gzip, br". False: it cannot be undone. */
static bool add_coding(struct dfl_http_body *b, const char *name, size_t len)
{
	if (!len || (len == 8 && !strncasecmp(name, "identity", 8)))
		return true;
	if (len == 11 && !strncasecmp(name, "aws-chunked", 11)) {
		b->is_aws = true;
		return true;
	}
	if (b->n_codings == DFL_CODINGS_MAX ||
	    !dfl_content_coding_find(name, len, &b->coding[b->n_codings].coding))
		return false;
	b->big |= dfl_content_coding_is_big(b->coding[b->n_codings].coding);
	b->n_codings++;
	return true;
}

static void init_codings(struct dfl_http_body *b, const char *list)
{
	struct dfl_decode_stats *stats = b->ctx->stats;
	size_t n;

	for (; *list; list += n + strspn(list + n, ", \t")) {
		n = strcspn(list, ", \t");
		if (!add_coding(b, list, n))
			b->unreadable = true;
	}
	b->big &= !b->unreadable; /* no library will be started: no window is open */
	if (b->big && stats->windows >= DFL_WINDOWS_MAX) {
		dfl_limit_hit(b->ctx, DFL_LIMIT_INFLATED);
		b->unreadable = true;
		b->big = false;
	}
	stats->windows += b->big;
}

/* Chooses the reader by Content-Type, as the route says what is worth reading. */
static void init_reader(struct dfl_http_body *b, const struct dfl_route *route, bool is_request,
			const char *type)
{
	enum dfl_json_field_set set = is_request ? route->request : route->response;

	if (is_request && (route->file_part || set == DFL_FIELDS_ANY) &&
	    !strncasecmp(type, "multipart/form-data", 19)) {
		if (dfl_multipart_init(&b->multipart, b->ctx, b->op, b->dir, type,
				       route->file_part))
			b->kind = DFL_HTTP_BODY_MULTIPART;
	} else if (set == DFL_FIELDS_ANY) {
		b->kind = DFL_HTTP_BODY_UNDECIDED;
		b->says_json = strcasestr(type, "json");
		b->else_kind = strncasecmp(type, "application/x-www-form-urlencoded", 33) ?
				       DFL_HTTP_BODY_WHOLE :
				       DFL_HTTP_BODY_FORM;
	} else if (set && !strncasecmp(type, "text/event-stream", 17)) {
		dfl_sse_init(&b->sse, b->ctx, b->op, b->dir, set);
		b->kind = DFL_HTTP_BODY_SSE;
	} else if (set && !strncasecmp(type, "application/vnd.amazon.eventstream", 34)) {
		dfl_aws_event_stream_init(&b->events, b->ctx, b->op, b->dir, set);
		b->kind = DFL_HTTP_BODY_EVENTS;
	} else if (set && (!*type || strcasestr(type, "json"))) {
		dfl_json_fields_init(&b->json, b->ctx, b->op, b->dir, NULL, set);
		b->kind = DFL_HTTP_BODY_JSON;
	}
}

void dfl_http_body_init(struct dfl_http_body *b, const struct dfl_decoder_ctx *ctx,
			struct dfl_op *op, enum dfl_dir dir, const struct dfl_route *route,
			bool is_request, const char *content_type, const char *content_encoding)
{
	memset(b, 0, sizeof(*b));
	b->ctx = ctx;
	b->op = op;
	b->dir = dir;
	init_codings(b, content_encoding);
	if (route)
		init_reader(b, route, is_request, content_type);
}

/*
 * Many clients send JSON and say that it is something else, so its first byte decides. Blanks
 * before it are no text; *s is what stands behind them.
 */
static void decide(struct dfl_http_body *b, struct dfl_slice *s)
{
	size_t i = 0;

	while (i < s->len && memchr(" \t\r\n", s->data[i], 4))
		i++;
	*s = dfl_slice_sub(s, i, s->len - i);
	if (!s->len)
		return;
	b->kind = memchr("{[\"", s->data[0], b->says_json ? 3 : 1) ? DFL_HTTP_BODY_JSON :
								     b->else_kind;
	if (b->kind == DFL_HTTP_BODY_JSON)
		dfl_json_fields_init(&b->json, b->ctx, b->op, b->dir, NULL, DFL_FIELDS_ANY);
	else if (b->kind == DFL_HTTP_BODY_FORM)
		dfl_form_init(&b->form, b->ctx, b->op, b->dir);
	else
		b->whole = b->ctx->sink->source_begin(b->ctx->sink->ud, b->op, "body", b->dir);
}

static void put_plain(struct dfl_http_body *b, const struct dfl_slice *s,
		      const struct dfl_chunk *from)
{
	struct dfl_slice rest;

	if (!b->view)
		b->view = dfl_open_view(b->ctx, b->op, b->dir, NULL);
	dfl_put_view(b->ctx, b->view, s, from);
	if (b->kind == DFL_HTTP_BODY_UNDECIDED) {
		rest = *s;
		s = &rest;
		decide(b, &rest);
	}
	if (b->kind == DFL_HTTP_BODY_FORM)
		dfl_form_feed(&b->form, s, from->ts_ns);
	else if (b->kind == DFL_HTTP_BODY_WHOLE && s->len)
		b->ctx->sink->source_append(b->ctx->sink->ud, b->whole, s->data, s->len, s->pos,
					    s->pos_len, from->ts_ns);
	else if (b->kind == DFL_HTTP_BODY_JSON)
		dfl_json_fields_feed(&b->json, s, from);
	else if (b->kind == DFL_HTTP_BODY_SSE)
		dfl_sse_feed(&b->sse, s, from);
	else if (b->kind == DFL_HTTP_BODY_EVENTS)
		dfl_aws_event_stream_feed(&b->events, s, from);
	else if (b->kind == DFL_HTTP_BODY_MULTIPART)
		dfl_multipart_feed(&b->multipart, s, from->ts_ns);
}

/* Of aws-chunked: sizes, signatures, trailers. */
static void put_frame(struct dfl_http_body *b, const struct dfl_slice *s,
		      const struct dfl_chunk *from)
{
	if (!b->frames)
		b->frames = dfl_open_view(b->ctx, b->op, b->dir, NULL);
	dfl_put_view(b->ctx, b->frames, s, from);
}

/* The text that stands here is not seen. */
static void put_hole(struct dfl_http_body *b, uint64_t pos, uint64_t len, uint64_t ts_ns)
{
	if (!b->view)
		b->view = dfl_open_view(b->ctx, b->op, b->dir, NULL);
	dfl_gap_view(b->ctx, b->view, pos, len);
	if (b->kind == DFL_HTTP_BODY_UNDECIDED) {
		b->kind = DFL_HTTP_BODY_WHOLE;
		b->whole = b->ctx->sink->source_begin(b->ctx->sink->ud, b->op, "body", b->dir);
	}
	if (b->kind == DFL_HTTP_BODY_FORM)
		dfl_form_gap(&b->form, pos, len);
	else if (b->kind == DFL_HTTP_BODY_WHOLE)
		dfl_gap_source(b->ctx, b->whole, pos, len);
	else if (b->kind == DFL_HTTP_BODY_JSON)
		dfl_json_fields_gap(&b->json, pos, len, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_SSE)
		dfl_sse_gap(&b->sse, pos, len, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_EVENTS)
		dfl_aws_event_stream_gap(&b->events, pos, len, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_MULTIPART)
		dfl_multipart_gap(&b->multipart, pos, len);
}

static void put_unread(struct dfl_http_body *b, const struct dfl_slice *s, uint64_t ts_ns)
{
	put_hole(b, s->pos, s->pos_len, ts_ns);
	dfl_put_unread(b->ctx, b->dir, s->len);
}

/*
 * Every byte that comes out stands for all that went in since the last step that gave some: no
 * library tells which input byte an output byte came from.
 */
static void put_inflated(struct dfl_http_body *b, const uint8_t *data, size_t len)
{
	struct dfl_slice s = { data, len, b->dry_pos, b->step_end - b->dry_pos };

	b->dry = false;
	if (s.len == s.pos_len) /* it is not byte for byte, so it must not look so */
		s.pos_len--;
	put_plain(b, &s, &b->last);
}

/* Undoes the first n codings, the one applied last first. False: the rest cannot be read. */
static bool undo(struct dfl_http_body *b, unsigned n, const uint8_t *in, size_t len)
{
	uint8_t out[INFLATE_OUT];
	size_t taken, given;
	bool ok = true;

	if (!n) {
		put_inflated(b, in, len);
		return true;
	}
	/* Goes on while the output was full (there may be more) or the input is not used up. */
	do {
		ok = !dfl_content_coding_step(&b->coding[n - 1], in, len, out, sizeof(out), &taken,
					      &given);
		in += taken;
		len -= taken;
		b->inflated += given;
		if (given)
			ok &= undo(b, n - 1, out, given);
		ok &= b->inflated < DFL_INFLATE_MAX;
	} while (ok && (given == sizeof(out) || (len && (taken || given))));
	explicit_bzero(out, sizeof(out));
	return ok && !len;
}

/* From here on nothing can be undone: where codings are, the rest is unread. */
static void stop_inflate(struct dfl_http_body *b)
{
	for (unsigned i = 0; i < b->n_codings; i++)
		dfl_content_coding_fini(&b->coding[i]);
	b->ctx->stats->windows -= b->big;
	b->big = false;
	b->unreadable |= b->n_codings > 0;
}

/* Undoes the bytes that wait. If that fails, they are unread, and so is what follows. */
static void inflate_step(struct dfl_http_body *b)
{
	const struct dfl_slice s = { b->step, b->step_len, b->step_pos, b->step_end - b->step_pos };

	b->step_len = 0;
	if (!s.len || undo(b, b->n_codings, s.data, s.len))
		return;
	if (b->inflated >= DFL_INFLATE_MAX)
		dfl_limit_hit(b->ctx, DFL_LIMIT_INFLATED);
	stop_inflate(b);
	put_unread(b, &s, b->last.ts_ns);
}

/* dry_pos stays where bytes went in of which none has come out. */
static void begin_step(struct dfl_http_body *b, uint64_t pos)
{
	b->step_pos = pos;
	if (!b->dry)
		b->dry_pos = pos;
	b->dry = true;
}

/* Fills steps of DFL_INFLATE_STEP bytes, wherever the pieces of the stream end. */
static void put_compressed(struct dfl_http_body *b, const struct dfl_slice *s,
			   const struct dfl_chunk *from)
{
	struct dfl_slice part;

	b->last = *from;
	b->last.data = NULL;
	b->last.len = 0;
	for (size_t i = 0; i < s->len; i += part.len) {
		size_t room = sizeof(b->step) - b->step_len;

		part = dfl_slice_sub(s, i, s->len - i < room ? s->len - i : room);
		if (b->unreadable) {
			put_unread(b, &part, from->ts_ns);
			continue;
		}
		if (!b->step_len)
			begin_step(b, part.pos);
		memcpy(b->step + b->step_len, part.data, part.len);
		b->step_len = (uint16_t)(b->step_len + part.len);
		b->step_end = part.pos + part.pos_len;
		if (b->step_len == sizeof(b->step))
			inflate_step(b);
	}
}

static void put_coded(struct dfl_http_body *b, const struct dfl_slice *s,
		      const struct dfl_chunk *from)
{
	if (b->unreadable)
		put_unread(b, s, from->ts_ns);
	else if (b->n_codings)
		put_compressed(b, s, from);
	else
		put_plain(b, s, from);
}

void dfl_http_body_feed(struct dfl_http_body *b, const struct dfl_slice *s,
			const struct dfl_chunk *from)
{
	struct dfl_slice run;
	bool is_data = true;

	if (!s->len || !b->ctx)
		return;
	for (size_t i = 0; i < s->len; i += run.len) {
		size_t n = s->len - i;

		if (b->is_aws)
			n = dfl_aws_chunked_run(&b->aws, s->data + i, n, &is_data);
		run = dfl_slice_sub(s, i, n);
		if (is_data)
			put_coded(b, &run, from);
		else
			put_frame(b, &run, from);
	}
}

void dfl_http_body_gap(struct dfl_http_body *b, uint64_t pos, uint64_t len, uint64_t ts_ns)
{
	if (!b->ctx)
		return;
	if (b->is_aws)
		dfl_aws_chunked_skip(&b->aws, len);
	inflate_step(b);
	stop_inflate(b);
	put_hole(b, pos, len, ts_ns);
}

void dfl_http_body_fini(struct dfl_http_body *b, uint64_t ts_ns)
{
	if (!b->ctx)
		return;
	inflate_step(b);
	stop_inflate(b);
	if (b->kind == DFL_HTTP_BODY_FORM)
		dfl_form_fini(&b->form, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_WHOLE)
		b->ctx->sink->source_end(b->ctx->sink->ud, b->whole, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_JSON)
		dfl_json_fields_fini(&b->json, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_SSE)
		dfl_sse_fini(&b->sse, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_EVENTS)
		dfl_aws_event_stream_fini(&b->events, ts_ns);
	else if (b->kind == DFL_HTTP_BODY_MULTIPART)
		dfl_multipart_fini(&b->multipart, ts_ns);
	dfl_close_view(b->ctx, &b->view);
	dfl_close_view(b->ctx, &b->frames);
	b->ctx = NULL;
}
