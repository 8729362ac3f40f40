// SPDX-License-Identifier: Apache-2.0
/* Hops: what was found of one field in one place of one operation, added up. */
#include "trace/hop.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/request_conn.h"
#include "trace/string.h"

/*
 * Do two runs stand on the same bytes of the stream? A body is one view, and what was joined from
 * it is another: a text that is found in both was there once. At least half of the longer one must
 * be common, because text that was joined from many deltas spans much more than one copy of it.
 */
static bool same_bytes(const struct hop_copy *c, const struct text_run *run)
{
	uint64_t lo = c->from > run->at.pos_from ? c->from : run->at.pos_from;
	uint64_t hi = c->to < run->at.pos_to ? c->to : run->at.pos_to;
	uint64_t a = c->to - c->from, b = run->at.pos_to - run->at.pos_from;

	return hi > lo && 2 * (hi - lo) >= (a > b ? a : b);
}

static void add_copy(struct hop *h, const struct text_run *run)
{
	struct hop_copy *copies;

	for (size_t i = 0; i < h->n_copies; i++)
		if (same_bytes(&h->copies[i], run))
			return;
	if (h->n_copies == MAX_COPIES)
		return;
	copies = reallocarray(h->copies, h->n_copies + 1, sizeof(*copies));
	if (!copies)
		return;
	h->copies = copies;
	copies[h->n_copies++] = (struct hop_copy){ run->at.pos_from, run->at.pos_to,
						   run->canon_to - run->canon_from };
}

/*
 * Adds up the copies, and divides by the text that was seen. Pieces much shorter than the longest
 * one are parts of a copy. Of fingerprints: how often each of them was found, on average. Both
 * rounded.
 */
uint32_t dfl_hop_occurrences(const struct hop *h)
{
	uint64_t seen = dfl_ranges_sum(&h->canon), sum = 0;
	uint32_t longest = 0;

	for (size_t i = 0; i < h->n_copies; i++)
		longest = h->copies[i].len > longest ? h->copies[i].len : longest;
	for (size_t i = 0; i < h->n_copies; i++)
		sum += 2 * h->copies[i].len >= longest ? h->copies[i].len : 0;
	if (h->n_prints)
		return (h->print_hits + h->distinct / 2) / h->distinct;
	return seen && sum > seen ? (sum + seen / 2) / seen : 1;
}

/* What the operation says of its ends may come after the hop was made. */
static void learn_from_op(struct hop *h, const struct dfl_op *op)
{
	for (int e = 0; e < 2; e++) {
		if (op->station[e] != DFL_ST_UNKNOWN) {
			h->station[e] = op->station[e];
			h->station_rule[e] = op->station_rule[e];
		}
		if (op->pid[e])
			h->pid[e] = op->pid[e];
	}
}

static void free_hop(struct dfl_trace *t, struct hop *h)
{
	dfl_deposits_free(t, &h->deposits);
	dfl_ranges_fini(&h->canon);
	dfl_ranges_fini(&h->raw);
	dfl_ranges_fini(&h->wire);
	free(h->candidates);
	free(h->copies);
	free(h->seen);
	dfl_tconn_unref(h->tc);
	free(h);
}

static struct hop *new_hop(struct dfl_trace *t, const struct hop_add *a, const struct hop_key *key)
{
	struct request *r = a->request;
	struct hop *h;

	if (HASH_COUNT(r->hops) >= MAX_HOPS_PER_REQUEST)
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	if (a->text.n_prints) {
		h->seen = calloc((a->text.n_prints + 7) / 8, 1);
		if (!h->seen) {
			free(h);
			return NULL;
		}
	}
	h->key = *key;
	h->tc = dfl_tconn_ref(a->op->tc);
	h->protocol = a->op->protocol;
	h->source = a->text.source;
	h->field = a->text.field;
	h->n_prints = a->text.n_prints;
	h->layer = a->layer;
	h->residency = a->residency;
	h->ttl_s = a->ttl_s;
	h->first_ns = UINT64_MAX;
	HASH_ADD(hh, r->hops, key, sizeof(h->key), h);
	if (!DFL_HASHED(hh, h)) {
		free_hop(t, h);
		return NULL;
	}
	h->seq = ++r->last_seq;
	t->stats.hops++;
	return h;
}

/*
 * Does the text stay where the operation takes it? Only what is asked with: an answer goes to who
 * asked. Memory is where programs have what they work on; but a store that is in memory keeps it.
 */
static bool is_deposit(const struct hop_add *a)
{
	return a->dir == a->op->dir && a->residency != DFL_TRANSIT &&
	       (a->residency != DFL_MEMORY || a->op->may_store);
}

static void add_deposit(struct dfl_trace *t, const struct hop_add *a, struct hop *h)
{
	struct dfl_op *op = a->op;
	const struct deposit_add d = {
		.request = a->request,
		.verdict = &op->verdict,
		.tc = h->tc,
		.protocol = op->protocol,
		.op = op->number,
		.place = a->place,
		.ts_ns = op->last_ns,
		.ttl_s = a->ttl_s,
	};

	h->deposits_cut |= !dfl_deposit_add(t, &d, &h->deposits);
}

struct hop *dfl_hop_get(struct dfl_trace *t, const struct hop_add *a, bool *ret_new)
{
	struct hop_key key;
	struct request_conn *rc;
	struct hop *h;

	memset(&key, 0, sizeof(key));
	key.tc = a->op->tc;
	key.operation = a->op->operation;
	key.place = a->place;
	key.text = a->text.number;
	key.dir = a->dir;
	key.ambiguous = a->ambiguous;
	if (a->history_of)
		memcpy(key.history_of, a->history_of, DFL_TRACE_ID_LEN);
	HASH_FIND(hh, a->request->hops, &key, sizeof(key), h);
	*ret_new = !h;
	if (!h)
		h = new_hop(t, a, &key);
	if (!h) {
		a->request->capped = true;
		return NULL;
	}
	learn_from_op(h, a->op);
	h->by_id |= a->by_id;
	if (a->ttl_s >= 0)
		h->ttl_s = a->ttl_s;
	h->text_canon = a->text.canon;
	if (is_deposit(a))
		add_deposit(t, a, h);
	rc = dfl_request_conn_get(t, a->request, h->tc);
	if (rc)
		rc->mine = rc->has_text = true;
	if (a->op->last_ns > a->request->last_ns)
		a->request->last_ns = a->op->last_ns;
	return h;
}

/* What both kinds of runs tell: where and when the bytes passed, and how they were spelled. */
static void add_place(struct hop *h, const struct run *r)
{
	dfl_ranges_add(&h->wire, r->pos_from, r->pos_to);
	h->encodings |= r->encodings;
	if (r->first_ns < h->first_ns)
		h->first_ns = r->first_ns;
	if (r->last_ns > h->last_ns)
		h->last_ns = r->last_ns;
}

void dfl_hop_add_run(struct hop *h, const struct text_run *run)
{
	add_copy(h, run);
	dfl_ranges_add(&h->canon, run->canon_from, run->canon_to);
	dfl_ranges_add(&h->raw, run->src_from, run->src_to);
	add_place(h, &run->at);
}

void dfl_hop_add_past(struct hop *h, const struct past_run *run)
{
	h->distinct = dfl_fingerprint_union(h->seen, run->seen, h->n_prints);
	h->print_hits += run->hits;
	add_place(h, &run->at);
}

void dfl_hop_candidate(struct dfl_trace *t, struct hop *h, const char *trace_id)
{
	char(*list)[DFL_TRACE_ID_LEN + 1];

	for (size_t i = 0; i < h->n_candidates; i++)
		if (!strcmp(h->candidates[i], trace_id))
			return;
	if (h->n_candidates >= MAX_CANDIDATES) {
		h->candidates_cut = true;
		t->stats.capped_candidates++;
		return;
	}
	list = reallocarray(h->candidates, h->n_candidates + 1, sizeof(*list));
	if (!list)
		return;
	h->candidates = list;
	memcpy(list[h->n_candidates++], trace_id, sizeof(*list));
}

void dfl_hops_drop(struct dfl_trace *t, struct request *r, const struct dfl_src *s)
{
	struct hop *h, *next;

	HASH_ITER(hh, r->hops, h, next)
	{
		if (h->key.text != s->number)
			continue;
		HASH_DEL(r->hops, h);
		free_hop(t, h);
	}
}

void dfl_hops_rename(struct request *r, const struct dfl_src *s)
{
	struct hop *h, *next;

	HASH_ITER(hh, r->hops, h, next)
	if (h->key.text == s->number)
		h->field = s->field;
}

/* When only one candidate is left, and none was cut, the hop is no longer ambiguous. */
static bool drop_candidate(struct hop *h, const char *trace_id)
{
	for (size_t i = 0; i < h->n_candidates; i++) {
		if (strcmp(h->candidates[i], trace_id))
			continue;
		memmove(h->candidates + i, h->candidates + i + 1,
			(--h->n_candidates - i) * sizeof(*h->candidates));
		if (h->n_candidates == 1 && !h->candidates_cut)
			h->n_candidates = 0;
		return true;
	}
	return false;
}

bool dfl_hops_no_candidate(struct request *r, const struct dfl_src *s, const struct request *other)
{
	struct hop *h, *next;
	bool any = false;

	HASH_ITER(hh, r->hops, h, next)
	if (h->key.text == s->number)
		any |= drop_candidate(h, other->trace_id);
	return any;
}

enum dfl_kept dfl_hop_kept(const struct dfl_trace *t, const struct hop *h, uint64_t *ret_since_ns)
{
	enum dfl_kept kept = dfl_deposits_kept(h->deposits, t->now_ns, ret_since_ns);

	return h->deposits_cut ? dfl_kept_sum(kept, DFL_KEPT_UNKNOWN) : kept;
}

int dfl_hop_order(const struct hop *a, const struct hop *b)
{
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void dfl_hops_free(struct dfl_trace *t, struct request *r)
{
	struct hop *h, *next;

	HASH_ITER(hh, r->hops, h, next)
	{
		HASH_DEL(r->hops, h);
		free_hop(t, h);
	}
}
