// SPDX-License-Identifier: Apache-2.0
/*
 * The pipes between Dify's plugin daemon and a plugin: JSON lines, many sessions in one pipe. What
 * a plugin writes names its session first, so all lines of a session are one operation. What the
 * daemon writes names it last (its keys are sorted), so there a line is an operation.
 *
 *   plugin ► daemon:  {"session_id":"{uuid}","event":"session","data":{"type":"stream",…}}
 *   daemon ► plugin:  {"data":{…},"event":"request","session_id":"{uuid}",…}
 *
 * A line of a plugin that does not begin with '{' was printed by a library; it is an operation of
 * its own without a session.
 */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "decode/emit.h"
#include "decode/dify/json_fields.h"
#include "decode/guess.h"

#define HEAD_MAX 1024	/* bytes of a line held until its session is known */
#define SESSIONS_MAX 64 /* open at once in one pipe; the least used one is ended */

/* A call of the plugin, by the id that the daemon gave it. */
struct session {
	struct session *prev, *next; /* least recently used first */
	char id[37];
	struct dfl_op *op;
	struct dfl_json_fields fields;
};

/* One pipe. */
struct plugin {
	struct dfl_decoder_ctx *ctx;
	bool started;
	enum dfl_dir dir; /* of the pipe */
	struct session *sessions;
	unsigned n_sessions;
	/* the line being read */
	const struct dfl_chunk *chunk;
	struct dfl_json json;
	bool in_line, decided, last;
	char event[24];
	struct session *session; /* NULL: the operation is the line's own */
	struct dfl_op *op;
	struct dfl_view *view;
	char session_id[37], message_id[37]; /* "" none */
	uint8_t what;			     /* string that is being read */
	size_t value_len;
	char value[40];
	size_t head_len;
	uint64_t head_pos;
	uint8_t head[HEAD_MAX];
};

enum what { NOTHING, SESSION_ID, MESSAGE_ID, EVENT, TYPE };

/* Strings of a line that are read. message_id is null but in calls of tools. */
static const struct {
	const char *path;
	enum what what;
} wanted[] = {
	{ "session_id", SESSION_ID },
	{ "message_id", MESSAGE_ID },
	{ "event", EVENT },
	{ "data.type", TYPE },
};

/* Events of the plugin SDK (dify_plugin: core/entities/plugin/io.py). */
static const char *const events[] = { "request", "response",  "backwards_response",
				      "session", "heartbeat", "log",
				      "error",	 "event" };

static void end_session(struct plugin *p, struct session *s, uint64_t ts_ns)
{
	DL_DELETE(p->sessions, s);
	p->n_sessions--;
	dfl_json_fields_fini(&s->fields, ts_ns);
	dfl_end_op(p->ctx, &s->op, ts_ns);
	free(s);
}

static struct dfl_op *begin_op(struct plugin *p, const char *operation)
{
	const struct dfl_op_desc d = { .protocol = "plugin-stdio",
				       .operation = operation,
				       .residency = DFL_TRANSIT,
				       .ttl_s = -1,
				       .dir = p->chunk->dir };

	return dfl_begin_op(p->ctx, &d, p->chunk->ts_ns);
}

/* The session named p->value, which becomes the most recently used one. NULL: no memory. */
static struct session *find_session(struct plugin *p)
{
	struct session *s;

	DL_FOREACH(p->sessions, s)
	{
		if (memcmp(s->id, p->value, 36))
			continue;
		DL_DELETE(p->sessions, s);
		DL_APPEND(p->sessions, s);
		return s;
	}
	if (p->n_sessions == SESSIONS_MAX) {
		dfl_limit_hit(p->ctx, DFL_LIMIT_SESSIONS);
		end_session(p, p->sessions, p->chunk->ts_ns);
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->id, p->value, 36);
	s->op = begin_op(p, "session");
	dfl_put_id(p->ctx, s->op, DFL_ID_PLUGIN_SESSION, s->id, 36);
	dfl_json_fields_init(&s->fields, p->ctx, s->op, p->chunk->dir, NULL, DFL_FIELDS_PLUGIN);
	DL_APPEND(p->sessions, s);
	p->n_sessions++;
	return s;
}

/* Bytes of a line. Its operation is known. */
static void put(struct plugin *p, const struct dfl_slice *s)
{
	if (!s->len)
		return;
	if (!p->view)
		p->view = dfl_open_view(p->ctx, p->op, p->chunk->dir, NULL);
	dfl_put_view(p->ctx, p->view, s, p->chunk);
	if (p->session)
		dfl_json_fields_feed(&p->session->fields, s, p->chunk);
}

/* The operation of the line is known now: the session's. s NULL: the line is an operation itself.
 */
static void decide(struct plugin *p, struct session *s)
{
	const struct dfl_slice head = { p->head, p->head_len, p->head_pos, p->head_len };

	p->decided = true;
	p->session = s;
	p->op = s ? s->op : begin_op(p, NULL);
	put(p, &head);
	p->head_len = 0;
}

static void str_begin(void *ud, const char *path, const uint8_t *at)
{
	struct plugin *p = ud;

	p->value_len = 0;
	p->what = NOTHING;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strcmp(path, wanted[i].path))
			p->what = (uint8_t)wanted[i].what;
}

static void str_data(void *ud, const struct dfl_slice *s)
{
	struct plugin *p = ud;

	for (size_t i = 0; p->what && i < s->len && p->value_len < sizeof(p->value); i++)
		p->value[p->value_len++] = (char)s->data[i];
}

static bool value_is(const struct plugin *p, const char *word)
{
	return p->value_len == strlen(word) && !memcmp(p->value, word, p->value_len);
}

static void keep_uuid(const struct plugin *p, char ret_uuid[static 37])
{
	if (!dfl_is_uuid(p->value, p->value_len))
		return;
	memcpy(ret_uuid, p->value, 36);
	ret_uuid[36] = 0;
}

/* The session is taken up by the caller, who knows how much of the line was read. */
static void str_end(void *ud, const uint8_t *at)
{
	struct plugin *p = ud;

	if (p->what == SESSION_ID)
		keep_uuid(p, p->session_id);
	else if (p->what == MESSAGE_ID)
		keep_uuid(p, p->message_id);
	if (p->what == EVENT) {
		for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			if (value_is(p, events[i]))
				snprintf(p->event, sizeof(p->event), "%s", events[i]);
	} else if (p->what == TYPE) {
		p->last |= value_is(p, "end") || value_is(p, "error");
	} else if (p->what == SESSION_ID && !p->decided && dfl_is_uuid(p->value, p->value_len)) {
		decide(p, find_session(p));
	}
	p->what = NOTHING;
}

/* Before the line's session is known its bytes wait; a daemon's line does not wait for its end. */
static void hold(struct plugin *p, const struct dfl_slice *s)
{
	size_t n = HEAD_MAX - p->head_len;

	n = s->len < n ? s->len : n;
	if (!p->head_len)
		p->head_pos = s->pos;
	memcpy(p->head + p->head_len, s->data, n);
	p->head_len += n;
	if (p->head_len == HEAD_MAX)
		decide(p, NULL);
	if (n < s->len) {
		struct dfl_slice rest = dfl_slice_sub(s, n, s->len - n);

		put(p, &rest);
	}
}

/* Bytes of one line, one at a time until its session is known. */
static void line_bytes(struct plugin *p, const struct dfl_slice *s)
{
	size_t i = 0;
	struct dfl_slice one;

	for (; i < s->len && !p->decided; i++) {
		one = dfl_slice_sub(s, i, 1);
		hold(p, &one);
		dfl_json_feed(&p->json, &one);
	}
	one = dfl_slice_sub(s, i, s->len - i);
	put(p, &one);
	dfl_json_feed(&p->json, &one);
}

/* What the daemon writes is complete with its line. */
static bool is_whole(const struct plugin *p)
{
	return !strcmp(p->event, "request") || !strcmp(p->event, "backwards_response");
}

/* Which call it was, and of which message. */
static void put_ids(const struct plugin *p)
{
	if (p->session_id[0])
		dfl_put_id(p->ctx, p->op, DFL_ID_PLUGIN_SESSION, p->session_id, 36);
	if (p->message_id[0])
		dfl_put_id(p->ctx, p->op, DFL_ID_MESSAGE, p->message_id, 36);
}

/* A line is over. Tells its ids; ends its operation, unless that is the session's and goes on. */
static void line_end(struct plugin *p)
{
	const struct dfl_op_desc d = { .operation = p->event[0] ? p->event : "*",
				       .ttl_s = -1,
				       .dir = p->chunk->dir };

	if (!p->in_line)
		return;
	if (!p->decided)
		decide(p, NULL);
	dfl_close_view(p->ctx, &p->view);
	put_ids(p);
	if (p->session) {
		dfl_json_fields_next(&p->session->fields, p->chunk->ts_ns);
		if (is_whole(p))
			dfl_name_op(p->ctx, p->op, &d);
		if (p->last || is_whole(p))
			end_session(p, p->session, p->chunk->ts_ns);
	} else {
		dfl_name_op(p->ctx, p->op, &d);
		dfl_end_op(p->ctx, &p->op, p->chunk->ts_ns);
	}
	p->in_line = p->decided = p->last = false;
	p->session = NULL;
	p->op = NULL;
	p->event[0] = p->session_id[0] = p->message_id[0] = 0;
	dfl_json_reset(&p->json);
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	static const char *const starts[] = {
		"{\"session_id\":",
		"{\"app_id\":",
		"{\"context\":",
		"{\"conversation_id\":",
		"{\"action\":",
		"{\"event\":\"session\"",
		"{\"event\":\"heartbeat\"",
		"{\"event\":\"log\"",
		"{\"event\":\"error\"",
		"{\"event\": \"session\"",
		"{\"event\": \"heartbeat\"",
		"{\"event\": \"log\"",
		"{\"event\": \"error\"",
		"{\"event\":\"request\"",
		"{\"data\":{",
	};

	if (conn->medium != DFL_PIPE)
		return DFL_GUESS_NO;
	return dfl_guess_words(starts, sizeof(starts) / sizeof(starts[0]), data, len);
}

static int init(struct dfl_decoder_ctx *ctx)
{
	static const struct dfl_json_ops ops = { .str_begin = str_begin,
						 .str_data = str_data,
						 .str_end = str_end };
	struct plugin *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->ctx = ctx;
	dfl_json_init(&p->json, &ops, p);
	ctx->state = p;
	return 0;
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct plugin *p = ctx->state;
	struct dfl_slice run;
	size_t i = 0;

	if (p->started && p->dir != chunk->dir)
		return -EPROTO; /* a pipe has one direction */
	p->started = true;
	p->dir = chunk->dir;
	p->chunk = chunk;
	while (i < chunk->len) {
		const uint8_t *nl = memchr(chunk->data + i, '\n', chunk->len - i);
		size_t n = (nl ? (size_t)(nl - chunk->data) + 1 : chunk->len) - i;

		if (!p->in_line && chunk->data[i] == '\n') { /* the second of "\n\n" */
			i++;
			continue;
		}
		if (!p->in_line && chunk->data[i] != '{')
			decide(p, NULL); /* a library printed something */
		p->in_line = true;
		run = dfl_chunk_slice(chunk, i, n);
		line_bytes(p, &run);
		if (nl)
			line_end(p);
		i += n;
	}
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct plugin *p = ctx->state;
	const struct dfl_chunk at = dfl_empty_chunk(ctx, g->dir, g->ts_ns);

	if (g->dir != p->dir)
		return;
	p->chunk = &at;
	if (p->in_line && !p->decided)
		decide(p, NULL);
	dfl_gap_view(ctx, p->view, g->pos, g->len);
	if (p->session)
		dfl_json_fields_gap(&p->session->fields, g->pos, g->len, g->ts_ns);
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct plugin *p = ctx->state;
	const struct dfl_chunk at = dfl_empty_chunk(ctx, p->dir, ts_ns);

	p->chunk = &at;
	line_end(p);
	while (p->sessions)
		end_session(p, p->sessions, ts_ns);
	explicit_bzero(p->head, sizeof(p->head));
	free(p);
}

const struct dfl_decoder dfl_decoder_plugin_stdio = {
	.name = "plugin-stdio", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
