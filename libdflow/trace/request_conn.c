// SPDX-License-Identifier: Apache-2.0
/* What each request saw of each connection: bytes scanned, unread and missed while it was open. */
#include "trace/state.h"

#include <stdlib.h>

static struct rconn *add(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	struct rconn *rc;

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
	if (tc->medium != DFL_FILE) {
		rc->scanned0 = tc->scanned;
		rc->unread0 = tc->unread;
		rc->gap0 = tc->gap_bytes;
	}
	return rc;
}

struct rconn *dfl_request_conn(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	struct rconn *rc;

	HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
	return rc ? rc : add(t, r, tc);
}

/*
 * Requests are in the order of their numbers, so only the ones since the last touch are new to it.
 * Files are told when text was found in them: programs read too many to list those without.
 */
void dfl_conn_touch(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;

	if (tc->medium == DFL_FILE || !t->requests || tc->seen_request >= t->requests->prev->number)
		return;
	for (r = t->requests->prev; r->number > tc->seen_request; r = r->prev) {
		if (!r->settled)
			dfl_request_conn(t, r, tc);
		if (r == t->requests)
			break;
	}
	tc->seen_request = t->requests->prev->number;
}

void dfl_rconn_now(const struct rconn *rc, uint64_t *ret_scanned, uint64_t *ret_unread,
		   uint64_t *ret_gap)
{
	uint64_t unread = rc->closed ? rc->unread : rc->tc->unread;

	*ret_scanned = (rc->closed ? rc->scanned : rc->tc->scanned) - rc->scanned0;
	*ret_unread = unread > rc->unread0 ? unread - rc->unread0 : 0; /* a handshake is taken back
									*/
	*ret_gap = (rc->closed ? rc->gap : rc->tc->gap_bytes) - rc->gap0;
}

/* Freezes the counters: the request is settled. */
void dfl_request_conns_freeze(struct request *r)
{
	struct rconn *rc, *next;

	HASH_ITER(hh, r->conns, rc, next)
	{
		rc->scanned = rc->tc->scanned;
		rc->unread = rc->tc->unread;
		rc->gap = rc->tc->gap_bytes;
		rc->closed = true;
	}
}

void dfl_request_conns_free(struct dfl_trace *t, struct request *r)
{
	struct rconn *rc, *next;

	HASH_ITER(hh, r->conns, rc, next)
	{
		HASH_DEL(r->conns, rc);
		dfl_tconn_unref(t, rc->tc);
		free(rc);
	}
}
