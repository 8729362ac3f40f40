// SPDX-License-Identifier: Apache-2.0
/*
 * The Postgres decoder: recognises protocol 3 and frames its messages (documentation, "Message
 * Formats": a byte for the type, a length of four bytes that counts itself, the body).
 */
#include <stdlib.h>

#include "decode/postgres/pg_backend.h"
#include "decode/postgres/pg_frontend.h"
#include "decode/postgres/pg_guess.h"
#include "decode/postgres/pg_txn.h"

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	if (conn->medium != DFL_TCP && conn->medium != DFL_UNIX)
		return DFL_GUESS_NO;
	if (dir == DFL_REQUEST && !data[0])
		return dfl_pg_guess_startup(data, len);
	return dfl_pg_guess(dir, data, len);
}

static int init(struct dfl_decoder_ctx *ctx)
{
	struct dfl_pg_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	c->front.conn = c->back.conn = c;
	c->back.dir = DFL_RESPONSE;
	ctx->state = c;
	return 0;
}

/* At the first bytes. */
static void learn(struct dfl_pg_conn *c, const struct dfl_chunk *chunk)
{
	c->known = true;
	c->starting = chunk->dir == DFL_REQUEST && !chunk->data[0];
	c->ctx->sink->protocol(c->ctx->sink->ud, c->ctx->conn, "postgres", DFL_ST_POSTGRES);
}

/* Types of messages of a direction (documentation, "Message Formats"). */
static bool type_ok(const struct dfl_pg_side *s, uint8_t type)
{
	return type &&
	       strchr(s->dir == DFL_REQUEST ? "QPBEDCSHXFdcfp" : "RKSTDCEZNIAGHWdcnstvV123", type);
}

static void begin(struct dfl_pg_side *s)
{
	if (s->dir == DFL_REQUEST)
		dfl_pg_frontend_begin(s);
	else
		dfl_pg_backend_begin(s);
	s->in_body = true;
}

static void body(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (s->dir == DFL_REQUEST)
		dfl_pg_frontend_body(s, d);
	else
		dfl_pg_backend_body(s, d);
	s->left -= (uint32_t)d->len;
}

static void finish(struct dfl_pg_side *s)
{
	s->in_body = false;
	s->n_head = 0;
	if (s->dir == DFL_REQUEST)
		dfl_pg_frontend_end(s);
	else
		dfl_pg_backend_end(s);
}

/* One byte of type and length. -EPROTO: no message begins so. */
static int head_byte(struct dfl_pg_side *s, uint8_t byte, uint64_t pos)
{
	bool typed = !(s->dir == DFL_REQUEST && s->conn->starting);
	struct dfl_slice head = { s->head, 0, s->head_pos, 0 };
	uint32_t n;

	if (!s->n_head) {
		if (typed && !type_ok(s, byte))
			return -EPROTO;
		s->head_pos = head.pos = pos;
	}
	s->head[s->n_head++] = byte;
	if (s->n_head < (typed ? 5 : 4))
		return 0;
	n = be32(s->head + typed);
	if (n < 4 || n > DFL_PG_MESSAGE_MAX || (!typed && n < 8))
		return -EPROTO;
	s->type = typed ? s->head[0] : 0;
	s->left = n - 4;
	begin(s);
	head.len = head.pos_len = s->n_head;
	dfl_pg_put_framing(s, &head);
	if (!s->left)
		finish(s);
	return 0;
}

/* The one byte that answers SSLRequest: 'S' and TLS follows, or 'N' and plaintext goes on. */
static int tls_answer(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	struct dfl_slice one = dfl_slice_sub(d, 0, 1);

	s->conn->asked_tls = false;
	if (d->data[0] != 'S' && d->data[0] != 'G' && d->data[0] != 'N')
		return 0;
	dfl_pg_put_framing(s, &one);
	return d->data[0] == 'N' ? 1 : -EAGAIN;
}

/* All bytes of d. Returns 0, -EPROTO or -EAGAIN; *ret_used as a decoder's feed. */
static int feed_side(struct dfl_pg_side *s, const struct dfl_slice *d, size_t *ret_used)
{
	size_t i = 0, n;
	int r;

	if (s->dir == DFL_RESPONSE && s->conn->asked_tls && !s->in_body) {
		r = tls_answer(s, d);
		*ret_used = 1;
		if (r < 0)
			return r;
		i = (size_t)r;
	}
	while (i < d->len) {
		if (!s->in_body) {
			/* a head that began in an earlier piece cannot be given back */
			*ret_used = i >= s->n_head ? i - s->n_head : 0;
			if (head_byte(s, d->data[i], dfl_slice_pos(d, i)))
				return -EPROTO;
			i++;
			continue;
		}
		n = d->len - i < s->left ? d->len - i : s->left;
		struct dfl_slice run = dfl_slice_sub(d, i, n);

		body(s, &run);
		i += n;
		if (!s->left)
			finish(s);
	}
	return 0;
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct dfl_pg_conn *c = ctx->state;
	struct dfl_pg_side *s = chunk->dir == DFL_REQUEST ? &c->front : &c->back;
	struct dfl_slice all = dfl_chunk_slice(chunk, 0, chunk->len);
	int r;

	if (!c->known)
		learn(c, chunk);
	if (s->broken)
		return -EPROTO;
	s->chunk = chunk;
	r = feed_side(s, &all, ret_used);
	s->chunk = NULL;
	return r;
}

/* Missing bytes that lie in one body are stepped over; after others nothing is read. */
static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct dfl_pg_conn *c = ctx->state;
	struct dfl_pg_side *s = g->dir == DFL_REQUEST ? &c->front : &c->back;
	const struct dfl_chunk at = dfl_empty_chunk(ctx, g->dir, g->ts_ns);

	dfl_close_view(ctx, &s->raw);
	if (!s->in_body || !g->len || g->len > s->left) {
		s->broken = true;
		return;
	}
	s->chunk = &at;
	dfl_gap_view(ctx, s->value ? s->value : s->op ? s->op->own[s->dir] : NULL, g->pos, g->len);
	dfl_gap_view(ctx, s->retrieved, g->pos, g->len);
	dfl_vector_spoil(&s->vector);
	s->left -= (uint32_t)g->len;
	if (s->value && s->f.left > g->len)
		s->f.left -= (uint32_t)g->len;
	else if (g->dir == DFL_REQUEST)
		dfl_pg_frontend_lost(s);
	else
		dfl_pg_backend_lost(s);
	if (!s->left)
		finish(s);
	s->chunk = NULL;
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct dfl_pg_conn *c = ctx->state;
	struct dfl_pg_side *side[] = { &c->front, &c->back };

	for (int i = 0; i < 2; i++) {
		dfl_pg_close_value(side[i]);
		dfl_close_view(ctx, &side[i]->raw);
	}
	dfl_pg_txn_fini(c, ts_ns);
	while (c->ops)
		dfl_pg_op_end(c, c->ops, ts_ns);
	dfl_pg_stmts_fini(c);
	free(c);
}

const struct dfl_decoder dfl_decoder_postgres = {
	.name = "postgres", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
