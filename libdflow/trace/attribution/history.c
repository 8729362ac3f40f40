// SPDX-License-Identifier: Apache-2.0
/*
 * Replay: fingerprints of older requests' text that were found in an operation become hops of the
 * request that the operation belongs to, as history of the older one.
 */
#include "trace/attribution/attribute.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

static struct old_run *shortest(const struct dfl_op *op)
{
	struct old_run *at = NULL;

	for (unsigned i = 0; i < op->n_olds; i++)
		if (!op->olds[i].counted && (!at || op->olds[i].span < at->span))
			at = &op->olds[i];
	return at;
}

static struct old_run *new_run(struct dfl_trace *t, struct dfl_op *op, uint32_t span)
{
	unsigned cap = op->cap_olds ? 2 * op->cap_olds : 8;
	struct old_run *olds;

	if (op->n_olds < op->cap_olds)
		return &op->olds[op->n_olds++];
	if (op->n_olds >= MAX_OLD_RUNS_PER_OP) {
		t->stats.capped_runs++;
		olds = shortest(op);
		if (!olds || olds->span >= span)
			return NULL;
		free(olds->seen);
		return olds;
	}
	olds = reallocarray(op->olds, cap, sizeof(*olds));
	if (!olds)
		return NULL;
	op->olds = olds;
	op->cap_olds = cap;
	return &op->olds[op->n_olds++];
}

void dfl_history_run(void *trace, void *view, void *set, const struct dfl_fingerprint_run *run)
{
	struct dfl_view *v = view;
	struct old_field *f = set;
	struct dfl_op *op = v->op;
	size_t size = (f->n + 7) / 8;
	struct old_run *r;
	uint8_t *seen;

	if (run->span < RUN_FULL)
		return;
	seen = malloc(size);
	r = seen ? new_run(trace, op, run->span) : NULL;
	if (!r) {
		free(seen);
		return;
	}
	memcpy(seen, run->seen, size);
	*r = (struct old_run){
		.field = f,
		.place = v->place ?: op->place,
		.dir = v->dir,
		.layer = v->layer,
		.view = v->number,
		.residency = op->residency,
		.ttl_s = op->ttl_s,
		.encodings = run->encodings,
		.pos_from = run->pos_from,
		.pos_to = run->pos_to,
		.reach_from = run->reach_from,
		.reach_to = run->reach_to,
		.span = run->span,
		.hits = run->hits,
		.distinct = run->distinct,
		.others = run->others,
		.ts_first_ns = run->ts_first_ns,
		.ts_last_ns = run->ts_last_ns,
		.seen = seen,
	};
	op->changed = true;
}

void dfl_history_view_closed(struct dfl_view *v)
{
	for (unsigned i = 0; i < v->op->n_olds; i++)
		if (v->op->olds[i].view == v->number)
			v->op->olds[i].final = true;
}

/* ---- which of them explain their bytes best ---- */

/* Do they stand on the same bytes, for the most part of the shorter one? */
static bool overlaps(const struct old_run *r, uint64_t view, uint64_t pos_from, uint64_t pos_to)
{
	uint64_t from = r->pos_from > pos_from ? r->pos_from : pos_from;
	uint64_t to = r->pos_to < pos_to ? r->pos_to : pos_to;
	uint64_t la = r->pos_to - r->pos_from, lb = pos_to - pos_from;

	return r->view == view && to > from && 2 * (to - from) >= (la < lb ? la : lb);
}

static bool is_in_chunks(const struct dfl_op *op, const struct old_run *r)
{
	return dfl_field_is_document(r->field->field) &&
	       dfl_chunk_fill(op, r->view, r->pos_from, r->pos_to);
}

/* Shorter, and all of it where the older text may stand. */
static bool is_within(const struct op_run *run, const struct old_run *old)
{
	return run->view == old->view && dfl_run_len(run) < old->span &&
	       run->run.pos_from >= old->reach_from && run->run.pos_to <= old->reach_to;
}

bool dfl_history_beats(const struct dfl_op *op, const struct op_run *run)
{
	for (unsigned i = 0; i < op->n_olds; i++)
		if (op->olds[i].field && is_within(run, &op->olds[i]) &&
		    !is_in_chunks(op, &op->olds[i]))
			return true;
	return false;
}

/*
 * Does text that is still in memory explain these bytes as well? A span is the least that the text
 * may have there.
 */
static bool is_explained(const struct dfl_op *op, const struct old_run *old)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct op_run *r = &op->runs[i];

		if (r->source && dfl_run_len(r) >= old->span &&
		    overlaps(old, r->view, r->run.pos_from, r->run.pos_to))
			return true;
	}
	return false;
}

static bool same_conversation(const struct old *o, const struct request *r)
{
	return o->conversation && r->ids[DFL_ID_CONVERSATION] &&
	       !strcasecmp(o->conversation, r->ids[DFL_ID_CONVERSATION]);
}

static double coverage(const struct old_run *r)
{
	return (double)r->distinct / r->field->n;
}

/* 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. */
static int better(const struct request *owner, const struct old_run *a, const struct old_run *b)
{
	bool near_a = same_conversation(a->field->old, owner),
	     near_b = same_conversation(b->field->old, owner);

	if (a->span != b->span)
		return a->span > b->span ? 1 : -1;
	if (coverage(a) != coverage(b))
		return coverage(a) > coverage(b) ? 1 : -1;
	if (a->field->old == b->field->old)
		return a->field->number < b->field->number ? 1 : -1;
	return near_a == near_b ? 0 : near_a ? 1 : -1;
}

static bool rivals(const struct old_run *a, const struct old_run *b)
{
	return a != b && b->field && b->field != a->field &&
	       overlaps(a, b->view, b->pos_from, b->pos_to);
}

static bool is_older(const struct dfl_trace *t, const struct old_run *r,
		     const struct request *owner)
{
	return r->field->old->started_ns < (int64_t)owner->start_ns + t->realtime_offset_ns;
}

static void find_beaten(struct dfl_trace *t, struct dfl_op *op, const struct request *owner)
{
	for (unsigned i = 0; i < op->n_olds; i++) {
		struct old_run *a = &op->olds[i];

		if (a->counted || !a->field)
			continue;
		a->beaten = !is_older(t, a, owner) || is_explained(op, a) || is_in_chunks(op, a);
		for (unsigned j = 0; j < op->n_olds && !a->beaten; j++)
			a->beaten = rivals(a, &op->olds[j]) && is_older(t, &op->olds[j], owner) &&
				    better(owner, a, &op->olds[j]) < 0;
	}
}

static bool counts(const struct old_run *r)
{
	return r->field && r->final && !r->beaten;
}

/* They cannot be told apart. */
static bool tied(const struct request *owner, const struct old_run *a, const struct old_run *b)
{
	return rivals(a, b) && counts(b) && !better(owner, a, b);
}

/* ---- whether they are enough ---- */

/* Several runs of one field in one place together. */
struct group {
	uint32_t span, distinct, others; /* the longest; different ones; of the longest */
	uint64_t spans;			 /* all together */
	bool any_new;
	bool tied; /* others explain them as well */
};

static bool same_group(const struct old_run *a, const struct old_run *b)
{
	return a->field == b->field && a->place == b->place && a->dir == b->dir &&
	       a->layer == b->layer;
}

uint32_t dfl_fingerprint_union(uint8_t *seen, const uint8_t *more, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < (n + 7) / 8; i++) {
		seen[i] |= more[i];
		sum += (uint32_t)__builtin_popcount(seen[i]);
	}
	return sum;
}

static struct group measure(const struct dfl_op *op, const struct request *owner,
			    const struct old_run *of)
{
	uint8_t *seen = calloc((of->field->n + 7) / 8, 1);
	struct group g = { 0 };

	for (unsigned i = 0; seen && i < op->n_olds; i++) {
		const struct old_run *r = &op->olds[i];

		if (!counts(r) || !same_group(r, of))
			continue;
		g.distinct = dfl_fingerprint_union(seen, r->seen, of->field->n);
		g.any_new |= !r->counted;
		g.spans += r->span;
		for (unsigned j = 0; j < op->n_olds && !g.tied; j++)
			g.tied = tied(owner, r, &op->olds[j]);
		if (r->span <= g.span)
			continue;
		g.span = r->span;
		g.others = r->others;
	}
	free(seen);
	return g;
}

/* What lies before the first and behind the last fingerprint may be another text's. */
static bool is_spanned(const struct group *g, const struct old_field *f)
{
	return g->spans + SPAN_SLACK >= f->canon || g->spans * 100 >= f->canon * FULL_PERCENT;
}

/* docs/canonical.md has the measurement behind the numbers. */
static bool is_content(const struct group *g, const struct old_field *f,
		       const struct request *owner)
{
	bool whole = g->distinct * 100ull >= (uint64_t)f->n * FULL_PERCENT;

	if (same_conversation(f->old, owner))
		return whole || g->span >= RUN_SURE;
	if (whole && g->distinct >= PRINTS_FULL && is_spanned(g, f))
		return true;
	return !g->others && g->span >= SPAN_SURE;
}

/* ---- hops ---- */

static void add_candidates(struct dfl_trace *t, const struct dfl_op *op,
			   const struct request *owner, const struct old_run *r, struct hop *h)
{
	for (unsigned i = 0; i < op->n_olds; i++) {
		if (!tied(owner, r, &op->olds[i]))
			continue;
		dfl_hop_candidate(t, h, r->field->old->trace_id);
		dfl_hop_candidate(t, h, op->olds[i].field->old->trace_id);
	}
}

static void count_group(struct dfl_trace *t, struct dfl_op *op, const struct old_run *of,
			const struct group *g, struct request *owner)
{
	struct hop_add add = {
		.request = owner,
		.op = op,
		.old = of->field,
		.place = of->place,
		.replayed_from = of->field->old->trace_id,
		.dir = of->dir,
		.layer = of->layer,
		.residency = of->residency,
		.ttl_s = of->ttl_s,
		.by_id = dfl_owner_by_id(t, op) == owner,
		.ambiguous = g->tied,
	};
	struct hop *h;
	bool new;

	h = dfl_hop_get(t, &add, &new);
	if (!h)
		return;
	for (unsigned i = 0; i < op->n_olds; i++) {
		struct old_run *r = &op->olds[i];

		if (!counts(r) || r->counted || !same_group(r, of))
			continue;
		r->counted = true;
		dfl_hop_add_old(h, r);
		add_candidates(t, op, owner, r, h);
	}
	if (g->others > h->common_sources)
		h->common_sources = g->others;
	op->tc->of_others = true;
	dfl_request_changed(t, owner, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

/* Is there no run before it that was measured with it? */
static bool is_next(const struct dfl_op *op, unsigned at)
{
	const struct old_run *of = &op->olds[at], *r;

	if (!counts(of) || of->counted)
		return false;
	for (r = op->olds; r != of; r++)
		if (counts(r) && !r->counted && same_group(r, of))
			return false;
	return true;
}

void dfl_history_op(struct dfl_trace *t, struct dfl_op *op, struct request *owner)
{
	if (!owner || !op->n_olds)
		return;
	find_beaten(t, op, owner);
	for (unsigned i = 0; i < op->n_olds; i++) {
		const struct old_run *r = &op->olds[i];
		struct group g;

		if (!is_next(op, i))
			continue;
		g = measure(op, owner, r);
		if (g.any_new && is_content(&g, r->field, owner))
			count_group(t, op, r, &g, owner);
	}
}

void dfl_history_forget(struct dfl_trace *t, const struct old_field *f)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	for (unsigned i = 0; i < op->n_olds; i++)
		if (op->olds[i].field == f)
			op->olds[i].field = NULL;
}

void dfl_history_free(struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_olds; i++)
		free(op->olds[i].seen);
	free(op->olds);
}

/* ---- the older requests are told ---- */

static int by_number(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

static void tell(struct dfl_trace *t, const struct request *r, const struct hop *first)
{
	uint32_t seqs[MAX_HOPS_PER_REQUEST];
	const struct hop *h;
	size_t n = 0;

	for (h = first; h; h = h->hh.next)
		if (h->n_prints && !strcmp(h->key.replayed_from, first->key.replayed_from))
			seqs[n++] = h->seq;
	qsort(seqs, n, sizeof(*seqs), by_number);
	t->opts.on_replayed(t->opts.ud, first->key.replayed_from, r->trace_id, seqs, n);
}

void dfl_history_tell(struct dfl_trace *t, const struct request *r)
{
	const struct hop *h, *before;

	if (!t->opts.on_replayed)
		return;
	for (h = r->hops; h; h = h->hh.next) {
		if (!h->n_prints)
			continue;
		for (before = r->hops; before != h; before = before->hh.next)
			if (before->n_prints &&
			    !strcmp(before->key.replayed_from, h->key.replayed_from))
				break;
		if (before == h)
			tell(t, r, h);
	}
}
