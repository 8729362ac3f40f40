// SPDX-License-Identifier: Apache-2.0
/* Celery messages in Redis (kombu: transport/virtual/base.py; celery: app/amqp.py, as_task_v2). */
#include "decode/dify/celery.h"

#include <stdio.h>

#include "decode/emit.h"

/* Bytes up to `to` go to the view at hand. */
static void flush(struct dfl_celery *c, const uint8_t *to)
{
	struct dfl_slice s;

	if (to <= c->cursor)
		return;
	s = dfl_slice_sub(c->slice, (size_t)(c->cursor - c->slice->data), (size_t)(to - c->cursor));
	if (!c->now) {
		if (!c->rest)
			c->rest = dfl_open_view(c->ctx, c->op, c->dir, c->place);
		c->now = c->rest;
	}
	dfl_put_view(c->ctx, c->now, &s, c->from);
	c->cursor = to;
}

/* A part that has a place of its own: the list's, with "#argsrepr" or "#kwargsrepr". */
static struct dfl_view *open_part(const struct dfl_celery *c, const char *part)
{
	char place[DFL_NAME_MAX + 16];

	snprintf(place, sizeof(place), "%s%s", c->place, part);
	return dfl_open_view(c->ctx, c->op, c->dir, place);
}

/* LPUSH and BRPOP carry the message itself, HSET unacked puts it first into an array. */
static bool is_at(const char *path, const char *what)
{
	if (!strncmp(path, "[].", 3))
		path += 3;
	return !strcmp(path, what);
}

/* The body, and what repeats the arguments for people, have views of their own. */
static void str_begin(void *ud, const char *path, const uint8_t *at)
{
	struct dfl_celery *c = ud;

	if (is_at(path, "body")) {
		flush(c, at);
		if (!c->body)
			c->body = open_part(c, "");
		c->now = c->body;
		c->in_body = true;
	} else if (is_at(path, "headers.argsrepr") || is_at(path, "headers.kwargsrepr")) {
		flush(c, at);
		dfl_close_view(c->ctx, &c->repr);
		c->now = c->repr = open_part(c,
					     strstr(path, "kwargs") ? "#kwargsrepr" : "#argsrepr");
	}
}

/* Of base64 and base64url (RFC 4648, 5). */
static int base64_digit(uint8_t b)
{
	return dfl_base64_digit(b == '-' ? '+' : b == '_' ? '/' : b);
}

/* The body's base64 goes on as JSON. Its bytes are for ids only, so their positions do not matter.
 */
static void str_data(void *ud, const struct dfl_slice *s)
{
	struct dfl_celery *c = ud;
	struct dfl_slice one = { .len = 1, .pos = s->pos, .pos_len = 2 };
	uint8_t byte;

	if (!c->in_body)
		return;
	for (size_t i = 0; i < s->len; i++) {
		int v = base64_digit(s->data[i]);

		if (v < 0 || !dfl_digits_add(&c->digits, v, DFL_BASE64_BITS, &byte))
			continue;
		one.data = &byte;
		dfl_json_feed(&c->args, &one);
	}
}

static void str_end(void *ud, const uint8_t *at)
{
	struct dfl_celery *c = ud;

	if (c->now == c->rest)
		return;
	flush(c, at);
	c->now = c->rest;
	c->in_body = false;
	dfl_close_view(c->ctx, &c->body);
	dfl_close_view(c->ctx, &c->repr);
}

/* The body is [args, kwargs, embed]: a string in args may be JSON itself. */
static void arg_begin(void *ud, const char *path, const uint8_t *at)
{
	struct dfl_celery *c = ud;

	c->in_arg = !strcmp(path, "[][]");
	dfl_json_fields_next(&c->task, 0);
}

static void arg_data(void *ud, const struct dfl_slice *s)
{
	struct dfl_celery *c = ud;

	if (c->in_arg)
		dfl_json_fields_feed(&c->task, s, c->from);
}

void dfl_celery_init(struct dfl_celery *c, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		     enum dfl_dir dir, const char *place)
{
	static const struct dfl_json_ops envelope = { .str_begin = str_begin,
						      .str_data = str_data,
						      .str_end = str_end };
	static const struct dfl_json_ops args = { .str_begin = arg_begin, .str_data = arg_data };

	memset(c, 0, sizeof(*c));
	c->ctx = ctx;
	c->op = op;
	c->dir = dir;
	snprintf(c->place, sizeof(c->place), "%s", place);
	dfl_json_init(&c->json, &envelope, c);
	dfl_json_init(&c->args, &args, c);
	dfl_json_fields_init(&c->task, ctx, op, dir, NULL, DFL_FIELDS_TASK);
}

void dfl_celery_feed(struct dfl_celery *c, const struct dfl_slice *s, const struct dfl_chunk *from)
{
	c->from = from;
	c->slice = s;
	c->cursor = s->data;
	dfl_json_feed(&c->json, s);
	flush(c, s->data + s->len);
	c->slice = NULL;
	c->from = NULL;
}

void dfl_celery_gap(struct dfl_celery *c, uint64_t pos, uint64_t len)
{
	dfl_gap_view(c->ctx, c->now, pos, len);
	dfl_json_reset(&c->args);
	dfl_json_fields_next(&c->task, 0);
}

void dfl_celery_fini(struct dfl_celery *c, uint64_t ts_ns)
{
	dfl_close_view(c->ctx, &c->rest);
	dfl_close_view(c->ctx, &c->body);
	dfl_close_view(c->ctx, &c->repr);
	dfl_json_fields_fini(&c->task, ts_ns);
}
