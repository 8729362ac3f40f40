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

void dfl_attribute_view_closed(struct dfl_view *v)
{
	for (unsigned i = 0; i < v->op->n_runs; i++)
		if (v->op->runs[i].view == v->number)
			v->op->runs[i].final = true;
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

/*
 * The text where it came from is no evidence, but it explains its bytes better than what others have in
 * common with it.
 */
static bool counts(const struct op_run *r)
{
	return r->source && r->final && !r->own && !r->beaten;
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

		if (!counts(r) || !same_group(r, of))
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
static int better(const struct dfl_op *op, const struct op_run *a, const struct op_run *b)
{
	struct request *ra = a->source->request, *rb = b->source->request;
	double ca = run_coverage(a), cb = run_coverage(b);
	bool over_a, over_b;

	if (run_len(a) != run_len(b))
		return run_len(a) > run_len(b) ? 1 : -1;
	if (ca != cb)
		return ca > cb ? 1 : -1;
	if (ra == rb)
		return a->source->number < b->source->number ? 1 : -1;
	if (op->owner == ra || op->owner == rb)
		return op->owner == ra ? 1 : -1;
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

static bool tied(const struct dfl_op *op, const struct op_run *a, const struct op_run *b)
{
	return a->source && b->source && a->source->request != b->source->request && !b->beaten && overlap(a, b) &&
	       !better(op, a, b);
}

static void find_beaten(struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct op_run *a = &op->runs[i];

		if (a->counted)
			continue; /* it is settled that it counts */
		a->beaten = false;
		for (unsigned j = 0; j < op->n_runs && a->source && !a->beaten; j++) {
			const struct op_run *b = &op->runs[j];

			if (i != j && b->source && b->source != a->source && overlap(a, b))
				a->beaten = better(op, a, b) < 0;
		}
	}
}

/* What another run beats can never count any more. */
static void drop_beaten(struct dfl_op *op)
{
	unsigned n = 0;

	op->since_tidy = 0;
	find_beaten(op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].source && (op->runs[i].counted || op->runs[i].weak || !op->runs[i].beaten))
			op->runs[n++] = op->runs[i];
	op->n_runs = n;
}

static unsigned shortest(const struct dfl_op *op)
{
	unsigned at = 0;

	for (unsigned i = 1; i < op->n_runs; i++)
		if (!op->runs[i].counted && (op->runs[at].counted || run_len(&op->runs[i]) < run_len(&op->runs[at])))
			at = i;
	return at;
}

/* Room for one more. Texts of one vocabulary have many short runs in common: those go first. */
static struct op_run *new_run(struct dfl_trace *t, struct dfl_op *op, const struct dfl_run *run)
{
	struct op_run *runs;
	unsigned cap = op->cap_runs ? 2 * op->cap_runs : 8;

	/* comparing all with all pays when many came since the last time */
	if (++op->since_tidy >= RUNS_TO_TIDY && op->n_runs == op->cap_runs && 2 * op->since_tidy >= op->n_runs)
		drop_beaten(op);
	if (op->n_runs < op->cap_runs)
		return &op->runs[op->n_runs++];
	if (op->n_runs >= MAX_RUNS_PER_OP) {
		t->stats.capped_runs++;
		runs = &op->runs[shortest(op)];
		return !runs->counted && run_len(runs) < run->canon_to - run->canon_from ? runs : NULL;
	}
	runs = reallocarray(op->runs, cap, sizeof(*runs));
	if (!runs)
		return NULL;
	op->runs = runs;
	op->cap_runs = cap;
	return &op->runs[op->n_runs++];
}

void dfl_attribute_run(void *trace, void *view, void *source, const struct dfl_run *run)
{
	struct dfl_view *v = view;
	struct dfl_src *s = source;
	struct dfl_op *op = v->op;
	struct op_run *r;

	if (run->ts_last_ns < s->begin_ns)
		return;
	r = new_run(trace, op, run);
	if (!r) {
		s->request->capped |= run->canon_to - run->canon_from >= RUN_FULL;
		return;
	}
	*r = (struct op_run){
		.source = s,
		.place = v->place ?: op->place,
		.dir = v->dir,
		.layer = v->layer,
		.view = v->number,
		.residency = v->residency ?: op->residency,
		.ttl_s = v->residency ? v->ttl_s : op->ttl_s,
		.run = *run,
		.own = is_own_text(v, s),
	};
	r->run.encodings |= v->encodings;
	op->changed = true;
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

static bool is_tied(const struct dfl_op *op, const struct op_run *run)
{
	for (unsigned i = 0; i < op->n_runs; i++)
		if (tied(op, run, &op->runs[i]))
			return true;
	return false;
}

/* The newest request whose text alone explains a part of the operation: history comes with newer text. */
static struct request *owner_by_content(const struct dfl_op *op)
{
	struct request *owner = NULL, *r;
	struct group g;

	for (unsigned i = 0; i < op->n_runs; i++) {
		if (!counts(&op->runs[i]))
			continue;
		r = op->runs[i].source->request;
		if (owner && r->number <= owner->number)
			continue;
		g = measure(op, &op->runs[i]);
		if (is_content(&g) && !is_tied(op, &op->runs[i]))
			owner = r;
	}
	return owner;
}

struct request *dfl_attribute_owner(struct dfl_trace *t, struct dfl_op *op)
{
	op->owner = owner_by_id(t, op);
	find_beaten(op);
	if (op->owner)
		return op->owner;
	op->owner = owner_by_content(op);
	if (!op->owner)
		return NULL;
	find_beaten(op); /* what was tied is decided now */
	if (was_over(op->owner, op->begin_ns))
		return user_of_file(t, op->owner, op->begin_ns);
	return op->owner;
}

static void add_candidates(struct dfl_op *op, const struct op_run *run, struct hop *h)
{
	for (unsigned i = 0; i < op->n_runs; i++)
		if (tied(op, run, &op->runs[i])) {
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

		if (!counts(r) || r->counted || !same_group(r, of))
			continue;
		r->counted = true;
		if (r->weak)
			from->weak_matches--;
		r->weak = false;
		dfl_hop_add_run(h, &r->run);
		add_candidates(op, r, h);
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

		if (!counts(r) || r->weak || r->counted || !same_group(r, of))
			continue;
		r->weak = true;
		r->source->request->weak_matches++;
		r->source->request->dirty = true;
	}
}

static bool is_enough_when_tied(const struct group *g, const struct op_run *of)
{
	/* Between the values of an operation stand its own words, and a text can have those in it too. */
	return g->longest >= (of->place ? RUN_WEAK : RUN_FULL) || g->whole_leaf;
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
	else if (owner == r && is_enough_when_tied(&g, of))
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
	owner = dfl_attribute_owner(t, op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (counts(&op->runs[i]) && !op->runs[i].counted)
			judge(t, op, &op->runs[i], owner);
}

void dfl_attribute_late(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op) {
		if (!op->n_ids && !op->open_views)
			continue; /* nothing new can be known of it */
		op->changed = true;
		for (unsigned i = 0; i < op->n_runs; i++)
			op->runs[i].final = true; /* of views that stay open too */
		dfl_attribute_op(t, op);
	}
}
