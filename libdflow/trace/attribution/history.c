// SPDX-License-Identifier: Apache-2.0
/* History: past runs become hops of the request that sent the past text again. */
#include "trace/attribution/history.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "trace/attribution/history_run.h"
#include "trace/attribution/owner.h"
#include "trace/document/notify.h"
#include "trace/hop.h"

/*
 * Does text that is still in memory explain these bytes as well? A span is the least that the text
 * may have there.
 */
static bool is_explained(const struct dfl_op *op, const struct past_run *past)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *r = &op->runs[i];

		if (r->source && dfl_run_len(r) >= past->span &&
		    dfl_history_overlaps(past, r->view, r->run.pos_from, r->run.pos_to))
			return true;
	}
	return false;
}

static bool same_conversation(const struct past_request *o, const struct request *r)
{
	return o->conversation && r->ids[DFL_ID_CONVERSATION] &&
	       !strcasecmp(o->conversation, r->ids[DFL_ID_CONVERSATION]);
}

static double coverage(const struct past_run *r)
{
	return (double)r->distinct / r->source->n;
}

/* 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. */
static int better(const struct request *owner, const struct past_run *a, const struct past_run *b)
{
	bool near_a = same_conversation(a->source->request, owner),
	     near_b = same_conversation(b->source->request, owner);

	if (a->span != b->span)
		return a->span > b->span ? 1 : -1;
	if (coverage(a) != coverage(b))
		return coverage(a) > coverage(b) ? 1 : -1;
	if (a->source->request == b->source->request)
		return a->source->number < b->source->number ? 1 : -1;
	return near_a == near_b ? 0 : near_a ? 1 : -1;
}

static bool rivals(const struct past_run *a, const struct past_run *b)
{
	return a != b && b->source && b->source != a->source &&
	       dfl_history_overlaps(a, b->view, b->pos_from, b->pos_to);
}

static bool is_older(const struct dfl_trace *t, const struct past_run *r,
		     const struct request *owner)
{
	return r->source->request->started_ns < (int64_t)owner->start_ns + t->realtime_offset_ns;
}

static void find_beaten(struct dfl_trace *t, struct dfl_op *op, const struct request *owner)
{
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		struct past_run *a = &op->past_runs[i];

		if (a->counted || !a->source)
			continue;
		a->beaten = !is_older(t, a, owner) || is_explained(op, a) ||
			    dfl_history_is_in_retrieved(op, a);
		for (unsigned j = 0; j < op->n_past_runs && !a->beaten; j++)
			a->beaten = rivals(a, &op->past_runs[j]) &&
				    is_older(t, &op->past_runs[j], owner) &&
				    better(owner, a, &op->past_runs[j]) < 0;
	}
}

static bool counts(const struct past_run *r)
{
	return r->source && r->final && !r->beaten;
}

/* They cannot be told apart. */
static bool tied(const struct request *owner, const struct past_run *a, const struct past_run *b)
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

static bool same_group(const struct past_run *a, const struct past_run *b)
{
	return a->source == b->source && a->place == b->place && a->dir == b->dir &&
	       a->layer == b->layer;
}

static struct group measure(const struct dfl_op *op, const struct request *owner,
			    const struct past_run *of)
{
	uint8_t *seen = calloc((of->source->n + 7) / 8, 1);
	struct group g = { 0 };

	for (unsigned i = 0; seen && i < op->n_past_runs; i++) {
		const struct past_run *r = &op->past_runs[i];

		if (!counts(r) || !same_group(r, of))
			continue;
		g.distinct = dfl_fingerprint_union(seen, r->seen, of->source->n);
		g.any_new |= !r->counted;
		g.spans += r->span;
		for (unsigned j = 0; j < op->n_past_runs && !g.tied; j++)
			g.tied = tied(owner, r, &op->past_runs[j]);
		if (r->span <= g.span)
			continue;
		g.span = r->span;
		g.others = r->others;
	}
	free(seen);
	return g;
}

/* What lies before the first and behind the last fingerprint may be another text's. */
static bool is_spanned(const struct group *g, const struct past_source *s)
{
	return g->spans + SPAN_SLACK >= s->canon || g->spans * 100 >= s->canon * FULL_PERCENT;
}

/* docs/canonical.md has the measurement behind the numbers. */
static bool is_content(const struct group *g, const struct past_source *s,
		       const struct request *owner)
{
	bool whole = g->distinct * 100ull >= (uint64_t)s->n * FULL_PERCENT;

	if (same_conversation(s->request, owner))
		return whole || g->span >= RUN_SURE;
	if (whole && g->distinct >= PRINTS_FULL && is_spanned(g, s))
		return true;
	return !g->others && g->span >= SPAN_SURE;
}

/* ---- hops ---- */

static void add_candidates(struct dfl_trace *t, const struct dfl_op *op,
			   const struct request *owner, const struct past_run *r, struct hop *h)
{
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		if (!tied(owner, r, &op->past_runs[i]))
			continue;
		dfl_hop_candidate(t, h, r->source->request->trace_id);
		dfl_hop_candidate(t, h, op->past_runs[i].source->request->trace_id);
	}
}

static void count_group(struct dfl_trace *t, struct dfl_op *op, const struct past_run *of,
			const struct group *g, struct request *owner)
{
	struct hop_add add = {
		.request = owner,
		.op = op,
		.text = { .number = of->source->number,
			  .field = of->source->field,
			  .canon = of->source->canon,
			  .n_prints = of->source->n },
		.place = of->place,
		.history_of = of->source->request->trace_id,
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
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		struct past_run *r = &op->past_runs[i];

		if (!counts(r) || r->counted || !same_group(r, of))
			continue;
		r->counted = true;
		dfl_hop_add_past(h, r);
		add_candidates(t, op, owner, r, h);
	}
	if (g->others > h->common_sources)
		h->common_sources = g->others;
	op->tc->carried_text = true;
	dfl_notify(t, owner, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

/* Is there no run before it that was measured with it? */
static bool is_next(const struct dfl_op *op, unsigned at)
{
	const struct past_run *of = &op->past_runs[at], *r;

	if (!counts(of) || of->counted)
		return false;
	for (r = op->past_runs; r != of; r++)
		if (counts(r) && !r->counted && same_group(r, of))
			return false;
	return true;
}

void dfl_history_op(struct dfl_trace *t, struct dfl_op *op, struct request *owner)
{
	if (!owner || !op->n_past_runs)
		return;
	find_beaten(t, op, owner);
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		const struct past_run *r = &op->past_runs[i];
		struct group g;

		if (!is_next(op, i))
			continue;
		g = measure(op, owner, r);
		if (g.any_new && is_content(&g, r->source, owner))
			count_group(t, op, r, &g, owner);
	}
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
		if (h->n_prints && !strcmp(h->key.history_of, first->key.history_of))
			seqs[n++] = h->seq;
	qsort(seqs, n, sizeof(*seqs), by_number);
	t->opts.on_history(t->opts.ud, first->key.history_of, r->trace_id, seqs, n);
}

void dfl_history_tell(struct dfl_trace *t, const struct request *r)
{
	const struct hop *h, *before;

	if (!t->opts.on_history)
		return;
	for (h = r->hops; h; h = h->hh.next) {
		if (!h->n_prints)
			continue;
		for (before = r->hops; before != h; before = before->hh.next)
			if (before->n_prints && !strcmp(before->key.history_of, h->key.history_of))
				break;
		if (before == h)
			tell(t, r, h);
	}
}
