// SPDX-License-Identifier: Apache-2.0
/* Orders the pieces of one lane, drops what is seen twice, and says where bytes are missing. */
#include "stream/reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void emit_gap(struct lane *l, uint64_t len, bool unread, uint64_t ts_ns)
{
	struct dfl_stream *s = l->stream;
	struct dfl_gap gap = {
		.dir = l->dir,
		.layer = l->layer,
		.ssl = l->ssl,
		.pos = l->next,
		.len = len,
		.unread = unread,
		.ts_ns = ts_ns,
	};

	if (unread && l->layer == DFL_WIRE)
		l->conn->unread_bytes[l->dir] += len;
	if (len && !unread) {
		s->stats.gaps++;
		s->stats.gap_bytes += len;
	}
	s->sink.gap(s->sink.ud, l->conn, &gap);
	l->next += len;
}

static void emit_data(struct lane *l, const struct piece *p, const uint8_t *data, uint32_t len,
		      bool first)
{
	struct dfl_chunk chunk = {
		.dir = l->dir,
		.layer = l->layer,
		.ssl = l->ssl,
		.pos = l->next,
		.data = data,
		.len = len,
		.call_start = first && (p->flags & DFL_DATA_FIRST),
		.dgram = p->flags & DFL_DATA_DGRAM,
		.pid = p->pid,
		.peer = p->peer,
		.ts_ns = p->ts_ns,
	};

	l->next += len;
	l->stream->sink.data(l->stream->sink.ud, l->conn, &chunk);
}

/* Delivers the piece, whose first byte is at l->next or before it. */
static void deliver(struct lane *l, const struct piece *p, const uint8_t *data)
{
	uint64_t skip = l->next - p->pos;
	uint32_t have, missing;

	if (skip >= p->len)
		return;
	l->conn->last_ns = p->ts_ns;
	if (l->layer == DFL_WIRE)
		l->conn->wire_bytes[l->dir] += p->len - skip;
	if (p->flags & DFL_DATA_COVERED) {
		l->next += p->len - skip;
		return;
	}
	have = skip < p->copied ? p->copied - skip : 0;
	missing = p->len - skip - have;
	if (have)
		emit_data(l, p, data + skip, have, skip == 0);
	if (missing)
		emit_gap(l, missing, p->flags & DFL_DATA_UNREAD, p->ts_ns);
}

static void unhold(struct lane *l, struct piece *p)
{
	DL_DELETE(l->held, p);
	l->held_bytes -= p->copied;
	l->stream->stats.pending_bytes -= p->copied;
	explicit_bzero(p->data, p->copied);
	free(p);
}

static void set_waiting(struct lane *l, uint64_t ts_ns)
{
	if (l->waiting)
		return;
	l->waiting = true;
	l->hole_since_ns = ts_ns;
	DL_APPEND2(l->stream->waiting, l, prev_waiting, next_waiting);
}

static void stop_waiting(struct lane *l)
{
	if (!l->waiting)
		return;
	l->waiting = false;
	DL_DELETE2(l->stream->waiting, l, prev_waiting, next_waiting);
}

/* Delivers what follows without a hole. */
static void drain(struct lane *l, uint64_t now_ns)
{
	struct piece *p;

	while ((p = l->held) && p->pos <= l->next) {
		deliver(l, p, p->data);
		unhold(l, p);
		l->hole_since_ns = now_ns;
	}
	if (!l->held)
		stop_waiting(l);
}

static int by_pos(const struct piece *a, const struct piece *b)
{
	return (a->pos > b->pos) - (a->pos < b->pos);
}

static int hold(struct lane *l, const struct piece *head, const uint8_t *data)
{
	struct dfl_stream *s = l->stream;
	struct piece *p = malloc(sizeof(*p) + head->copied);

	if (!p)
		return -ENOMEM;
	*p = *head;
	memcpy(p->data, data, head->copied);
	if (l->kind == LANE_ARRIVAL)
		DL_APPEND(l->held, p);
	else
		DL_INSERT_INORDER(l->held, p, by_pos);
	l->held_bytes += p->copied;
	s->stats.pending_bytes += p->copied;
	set_waiting(l, head->ts_ns);
	return 0;
}

/* The hole before the first held piece will not be filled. */
static void give_up_hole(struct lane *l, uint64_t now_ns)
{
	if (l->held && l->held->pos > l->next)
		emit_gap(l, l->held->pos - l->next, false, now_ns);
	drain(l, now_ns);
}

static int feed_ordered(struct lane *l, struct piece *p, const uint8_t *data,
			const struct lane_input *in)
{
	struct dfl_stream *s = l->stream;
	uint64_t end = p->pos + p->len;

	if (p->pos < l->next && in->alone && !l->conn->tap) {
		/*
		 * The one end that is seen reports bytes twice: two callers raced, neither can be
		 * trusted. (On a tap it is a retransmission.)
		 */
		s->stats.disagree_bytes += (end < l->next ? end : l->next) - p->pos;
		emit_gap(l, 0, false, p->ts_ns);
	} else if (p->pos < l->next) {
		s->stats.overlap_bytes += (end < l->next ? end : l->next) - p->pos;
	}
	if (end <= l->next)
		return 0;
	if (p->pos <= l->next && (p->copied == p->len || in->alone ||
				  (p->flags & (DFL_DATA_COVERED | DFL_DATA_UNREAD)))) {
		deliver(l, p, data);
		drain(l, p->ts_ns);
		return 0;
	}
	if (p->pos <= l->next && l->next - p->pos < p->copied) {
		/* What was copied now; the rest may still come from the other end. */
		struct piece part = *p;

		part.len = p->copied;
		deliver(l, &part, data);
		return 0;
	}
	if (p->pos <= l->next)
		return 0;
	if (s->stats.pending_bytes > s->opts.pending_max_bytes)
		give_up_hole(l, p->ts_ns);
	return hold(l, p, data);
}

static int feed_file(struct lane *l, struct piece *p, const uint8_t *data)
{
	if (p->pos != l->next) {
		emit_gap(l, 0, false, p->ts_ns);
		l->next = p->pos;
	}
	deliver(l, p, data);
	return 0;
}

static void deliver_here(struct lane *l, struct piece *p, const uint8_t *data)
{
	p->pos = l->next;
	deliver(l, p, data);
}

static void release_arrivals(struct lane *l)
{
	struct piece *p;

	while ((p = l->held)) {
		if (l->choice == LANE_BY_WRITER)
			deliver_here(l, p, p->data);
		unhold(l, p);
	}
	stop_waiting(l);
}

static int feed_arrival(struct lane *l, struct piece *p, const uint8_t *data, bool from_writer)
{
	enum lane_choice mine = from_writer ? LANE_BY_WRITER : LANE_BY_READER;

	if (l->choice == LANE_UNDECIDED &&
	    (!from_writer || l->held_bytes + p->copied > LANE_HELD_MAX)) {
		l->choice = mine;
		release_arrivals(l);
	}
	if (l->choice == LANE_UNDECIDED)
		return hold(l, p, data);
	if (l->choice == mine)
		deliver_here(l, p, data);
	return 0;
}

/* Position in the lane of what the kernel said. */
static uint64_t unroll(struct lane *l, const struct dfl_ev_data *ev)
{
	int64_t pos;

	if (l->kind != LANE_SEQ32)
		return ev->pos;
	if (!l->started)
		l->base = ev->pos;
	pos = (int64_t)l->next + (int32_t)((uint32_t)ev->pos - (uint32_t)(l->base + l->next));
	return pos < 0 ? 0 : pos;
}

int dfl_reasm_feed(struct lane *l, const struct lane_input *in)
{
	const struct dfl_ev_data *ev = in->ev;
	struct piece p = {
		.pos = unroll(l, ev),
		.len = ev->len,
		.copied = ev->copied,
		.pid = ev->pid,
		.flags = ev->flags,
		.ts_ns = in->ts_ns,
		.peer = ev->peer,
	};

	if (l->layer == DFL_WIRE && !p.pos && (l->started || l->kind != LANE_SEQ32))
		l->conn->from_start = true;
	if (!l->started && l->kind != LANE_ARRIVAL && l->kind != LANE_DGRAM)
		l->next = p.pos;
	l->started = true;
	switch (l->kind) {
	case LANE_SEQ32:
	case LANE_COUNT:
		return feed_ordered(l, &p, ev->data, in);
	case LANE_FILE:
		return feed_file(l, &p, ev->data);
	case LANE_ARRIVAL:
		return feed_arrival(l, &p, ev->data, in->from_writer);
	case LANE_DGRAM:
		if (l->choice == LANE_UNDECIDED)
			l->choice = in->from_writer ? LANE_BY_WRITER : LANE_BY_READER;
		if (l->choice == (in->from_writer ? LANE_BY_WRITER : LANE_BY_READER))
			deliver_here(l, &p, ev->data);
		return 0;
	}
	return 0;
}

bool dfl_reasm_expire(struct lane *l, uint64_t now_ns)
{
	const struct dfl_stream_opts *o = &l->stream->opts;

	if (!l->waiting)
		return false;
	if (l->kind == LANE_ARRIVAL) {
		if (now_ns - l->hole_since_ns < o->pipe_hold_ns)
			return true;
		l->choice = LANE_BY_WRITER;
		release_arrivals(l);
		return false;
	}
	if (now_ns - l->hole_since_ns >= o->reorder_ns)
		give_up_hole(l, now_ns);
	return l->waiting;
}

void dfl_reasm_flush(struct lane *l, uint64_t now_ns)
{
	if (l->kind == LANE_ARRIVAL && l->choice == LANE_UNDECIDED) {
		l->choice = LANE_BY_WRITER;
		release_arrivals(l);
	}
	while (l->held)
		give_up_hole(l, now_ns);
}

void dfl_reasm_free(struct lane *l)
{
	while (l->held)
		unhold(l, l->held);
	stop_waiting(l);
	free(l);
}
