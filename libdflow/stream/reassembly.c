// SPDX-License-Identifier: Apache-2.0
/* Puts the pieces of one stream in order, drops what comes twice, says where bytes are missing. */
#include "stream/reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define FIRST_ROOM 8   /* pieces */
#define KEPT_ROOM 1024 /* a larger heap is given back when it is empty */

struct dfl_reasm_piece {
	uint64_t pos;
	uint32_t len;	 /* bytes of the stream that it stands for */
	uint32_t copied; /* bytes in data: the first ones of len */
	uint32_t pid;
	uint16_t flags; /* enum dfl_data_flags */
	uint64_t ts_ns;
	struct dfl_addr peer;
	uint8_t data[];
};

static void emit_gap(struct dfl_reasm *r, uint64_t len, bool unread, uint64_t ts_ns)
{
	struct dfl_reasm_shared *s = r->shared;
	struct dfl_gap gap = {
		.dir = r->dir,
		.layer = r->layer,
		.ssl = r->ssl,
		.pos = r->next,
		.len = len,
		.unread = unread,
		.ts_ns = ts_ns,
	};

	if (unread && r->layer == DFL_WIRE)
		r->conn->unread_bytes[r->dir] += len;
	if (len && !unread) {
		s->gaps++;
		s->gap_bytes += len;
	}
	s->sink.gap(s->sink.ud, r->conn, &gap);
	r->next += len;
}

static void emit_data(struct dfl_reasm *r, const struct dfl_reasm_piece *p, const uint8_t *data,
		      uint32_t len, bool first)
{
	struct dfl_reasm_shared *s = r->shared;
	struct dfl_chunk chunk = {
		.dir = r->dir,
		.layer = r->layer,
		.ssl = r->ssl,
		.pos = r->next,
		.data = data,
		.len = len,
		.call_start = first && (p->flags & DFL_DATA_FIRST),
		.dgram = p->flags & DFL_DATA_DGRAM,
		.pid = p->pid,
		.peer = p->peer,
		.ts_ns = p->ts_ns,
	};

	r->next += len;
	s->sink.data(s->sink.ud, r->conn, &chunk);
}

/* Delivers the piece, whose first byte is at r->next or before it. */
static void deliver(struct dfl_reasm *r, const struct dfl_reasm_piece *p, const uint8_t *data)
{
	uint64_t skip = r->next - p->pos;
	uint32_t have, missing;

	if (skip >= p->len)
		return;
	r->conn->last_ns = p->ts_ns;
	if (r->layer == DFL_WIRE)
		r->conn->wire_bytes[r->dir] += p->len - skip;
	if (p->flags & DFL_DATA_COVERED) {
		r->next += p->len - skip;
		return;
	}
	have = skip < p->copied ? p->copied - skip : 0;
	missing = p->len - skip - have;
	if (have)
		emit_data(r, p, data + skip, have, skip == 0);
	if (missing)
		emit_gap(r, missing, p->flags & DFL_DATA_UNREAD, p->ts_ns);
}

/* ---- what is held back ---- */

static uint64_t cost_of(const struct dfl_reasm_piece *p)
{
	return sizeof(*p) + p->copied;
}

/* Of two pieces at one position, the one with more bytes. */
static bool goes_first(const struct dfl_reasm_piece *a, const struct dfl_reasm_piece *b)
{
	return a->pos != b->pos ? a->pos < b->pos : a->copied > b->copied;
}

static void sift_up(struct dfl_reasm *r, uint32_t i)
{
	struct dfl_reasm_piece *p = r->held[i];

	for (; i && goes_first(p, r->held[(i - 1) / 2]); i = (i - 1) / 2)
		r->held[i] = r->held[(i - 1) / 2];
	r->held[i] = p;
}

static void sift_down(struct dfl_reasm *r, struct dfl_reasm_piece *p)
{
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < r->n_held) {
		if (child + 1 < r->n_held && goes_first(r->held[child + 1], r->held[child]))
			child++;
		if (!goes_first(r->held[child], p))
			break;
		r->held[i] = r->held[child];
		i = child;
	}
	r->held[i] = p;
}

static int make_room(struct dfl_reasm *r)
{
	uint32_t room = r->held_room ? 2 * r->held_room : FIRST_ROOM;
	struct dfl_reasm_piece **held;

	if (r->n_held < r->held_room)
		return 0;
	held = reallocarray(r->held, room, sizeof(*held));
	if (!held)
		return -ENOMEM;
	r->held = held;
	r->held_room = room;
	return 0;
}

static struct dfl_reasm_piece *first_held(const struct dfl_reasm *r)
{
	return r->n_held ? r->held[0] : NULL;
}

/* Takes the first held piece out of the heap. Free it with drop(). */
static struct dfl_reasm_piece *unhold(struct dfl_reasm *r)
{
	struct dfl_reasm_piece *p = r->held[0];

	r->n_held--;
	if (r->n_held) {
		sift_down(r, r->held[r->n_held]);
	} else if (r->held_room > KEPT_ROOM) {
		free(r->held);
		r->held = NULL;
		r->held_room = 0;
	}
	r->held_bytes -= p->copied;
	r->shared->pending_bytes -= cost_of(p);
	return p;
}

static void drop(struct dfl_reasm_piece *p)
{
	explicit_bzero(p->data, p->copied);
	free(p);
}

static struct dfl_reasm **queue_of(struct dfl_reasm *r)
{
	return r->kind == DFL_REASM_ARRIVAL ? &r->shared->pipes : &r->shared->holes;
}

static void stop_waiting(struct dfl_reasm *r)
{
	if (r->waiting)
		DL_DELETE2(*queue_of(r), r, prev_waiting, next_waiting);
	r->waiting = false;
}

/*
 * It waits since `since_ns`, and stands at the end of its queue. Of holes that were already there
 * when the one before them closed, since_ns lies back by at most the limit; the queue gives them up
 * late by as much at most.
 */
static void wait_anew(struct dfl_reasm *r, uint64_t since_ns)
{
	stop_waiting(r);
	r->waiting = true;
	r->since_ns = since_ns;
	DL_APPEND2(*queue_of(r), r, prev_waiting, next_waiting);
}

static int hold(struct dfl_reasm *r, const struct dfl_reasm_piece *head, const uint8_t *data)
{
	struct dfl_reasm_piece *p = make_room(r) ? NULL : malloc(sizeof(*p) + head->copied);

	if (!p)
		return -ENOMEM;
	*p = *head;
	if (head->copied) /* data may be NULL: a piece without bytes */
		memcpy(p->data, data, head->copied);
	if (r->kind == DFL_REASM_ARRIVAL)
		p->pos = r->arrivals++;
	r->held[r->n_held++] = p;
	sift_up(r, r->n_held - 1);
	r->held_bytes += p->copied;
	r->shared->pending_bytes += cost_of(p);
	if (!r->waiting)
		wait_anew(r, p->ts_ns);
	return 0;
}

/* Delivers what follows without a hole. The next hole is there since the piece behind it came. */
static void drain(struct dfl_reasm *r)
{
	struct dfl_reasm_piece *p;
	bool moved = false;

	while ((p = first_held(r)) && p->pos <= r->next) {
		unhold(r);
		deliver(r, p, p->data);
		drop(p);
		moved = true;
	}
	if (!p)
		stop_waiting(r);
	else if (moved)
		wait_anew(r, p->ts_ns);
}

/* The hole before the first held piece will not be filled. */
static void give_up_hole(struct dfl_reasm *r, uint64_t now_ns)
{
	const struct dfl_reasm_piece *p = first_held(r);

	if (p && p->pos > r->next)
		emit_gap(r, p->pos - r->next, false, now_ns);
	drain(r);
}

static void deliver_here(struct dfl_reasm *r, struct dfl_reasm_piece *p, const uint8_t *data)
{
	p->pos = r->next;
	deliver(r, p, data);
}

/* Whose report counts is decided: what the writer said is delivered, or dropped. */
static void choose(struct dfl_reasm *r, enum dfl_reasm_choice choice)
{
	struct dfl_reasm_piece *p;

	r->choice = choice;
	while (first_held(r)) {
		p = unhold(r);
		if (choice == DFL_REASM_BY_WRITER)
			deliver_here(r, p, p->data);
		drop(p);
	}
	stop_waiting(r);
}

/*
 * Keeps the whole within its limit: those that wait longest give up first. Each turn frees a piece
 * at least.
 */
static void shed(struct dfl_reasm_shared *s, uint64_t now_ns)
{
	while (s->pending_bytes > s->pending_max_bytes && (s->holes || s->pipes)) {
		s->hurried_holes++;
		if (s->holes)
			give_up_hole(s->holes, now_ns);
		else
			choose(s->pipes, DFL_REASM_BY_WRITER);
	}
}

/* ---- pieces as they come ---- */

static void note_repeated(struct dfl_reasm *r, const struct dfl_reasm_piece *p, bool alone)
{
	uint64_t end = p->pos + p->len, twice = (end < r->next ? end : r->next) - p->pos;

	if (alone && !r->conn->tap) {
		/*
		 * The one end that is seen reports bytes twice: two callers raced, neither can be
		 * trusted. (On a tap it is a retransmission.)
		 */
		r->shared->disagree_bytes += twice;
		emit_gap(r, 0, false, p->ts_ns);
	} else {
		r->shared->overlap_bytes += twice;
	}
}

static int feed_ordered(struct dfl_reasm *r, struct dfl_reasm_piece *p, const uint8_t *data,
			bool alone)
{
	int ret;

	if (p->pos > r->next) {
		ret = hold(r, p, data);
		shed(r->shared, p->ts_ns);
		return ret;
	}
	if (p->pos < r->next)
		note_repeated(r, p, alone);
	if (p->pos + p->len <= r->next)
		return 0;
	if (p->copied == p->len || alone || (p->flags & (DFL_DATA_COVERED | DFL_DATA_UNREAD))) {
		deliver(r, p, data);
		drain(r);
	} else if (r->next - p->pos < p->copied) {
		/* What was copied now; the rest may still come from the other end. */
		p->len = p->copied;
		deliver(r, p, data);
		drain(r);
	}
	return 0;
}

static int feed_file(struct dfl_reasm *r, struct dfl_reasm_piece *p, const uint8_t *data)
{
	if (p->pos != r->next) {
		emit_gap(r, 0, false, p->ts_ns);
		r->next = p->pos;
	}
	deliver(r, p, data);
	return 0;
}

static int feed_arrival(struct dfl_reasm *r, struct dfl_reasm_piece *p, const uint8_t *data,
			enum dfl_reasm_choice reporter)
{
	bool is_full = r->held_bytes + p->copied > DFL_REASM_PIPE_MAX_BYTES;
	int ret;

	if (r->choice == DFL_REASM_UNDECIDED && (reporter == DFL_REASM_BY_READER || is_full))
		choose(r, reporter);
	if (r->choice == DFL_REASM_UNDECIDED) {
		ret = hold(r, p, data);
		shed(r->shared, p->ts_ns);
		return ret;
	}
	if (r->choice == reporter)
		deliver_here(r, p, data);
	return 0;
}

static int feed_dgram(struct dfl_reasm *r, struct dfl_reasm_piece *p, const uint8_t *data,
		      enum dfl_reasm_choice reporter)
{
	if (r->choice == DFL_REASM_UNDECIDED)
		r->choice = reporter;
	if (r->choice == reporter)
		deliver_here(r, p, data);
	return 0;
}

/*
 * The position of what the kernel said. A TCP sequence number is 32 bits of it: of all positions
 * with these bits, the one nearest to r->next is meant.
 */
static uint64_t unroll(struct dfl_reasm *r, const struct dfl_ev_data *ev)
{
	int64_t pos;

	if (r->kind != DFL_REASM_SEQ32)
		return ev->pos;
	if (!r->started)
		r->base = ev->pos;
	pos = (int64_t)r->next + (int32_t)((uint32_t)ev->pos - (uint32_t)(r->base + r->next));
	return pos < 0 ? 0 : pos;
}

static void start(struct dfl_reasm *r, uint64_t pos)
{
	if (r->layer == DFL_WIRE && !pos && (r->started || r->kind != DFL_REASM_SEQ32))
		r->conn->from_start = true;
	if (!r->started && r->kind != DFL_REASM_ARRIVAL && r->kind != DFL_REASM_DGRAM)
		r->next = pos;
	r->started = true;
}

int dfl_reasm_feed(struct dfl_reasm *r, const struct dfl_reasm_input *in)
{
	const struct dfl_ev_data *ev = in->ev;
	struct dfl_reasm_piece p = {
		.pos = unroll(r, ev),
		.len = ev->len,
		.copied = ev->copied,
		.pid = ev->pid,
		.flags = ev->flags,
		.ts_ns = in->ts_ns,
		.peer = ev->peer,
	};
	enum dfl_reasm_choice reporter = in->from_writer ? DFL_REASM_BY_WRITER :
							   DFL_REASM_BY_READER;

	start(r, p.pos);
	switch (r->kind) {
	case DFL_REASM_SEQ32:
	case DFL_REASM_COUNT:
		return feed_ordered(r, &p, ev->data, in->alone);
	case DFL_REASM_FILE:
		return feed_file(r, &p, ev->data);
	case DFL_REASM_ARRIVAL:
		return feed_arrival(r, &p, ev->data, reporter);
	case DFL_REASM_DGRAM:
		return feed_dgram(r, &p, ev->data, reporter);
	}
	return 0;
}

static bool is_over(const struct dfl_reasm *r, uint64_t limit_ns, uint64_t now_ns)
{
	return now_ns > r->since_ns && now_ns - r->since_ns >= limit_ns;
}

void dfl_reasm_expire(struct dfl_reasm_shared *s, uint64_t now_ns)
{
	/* Both stand in the order in which they began to wait, so the rest is younger. */
	while (s->holes && is_over(s->holes, s->reorder_ns, now_ns))
		give_up_hole(s->holes, now_ns);
	while (s->pipes && is_over(s->pipes, s->pipe_hold_ns, now_ns))
		choose(s->pipes, DFL_REASM_BY_WRITER);
}

void dfl_reasm_flush(struct dfl_reasm *r, uint64_t now_ns)
{
	if (r->kind == DFL_REASM_ARRIVAL && r->choice == DFL_REASM_UNDECIDED)
		choose(r, DFL_REASM_BY_WRITER);
	while (r->n_held)
		give_up_hole(r, now_ns);
}

void dfl_reasm_init(struct dfl_reasm *r, struct dfl_reasm_shared *shared, struct dfl_conn *conn,
		    enum dfl_reasm_kind kind)
{
	*r = (struct dfl_reasm){ .shared = shared, .conn = conn, .kind = kind };
}

void dfl_reasm_set_base(struct dfl_reasm *r, uint32_t seq)
{
	r->base = seq;
	r->started = true;
}

void dfl_reasm_fini(struct dfl_reasm *r)
{
	while (r->n_held)
		drop(unhold(r));
	stop_waiting(r);
	free(r->held);
}
