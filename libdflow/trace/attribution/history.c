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

/* What a comparison of past runs needs to know. */
struct past_rank {
	const struct dfl_trace *t;
	const struct dfl_op *op;
	const struct request *owner; /* the request that may have sent the past text again */
};

/* ---- which of them explain their bytes best ---- */

/* Does a text in memory explain these bytes as well? The past text may be longer than is known. */
static bool is_in_memory(const struct dfl_op *op, const struct run *past)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct run *r = &op->runs[i].at;

		if (r->text && r->len >= past->len && dfl_run_overlaps(past, r))
			return true;
	}
	return false;
}

static bool is_explained(const void *ctx, const struct run *r)
{
	const struct past_rank *rank = ctx;

	return is_in_memory(rank->op, r) || dfl_history_is_in_retrieved(rank->op, r);
}

static bool same_conversation(const struct past_request *past, const struct request *r)
{
	return past->conversation && r->ids[DFL_ID_CONVERSATION] &&
	       !strcasecmp(past->conversation, r->ids[DFL_ID_CONVERSATION]);
}

static const struct past_run *whole(const struct run *r)
{
	return (const struct past_run *)r;
}

/* Which part of the text's fingerprints was found: 0 to 1. */
static double coverage(const struct run *r)
{
	return (double)whole(r)->distinct / r->past_source->n;
}

/* 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. */
static int better(const struct request *owner, const struct run *a, const struct run *b)
{
	const struct past_request *of_a = a->past_source->request, *of_b = b->past_source->request;
	bool near_a = same_conversation(of_a, owner), near_b = same_conversation(of_b, owner);

	if (a->len != b->len)
		return a->len > b->len ? 1 : -1;
	if (coverage(a) != coverage(b))
		return coverage(a) > coverage(b) ? 1 : -1;
	if (of_a == of_b)
		return a->past_source->number < b->past_source->number ? 1 : -1;
	return near_a == near_b ? 0 : near_a ? 1 : -1;
}

static bool loses(const void *ctx, const struct run *a, const struct run *b)
{
	const struct past_rank *rank = ctx;

	return better(rank->owner, a, b) < 0;
}

static bool ties(const void *ctx, const struct run *a, const struct run *b)
{
	const struct past_rank *rank = ctx;

	return dfl_run_counts(b) && !better(rank->owner, a, b);
}

static const struct run_rules rules = {
	.is_explained = is_explained,
	.loses = loses,
	.ties = ties,
};

static bool is_older(const struct past_rank *rank, const struct run *r)
{
	return r->past_source->request->started_ns <
	       (int64_t)rank->owner->start_ns + rank->t->realtime_offset_ns;
}

static void rank_runs(const struct past_rank *rank)
{
	const struct run_list list = dfl_op_past_runs(rank->op);

	for (unsigned i = 0; i < list.n; i++) {
		struct run *r = dfl_run_nth(&list, i);

		dfl_run_mark(r, RUN_OUT, r->text && !is_older(rank, r));
	}
	dfl_runs_rank(&list, &rules, rank);
}

/* ---- whether they are enough ---- */

/* All past runs of one text in one place of the operation. */
struct group {
	uint32_t longest;  /* canonical bytes of the longest run, at least */
	uint64_t len;	   /* … of all of them */
	uint32_t distinct; /* different fingerprints in all of them */
	uint32_t others;   /* other texts that hold the longest run as well */
	bool any_new;	   /* not all of them are counted */
	bool tied;	   /* another text explains some of them as well */
};

static struct group measure(const struct dfl_op *op, const struct past_run *of)
{
	uint32_t n_prints = of->at.past_source->n;
	uint8_t *seen = calloc((n_prints + 7) / 8, 1);
	struct group g = { 0 };

	for (unsigned i = of->at.group_first; seen && i != NO_RUN;
	     i = op->past_runs[i].at.group_next) {
		const struct past_run *r = &op->past_runs[i];

		if (!dfl_run_counts(&r->at))
			continue;
		g.distinct = dfl_fingerprint_union(seen, r->seen, n_prints);
		g.any_new |= !dfl_run_is_counted(&r->at);
		g.tied |= dfl_run_is(&r->at, RUN_TIED);
		g.len += r->at.len;
		if (r->at.len <= g.longest)
			continue;
		g.longest = r->at.len;
		g.others = r->others;
	}
	free(seen);
	return g;
}

/* What lies before the first and after the last fingerprint may be another text's. */
static bool is_spanned(const struct group *g, const struct past_source *s)
{
	return g->len + SPAN_SLACK >= s->canon || g->len * 100 >= s->canon * FULL_PERCENT;
}

/* Are they evidence? docs/canonical.md has the measurements behind the numbers. */
static bool is_content(const struct group *g, const struct past_source *s,
		       const struct request *owner)
{
	bool all = g->distinct * 100ull >= (uint64_t)s->n * FULL_PERCENT;

	if (same_conversation(s->request, owner))
		return all || g->longest >= RUN_SURE;
	if (all && g->distinct >= PRINTS_FULL && is_spanned(g, s))
		return true;
	return !g->others && g->longest >= SPAN_SURE;
}

/* ---- hops ---- */

/* Whose text it may be, when the run is tied. */
static void add_candidates(struct dfl_trace *t, const struct past_rank *rank, const struct run *r,
			   struct hop *h)
{
	for (unsigned i = 0; i < rank->op->n_past_runs; i++) {
		const struct run *other = &rank->op->past_runs[i].at;

		if (!dfl_run_rivals(r, other) || !ties(rank, r, other))
			continue;
		dfl_hop_candidate(t, h, r->past_source->request->trace_id);
		dfl_hop_candidate(t, h, other->past_source->request->trace_id);
	}
}

static struct hop_text text_of(const struct past_source *s)
{
	return (struct hop_text){
		.number = s->number,
		.field = s->field,
		.canon = s->canon,
		.n_prints = s->n,
	};
}

/* The group is evidence: its runs become a hop of the owner. */
static void count_group(struct dfl_trace *t, const struct past_rank *rank, struct dfl_op *op,
			struct request *owner, const struct past_run *of, const struct group *g)
{
	struct hop_add add = {
		.request = owner,
		.op = op,
		.text = text_of(of->at.past_source),
		.place = of->at.place,
		.history_of = of->at.past_source->request->trace_id,
		.dir = of->at.dir,
		.layer = of->at.layer,
		.residency = of->at.residency,
		.ttl_s = of->at.ttl_s,
		.by_id = dfl_owner_by_id(t, op) == owner,
		.ambiguous = g->tied,
	};
	struct hop *h;
	bool new;

	h = dfl_hop_get(t, &add, &new);
	if (!h)
		return;
	for (unsigned i = of->at.group_first; i != NO_RUN; i = op->past_runs[i].at.group_next) {
		struct past_run *r = &op->past_runs[i];

		if (!dfl_run_counts(&r->at) || dfl_run_is_counted(&r->at))
			continue;
		dfl_run_count(&r->at);
		dfl_hop_add_past(h, r);
		add_candidates(t, rank, &r->at, h);
	}
	if (g->others > h->common_sources)
		h->common_sources = g->others;
	op->tc->carried_text = true;
	dfl_notify(t, owner, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

void dfl_history_op(struct dfl_trace *t, struct dfl_op *op, struct request *owner)
{
	const struct past_rank rank = { t, op, owner };
	const struct run_list list = dfl_op_past_runs(op);

	if (!owner || !op->n_past_runs)
		return;
	rank_runs(&rank);
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		const struct past_run *r = &op->past_runs[i];
		struct group g;

		if (!dfl_runs_leads(&list, i))
			continue;
		g = measure(op, r);
		if (g.any_new && is_content(&g, r->at.past_source, owner))
			count_group(t, &rank, op, owner, r, &g);
	}
}

/* ---- the past requests are told ---- */

static int by_number(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

/* Tells of all hops of r with text of the same past request as `first`, which is the first of them.
 */
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
