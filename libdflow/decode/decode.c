// SPDX-License-Identifier: Apache-2.0
/* The stage: chooses a decoder for each layer and TLS object of a connection, and drives it. */
#include "decode/decode.h"

#include <stdlib.h>
#include <utlist.h>

#include "decode/decoders.h"
#include "decode/emit.h"

/* Decoders tried and left within one piece of a stream: hostile bytes could go on for ever. */
#define TURNS_MAX 8
#define SUBSTREAMS_MAX 16 /* TLS objects of one connection; the oldest is closed for a new one */

/* What happens to the bytes of a side. README.md draws the states. */
enum mode {
	GUESS, /* they are shown to the decoders */
	RAW,   /* no decoder knew them; the next call of the process is shown again */
	FED,   /* they go to the decoder */
};

/* One direction of a substream. */
struct side {
	enum mode mode;
	uint8_t held[DFL_GUESS_MAX]; /* bytes that no decoder has claimed or refused yet */
	uint32_t n_held;
	uint64_t held_pos;
	struct dfl_view *raw; /* bytes that no decoder knows; NULL: none is open */
};

/* The bytes of one layer and TLS object of a connection, in both directions. */
struct substream {
	struct substream *next;
	const struct dfl_decoder *dec; /* NULL: none yet */
	struct dfl_decoder_ctx ctx;
	uint64_t fed_chunks;
	struct side side[2];
};

/* What the stage keeps of a connection (dfl_conn.decode). */
struct state {
	struct state *prev, *next;
	struct substream *substreams; /* oldest first */
	unsigned n_substreams;
};

struct dfl_decode {
	struct dfl_decode_sink sink;
	struct dfl_decode_stats stats;
	struct state *states;
};

int dfl_decode_new(const struct dfl_decode_sink *sink, struct dfl_decode **ret_decode)
{
	struct dfl_decode *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->sink = *sink;
	*ret_decode = d;
	return 0;
}

void dfl_decode_stats(const struct dfl_decode *d, struct dfl_decode_stats *ret_stats)
{
	*ret_stats = d->stats;
}

/* Into the raw view of a direction, opened when it is needed. */
static void put_raw(struct substream *l, enum dfl_dir dir, const struct dfl_slice *s,
		    const struct dfl_chunk *from)
{
	struct side *side = &l->side[dir];

	if (!s->len)
		return;
	if (!side->raw)
		side->raw = dfl_open_view(&l->ctx, NULL, dir, NULL);
	dfl_put_view(&l->ctx, side->raw, s, from);
}

/* No decoder wanted the held bytes: they are raw. */
static void release_held(struct substream *l, enum dfl_dir dir, const struct dfl_chunk *from)
{
	struct side *side = &l->side[dir];
	struct dfl_slice s = { side->held, side->n_held, side->held_pos, side->n_held };

	put_raw(l, dir, &s, from);
	side->n_held = 0;
	side->mode = RAW;
}

static void release_all(struct substream *l, uint64_t ts_ns)
{
	for (int dir = 0; dir < 2; dir++) {
		const struct dfl_chunk from = dfl_empty_chunk(&l->ctx, (enum dfl_dir)dir, ts_ns);

		if (l->side[dir].n_held)
			release_held(l, (enum dfl_dir)dir, &from);
	}
}

static void close_substream(struct substream *l, uint64_t ts_ns)
{
	release_all(l, ts_ns);
	if (l->dec)
		l->dec->fini(&l->ctx, ts_ns);
	for (int dir = 0; dir < 2; dir++)
		dfl_close_view(&l->ctx, &l->side[dir].raw);
	free(l);
}

/* Closes all substreams of a connection. */
static void drop_state(struct dfl_decode *d, struct state *st, uint64_t ts_ns)
{
	struct substream *l;

	while ((l = st->substreams)) {
		st->substreams = l->next;
		close_substream(l, ts_ns);
	}
	DL_DELETE(d->states, st);
	free(st);
}

void dfl_decode_free(struct dfl_decode *d)
{
	if (!d)
		return;
	while (d->states)
		drop_state(d, d->states, 0);
	free(d);
}

/* Substreams are made by their first bytes; before that a decoder has nothing to go by. */
void dfl_decode_conn(struct dfl_decode *d, struct dfl_conn *conn)
{
	struct state *st;

	if (conn->decode)
		return;
	st = calloc(1, sizeof(*st));
	if (!st)
		return;
	DL_APPEND(d->states, st);
	conn->decode = st;
}

static struct substream *find_substream(struct dfl_conn *conn, enum dfl_layer layer, uint64_t ssl)
{
	struct state *st = conn->decode;

	for (struct substream *l = st ? st->substreams : NULL; l; l = l->next)
		if (l->ctx.layer == layer && l->ctx.ssl == ssl)
			return l;
	return NULL;
}

/* The oldest substream is closed when there are too many. NULL: no memory. */
static struct substream *add_substream(struct dfl_decode *d, struct dfl_conn *conn,
				       const struct dfl_chunk *c)
{
	struct state *st = conn->decode;
	struct substream *l, *oldest;

	l = st ? calloc(1, sizeof(*l)) : NULL;
	if (!l)
		return NULL;
	if (st->n_substreams == SUBSTREAMS_MAX) {
		dfl_limit_hit(&st->substreams->ctx, DFL_LIMIT_SUBSTREAMS);
		oldest = st->substreams;
		st->substreams = oldest->next;
		st->n_substreams--;
		close_substream(oldest, c->ts_ns);
	}
	l->ctx = (struct dfl_decoder_ctx){
		.sink = &d->sink, .stats = &d->stats, .conn = conn, .layer = c->layer, .ssl = c->ssl
	};
	LL_APPEND(st->substreams, l);
	st->n_substreams++;
	return l;
}

/* The part of a chunk from a byte on; only the whole begins a call. */
static struct dfl_chunk rest_of(const struct dfl_chunk *c, size_t from)
{
	struct dfl_chunk rest = *c;

	rest.data += from;
	rest.len -= (uint32_t)from;
	rest.pos += from;
	rest.call_start = c->call_start && !from;
	return rest;
}

/* A decoder said that what follows is not its protocol (any more). */
static void leave_decoder(struct substream *l, const struct dfl_chunk *c, int why, size_t used)
{
	bool is_handed_over = why == -EAGAIN && used;
	/*
	 * It read earlier pieces, and refuses the first byte of a call: another protocol may begin
	 * here. Without fed_chunks > 1 the same decoder could be chosen again for the same bytes.
	 */
	bool anew = !used && c->call_start && l->fed_chunks > 1;

	l->dec->fini(&l->ctx, c->ts_ns);
	l->dec = NULL;
	l->side[0].mode = l->side[1].mode = is_handed_over ? GUESS : RAW;
	if (anew)
		l->side[c->dir].mode = GUESS;
}

/* Returns how many bytes were consumed; if not all, there is no decoder any more. */
static size_t feed(struct substream *l, const struct dfl_chunk *c)
{
	size_t used = 0;
	int r;

	l->fed_chunks++;
	r = l->dec->feed(&l->ctx, c, &used);
	if (!r)
		return c->len;
	used = used < c->len ? used : c->len;
	leave_decoder(l, c, r, used);
	return used;
}

/*
 * The first decoder of the list that does not refuse decides. all: no more bytes will be shown, so
 * MORE means NO.
 */
static enum dfl_guess ask(const struct substream *l, enum dfl_dir dir, const uint8_t *data,
			  uint32_t len, bool all, const struct dfl_decoder **ret_dec)
{
	enum dfl_guess g;

	for (size_t i = 0; dfl_decoders[i]; i++) {
		g = dfl_decoders[i]->guess(l->ctx.conn, l->ctx.layer, dir, data, len);
		if (g == DFL_GUESS_NO || (g == DFL_GUESS_MORE && all))
			continue;
		*ret_dec = dfl_decoders[i];
		return g;
	}
	return DFL_GUESS_NO;
}

/* Feeds the held bytes of one direction to the decoder that was chosen; what it refuses is raw. */
static void feed_held(struct substream *l, enum dfl_dir dir, const struct dfl_chunk *from)
{
	struct side *side = &l->side[dir];
	uint8_t held[DFL_GUESS_MAX];
	struct dfl_chunk c = *from;
	struct dfl_slice rest;
	size_t used = 0;

	if (!side->n_held)
		return;
	memcpy(held, side->held, side->n_held);
	c.dir = dir;
	c.data = held;
	c.len = side->n_held;
	c.pos = side->held_pos;
	c.call_start = true;
	side->n_held = 0;
	side->mode = FED;
	if (l->dec)
		used = feed(l, &c);
	rest = dfl_chunk_slice(&c, used, c.len - used);
	put_raw(l, dir, &rest, &c);
	explicit_bzero(held, sizeof(held));
}

/* dir: the direction whose bytes decided. False: no memory, they stay raw. */
static bool start_decoder(struct substream *l, const struct dfl_decoder *dec, enum dfl_dir dir)
{
	l->ctx.state = NULL;
	if (dec->init(&l->ctx))
		return false;
	l->dec = dec;
	l->fed_chunks = 0;
	dfl_close_view(&l->ctx, &l->side[dir].raw);
	return true;
}

/* A datagram is shown and fed whole: it is a message. Returns how many bytes were taken. */
static size_t guess_datagram(struct substream *l, const struct dfl_chunk *c)
{
	const struct dfl_decoder *dec = NULL;
	uint32_t n = c->len < DFL_GUESS_MAX ? c->len : DFL_GUESS_MAX;

	l->side[c->dir].mode = RAW;
	if (ask(l, c->dir, c->data, n, true, &dec) != DFL_GUESS_YES ||
	    !start_decoder(l, dec, c->dir))
		return 0;
	l->side[c->dir].mode = FED;
	return feed(l, c);
}

/* Shows what one direction began with to the decoders. Returns how many bytes were taken. */
static size_t guess(struct substream *l, const struct dfl_chunk *c)
{
	struct side *side = &l->side[c->dir];
	uint32_t room = DFL_GUESS_MAX - side->n_held, n = c->len < room ? c->len : room;
	const struct dfl_decoder *dec = NULL;
	enum dfl_guess g;

	if (!side->n_held)
		side->held_pos = c->pos;
	memcpy(side->held + side->n_held, c->data, n);
	side->n_held += n;
	g = ask(l, c->dir, side->held, side->n_held, side->n_held == DFL_GUESS_MAX, &dec);
	if (g == DFL_GUESS_MORE)
		return n;
	if (g == DFL_GUESS_YES && start_decoder(l, dec, c->dir)) {
		feed_held(l, dfl_other(c->dir), c);
		feed_held(l, c->dir, c);
	} else {
		release_held(l, c->dir, c);
	}
	return n;
}

/* One step with the rest of a chunk. Returns how many bytes were consumed. */
static size_t turn(struct substream *l, const struct dfl_chunk *c)
{
	struct side *side = &l->side[c->dir];
	const struct dfl_slice all = dfl_chunk_slice(c, 0, c->len);

	/* A call of the process is where a message likely begins. */
	if (side->mode == RAW && c->call_start)
		side->mode = l->dec ? FED : GUESS;
	/* The other direction decided meanwhile. */
	if (side->mode != RAW && l->dec)
		side->mode = FED;
	if (side->mode == FED && l->dec)
		return feed(l, c);
	if (side->mode == GUESS)
		return c->dgram ? guess_datagram(l, c) : guess(l, c);
	side->mode = RAW;
	put_raw(l, c->dir, &all, c);
	return c->len;
}

/* All of a chunk: a few turns, then the rest is raw. */
static void dispatch(struct substream *l, const struct dfl_chunk *c)
{
	struct dfl_chunk rest = *c;
	struct dfl_slice raw;

	for (int turns = 0; rest.len && turns < TURNS_MAX; turns++) {
		rest = rest_of(&rest, turn(l, &rest));
		rest.call_start = false;
	}
	if (!rest.len)
		return;
	dfl_limit_hit(&l->ctx, DFL_LIMIT_TURNS);
	raw = dfl_chunk_slice(&rest, 0, rest.len);
	if (l->dec)
		leave_decoder(l, &rest, -EPROTO, 0);
	put_raw(l, c->dir, &raw, &rest);
}

void dfl_decode_data(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_chunk *chunk)
{
	struct substream *l;

	if (!chunk->len)
		return;
	dfl_decode_conn(d, conn);
	l = find_substream(conn, chunk->layer, chunk->ssl);
	if (!l)
		l = add_substream(d, conn, chunk);
	if (l)
		dispatch(l, chunk);
}

void dfl_decode_gap(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_gap *gap)
{
	struct substream *l = find_substream(conn, gap->layer, gap->ssl);
	const struct dfl_chunk from = {
		.dir = gap->dir, .layer = gap->layer, .ssl = gap->ssl, .ts_ns = gap->ts_ns
	};

	if (!l)
		return;
	if (l->side[gap->dir].n_held)
		release_held(l, gap->dir, &from);
	dfl_gap_view(&l->ctx, l->side[gap->dir].raw, gap->pos, gap->len);
	dfl_close_view(&l->ctx, &l->side[gap->dir].raw);
	if (l->dec)
		l->dec->gap(&l->ctx, gap);
}

void dfl_decode_end(struct dfl_decode *d, struct dfl_conn *conn, enum dfl_dir dir,
		    enum dfl_layer layer, uint64_t ts_ns)
{
	struct state *st = conn->decode;

	for (struct substream *l = st ? st->substreams : NULL; l; l = l->next) {
		const struct dfl_chunk from = dfl_empty_chunk(&l->ctx, dir, ts_ns);

		if (l->ctx.layer != layer)
			continue;
		if (l->side[dir].n_held)
			release_held(l, dir, &from);
		dfl_close_view(&l->ctx, &l->side[dir].raw);
		if (l->dec && l->dec->end)
			l->dec->end(&l->ctx, dir, ts_ns);
	}
}

void dfl_decode_close(struct dfl_decode *d, struct dfl_conn *conn, uint64_t ts_ns)
{
	if (!conn->decode)
		return;
	drop_state(d, conn->decode, ts_ns);
	conn->decode = NULL;
}
