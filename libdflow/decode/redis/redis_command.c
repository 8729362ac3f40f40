// SPDX-License-Identifier: Apache-2.0
/*
 * The commands of a Redis connection: names the operation, finds key, values and time to live.
 *
 *   *5 $3 SET $24 api_token:app:app-secret $1 v $2 EX $3 600
 *         0        1                          2     3     4      numbers of the arguments
 *
 * Argument 0 gives the row of the table, which says that 1 is the key, 2 the value, and that
 * options may follow. Until the key is read the bytes wait (dfl_redis_flush), since only then it is
 * known whether the command belongs to an operation of its own or to that of a channel.
 */
#include "decode/redis/redis_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>

#include "decode/dify/redis_keys.h"
#include "decode/emit.h"
#include "decode/redis/redis_effect.h"

static void put_key_ids(struct dfl_redis_side *s, const struct dfl_redis_key_ids *ids)
{
	for (int i = 0; i < ids->n; i++)
		dfl_put_id(s->conn->ctx, s->op, ids->id[i].kind, ids->id[i].value, ids->id[i].len);
}

/* How long the place keeps it: by the key where that says more than the command. */
static enum dfl_residency residency(const struct dfl_redis_side *s)
{
	if (dfl_redis_key_is_queue(s->place))
		return DFL_QUEUE;
	return s->cmd ? s->cmd->residency : DFL_RES_UNKNOWN;
}

/* The command belongs to the long operation of its channel. */
static void begin_channel(struct dfl_redis_side *s)
{
	bool published = !(s->cmd->flags & DFL_REDIS_SUBSCRIBES);

	s->channel = dfl_redis_channel_get(s->conn, published, s->cmd, s->arg_text, s->arg_len,
					   s->chunk->ts_ns);
	s->op = s->channel ? s->channel->op : NULL;
	if (!published)
		s->conn->subscribed = true;
	dfl_redis_decided(s);
}

/* Begins an operation for this command. sub: the subcommand as the table spells it, or NULL. */
static void begin_plain(struct dfl_redis_side *s, const char *sub)
{
	char operation[64];
	const struct dfl_op_desc d = { .protocol = "redis",
				       .operation = operation,
				       .place = s->place[0] ? s->place : NULL,
				       .residency = residency(s),
				       .ttl_s = -1,
				       .dir = s->dir,
				       .may_store = s->cmd && s->cmd->value_from };

	snprintf(operation, sizeof(operation), "%s%s%s", s->cmd ? s->cmd->name : "*",
		 sub ? " " : "", sub ? sub : "");
	s->op = dfl_begin_op(s->conn->ctx, &d, s->chunk->ts_ns);
	dfl_redis_decided(s);
}

/* Does the command talk to a channel, or to a stream that is used as one? */
static bool is_channel(const struct dfl_redis_side *s)
{
	if (s->cmd->flags & (DFL_REDIS_PUBLISHES | DFL_REDIS_SUBSCRIBES))
		return true;
	return (s->cmd->flags & DFL_REDIS_EVENTS) && s->cmd->key &&
	       dfl_redis_key_is_event_stream(s->arg_text, s->arg_len);
}

/* An argument was kept. Is the operation known now? Its verb, subcommand or key tells. */
static void decide(struct dfl_redis_side *s)
{
	struct dfl_redis_key_ids ids = { 0 };
	/* the argument that names the operation; 0 is the verb itself */
	unsigned wanted = !s->cmd ? 0 : s->cmd->flags & DFL_REDIS_HAS_SUBCOMMAND ? 1 : s->cmd->key;

	if (s->decided || s->arg < wanted)
		return;
	if (s->cmd && is_channel(s)) {
		begin_channel(s);
		return;
	}
	if (s->cmd && s->cmd->key)
		dfl_redis_key_pattern(s->arg_text, s->arg_len, s->place, &ids);
	begin_plain(s, s->cmd && (s->cmd->flags & DFL_REDIS_HAS_SUBCOMMAND) ?
			       dfl_redis_subcommand_find(s->arg_text, s->arg_len) :
			       NULL);
	put_key_ids(s, &ids);
}

static void top_begin(void *ud, uint8_t type, const uint8_t *at)
{
	dfl_redis_top_reset(ud);
}

static bool is_celery(const struct dfl_redis_side *s)
{
	return residency(s) == DFL_QUEUE;
}

/* An argument: its bytes are kept, or are a value, or a secret that goes nowhere. */
static void bulk_begin(void *ud, unsigned depth, uint64_t index, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;

	s->arg = index;
	s->arg_len = 0;
	s->target = DFL_TO_ARG;
	if (depth != 1)
		s->target = DFL_TO_OWN;
	if (!s->cmd || !index)
		return;
	if (s->cmd->flags & DFL_REDIS_SECRET) {
		dfl_redis_flush(s, at);
		s->target = DFL_TO_NOWHERE;
	} else if (dfl_redis_command_is_value(s->cmd, index)) {
		s->value_is_event = s->channel != NULL;
		dfl_redis_open_value(s, at, !s->channel && is_celery(s));
	}
}

static void bulk_data(void *ud, const struct dfl_slice *d)
{
	dfl_redis_value_data(ud, d);
}

/* The argument as a number; 0 when it is no number. */
static int64_t number(const struct dfl_redis_side *s)
{
	char text[21];

	if (!s->arg_len || s->arg_len >= sizeof(text))
		return 0;
	memcpy(text, s->arg_text, s->arg_len);
	text[s->arg_len] = 0;
	return strtoll(text, NULL, 10);
}

/* n in units of unit_ms: 1000 for seconds, 1 for milliseconds. */
static void describe_ttl(struct dfl_redis_side *s, int64_t n, unsigned unit_ms,
			 enum dfl_residency r)
{
	const struct dfl_op_desc d = { .residency = r,
				       .ttl_s = n / (1000 / unit_ms),
				       .dir = s->dir };

	if (n > 0)
		s->ttl_s = d.ttl_s;
	if (n > 0 && s->op)
		dfl_name_op(s->conn->ctx, s->op, &d);
}

/* "SET key value EX 10": a word, then its number. */
static void option(struct dfl_redis_side *s)
{
	unsigned unit = !strcasecmp(s->option, "EX") ? 1000 : !strcasecmp(s->option, "PX") ? 1 : 0;

	if (unit) {
		describe_ttl(s, number(s), unit, DFL_CACHE);
		s->option[0] = 0;
	} else if (s->arg_len < sizeof(s->option)) {
		memcpy(s->option, s->arg_text, s->arg_len);
		s->option[s->arg_len] = 0;
		s->gets |= !strcasecmp(s->option, "GET");
	}
}

/* Arguments that were kept say the verb, the key, the time to live, an option, the next key. */
static void bulk_end(void *ud, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;

	if (s->target == DFL_TO_VALUE || s->target == DFL_TO_QUEUED || s->target == DFL_TO_CELERY) {
		dfl_redis_close_value(s);
	} else if (s->target == DFL_TO_ARG) {
		if (!s->arg)
			s->cmd = dfl_redis_command_find(s->arg_text, s->arg_len);
		decide(s);
		if (s->cmd && s->cmd->ttl && s->cmd->ttl == s->arg)
			describe_ttl(s, number(s), s->cmd->ttl_ms, DFL_RES_UNKNOWN);
		else if (s->cmd && (s->cmd->flags & DFL_REDIS_OPTIONS) && s->arg > s->cmd->key)
			option(s);
		if (s->cmd && (s->cmd->flags & DFL_REDIS_KEYS))
			dfl_redis_key_pattern(s->arg_text, s->arg_len, s->place, NULL);
		dfl_redis_effect_arg(s);
	}
	s->target = DFL_TO_OWN;
}

/* An inline command ("PING\r\n"): only its verb is looked at; a secret one is forgotten whole. */
static void line(void *ud, uint8_t type, unsigned depth, uint64_t index, const char *text,
		 size_t len)
{
	struct dfl_redis_side *s = ud;

	if (type != DFL_RESP_INLINE)
		return;
	s->cmd = dfl_redis_command_find(text, strcspn(text, " "));
	if (!s->cmd || !(s->cmd->flags & DFL_REDIS_SECRET))
		return;
	s->head_len = 0; /* with the bytes of this piece that follow it: a line is short */
	s->target = DFL_TO_NOWHERE;
}

/* It waits for its reply. */
static void enqueue(struct dfl_redis_conn *c, struct dfl_redis_side *s)
{
	struct dfl_redis_pending *cmd;

	if (c->n_pending == DFL_REDIS_PENDING_MAX) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_UNANSWERED);
		dfl_redis_pending_end(c, c->pending, s->chunk->ts_ns);
	}
	cmd = calloc(1, sizeof(*cmd));
	if (!cmd) {
		if (!s->channel)
			dfl_end_op(c->ctx, &s->op, s->chunk->ts_ns);
		return;
	}
	cmd->cmd = s->cmd;
	cmd->gets = s->gets;
	cmd->op = s->channel ? NULL : s->op;
	cmd->channel = s->channel ? s->channel->number : 0;
	memcpy(cmd->place, s->place, sizeof(cmd->place));
	DL_APPEND(c->pending, cmd);
	c->n_pending++;
}

/* The command is complete. It waits for its reply unless a push will answer it. */
static void top_end(void *ud, const uint8_t *at)
{
	struct dfl_redis_side *s = ud;
	struct dfl_redis_channel *ch;
	unsigned flags;

	if (s->target == DFL_TO_NOWHERE)
		s->cursor = at;
	if (!s->decided)
		begin_plain(s, NULL);
	flags = s->cmd ? s->cmd->flags : 0;
	if (!s->channel)
		dfl_redis_effects_tell(s);
	dfl_redis_top_done(s, at);
	ch = s->channel;
	if (!(flags & (DFL_REDIS_SUBSCRIBES | DFL_REDIS_UNSUBSCRIBES)))
		enqueue(s->conn, s);
	else if (!ch)
		dfl_end_op(s->conn->ctx, &s->op, s->chunk->ts_ns);
	/* Dify's last event of a run: what may follow on this channel is another run's */
	if (ch && ch->published && ch->fields.ended)
		dfl_redis_channel_end(s->conn, ch, s->chunk->ts_ns);
	s->op = NULL;
	s->channel = NULL;
}

const struct dfl_resp_parser_ops dfl_redis_command_ops = {
	.top_begin = top_begin,
	.bulk_begin = bulk_begin,
	.bulk_data = bulk_data,
	.bulk_end = bulk_end,
	.line = line,
	.top_end = top_end,
};
