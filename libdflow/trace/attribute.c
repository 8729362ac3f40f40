// SPDX-License-Identifier: Apache-2.0
/*
 * Attribution: which runs are evidence, for which request. By content first; ids, and which request
 * was under way, where content alone cannot tell.
 */
#include "trace/state.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static uint32_t run_len(const struct op_run *r)
{
	return r->run.canon_to - r->run.canon_from;
}

static double run_coverage(const struct op_run *r)
{
	uint32_t all = dfl_match_source_canon_bytes(r->source->match);

	return all ? (double)run_len(r) / all : 0;
}

static bool is_own_text(const struct dfl_view *v, const struct dfl_src *s)
{
	if (s->view)
		return s->view == v->number;
	return s->op == v->op->number && s->dir == v->dir;
}

void dfl_attribute_run(void *trace, void *view, void *source, const struct dfl_run *run)
{
	struct dfl_trace *t = trace;
	struct dfl_view *v = view;
	struct dfl_src *s = source;
	struct dfl_op *op = v->op;
	struct op_run *runs;

	if (is_own_text(v, s) || run->ts_last_ns < s->begin_ns)
		return;
	if (op->n_runs >= MAX_RUNS_PER_OP) {
		t->stats.capped_runs++;
		s->request->capped = true;
		return;
	}
	if (op->n_runs == op->cap_runs) {
		runs = reallocarray(op->runs, op->cap_runs ? 2 * op->cap_runs : 8, sizeof(*runs));
		if (!runs) {
			s->request->capped = true;
			return;
		}
		op->runs = runs;
		op->cap_runs = op->cap_runs ? 2 * op->cap_runs : 8;
	}
	op->runs[op->n_runs++] = (struct op_run){
		.source = s,
		.place = v->place ?: op->place,
		.dir = v->dir,
		.layer = v->layer,
		.view = v->number,
		.residency = v->residency ?: op->residency,
		.ttl_s = v->residency ? v->ttl_s : op->ttl_s,
		.run = *run,
	};
	op->runs[op->n_runs - 1].run.encodings |= v->encodings;
	op->changed = true;
}

/* Tied by an id that names one request, else by a conversation. */
static struct request *owner_by_id(struct dfl_trace *t, const struct dfl_op *op)
{
	struct request *r, *conversation = NULL;

	if (op->request)
		return op->request;
	for (unsigned i = 0; i < op->n_ids; i++) {
		r = dfl_request_by_id(t, op->ids[i].kind, op->ids[i].value, op->last_ns);
		if (r && op->ids[i].kind != DFL_ID_CONVERSATION)
			return r;
		if (r)
			conversation = r;
	}
	return conversation;
}

static bool was_over(const struct request *r, uint64_t ts_ns)
{
	return r->response_ended && r->ended_ns < ts_ns;
}

static bool same_group(const struct op_run *a, const struct op_run *b)
{
	return a->source == b->source && a->place == b->place && a->dir == b->dir && a->layer == b->layer;
}

/* Several runs of one field in one place together. */
struct group {
	uint32_t longest;
	double coverage;
	uint32_t common; /* sources that share the longest run */
	bool whole_leaf, any_new;
};

static struct group measure(const struct dfl_op *op, const struct op_run *of)
{
	struct group g = { 0 };
	struct ranges seen = { 0 };
	uint32_t all = dfl_match_source_canon_bytes(of->source->match);

	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct op_run *r = &op->runs[i];

		if (!r->source || r->beaten || !same_group(r, of))
			continue;
		dfl_ranges_add(&seen, r->run.canon_from, r->run.canon_to);
		g.any_new |= !r->counted;
		g.whole_leaf |= r->run.whole_leaf;
		if (run_len(r) > g.longest) {
			g.longest = run_len(r);
			g.common = r->run.other_sources;
		}
	}
	g.coverage = all ? (double)dfl_ranges_sum(&seen) / all : 0;
	dfl_ranges_fini(&seen);
	return g;
}

static bool is_content(const struct group *g)
{
	if (g->longest >= RUN_SURE && !g->common)
		return true;
	return g->longest >= RUN_FULL && g->coverage * 100 >= FULL_PERCENT;
}

/* 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. */
static int better(struct dfl_trace *t, const struct dfl_op *op, const struct op_run *a, const struct op_run *b)
{
	struct request *ra = a->source->request, *rb = b->source->request, *owner;
	double ca = run_coverage(a), cb = run_coverage(b);
	bool over_a, over_b;

	if (run_len(a) != run_len(b))
		return run_len(a) > run_len(b) ? 1 : -1;
	if (ca != cb)
		return ca > cb ? 1 : -1;
	if (ra == rb)
		return a->source->number < b->source->number ? 1 : -1;
	owner = owner_by_id(t, op);
	if (owner == ra || owner == rb)
		return owner == ra ? 1 : -1;
	over_a = was_over(ra, op->begin_ns);
	over_b = was_over(rb, op->begin_ns);
	return over_a == over_b ? 0 : over_b ? 1 : -1;
}

/* Do they stand on the same bytes, for the most part of the shorter one? */
static bool overlap(const struct op_run *a, const struct op_run *b)
{
	uint64_t from = a->run.pos_from > b->run.pos_from ? a->run.pos_from : b->run.pos_from;
	uint64_t to = a->run.pos_to < b->run.pos_to ? a->run.pos_to : b->run.pos_to;
	uint64_t la = a->run.pos_to - a->run.pos_from, lb = b->run.pos_to - b->run.pos_from;

	return a->view == b->view && to > from && 2 * (to - from) >= (la < lb ? la : lb);
}

static bool tied(struct dfl_trace *t, const struct dfl_op *op, const struct op_run *a, const struct op_run *b)
{
	return a->source && b->source && a->source->request != b->source->request && !b->beaten && overlap(a, b) &&
	       !better(t, op, a, b);
}

static void find_beaten(struct dfl_trace *t, struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct op_run *a = &op->runs[i];

		a->beaten = false;
		for (unsigned j = 0; j < op->n_runs && a->source && !a->beaten; j++) {
			const struct op_run *b = &op->runs[j];

			if (i != j && b->source && b->source != a->source && overlap(a, b))
				a->beaten = better(t, op, a, b) < 0;
		}
	}
}

static bool uses_file_of(const struct request *r, const struct request *upload)
{
	for (size_t i = 0; i < r->n_links; i++)
		if (!strcmp(r->links[i].why, "file") && !strcmp(r->links[i].trace_id, upload->trace_id))
			return true;
	return false;
}

/* An uploaded file that is read again is read for the chat that uses it, when just one is under way. */
static struct request *user_of_file(struct dfl_trace *t, struct request *upload, uint64_t ts_ns)
{
	struct request *r, *user = NULL;

	DL_FOREACH(t->requests, r) {
		if (r->start_ns > ts_ns || was_over(r, ts_ns) || !uses_file_of(r, upload))
			continue;
		if (user)
			return upload;
		user = r;
	}
	return user ? user : upload;
}

struct request *dfl_attribute_owner(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *owner = owner_by_id(t, op), *r;
	struct group g;

	if (owner)
		return owner;
	find_beaten(t, op);
	for (unsigned i = 0; i < op->n_runs; i++) {
		if (!op->runs[i].source || op->runs[i].beaten)
			continue;
		r = op->runs[i].source->request;
		g = measure(op, &op->runs[i]);
		/* history comes with newer text: the newest one is whose operation this is */
		if (is_content(&g) && (!owner || r->number > owner->number))
			owner = r;
	}
	return owner && was_over(owner, op->begin_ns) ? user_of_file(t, owner, op->begin_ns) : owner;
}

static void add_candidates(struct dfl_trace *t, struct dfl_op *op, const struct op_run *run, struct hop *h)
{
	for (unsigned i = 0; i < op->n_runs; i++)
		if (tied(t, op, run, &op->runs[i])) {
			dfl_hop_candidate(h, run->source->request);
			dfl_hop_candidate(h, op->runs[i].source->request);
		}
}

static void count_group(struct dfl_trace *t, struct dfl_op *op, const struct op_run *of, const struct group *g,
			struct request *owner, bool by_id)
{
	struct request *from = of->source->request;
	bool replay = owner && owner != from && was_over(from, op->begin_ns);
	struct hop_add add = {
		.request = replay ? owner : from,
		.op = op,
		.source = of->source,
		.place = of->place,
		.replayed_from = replay ? from : NULL,
		.dir = of->dir,
		.layer = of->layer,
		.residency = of->residency,
		.ttl_s = of->ttl_s,
		.by_id = by_id,
	};
	struct hop *h;
	bool new;

	h = dfl_hop_get(t, &add, &new);
	if (!h)
		return;
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct op_run *r = &op->runs[i];

		if (!r->source || r->beaten || r->counted || !same_group(r, of))
			continue;
		r->counted = true;
		if (r->weak)
			from->weak_matches--;
		r->weak = false;
		dfl_hop_add_run(h, &r->run);
		add_candidates(t, op, r, h);
	}
	if (g->common > h->common_sources)
		h->common_sources = g->common;
	if (new && replay)
		dfl_request_replayed(from, owner->trace_id, h->seq);
	op->tc->of_others = true;
	dfl_request_changed(t, add.request, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

static void count_weak(struct dfl_op *op, const struct op_run *of)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct op_run *r = &op->runs[i];

		if (!r->source || r->weak || r->counted || r->beaten || !same_group(r, of))
			continue;
		r->weak = true;
		r->source->request->weak_matches++;
		r->source->request->dirty = true;
	}
}

/* One group of runs: evidence by its length, or by what ties the operation to the request, or neither. */
static void judge(struct dfl_trace *t, struct dfl_op *op, const struct op_run *of, struct request *owner)
{
	struct group g = measure(op, of);
	struct request *r = of->source->request;

	if (!g.any_new)
		return;
	if (is_content(&g))
		count_group(t, op, of, &g, owner, owner_by_id(t, op) == r);
	else if ((g.longest >= RUN_WEAK || g.whole_leaf) && owner == r)
		count_group(t, op, of, &g, owner, true);
	else
		count_weak(op, of);
}

void dfl_attribute_op(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *owner;

	if (!op->changed || !op->n_runs)
		return;
	op->changed = false;
	find_beaten(t, op);
	owner = dfl_attribute_owner(t, op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].source && !op->runs[i].beaten && !op->runs[i].counted)
			judge(t, op, &op->runs[i], owner);
}

void dfl_attribute_late(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op) {
		op->changed = true;
		dfl_attribute_op(t, op);
	}
}
