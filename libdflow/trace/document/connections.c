// SPDX-License-Identifier: Apache-2.0
/* Which connections a trace document lists, and which of them share an entry. */
#include "trace/document/connections.h"

#include <stdlib.h>
#include <string.h>

static bool takes_part(struct build *b, const struct tconn *tc)
{
	dfl_part_pids(b);
	for (size_t i = 0; i < b->n_pids; i++)
		if (tc->end[0].pid == b->pids[i] || tc->end[1].pid == b->pids[i])
			return true;
	return tc->tap;
}

/*
 * Is the connection listed? Yes if text or an id of the request was on it. Yes if a process at one
 * of its hops used it meanwhile, unless it carried text of other requests only.
 */
static bool is_of_request(struct build *b, const struct conn_part *part)
{
	return part->mine || takes_part(b, part->tc);
}

/* Those with text first, then in the order of their begin: so their numbers need no list. */
static int by_conn(const void *a, const void *b)
{
	const struct conn_part *x = a, *y = b;

	if (x->has_text != y->has_text)
		return x->has_text ? -1 : 1;
	return x->tc->id < y->tc->id ? -1 : x->tc->id > y->tc->id;
}

uint32_t dfl_connections_number(const struct request *r, const struct tconn *tc)
{
	const struct request_conn *rc;
	uint32_t n = 0;
	bool found = false;

	for (rc = r->conns; rc; rc = rc->hh.next) {
		if (!rc->has_text || rc->tc->id > tc->id)
			continue;
		n++;
		found |= rc->tc == tc;
	}
	return found ? n : 0;
}

static struct end_question question(const struct tconn *tc, enum dfl_end end)
{
	return (struct end_question){ .tc = tc, .end = end, .pid = tc->end[end].pid };
}

/* What tells one end from others; the port counts at the server only, clients change theirs. */
static bool is_same_end(struct build *b, const struct tconn *x, const struct tconn *y,
			enum dfl_end end)
{
	const struct dfl_addr *ax = &x->end[end].addr, *ay = &y->end[end].addr;
	struct end_question qx = question(x, end), qy = question(y, end);
	const char *nx, *ny, *evidence;

	if (qx.pid != qy.pid || ax->family != ay->family ||
	    (end == DFL_SERVER && ax->port != ay->port))
		return false;
	if (dfl_end_station(b->t, &qx).station != dfl_end_station(b->t, &qy).station)
		return false;
	if (qx.pid)
		return true; /* the process says who it is, whatever its address */
	nx = dfl_tconn_name(b->t, x, end, &evidence);
	ny = dfl_tconn_name(b->t, y, end, &evidence);
	if (nx && ny)
		return !strcmp(nx, ny);
	return !nx && !ny && !memcmp(ax->ip, ay->ip, sizeof(ax->ip));
}

static bool share_entry(struct build *b, const struct conn_part *x, const struct conn_part *y)
{
	const struct tconn *tx = x->tc, *ty = y->tc;

	return tx->medium == ty->medium && tx->encrypted == ty->encrypted &&
	       is_same_end(b, tx, ty, DFL_SERVER) && is_same_end(b, tx, ty, DFL_CLIENT);
}

/* The entry that the connection shares; else a new one. */
static struct conn_entry *entry_of(struct build *b, const struct conn_part *part)
{
	for (size_t i = b->n_entries; !part->has_text && i--;)
		if (!b->entries[i].first->has_text && share_entry(b, b->entries[i].first, part))
			return &b->entries[i];
	b->entries[b->n_entries] = (struct conn_entry){ .first = part };
	return &b->entries[b->n_entries++];
}

static void add_bytes(struct conn_bytes *sum, const struct conn_bytes *n)
{
	sum->scanned += n->scanned;
	sum->gap += n->gap;
	for (int i = 0; i < N_UNREAD; i++)
		sum->unread[i] += n->unread[i];
}

/*
 * The least plaintext that could hold a text of the request as evidence: what opacity.h takes for
 * too short even when it is compressed, or most of a shorter text.
 */
static uint64_t least_evidence(const struct request *r)
{
	uint64_t least = DFL_OPACITY_SHORT, n;
	const struct dfl_src *s;

	for (s = r->sources; s; s = s->next) {
		n = dfl_match_source_canon_bytes(s->match) * FULL_PERCENT / 100;
		if (dfl_match_source_canon_bytes(s->match) && n < least)
			least = n;
	}
	return least;
}

/*
 * Is the connection idle for the request: all that could not be read of it is ciphertext too short
 * to hold text? So are keep-alives.
 */
static bool is_idle(const struct build *b, const struct conn_part *part)
{
	const struct conn_bytes *n = &part->bytes;
	uint64_t least = least_evidence(b->r);

	return n->unread[UNREAD_TLS] && n->unread[UNREAD_TLS] == dfl_conn_bytes_unread(n) &&
	       !part->has_text && n->tls_room[0] < least && n->tls_room[1] < least;
}

void dfl_connections_find(struct build *b)
{
	size_t all = 0;

	if (dfl_request_conns_list(b->r, &b->conns, &all))
		b->failed = true;
	b->entries = dfl_part_array(b, all, sizeof(*b->entries));
	if (!b->entries)
		return;
	for (size_t i = 0; i < all; i++)
		if (is_of_request(b, &b->conns[i]))
			b->conns[b->n_conns++] = b->conns[i];
	qsort(b->conns, b->n_conns, sizeof(*b->conns), by_conn);
	for (size_t i = 0; i < b->n_conns; i++) {
		struct conn_entry *e = entry_of(b, &b->conns[i]);

		e->count++;
		if (is_idle(b, &b->conns[i]))
			e->idle += b->conns[i].bytes.unread[UNREAD_TLS];
		add_bytes(&e->bytes, &b->conns[i].bytes);
	}
}

static void build_entry(struct build *b, const struct conn_entry *e, struct dfl_doc_conn *d)
{
	const struct tconn *tc = e->first->tc;
	struct end_question from = question(tc, DFL_CLIENT), to = question(tc, DFL_SERVER);
	bool is_first = true;

	for (size_t i = 0; i < b->n_hops; i++) {
		if (b->hops[i]->tc != tc)
			continue;
		d->bytes_matched += dfl_ranges_sum(&b->hops[i]->wire);
		if (!is_first)
			continue;
		/* an operation on it may have told who its ends are */
		from = dfl_part_question(b->hops[i], DFL_CLIENT);
		to = dfl_part_question(b->hops[i], DFL_SERVER);
		is_first = false;
	}
	dfl_part_endpoint(b, &from, &d->from);
	dfl_part_endpoint(b, &to, &d->to);
	d->medium = tc->medium;
	d->tls = tc->encrypted ? 1 : 0;
	d->bytes_scanned = e->bytes.scanned - e->bytes.unread[UNREAD_OPAQUE];
	d->bytes_unread = dfl_conn_bytes_unread(&e->bytes);
	d->count = e->count;
}

void dfl_connections_build(struct build *b)
{
	struct dfl_doc *doc = b->doc;

	doc->connections = dfl_part_array(b, b->n_entries, sizeof(*doc->connections));
	for (size_t i = 0; i < b->n_entries && !b->failed; i++) {
		doc->connections[i].connection = (uint32_t)i + 1;
		build_entry(b, &b->entries[i], &doc->connections[doc->n_connections++]);
	}
}
