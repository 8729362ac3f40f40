// SPDX-License-Identifier: Apache-2.0
/* What each request saw of each connection: bytes scanned, unread and missed while it was open. */
#include "trace/request_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- marks ---- */

/* No request below that number needs a mark. */
static uint64_t oldest_needed(const struct dfl_trace *t)
{
	return t->unsettled ? t->unsettled->number : t->last_request + 1;
}

static void unmark(struct dfl_trace *t, struct tconn *tc)
{
	DL_DELETE2(t->marked, tc, marked_prev, marked_next);
	t->n_marked--;
	free(tc->marks);
	tc->marks = NULL;
	tc->n_marks = tc->cap_marks = 0;
	dfl_tconn_unref(tc);
}

void dfl_request_conns_prune(struct dfl_trace *t)
{
	uint64_t oldest = oldest_needed(t);

	while (t->marked && t->marked->newest_request < oldest)
		unmark(t, t->marked);
}

/* All requests after that number may miss a connection. */
static void cap_after(struct dfl_trace *t, uint64_t number)
{
	struct request *r;

	t->stats.capped_conns++;
	DL_FOREACH2(t->unsettled, r, state_next)
	if (r->number > number)
		dfl_request_cap(r);
}

/* Makes room for one more mark: those that no request needs go first. */
static int reserve(struct dfl_trace *t, struct tconn *tc)
{
	uint64_t oldest = oldest_needed(t);
	struct conn_mark *marks;
	unsigned n = 0, cap;

	if (tc->n_marks < tc->cap_marks)
		return 0;
	while (n < tc->n_marks && tc->marks[n].newest_request < oldest)
		n++;
	if (n) {
		tc->n_marks -= n;
		memmove(tc->marks, tc->marks + n, tc->n_marks * sizeof(*tc->marks));
		return 0;
	}
	cap = tc->cap_marks ? 2 * tc->cap_marks : 2;
	marks = reallocarray(tc->marks, cap, sizeof(*marks));
	if (!marks)
		return -ENOMEM;
	tc->marks = marks;
	tc->cap_marks = cap;
	return 0;
}

/* The list is in the order of the newest marks. */
static void enlist(struct dfl_trace *t, struct tconn *tc)
{
	if (tc->n_marks) {
		DL_DELETE2(t->marked, tc, marked_prev, marked_next);
	} else {
		dfl_tconn_ref(tc);
		t->n_marked++;
	}
	DL_APPEND2(t->marked, tc, marked_prev, marked_next);
}

void dfl_request_conns_touch(struct dfl_trace *t, struct tconn *tc)
{
	if (tc->newest_request >= t->last_request)
		return;
	if (!t->unsettled || t->unsettled->state_prev->number <= tc->newest_request) {
		/* no open request is new to it */
	} else if (!tc->n_marks && t->n_marked >= MAX_CONNS_MARKED) {
		cap_after(t, tc->newest_request);
	} else if (reserve(t, tc)) {
		cap_after(t, tc->newest_request);
	} else {
		enlist(t, tc);
		tc->marks[tc->n_marks++] = (struct conn_mark){ t->last_request, tc->bytes };
	}
	tc->newest_request = t->last_request;
}

/* The counters at the first use after the request began; NULL: it was not used since. */
static const struct conn_bytes *mark_of(const struct tconn *tc, const struct request *r)
{
	unsigned lo = 0, hi = tc->n_marks;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (tc->marks[mid].newest_request >= r->number)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < tc->n_marks ? &tc->marks[lo].before : NULL;
}

/* ---- connections on which something of the request was ---- */

static struct request_conn *find(const struct request *r, const struct tconn *tc)
{
	struct request_conn *rc;

	HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
	return rc;
}

/* It was one of the others until now. */
static void take_other(struct request *r, struct request_conn *rc)
{
	for (size_t i = 0; i < r->n_others; i++) {
		if (r->others[i].tc != rc->tc)
			continue;
		memset(&rc->before, 0, sizeof(rc->before));
		rc->after = r->others[i].bytes;
		rc->frozen = true;
		r->others[i] = r->others[--r->n_others];
		dfl_tconn_unref(rc->tc);
		return;
	}
}

/* The counters of a file begin at 0, because it is listed only when text was found in it. */
static struct request_conn *add(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	const struct conn_bytes *mark = r->settled ? NULL : mark_of(tc, r);
	struct request_conn *rc;

	if (HASH_COUNT(r->conns) >= MAX_CONNS_PER_REQUEST) {
		t->stats.capped_conns++;
		r->capped = true;
		return NULL;
	}
	rc = calloc(1, sizeof(*rc));
	if (rc) {
		rc->tc = tc;
		HASH_ADD(hh, r->conns, tc, sizeof(rc->tc), rc);
	}
	if (!rc || !DFL_HASHED(hh, rc)) {
		r->capped = true;
		free(rc);
		return NULL;
	}
	dfl_tconn_ref(tc);
	if (mark)
		rc->before = *mark;
	else if (tc->medium != DFL_FILE)
		rc->before = tc->bytes;
	take_other(r, rc);
	return rc;
}

struct request_conn *dfl_request_conn_get(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	return find(r, tc) ?: add(t, r, tc);
}

/* ---- all connections ---- */

uint64_t dfl_conn_bytes_unread(const struct conn_bytes *n)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_UNREAD; i++)
		sum += n->unread[i];
	return sum;
}

static struct conn_bytes difference(const struct conn_bytes *after, const struct conn_bytes *before)
{
	struct conn_bytes n = *after;

	n.scanned -= before->scanned;
	n.gap -= before->gap;
	for (int i = 0; i < 2; i++)
		n.tls_room[i] -= before->tls_room[i];
	/* The bytes of a handshake are taken back: there can be less than at the start. */
	for (int i = 0; i < N_UNREAD; i++)
		n.unread[i] -= before->unread[i] < n.unread[i] ? before->unread[i] : n.unread[i];
	return n;
}

/*
 * Need a connection be listed on which nothing of the request was? What nobody could read may have
 * been this request's, whatever else was on it.
 */
static bool is_of_interest(const struct tconn *tc, const struct conn_bytes *n)
{
	return n->unread[UNREAD_OPAQUE] ||
	       (!tc->carried_text && (n->scanned || n->gap || dfl_conn_bytes_unread(n)));
}

/* Parts that are added one by one. */
struct parts {
	struct conn_part *at;
	size_t n, cap;
};

static int add_part(struct parts *p, const struct conn_part *part)
{
	size_t cap = p->cap ? 2 * p->cap : 32;
	struct conn_part *at;

	if (p->n == p->cap) {
		at = reallocarray(p->at, cap, sizeof(*at));
		if (!at)
			return -ENOMEM;
		p->at = at;
		p->cap = cap;
	}
	p->at[p->n++] = *part;
	return 0;
}

/* Those on which something of it was. */
static int add_mine(const struct request *r, struct parts *p)
{
	for (const struct request_conn *rc = r->conns; rc; rc = rc->hh.next) {
		const struct conn_part part = {
			.tc = rc->tc,
			.bytes = difference(rc->frozen ? &rc->after : &rc->tc->bytes, &rc->before),
			.mine = rc->mine,
			.has_text = rc->has_text,
		};

		if (add_part(p, &part))
			return -ENOMEM;
	}
	return 0;
}

/* The others that were used since the request began. It is not settled. */
static int add_marked(struct request *r, struct parts *p)
{
	struct tconn *newest = r->trace->marked ? r->trace->marked->marked_prev : NULL, *tc;

	for (tc = newest; tc && tc->newest_request >= r->number;
	     tc = tc == r->trace->marked ? NULL : tc->marked_prev) {
		const struct conn_bytes *mark = mark_of(tc, r);
		struct conn_part part = { .tc = tc };

		if (!mark)
			continue;
		part.bytes = difference(&tc->bytes, mark);
		if (!is_of_interest(tc, &part.bytes) || find(r, tc))
			continue;
		if (p->n >= MAX_CONNS_PER_REQUEST) {
			r->trace->stats.capped_conns++;
			r->capped = true;
			return 0;
		}
		if (add_part(p, &part))
			return -ENOMEM;
	}
	return 0;
}

int dfl_request_conns_list(struct request *r, struct conn_part **ret_parts, size_t *ret_n)
{
	struct parts p = { 0 };
	int err = add_mine(r, &p);

	if (!err && !r->settled)
		err = add_marked(r, &p);
	for (size_t i = 0; i < r->n_others && !err; i++)
		if (is_of_interest(r->others[i].tc, &r->others[i].bytes))
			err = add_part(&p, &r->others[i]);
	if (err) {
		free(p.at);
		return err;
	}
	*ret_parts = p.at;
	*ret_n = p.n;
	return 0;
}

void dfl_request_conns_freeze(struct request *r)
{
	struct request_conn *rc, *next;
	struct parts p = { 0 };

	HASH_ITER(hh, r->conns, rc, next)
	{
		rc->after = rc->tc->bytes;
		rc->frozen = true;
	}
	if (add_marked(r, &p))
		r->capped = true;
	for (size_t i = 0; i < p.n; i++)
		dfl_tconn_ref(p.at[i].tc);
	r->others = p.n ? reallocarray(p.at, p.n, sizeof(*p.at)) : NULL; /* no more than it has */
	r->others = r->others ?: p.at;
	r->n_others = p.n;
}

void dfl_request_conns_free(struct request *r)
{
	struct request_conn *rc, *next;

	HASH_ITER(hh, r->conns, rc, next)
	{
		HASH_DEL(r->conns, rc);
		dfl_tconn_unref(rc->tc);
		free(rc);
	}
	for (size_t i = 0; i < r->n_others; i++)
		dfl_tconn_unref(r->others[i].tc);
	free(r->others);
}

void dfl_request_conns_limited(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;

	DL_FOREACH2(t->unsettled, r, state_next)
	if (mark_of(tc, r) || find(r, tc))
		dfl_request_cap(r);
}
