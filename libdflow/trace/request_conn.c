// SPDX-License-Identifier: Apache-2.0
/* What each request saw of each connection: bytes scanned, unread and missed while it was open. */
#include "trace/request_conn.h"

#include <stdlib.h>
#include <utlist.h>

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
	if (tc->medium != DFL_FILE) {
		rc->scanned0 = tc->scanned;
		rc->unread0 = tc->unread;
		rc->gap0 = tc->gap_bytes;
	}
	return rc;
}

struct request_conn *dfl_request_conn_get(struct dfl_trace *t, struct request *r, struct tconn *tc)
{
	struct request_conn *rc;

	HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
	return rc ? rc : add(t, r, tc);
}

/*
 * Requests are in the order of their numbers, so only the ones since the last touch are new to it.
 * Files are told when text was found in them: programs read too many to list those without.
 */
void dfl_request_conns_touch(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;

	if (tc->medium == DFL_FILE || !t->requests ||
	    tc->newest_request >= t->requests->prev->number)
		return;
	for (r = t->requests->prev; r->number > tc->newest_request; r = r->prev) {
		if (!r->settled)
			dfl_request_conn_get(t, r, tc);
		if (r == t->requests)
			break;
	}
	tc->newest_request = t->requests->prev->number;
}

struct conn_bytes dfl_request_conn_bytes(const struct request_conn *rc)
{
	uint64_t scanned = rc->frozen ? rc->scanned : rc->tc->scanned;
	uint64_t unread = rc->frozen ? rc->unread : rc->tc->unread;
	uint64_t gap = rc->frozen ? rc->gap : rc->tc->gap_bytes;

	return (struct conn_bytes){
		.scanned = scanned - rc->scanned0,
		/* the bytes of a handshake are taken back: it can be less than at the start */
		.unread = unread > rc->unread0 ? unread - rc->unread0 : 0,
		.gap = gap - rc->gap0,
	};
}

void dfl_request_conns_freeze(struct request *r)
{
	struct request_conn *rc, *next;

	HASH_ITER(hh, r->conns, rc, next)
	{
		rc->scanned = rc->tc->scanned;
		rc->unread = rc->tc->unread;
		rc->gap = rc->tc->gap_bytes;
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

	DL_FOREACH(t->requests, r)
	{
		HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
		if (rc && !r->settled)
			r->capped = r->dirty = true;
	}
}
