// SPDX-License-Identifier: Apache-2.0
/*
 * The replies and pushes of a Redis connection: pairs them with commands or subscriptions.
 *
 *   RESP2 push   *3 $7 message $31 channel:… $12 {"event":…}      looks like any array
 *   RESP3 push   >3 $7 message …
 *   BRPOP        *2 $8 workflow $96 {"body": …}                  key, value
 *   XREAD        *1 *2 $9 stream:… *1 *2 $15 {id} *2 $4 data $9 {…}   key at depth 2, values at 5
 *   EXEC         *2 $5 value $2 OK                               an element for each queued command
 */
#include "decode/redis/redis_reply.h"

#include <stdlib.h>
#include <utlist.h>

#include "decode/dify/redis_keys.h"
#include "decode/emit.h"
#include "decode/redis/redis_effect.h"

/* What an array from the server may be when it is no reply (redis.io, "Pub/sub"). */
enum push { NO_PUSH, MESSAGE, PMESSAGE, SUBSCRIBED, UNSUBSCRIBED, OTHER_PUSH };

/* By their first element. */
static const struct {
	const char *name;
	enum push push;
} pushes[] = {
	{ "message", MESSAGE },		  { "smessage", MESSAGE },
	{ "pmessage", PMESSAGE },	  { "subscribe", SUBSCRIBED },
	{ "psubscribe", SUBSCRIBED },	  { "ssubscribe", SUBSCRIBED },
	{ "unsubscribe", UNSUBSCRIBED },  { "punsubscribe", UNSUBSCRIBED },
	{ "sunsubscribe", UNSUBSCRIBED },
};

static enum push find_push(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(pushes) / sizeof(pushes[0]); i++)
		if (strlen(pushes[i].name) == len && !memcmp(pushes[i].name, name, len))
			return pushes[i].push;
	return NO_PUSH;
}

/* It is the reply to the oldest command. */
static void begin_reply(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	struct dfl_redis_pending *cmd = c->pending;

	c->maybe_push = false;
	if (cmd) {
		DL_DELETE(c->pending, cmd);
		c->n_pending--;
		c->answered = cmd;
		s->cmd = cmd->cmd;
		s->channel = cmd->op ? NULL : dfl_redis_channel_by_number(c, cmd->channel);
		s->op = s->channel ? s->channel->op : cmd->op;
		memcpy(s->place, cmd->place, sizeof(s->place));
	}
	dfl_redis_decided(s);
}

/* The array is a push: it belongs to the long operation of its channel. */
static void begin_push(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	const struct dfl_redis_command *cmd = dfl_redis_command_find(
		c->push == PMESSAGE ? "PSUBSCRIBE" : "SUBSCRIBE", c->push == PMESSAGE ? 10 : 9);

	c->maybe_push = false;
	c->subscribed = true;
	if (c->push == UNSUBSCRIBED) /* its operation may have ended before */
		s->channel = dfl_redis_channel_find(c, false, s->arg_text, s->arg_len);
	else
		s->channel = dfl_redis_channel_get(c, false, cmd, s->arg_text, s->arg_len,
						   s->chunk->ts_ns);
	s->op = s->channel ? s->channel->op : NULL;
	dfl_redis_decided(s);
}

/*
 * An array may be a push only while subscribed, or when nothing is pending (the subscription may
 * have been made before the connection was seen). RESP3 marks pushes with '>'.
 */
static void top_begin(void *ud, uint8_t type, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;
	struct dfl_redis_conn *c = s->conn;

	dfl_redis_top_reset(s);
	c->answered = NULL;
	c->kept = DFL_KEPT_ATTEMPTED; /* nothing was told: it is nil, or an empty list */
	c->push = type == '>' ? OTHER_PUSH : NO_PUSH;
	c->key_depth = type == '%' ? 1 : 2; /* XREAD: RESP3 gives a map, RESP2 an array of pairs */
	c->maybe_push = type == '>' || (type == '*' && (c->subscribed || !c->pending));
	if (type == '|')
		dfl_redis_decided(s); /* attributes (RESP3) go ahead of the reply and end no
					 operation */
	else if (!c->maybe_push)
		begin_reply(s);
}

/* ["message", channel, body], ["pmessage", pattern, channel, body] */
static bool is_message_body(const struct dfl_redis_conn *c, uint64_t index)
{
	return (c->push == MESSAGE && index == 2) || (c->push == PMESSAGE && index == 3);
}

/* A value of a queue may be a Celery message. */
static bool is_celery(const struct dfl_redis_side *s)
{
	return s->cmd && (s->cmd->residency == DFL_QUEUE || dfl_redis_key_is_queue(s->place));
}

/* EXEC will tell what becomes of the operation. */
static void queue_op(struct dfl_redis_side *s, struct dfl_redis_queued *q)
{
	const struct dfl_decode_sink *k = s->conn->ctx->sink;

	if (!s->op || s->channel)
		return;
	q->txn = k->txn_begin(k->ud);
	k->op_txn(k->ud, s->op, q->txn);
}

/* "+QUEUED": what the command reads comes with the reply to EXEC. */
static void enqueue(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	struct dfl_redis_queued *q;

	if (!c->queued)
		c->queued = calloc(DFL_REDIS_QUEUED_MAX, sizeof(*c->queued));
	if (c->queued && c->n_queued < DFL_REDIS_QUEUED_MAX) {
		q = &c->queued[c->n_queued];
		*q = (struct dfl_redis_queued){ .cmd = s->cmd,
						.gets = c->answered && c->answered->gets };
		queue_op(s, q);
		memcpy(q->place, s->place, sizeof(q->place));
	} else {
		dfl_limit_hit(c->ctx, DFL_LIMIT_UNANSWERED);
	}
	c->n_queued++;
}

static bool is_cmd(const struct dfl_redis_side *s, const char *name)
{
	return s->cmd && !strcmp(s->cmd->name, name);
}

/* An element of EXEC's reply: sets s->place to its command's; returns that command's flags. */
static unsigned dequeue(struct dfl_redis_side *s, uint64_t index)
{
	const struct dfl_redis_conn *c = s->conn;

	s->place[0] = 0;
	if (!c->queued || index >= c->n_queued || index >= DFL_REDIS_QUEUED_MAX)
		return DFL_REDIS_READS;
	memcpy(s->place, c->queued[index].place, sizeof(s->place));
	return c->queued[index].cmd ? c->queued[index].cmd->flags & DFL_REDIS_READS :
				      DFL_REDIS_READS;
}

/* What a reply says of its command, or the reply to EXEC of each command. */
static void tell(struct dfl_redis_side *s, uint8_t type, unsigned depth, uint64_t index,
		 const char *text)
{
	struct dfl_redis_conn *c = s->conn;
	struct dfl_redis_queued *q = c->queued && index < c->n_queued &&
						     index < DFL_REDIS_QUEUED_MAX ?
					     &c->queued[index] :
					     NULL;

	if (!depth)
		c->kept = (uint8_t)dfl_redis_verdict(s->cmd, type, text);
	else
		c->kept = (uint8_t)dfl_redis_verdict(s->cmd, '*', "");
	if (depth != 1 || !is_cmd(s, "EXEC") || !q)
		return;
	q->told = true;
	q->kept = dfl_redis_verdict(q->cmd, type, text);
}

/* Where the bytes of an element go depends on what it may be: a name, a message, a key, a value. */
static void bulk_begin(void *ud, unsigned depth, uint64_t index, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;
	struct dfl_redis_conn *c = s->conn;
	unsigned flags;

	if (depth > 1 && c->maybe_push && !s->decided)
		begin_reply(s);
	tell(s, c->replies.parser.type, depth, index, "");
	flags = s->cmd ? s->cmd->flags : 0;
	if (depth && is_cmd(s, "EXEC"))
		flags = dequeue(s, index);
	s->arg = depth ? index : 0;
	s->arg_len = 0;
	s->target = DFL_TO_OWN;
	if (depth == 1 && c->maybe_push && index < 2) {
		s->target = DFL_TO_ARG;
	} else if (c->push && s->channel && depth == 1 && is_message_body(c, index)) {
		s->value_is_event = true;
		dfl_redis_open_value(s, at, false);
	} else if ((flags & DFL_REDIS_POPS) && depth == 1 && !index) {
		s->target = DFL_TO_ARG;
	} else if ((flags & DFL_REDIS_EVENTS) && depth == c->key_depth) {
		s->target = DFL_TO_ARG;
	} else if ((flags & DFL_REDIS_EVENTS) && s->channel) {
		s->value_is_event = depth > c->key_depth + 2u; /* below: the entry's id */
		dfl_redis_open_value(s, at, false);
	} else if (flags & DFL_REDIS_READS) {
		dfl_redis_open_value(s, at, is_celery(s));
	}
}

static void bulk_data(void *ud, const struct dfl_slice *d)
{
	dfl_redis_value_data(ud, d);
}

/* What follows in the reply to XREAD are events of this stream. */
static void stream_key(struct dfl_redis_side *s, const uint8_t *at)
{
	struct dfl_redis_channel *ch = dfl_redis_channel_get(s->conn, false, s->cmd, s->arg_text,
							     s->arg_len, s->chunk->ts_ns);

	if (!ch)
		return;
	dfl_redis_flush(s, at);
	dfl_close_view(s->conn->ctx, &s->own);
	s->channel = ch;
	s->op = ch->op;
}

/* The key that BRPOP or XREAD waited for. */
static void popped_key(struct dfl_redis_side *s, const uint8_t *at)
{
	const struct dfl_op_desc d = {
		.place = s->place, .residency = DFL_QUEUE, .ttl_s = -1, .dir = dfl_other(s->dir)
	};

	if (s->cmd && (s->cmd->flags & DFL_REDIS_EVENTS) &&
	    dfl_redis_key_is_event_stream(s->arg_text, s->arg_len)) {
		stream_key(s, at);
		return;
	}
	dfl_redis_key_pattern(s->arg_text, s->arg_len, s->place, NULL);
	if (s->op)
		dfl_name_op(s->conn->ctx, s->op, &d);
}

/*
 * A reply to a command that was sent before the connection was seen. Only the blocking pops wait
 * long enough for that, and only they answer with the name of a list.
 */
static void adopt_pop(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	struct dfl_redis_pending *cmd;
	char place[DFL_NAME_MAX];
	const struct dfl_op_desc d = {
		.protocol = "redis",
		.operation = "BRPOP",
		.place = place,
		.residency = DFL_QUEUE,
		.ttl_s = -1,
		.dir = dfl_other(s->dir),
	};

	dfl_redis_key_pattern(s->arg_text, s->arg_len, place, NULL);
	if (c->pending || strlen(place) != s->arg_len || memcmp(place, s->arg_text, s->arg_len))
		return;
	cmd = calloc(1, sizeof(*cmd));
	if (!cmd)
		return;
	cmd->cmd = dfl_redis_command_find(d.operation, strlen(d.operation));
	cmd->op = dfl_begin_op(c->ctx, &d, s->chunk->ts_ns);
	memcpy(cmd->place, place, sizeof(place));
	DL_APPEND(c->pending, cmd);
	c->n_pending++;
}

/* The first or second element of an array that may be a push: the first names it. */
static void push_arg(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	enum push p;

	if (s->arg) {
		begin_push(s);
		return;
	}
	p = find_push(s->arg_text, s->arg_len);
	if (p) {
		c->push = (uint8_t)p;
	} else if (c->push == OTHER_PUSH) {
		c->maybe_push = false; /* client-side caching and the like */
		dfl_redis_decided(s);
	} else {
		adopt_pop(s);
		begin_reply(s);
	}
}

static void bulk_end(void *ud, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;

	if (s->target == DFL_TO_VALUE || s->target == DFL_TO_QUEUED || s->target == DFL_TO_CELERY)
		dfl_redis_close_value(s);
	else if (s->target == DFL_TO_ARG && s->conn->maybe_push)
		push_arg(s);
	else if (s->target == DFL_TO_ARG)
		popped_key(s, at);
	s->target = DFL_TO_OWN;
}

/* The first element of an array is no string, so the array is no push. */
static void line(void *ud, uint8_t type, unsigned depth, uint64_t index, const char *text,
		 size_t len)
{
	struct dfl_redis_side *s = ud;

	if (s->conn->maybe_push && !s->decided)
		begin_reply(s);
	tell(s, type, depth, index, text);
	if (!depth && type == '+' && len == 6 && !memcmp(text, "QUEUED", 6))
		enqueue(s);
}

/* The transaction is over: EXEC carried it out, or it was given up. */
static void end_queued(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	bool is_done = is_cmd(s, "EXEC") && c->kept == DFL_KEPT_PRESENT;

	for (size_t i = 0; c->queued && i < c->n_queued && i < DFL_REDIS_QUEUED_MAX; i++) {
		struct dfl_redis_queued *q = &c->queued[i];
		enum dfl_kept kept = q->told ? q->kept : dfl_redis_verdict_nil(q->cmd, q->gets);

		dfl_end_txn(c->ctx, &q->txn, is_done ? kept : DFL_KEPT_NOT, s->chunk->ts_ns);
	}
	c->n_queued = 0;
}

/* The verdict on the command that is answered. A queued one waits for EXEC. */
static void end_answered(struct dfl_redis_side *s)
{
	struct dfl_redis_conn *c = s->conn;
	enum dfl_kept kept = c->kept == DFL_KEPT_ATTEMPTED ?
				     dfl_redis_verdict_nil(s->cmd, c->answered->gets) :
				     (enum dfl_kept)c->kept;

	if (s->op)
		dfl_keep_op(c->ctx, s->op, kept, s->chunk->ts_ns);
	dfl_end_op(c->ctx, &c->answered->op, s->chunk->ts_ns);
	free(c->answered);
	c->answered = NULL;
}

/* The reply is complete, and with it the operation it answers. */
static void top_end(void *ud, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;
	struct dfl_redis_conn *c = s->conn;
	struct dfl_redis_channel *ch;

	if (!s->decided)
		begin_reply(s);
	dfl_redis_top_done(s, at);
	if (is_cmd(s, "MULTI") || is_cmd(s, "EXEC") || is_cmd(s, "DISCARD"))
		end_queued(s);
	ch = s->channel;
	if (c->answered)
		end_answered(s);
	if (ch && !ch->published && (c->push == UNSUBSCRIBED || ch->fields.ended))
		dfl_redis_channel_end(c, ch, s->chunk->ts_ns);
	s->op = NULL;
	s->channel = NULL;
}

const struct dfl_resp_parser_ops dfl_redis_reply_ops = {
	.top_begin = top_begin,
	.bulk_begin = bulk_begin,
	.bulk_data = bulk_data,
	.bulk_end = bulk_end,
	.line = line,
	.top_end = top_end,
};
