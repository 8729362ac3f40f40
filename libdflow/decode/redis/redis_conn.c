// SPDX-License-Identifier: Apache-2.0
/* What both directions of a Redis connection share: where bytes and values go, and the channels. */
#include "decode/redis/redis_conn.h"

#include <stdlib.h>
#include <utlist.h>

#include "decode/dify/redis_keys.h"
#include "decode/emit.h"

/* Into the own view: the channel's, the operation's, or the raw one. */
static void put_own(struct dfl_redis_side *s, const struct dfl_slice *d)
{
	const struct dfl_decoder_ctx *c = s->conn->ctx;
	struct dfl_view **v = s->channel ? &s->channel->own[s->dir] : s->op ? &s->own : &s->raw;

	if (!d->len)
		return;
	if (!*v)
		*v = dfl_open_view(c, s->op, s->dir, NULL);
	dfl_put_view(c, *v, d, s->chunk);
}

void dfl_redis_decided(struct dfl_redis_side *s)
{
	const struct dfl_slice held = { s->head, s->head_len, s->head_pos, s->head_len };

	s->decided = true;
	put_own(s, &held);
	s->head_len = 0;
}

/*
 * While no operation is known the bytes wait in `head`. When that is full, or what is too long to
 * be named comes, they go on without a name.
 */
void dfl_redis_flush(struct dfl_redis_side *s, const uint8_t *to)
{
	size_t n;
	struct dfl_slice d;

	if (!s->cursor || to <= s->cursor)
		return;
	n = (size_t)(to - s->cursor);
	d = dfl_chunk_slice(s->chunk, (size_t)(s->cursor - s->chunk->data), n);
	s->cursor = to;
	if (!s->decided && s->head_len + n <= sizeof(s->head)) {
		if (!s->head_len)
			s->head_pos = d.pos;
		memcpy(s->head + s->head_len, d.data, n);
		s->head_len += n;
		return;
	}
	if (!s->decided)
		dfl_limit_hit(s->conn->ctx, DFL_LIMIT_HEADS);
	if (!s->decided && s->parser.type == DFL_RESP_INLINE) {
		s->head_len = 0; /* "AUTH password" is not known before its line is complete */
		return;
	}
	if (!s->decided)
		dfl_redis_decided(s); /* too long to wait: it stays without a name */
	put_own(s, &d);
}

/* A view of its own. The cached vectors are read as well. */
static void open_value(struct dfl_redis_side *s)
{
	const char *place = s->channel || !s->place[0] ? NULL : s->place;

	s->target = DFL_TO_VALUE;
	s->value = dfl_open_view(s->conn->ctx, s->op, s->dir, place);
	s->value_is_vector = dfl_redis_key_is_vector(s->place);
	if (s->value_is_vector)
		dfl_vector_init(&s->vector, s->conn->ctx, s->op, s->dir, NULL, sizeof(double));
}

void dfl_redis_open_value(struct dfl_redis_side *s, const uint8_t *at, bool maybe_celery)
{
	dfl_redis_flush(s, at);
	s->target = DFL_TO_QUEUED;
	if (!maybe_celery)
		open_value(s);
}

/* The first byte of a value in a queue: Celery messages are JSON. */
static void choose(struct dfl_redis_side *s, uint8_t first)
{
	if (first != '{' && first != '[') {
		open_value(s);
		return;
	}
	s->target = DFL_TO_CELERY;
	dfl_celery_init(&s->celery, s->conn->ctx, s->op, s->dir, s->place[0] ? s->place : "*");
}

void dfl_redis_value_data(struct dfl_redis_side *s, const struct dfl_slice *d)
{
	const struct dfl_decoder_ctx *c = s->conn->ctx;
	size_t n;

	if (s->target == DFL_TO_QUEUED && d->len)
		choose(s, d->data[0]);
	switch (s->target) {
	case DFL_TO_VALUE:
		dfl_put_view(c, s->value, d, s->chunk);
		if (s->value_is_event && s->channel)
			dfl_json_fields_feed(&s->channel->fields, d, s->chunk);
		if (s->value_is_vector)
			dfl_vector_text(&s->vector, d);
		break;
	case DFL_TO_CELERY:
		dfl_celery_feed(&s->celery, d, s->chunk);
		break;
	case DFL_TO_ARG:
		n = sizeof(s->arg_text) - s->arg_len;
		n = d->len < n ? d->len : n;
		memcpy(s->arg_text + s->arg_len, d->data, n);
		s->arg_len += n;
		return;
	case DFL_TO_NOWHERE:
		dfl_put_withheld(c, d, s->chunk);
		break;
	default:
		return;
	}
	s->cursor = d->data + d->len; /* so that flush does not show them again as framing */
}

void dfl_redis_close_value(struct dfl_redis_side *s)
{
	uint64_t ts_ns = s->chunk ? s->chunk->ts_ns : 0;

	if (s->target == DFL_TO_CELERY)
		dfl_celery_fini(&s->celery, ts_ns);
	dfl_close_view(s->conn->ctx, &s->value);
	if (s->value_is_event && s->channel)
		dfl_json_fields_next(&s->channel->fields, ts_ns);
	if (s->value_is_vector && s->chunk)
		dfl_vector_done(&s->vector, s->chunk);
	s->value_is_event = s->value_is_vector = false;
	s->target = DFL_TO_OWN;
}

void dfl_redis_top_reset(struct dfl_redis_side *s)
{
	s->decided = false;
	s->cmd = NULL;
	s->op = NULL;
	s->channel = NULL;
	s->target = DFL_TO_OWN;
	s->value_is_event = s->value_is_vector = false;
	s->arg = 0;
	s->arg_len = 0;
	s->place[0] = 0;
	s->option[0] = 0;
	s->head_len = 0;
	s->gets = s->keys_cut = false;
	s->n_keys = 0;
	s->ttl_s = -1;
}

void dfl_redis_top_done(struct dfl_redis_side *s, const uint8_t *at)
{
	dfl_redis_flush(s, at);
	dfl_close_view(s->conn->ctx, &s->own);
}

struct dfl_redis_channel *dfl_redis_channel_by_number(struct dfl_redis_conn *c, uint64_t number)
{
	struct dfl_redis_channel *ch;

	DL_FOREACH(c->channels, ch)
	if (ch->number == number)
		return ch;
	return NULL;
}

void dfl_redis_channel_end(struct dfl_redis_conn *c, struct dfl_redis_channel *ch, uint64_t ts_ns)
{
	struct dfl_redis_side *side[] = { &c->commands, &c->replies };

	for (int i = 0; i < 2; i++)
		if (side[i]->channel == ch) {
			dfl_redis_close_value(side[i]);
			side[i]->channel = NULL;
			side[i]->op = NULL;
		}
	DL_DELETE(c->channels, ch);
	c->n_channels--;
	dfl_json_fields_fini(&ch->fields, ts_ns);
	dfl_close_view(c->ctx, &ch->own[0]);
	dfl_close_view(c->ctx, &ch->own[1]);
	dfl_end_op(c->ctx, &ch->op, ts_ns);
	free(ch);
}

/* The operation of a channel begins: name is its whole name, of which no more is shown than a
 * pattern. */
static struct dfl_redis_channel *new_channel(struct dfl_redis_conn *c, bool published,
					     const struct dfl_redis_command *cmd, const char *name,
					     size_t len, uint64_t ts_ns)
{
	struct dfl_redis_channel *ch = calloc(1, sizeof(*ch));
	struct dfl_op_desc d = { .protocol = "redis",
				 .operation = cmd->name,
				 .residency = cmd->residency,
				 .ttl_s = -1,
				 .dir = c->commands.dir };
	struct dfl_redis_key_ids ids;
	bool events;

	if (!ch)
		return NULL;
	ch->published = published;
	ch->number = ++c->channel_numbers;
	ch->name_len = len;
	memcpy(ch->name, name, len);
	dfl_redis_key_pattern(name, len, ch->place, &ids);
	d.place = ch->place;
	ch->op = dfl_begin_op(c->ctx, &d, ts_ns);
	for (int i = 0; i < ids.n; i++)
		dfl_put_id(c->ctx, ch->op, ids.id[i].kind, ids.id[i].value, ids.id[i].len);
	events = dfl_redis_key_is_event_channel(ch->place) ||
		 dfl_redis_key_is_event_stream(name, len);
	dfl_json_fields_init(&ch->fields, c->ctx, ch->op,
			     published ? c->commands.dir : c->replies.dir, NULL,
			     events ? DFL_FIELDS_EVENT : DFL_FIELDS_NONE);
	ch->fields.relay = published;
	DL_APPEND(c->channels, ch);
	c->n_channels++;
	return ch;
}

struct dfl_redis_channel *dfl_redis_channel_find(struct dfl_redis_conn *c, bool published,
						 const char *name, size_t len)
{
	struct dfl_redis_channel *ch;

	if (!c->channels)
		return NULL;
	for (ch = c->channels->prev;; ch = ch->prev) { /* the one that was used last is used again
							*/
		if (ch->published == published && ch->name_len == len &&
		    !memcmp(ch->name, name, len))
			break;
		if (ch == c->channels)
			return NULL;
	}
	DL_DELETE(c->channels, ch);
	DL_APPEND(c->channels, ch);
	return ch;
}

struct dfl_redis_channel *dfl_redis_channel_get(struct dfl_redis_conn *c, bool published,
						const struct dfl_redis_command *cmd,
						const char *name, size_t len, uint64_t ts_ns)
{
	struct dfl_redis_channel *ch = dfl_redis_channel_find(c, published, name, len);

	if (ch)
		return ch;
	if (c->n_channels == DFL_REDIS_CHANNELS_MAX) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_CHANNELS);
		dfl_redis_channel_end(c, c->channels, ts_ns);
	}
	return new_channel(c, published, cmd, name, len, ts_ns);
}

void dfl_redis_pending_end(struct dfl_redis_conn *c, struct dfl_redis_pending *cmd, uint64_t ts_ns)
{
	DL_DELETE(c->pending, cmd);
	c->n_pending--;
	dfl_end_op(c->ctx, &cmd->op, ts_ns);
	free(cmd);
}
