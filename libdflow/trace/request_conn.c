// SPDX-License-Identifier: Apache-2.0
/* What each request saw of each connection: bytes scanned, unread and missed while it was open. */
#include "trace/request_conn.h"

#include <stdlib.h>
#include <utlist.h>

/* The counters of a file begin at 0, because it is listed only when text was found in it. */
static struct request_conn *add(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
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
	if (tc->medium != DFL_FILE)
		rc->before = tc->bytes;
	return rc;
}

struct request_conn *dfl_request_conn_get(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	struct request_conn *rc;

	HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
	return rc ? rc : add(t, r, tc);
}

/* The request was open before these bytes: they are in its account. */
static void enter(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	struct request_conn *rc;

	HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
	if (rc)
		return;
	rc = add(t, r, tc);
	if (rc)
		rc->before = tc->bytes;
}

/* Requests are in the order of their numbers, so only those since the last touch are new to it. */
void dfl_request_conns_touch(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;

	if (tc->newest_request >= t->last_request)
		return;
	for (r = t->unsettled ? t->unsettled->state_prev : NULL;
	     r && r->number > tc->newest_request; r = r == t->unsettled ? NULL : r->state_prev)
		enter(t, r, tc);
	tc->newest_request = t->last_request;
}

struct conn_bytes dfl_request_conn_bytes(const struct request_conn *rc)
{
	struct conn_bytes n = rc->frozen ? rc->after : rc->tc->bytes;

	n.scanned -= rc->before.scanned;
	n.gap -= rc->before.gap;
	/* The bytes of a handshake are taken back: there can be less than at the start. */
	for (int i = 0; i < N_UNREAD; i++)
		n.unread[i] -= rc->before.unread[i] < n.unread[i] ? rc->before.unread[i] :
								    n.unread[i];
	return n;
}

uint64_t dfl_conn_bytes_unread(const struct conn_bytes *n)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_UNREAD; i++)
		sum += n->unread[i];
	return sum;
}

void dfl_request_conns_freeze(struct request *r)
{
	struct request_conn *rc, *next;

	HASH_ITER(hh, r->conns, rc, next)
	{
		rc->after = rc->tc->bytes;
		rc->frozen = true;
	}
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
}

void dfl_request_conns_limited(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;
	struct request_conn *rc;

	DL_FOREACH2(t->unsettled, r, state_next)
	{
		HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
		if (rc)
			dfl_request_cap(r);
	}
}
