// SPDX-License-Identifier: Apache-2.0
/* The Redis decoder: both directions paired; views of values, channels as long operations. */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "decode/emit.h"
#include "decode/guess.h"
#include "decode/redis/redis_priv.h"

static void put_own(struct dfl_resp_side *s, const struct dfl_slice *d)
{
	const struct dfl_dec_ctx *c = s->conn->ctx;
	struct dfl_view **v = s->channel ? &s->channel->own[s->dir] : s->op ? &s->own : &s->raw;

	if (!d->len)
		return;
	if (!*v)
		*v = dfl_open_view(c, s->op, s->dir, NULL);
	dfl_put_view(c, *v, d, s->chunk);
}

void dfl_resp_decided(struct dfl_resp_side *s)
{
	const struct dfl_slice held = { s->head, s->head_len, s->head_pos, s->head_len };

	s->decided = true;
	put_own(s, &held);
	s->head_len = 0;
}

void dfl_resp_flush(struct dfl_resp_side *s, const uint8_t *to)
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
		s->head_len = 0; /* it may hold a password */
		return;
	}
	if (!s->decided)
		dfl_resp_decided(s); /* too long to wait for a name */
	put_own(s, &d);
}

static void open_leaf(struct dfl_resp_side *s)
{
	const char *place = s->channel || !s->place[0] ? NULL : s->place;

	s->target = DFL_TO_VALUE;
	s->value = dfl_open_view(s->conn->ctx, s->op, s->dir, place);
	s->leaf_is_vector = !strcmp(s->place, DFL_EMBEDDING_KEY);
	if (s->leaf_is_vector)
		dfl_vector_init(&s->vector, s->conn->ctx, s->op, s->dir, NULL, sizeof(double));
}

void dfl_resp_open_value(struct dfl_resp_side *s, const uint8_t *at, bool maybe_celery)
{
	dfl_resp_flush(s, at);
	s->target = DFL_TO_QUEUED;
	if (!maybe_celery)
		open_leaf(s);
}

static void choose(struct dfl_resp_side *s, uint8_t first)
{
	if (first != '{' && first != '[') {
		open_leaf(s);
		return;
	}
	s->target = DFL_TO_CELERY;
	dfl_celery_init(&s->celery, s->conn->ctx, s->op, s->dir, s->place[0] ? s->place : "*");
}

void dfl_resp_data(struct dfl_resp_side *s, const struct dfl_slice *d)
{
	const struct dfl_dec_ctx *c = s->conn->ctx;
	size_t n;

	if (s->target == DFL_TO_QUEUED && d->len)
		choose(s, d->data[0]);
	switch (s->target) {
	case DFL_TO_VALUE:
		dfl_put_view(c, s->value, d, s->chunk);
		if (s->leaf_is_event && s->channel)
			dfl_fields_feed(&s->channel->fields, d, s->chunk);
		if (s->leaf_is_vector)
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
		break;
	default:
		return;
	}
	s->cursor = d->data + d->len;
}

void dfl_resp_close_value(struct dfl_resp_side *s)
{
	uint64_t ts_ns = s->chunk ? s->chunk->ts_ns : 0;

	if (s->target == DFL_TO_CELERY)
		dfl_celery_fini(&s->celery, ts_ns);
	dfl_close_view(s->conn->ctx, &s->value);
	if (s->leaf_is_event && s->channel)
		dfl_fields_next(&s->channel->fields, ts_ns);
	if (s->leaf_is_vector && s->chunk)
		dfl_vector_done(&s->vector, s->chunk);
	s->leaf_is_event = s->leaf_is_vector = false;
	s->target = DFL_TO_OWN;
}

void dfl_resp_top_reset(struct dfl_resp_side *s)
{
	s->decided = false;
	s->cmd = NULL;
	s->op = NULL;
	s->channel = NULL;
	s->target = DFL_TO_OWN;
	s->leaf_is_event = s->leaf_is_vector = false;
	s->arg = 0;
	s->arg_len = 0;
	s->place[0] = 0;
	s->option[0] = 0;
	s->head_len = 0;
}

void dfl_resp_top_done(struct dfl_resp_side *s, const uint8_t *at)
{
	dfl_resp_flush(s, at);
	dfl_close_view(s->conn->ctx, &s->own);
}

struct dfl_channel *dfl_resp_channel_by_number(struct dfl_resp_conn *c, uint64_t number)
{
	struct dfl_channel *ch;

	DL_FOREACH(c->channels, ch)
	if (ch->number == number)
		return ch;
	return NULL;
}

void dfl_resp_channel_end(struct dfl_resp_conn *c, struct dfl_channel *ch, uint64_t ts_ns)
{
	struct dfl_resp_side *side[] = { &c->commands, &c->replies };

	for (int i = 0; i < 2; i++)
		if (side[i]->channel == ch) {
			dfl_resp_close_value(side[i]);
			side[i]->channel = NULL;
			side[i]->op = NULL;
		}
	DL_DELETE(c->channels, ch);
	c->n_channels--;
	dfl_fields_fini(&ch->fields, ts_ns);
	dfl_close_view(c->ctx, &ch->own[0]);
	dfl_close_view(c->ctx, &ch->own[1]);
	dfl_end_op(c->ctx, &ch->op, ts_ns);
	free(ch);
}

bool dfl_resp_is_event_stream(const char *key, size_t len)
{
	return len > 7 && !memcmp(key, "stream:", 7);
}

static struct dfl_channel *new_channel(struct dfl_resp_conn *c, bool published,
				       const struct dfl_cmd *cmd, const char *name, size_t len,
				       uint64_t ts_ns)
{
	struct dfl_channel *ch = calloc(1, sizeof(*ch));
	struct dfl_op_desc d = { .protocol = "redis",
				 .operation = cmd->name,
				 .residency = cmd->residency,
				 .ttl_s = -1,
				 .dir = c->commands.dir };
	struct dfl_key_ids ids;
	bool events;

	if (!ch)
		return NULL;
	ch->published = published;
	ch->number = ++c->channel_numbers;
	ch->name_len = len;
	memcpy(ch->name, name, len);
	dfl_key_pattern(name, len, ch->place, &ids);
	d.place = ch->place;
	ch->op = dfl_begin_op(c->ctx, &d, ts_ns);
	for (int i = 0; i < ids.n; i++)
		dfl_put_id(c->ctx, ch->op, ids.id[i].kind, ids.id[i].value, ids.id[i].len);
	events = !strncmp(ch->place, "channel:", 8) || dfl_resp_is_event_stream(name, len);
	dfl_fields_init(&ch->fields, c->ctx, ch->op, published ? c->commands.dir : c->replies.dir,
			NULL, events ? DFL_FIELDS_EVENT : DFL_FIELDS_NONE);
	ch->fields.relay = published;
	DL_APPEND(c->channels, ch);
	c->n_channels++;
	return ch;
}

struct dfl_channel *dfl_resp_channel_find(struct dfl_resp_conn *c, bool published, const char *name,
					  size_t len)
{
	struct dfl_channel *ch;

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

struct dfl_channel *dfl_resp_channel(struct dfl_resp_conn *c, bool published,
				     const struct dfl_cmd *cmd, const char *name, size_t len,
				     uint64_t ts_ns)
{
	struct dfl_channel *ch = dfl_resp_channel_find(c, published, name, len);

	if (ch)
		return ch;
	if (c->n_channels == DFL_RESP_CHANNELS) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_CHANNELS);
		dfl_resp_channel_end(c, c->channels, ts_ns);
	}
	return new_channel(c, published, cmd, name, len, ts_ns);
}

void dfl_resp_cmd_end(struct dfl_resp_conn *c, struct dfl_resp_cmd *cmd, uint64_t ts_ns)
{
	DL_DELETE(c->pending, cmd);
	c->n_pending--;
	dfl_end_op(c->ctx, &cmd->op, ts_ns);
	free(cmd);
}

/* The index after "12\r\n", beyond the data when it may still come; 0: it is none. */
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

/* "*3\r\n$7\r\nPUBLISH": an array whose first element is a word. */
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

static enum dfl_guess guess_word(const uint8_t *data, size_t len)
{
	static const char *const words[] = { "+OK\r\n",	 "+PONG\r\n",	"+QUEUED\r\n", "-ERR ",
					     "-NOAUTH ", "-WRONGPASS ", "_\r\n" };

	return dfl_guess_words(words, sizeof(words) / sizeof(words[0]), data, len);
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	size_t i;

	if (conn->medium != DFL_TCP && conn->medium != DFL_UNIX)
		return DFL_GUESS_NO;
	if (data[0] == '*' || (data[0] == '>' && dir == DFL_RESPONSE))
		return len == 1 ? DFL_GUESS_MORE : guess_array(data, len, dir == DFL_REQUEST);
	if (dir == DFL_REQUEST)
		return DFL_GUESS_NO;
	if (data[0] != ':' && data[0] != '$' && data[0] != '%')
		return guess_word(data, len);
	if (len == 1)
		return DFL_GUESS_MORE;
	i = skip_number_line(data, len, 1);
	return !i ? DFL_GUESS_NO : i > len ? DFL_GUESS_MORE : DFL_GUESS_YES;
}

static int init(struct dfl_dec_ctx *ctx)
{
	struct dfl_resp_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	c->commands.conn = c->replies.conn = c;
	dfl_resp_init(&c->commands.parser, &dfl_resp_command_ops, &c->commands, true);
	dfl_resp_init(&c->replies.parser, &dfl_resp_reply_ops, &c->replies, false);
	ctx->state = c;
	return 0;
}

/*
 * The roles may have been guessed from the ports: a command in the other direction corrects them.
 */
static void learn_asker(struct dfl_resp_conn *c, const struct dfl_chunk *chunk)
{
	enum dfl_dir asker = DFL_REQUEST;
	const uint8_t *verb = chunk->len > 8 && chunk->data[0] == '*' ?
				      memchr(chunk->data + 6, '\n', chunk->len - 6) :
				      NULL;
	size_t room = verb ? (size_t)(chunk->data + chunk->len - ++verb) : 0, n = 0;

	while (n < room && verb[n] >= 'A' && verb[n] <= 'Z')
		n++;
	if (chunk->dir == DFL_RESPONSE && !c->ctx->conn->role_known && n &&
	    dfl_cmd_find((const char *)verb, n))
		asker = DFL_RESPONSE;
	c->asker_known = true;
	c->commands.dir = asker;
	c->replies.dir = dfl_other(asker);
	c->ctx->sink->protocol(c->ctx->sink->ud, c->ctx->conn, "redis", DFL_ST_REDIS);
}

static struct dfl_resp_side *side_of(struct dfl_resp_conn *c, enum dfl_dir dir)
{
	return c->commands.dir == dir ? &c->commands : &c->replies;
}

static int feed(struct dfl_dec_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct dfl_resp_conn *c = ctx->state;
	struct dfl_slice all = dfl_chunk_slice(chunk, 0, chunk->len);
	struct dfl_resp_side *s;
	size_t used = 0;
	int r;

	if (!c->asker_known)
		learn_asker(c, chunk);
	s = side_of(c, chunk->dir);
	if (s->broken)
		return -EPROTO;
	s->chunk = chunk;
	s->cursor = chunk->data;
	r = dfl_resp_feed(&s->parser, &all, &used);
	dfl_resp_flush(s, chunk->data + (r ? used : chunk->len));
	s->chunk = NULL;
	s->cursor = NULL;
	*ret_used = used;
	return r;
}

static void gap(struct dfl_dec_ctx *ctx, const struct dfl_gap *g)
{
	const struct dfl_chunk at = {
		.dir = g->dir, .layer = ctx->layer, .ssl = ctx->ssl, .ts_ns = g->ts_ns
	};
	struct dfl_resp_conn *c = ctx->state;
	struct dfl_resp_side *s = side_of(c, g->dir);

	dfl_close_view(ctx, &s->raw);
	if (s->target == DFL_TO_CELERY)
		dfl_celery_gap(&s->celery, g->pos, g->len);
	dfl_gap_view(ctx, s->value, g->pos, g->len);
	dfl_vector_spoil(&s->vector);
	if (s->leaf_is_event && s->channel)
		dfl_fields_gap(&s->channel->fields, g->pos, g->len, g->ts_ns);
	s->chunk = &at;
	if (s->target == DFL_TO_ARG || !dfl_resp_skip(&s->parser, g->len))
		s->broken = true;
	s->chunk = NULL;
}

static void fini_side(struct dfl_resp_side *s, uint64_t ts_ns)
{
	const struct dfl_chunk at = { .dir = s->dir,
				      .layer = s->conn->ctx->layer,
				      .ssl = s->conn->ctx->ssl,
				      .ts_ns = ts_ns };
	bool in_command = s == &s->conn->commands && s->decided && !s->channel;

	s->chunk = &at;
	if (s->head_len && !s->decided && s->parser.type != DFL_RESP_INLINE)
		dfl_resp_decided(s);
	dfl_resp_close_value(s);
	dfl_close_view(s->conn->ctx, &s->own);
	dfl_close_view(s->conn->ctx, &s->raw);
	if (in_command)
		dfl_end_op(s->conn->ctx, &s->op, ts_ns);
	s->chunk = NULL;
	explicit_bzero(s->head, sizeof(s->head));
	explicit_bzero(s->arg_text, sizeof(s->arg_text));
}

static void fini(struct dfl_dec_ctx *ctx, uint64_t ts_ns)
{
	struct dfl_resp_conn *c = ctx->state;

	fini_side(&c->commands, ts_ns);
	fini_side(&c->replies, ts_ns);
	if (c->answered) {
		dfl_end_op(ctx, &c->answered->op, ts_ns);
		free(c->answered);
	}
	while (c->pending)
		dfl_resp_cmd_end(c, c->pending, ts_ns);
	while (c->channels)
		dfl_resp_channel_end(c, c->channels, ts_ns);
	free(c->queued);
	free(c);
}

const struct dfl_decoder dfl_decoder_resp = {
	.name = "redis", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
