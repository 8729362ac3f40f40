// SPDX-License-Identifier: Apache-2.0
/*
 * The Redis decoder (redis.io, "Redis serialization protocol specification"): recognises the
 * protocol, tells commands from replies, steps over gaps.
 */
#include <stdlib.h>

#include "decode/emit.h"
#include "decode/guess.h"
#include "decode/redis/redis_command.h"
#include "decode/redis/redis_reply.h"

/* The index after "12\r\n" at i; beyond len when the rest may still come; 0: it is no number. */
static size_t skip_number_line(const uint8_t *data, size_t len, size_t i)
{
	size_t from = i;

	while (i < len && data[i] >= '0' && data[i] <= '9')
		i++;
	if ((i == from && i < len) || i - from > 9)
		return 0;
	if (i < len && data[i] != '\r')
		return 0;
	if (i + 1 < len && data[i + 1] != '\n')
		return 0;
	return i + 2;
}

/*
 * "*3\r\n$7\r\nPUBLISH". A command is an array of bulk strings, the first of which begins with a
 * letter. Replies may hold any type.
 */
static enum dfl_guess guess_array(const uint8_t *data, size_t len, bool command)
{
	size_t i = skip_number_line(data, len, 1);

	if (!i)
		return DFL_GUESS_NO;
	if (i >= len)
		return DFL_GUESS_MORE;
	if (data[i] != '$')
		return !command && strchr("*:+-_,#%", data[i]) ? DFL_GUESS_YES : DFL_GUESS_NO;
	i = skip_number_line(data, len, i + 1);
	if (!i)
		return DFL_GUESS_NO;
	if (i >= len)
		return DFL_GUESS_MORE;
	if (command && ((data[i] | 0x20) < 'a' || (data[i] | 0x20) > 'z'))
		return DFL_GUESS_NO;
	return DFL_GUESS_YES;
}

/*
 * Replies of one line. POP3 and NATS have "+OK" and "-ERR" as well, and text can have the others:
 * so they wait for a command in the other direction, which tells.
 */
static enum dfl_guess guess_line(const uint8_t *data, size_t len)
{
	static const char *const words[] = { "+OK\r\n",	 "+PONG\r\n",	"+QUEUED\r\n", "-ERR ",
					     "-NOAUTH ", "-WRONGPASS ", "_\r\n" };

	if (data[0] == ':')
		return skip_number_line(data, len, 1) ? DFL_GUESS_MORE : DFL_GUESS_NO;
	return dfl_guess_words(words, sizeof(words) / sizeof(words[0]), data, len) ?
		       DFL_GUESS_MORE :
		       DFL_GUESS_NO;
}

/* "$5\r\nhello\r\n"; one that is not whole waits, too. */
static enum dfl_guess guess_bulk(const uint8_t *data, size_t len)
{
	size_t i = skip_number_line(data, len, 1), n;

	if (!i)
		return DFL_GUESS_NO;
	if (i > len)
		return DFL_GUESS_MORE;
	n = strtoul((const char *)data + 1, NULL, 10);
	if (n > len - i || len - i - n < 2)
		return DFL_GUESS_MORE;
	return data[i + n] == '\r' && data[i + n + 1] == '\n' ? DFL_GUESS_YES : DFL_GUESS_NO;
}

/* "%2\r\n$6\r\n": a map, and the type of its first key. */
static enum dfl_guess guess_map(const uint8_t *data, size_t len)
{
	size_t i = skip_number_line(data, len, 1);

	if (!i)
		return DFL_GUESS_NO;
	if (i >= len)
		return DFL_GUESS_MORE;
	return data[i] && strchr("$+:", data[i]) ? DFL_GUESS_YES : DFL_GUESS_NO;
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	if (conn->medium != DFL_TCP && conn->medium != DFL_UNIX)
		return DFL_GUESS_NO;
	if (data[0] == '*' || (data[0] == '>' && dir == DFL_RESPONSE))
		return len == 1 ? DFL_GUESS_MORE : guess_array(data, len, dir == DFL_REQUEST);
	if (dir == DFL_REQUEST)
		return DFL_GUESS_NO;
	switch (data[0]) {
	case '$':
		return len == 1 ? DFL_GUESS_MORE : guess_bulk(data, len);
	case '%':
		return len == 1 ? DFL_GUESS_MORE : guess_map(data, len);
	default:
		return guess_line(data, len);
	}
}

static int init(struct dfl_decoder_ctx *ctx)
{
	struct dfl_redis_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	c->commands.conn = c->replies.conn = c;
	dfl_resp_parser_init(&c->commands.parser, &dfl_redis_command_ops, &c->commands, true);
	dfl_resp_parser_init(&c->replies.parser, &dfl_redis_reply_ops, &c->replies, false);
	ctx->state = c;
	return 0;
}

/*
 * Who asks may have been guessed from the ports: a command in the other direction corrects that. A
 * command: "*" digits CR LF "$" digits CR LF, then a verb of the table; the second LF stands at
 * byte 6 at the earliest.
 */
static void learn_asker(struct dfl_redis_conn *c, const struct dfl_chunk *chunk)
{
	enum dfl_dir asker = DFL_REQUEST;
	const uint8_t *verb = chunk->len > 8 && chunk->data[0] == '*' ?
				      memchr(chunk->data + 6, '\n', chunk->len - 6) :
				      NULL;
	size_t room = verb ? (size_t)(chunk->data + chunk->len - ++verb) : 0, n = 0;

	while (n < room && verb[n] >= 'A' && verb[n] <= 'Z')
		n++;
	if (chunk->dir == DFL_RESPONSE && !c->ctx->conn->role_known && n &&
	    dfl_redis_command_find((const char *)verb, n))
		asker = DFL_RESPONSE;
	c->asker_known = true;
	c->commands.dir = asker;
	c->replies.dir = dfl_other(asker);
	c->ctx->sink->protocol(c->ctx->sink->ud, c->ctx->conn, "redis", DFL_ST_REDIS);
}

static struct dfl_redis_side *side_of(struct dfl_redis_conn *c, enum dfl_dir dir)
{
	return c->commands.dir == dir ? &c->commands : &c->replies;
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct dfl_redis_conn *c = ctx->state;
	struct dfl_slice all = dfl_chunk_slice(chunk, 0, chunk->len);
	struct dfl_redis_side *s;
	size_t used = 0;
	int r;

	if (!c->asker_known)
		learn_asker(c, chunk);
	s = side_of(c, chunk->dir);
	if (s->broken)
		return -EPROTO;
	s->chunk = chunk;
	s->cursor = chunk->data;
	r = dfl_resp_parser_feed(&s->parser, &all, &used);
	dfl_redis_flush(s, chunk->data + (r ? used : chunk->len));
	s->chunk = NULL;
	s->cursor = NULL;
	*ret_used = used;
	return r;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	const struct dfl_chunk at = dfl_empty_chunk(ctx, g->dir, g->ts_ns);
	struct dfl_redis_conn *c = ctx->state;
	struct dfl_redis_side *s = side_of(c, g->dir);

	dfl_close_view(ctx, &s->raw);
	if (s->target == DFL_TO_CELERY)
		dfl_celery_gap(&s->celery, g->pos, g->len);
	dfl_gap_view(ctx, s->value, g->pos, g->len);
	dfl_vector_spoil(&s->vector);
	if (s->value_is_event && s->channel)
		dfl_json_fields_gap(&s->channel->fields, g->pos, g->len, g->ts_ns);
	s->chunk = &at;
	if (s->target == DFL_TO_ARG || !dfl_resp_parser_skip(&s->parser, g->len))
		s->broken = true;
	s->chunk = NULL;
}

static void fini_side(struct dfl_redis_side *s, uint64_t ts_ns)
{
	const struct dfl_chunk at = dfl_empty_chunk(s->conn->ctx, s->dir, ts_ns);
	bool in_command = s == &s->conn->commands && s->decided && !s->channel;

	s->chunk = &at;
	if (s->head_len && !s->decided && s->parser.type != DFL_RESP_INLINE)
		dfl_redis_decided(s);
	dfl_redis_close_value(s);
	dfl_close_view(s->conn->ctx, &s->own);
	dfl_close_view(s->conn->ctx, &s->raw);
	if (in_command)
		dfl_end_op(s->conn->ctx, &s->op, ts_ns);
	s->chunk = NULL;
	explicit_bzero(s->head, sizeof(s->head));
	explicit_bzero(s->arg_text, sizeof(s->arg_text));
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct dfl_redis_conn *c = ctx->state;

	fini_side(&c->commands, ts_ns);
	fini_side(&c->replies, ts_ns);
	if (c->answered) {
		dfl_end_op(ctx, &c->answered->op, ts_ns);
		free(c->answered);
	}
	while (c->pending)
		dfl_redis_pending_end(c, c->pending, ts_ns);
	while (c->channels)
		dfl_redis_channel_end(c, c->channels, ts_ns);
	for (size_t i = 0; c->queued && i < c->n_queued && i < DFL_REDIS_QUEUED_MAX; i++)
		dfl_end_txn(ctx, &c->queued[i].txn, DFL_KEPT_UNKNOWN, ts_ns);
	free(c->queued);
	free(c);
}

const struct dfl_decoder dfl_decoder_redis = {
	.name = "redis", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
