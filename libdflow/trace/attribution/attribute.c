// SPDX-License-Identifier: Apache-2.0
/* Attribution: which runs are evidence, for which request. By content first; ids, and which request
 * was under way, where content alone cannot tell. */
#include "trace/attribution/attribute.h"

#include <stdlib.h>
#include <utlist.h>

#include "trace/attribution/evidence.h"
#include "trace/attribution/history.h"
#include "trace/attribution/history_run.h"
#include "trace/attribution/owner.h"
#include "trace/attribution/rank.h"
#include "trace/document/notify.h"

static bool is_own_text(const struct dfl_op *op, const struct text_run *r)
{
	if (r->source->view)
		return r->source->view == r->view;
	return r->source->op == op->number && r->source->dir == r->dir;
}

void dfl_attribute_view_closed(struct dfl_view *v)
{
	for (unsigned i = 0; i < v->op->n_runs; i++)
		if (v->op->runs[i].view == v->number)
			v->op->runs[i].final = true;
	dfl_history_view_closed(v);
}

static unsigned shortest(const struct dfl_op *op)
{
	unsigned at = 0;

	for (unsigned i = 1; i < op->n_runs; i++)
		if (!op->runs[i].counted &&
		    (op->runs[at].counted ||
		     dfl_run_len(&op->runs[i]) < dfl_run_len(&op->runs[at])))
			at = i;
	return at;
}

/* Room for one more. Texts of one vocabulary have many short runs in common: those go first. */
static struct text_run *new_run(struct dfl_trace *t, struct dfl_op *op, const struct dfl_run *run)
{
	struct text_run *runs;
	unsigned cap = op->cap_runs ? 2 * op->cap_runs : 8;

	/* comparing all with all pays when many came since the last time */
	if (++op->n_new_runs >= RUNS_TO_TIDY && op->n_runs == op->cap_runs &&
	    2 * op->n_new_runs >= op->n_runs)
		dfl_rank_drop(op);
	if (op->n_runs < op->cap_runs)
		return &op->runs[op->n_runs++];
	if (op->n_runs >= MAX_RUNS_PER_OP) {
		t->stats.capped_runs++;
		runs = &op->runs[shortest(op)];
		return !runs->counted && dfl_run_len(runs) < run->canon_to - run->canon_from ?
			       runs :
			       NULL;
	}
	runs = reallocarray(op->runs, cap, sizeof(*runs));
	if (!runs)
		return NULL;
	op->runs = runs;
	t->n_run_slots += cap - op->cap_runs;
	op->cap_runs = cap;
	return &op->runs[op->n_runs++];
}

void dfl_attribute_run(void *trace, void *view, void *source, const struct dfl_run *run)
{
	struct dfl_view *v = view;
	struct dfl_src *s = source;
	struct dfl_op *op = v->op;
	struct text_run *r;

	if (run->ts_last_ns < s->begin_ns)
		return;
	r = new_run(trace, op, run);
	if (!r) {
		s->request->capped |= run->canon_to - run->canon_from >= RUN_FULL;
		return;
	}
	*r = (struct text_run){
		.source = s,
		.place = v->place ?: op->place,
		.holds = v->holds,
		.dir = v->dir,
		.layer = v->layer,
		.view = v->number,
		.residency = op->residency,
		.ttl_s = op->ttl_s,
		.run = *run,
	};
	r->own = is_own_text(op, r);
	op->changed = true;
}

static void add_candidates(struct dfl_trace *t, struct dfl_op *op, const struct text_run *run,
			   struct hop *h)
{
	for (unsigned i = 0; i < op->n_maybe && run->source->derived_from; i++)
		dfl_hop_candidate(t, h, op->maybe[i]->trace_id);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (dfl_rank_ties(op, run, &op->runs[i]))
			dfl_hop_candidate(t, h, op->runs[i].source->request->trace_id);
}

static struct hop_text text_of(const struct dfl_src *s, bool is_history)
{
	return (struct hop_text){
		.number = s->number,
		.field = s->field,
		.canon = dfl_match_source_canon_bytes(s->match),
		.source = is_history ? NULL : s,
	};
}

static void count_group(struct dfl_trace *t, struct dfl_op *op, const struct text_run *of,
			const struct run_group *g, struct request *owner, bool by_id)
{
	struct request *from = of->source->request;
	bool is_history = owner && owner != from && dfl_request_was_over(from, op->begin_ns);
	struct hop_add add = {
		.request = is_history ? owner : from,
		.op = op,
		.text = text_of(of->source, is_history),
		.place = of->place,
		.history_of = is_history ? from->trace_id : NULL,
		.dir = of->dir,
		.layer = of->layer,
		.residency = of->residency ?: op->residency,
		.ttl_s = of->ttl_s,
		.by_id = by_id,
		.ambiguous = g->tied || (of->source->derived_from && op->n_maybe),
	};
	struct hop *h;
	bool new;

	h = dfl_hop_get(t, &add, &new);
	if (!h)
		return;
	if (add.ambiguous)
		dfl_hop_candidate(t, h, from->trace_id);
	of->source->claimed |= by_id && !is_history && !add.ambiguous &&
			       g->coverage * 100 >= FULL_PERCENT;
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct text_run *r = &op->runs[i];

		if (!dfl_run_counts(r) || r->counted || !dfl_group_same(r, of))
			continue;
		r->counted = true;
		if (r->weak)
			from->weak_matches--;
		r->weak = false;
		dfl_hop_add_run(h, &r->run);
		if (add.ambiguous)
			add_candidates(t, op, r, h);
	}
	if (g->common > h->common_sources)
		h->common_sources = g->common;
	if (new &&is_history)
		dfl_request_found_later(from, owner, h->seq);
	op->tc->carried_text = true;
	dfl_notify(t, add.request, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

static void count_weak(struct dfl_op *op, const struct text_run *of)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct text_run *r = &op->runs[i];

		if (!dfl_run_counts(r) || r->weak || r->counted || !dfl_group_same(r, of))
			continue;
		r->weak = true;
		r->source->request->weak_matches++;
		r->source->request->dirty = true;
	}
}

static bool is_enough_when_tied(const struct run_group *g, const struct text_run *of)
{
	/*
	 * Between the values of an operation stand its own words, and a text can have those in it
	 * too.
	 */
	return g->longest >= (of->place ? RUN_WEAK : RUN_FULL) || g->whole_leaf;
}

/* Of history only what is whole, or nobody else's, tells whose it is. */
static bool is_phrase_of_the_past(const struct dfl_op *op, const struct text_run *of,
				  const struct run_group *g, const struct request *owner)
{
	return owner && owner != of->source->request &&
	       dfl_request_was_over(of->source->request, op->begin_ns) && g->common &&
	       g->coverage * 100 < FULL_PERCENT;
}

/* An answer that stands in another request's operation is that one's own, however equal. */
static bool is_of_others(struct dfl_trace *t, const struct dfl_op *op, const struct text_run *of)
{
	struct request *r = of->source->request;

	if (!of->source->derived_from || of->source->retrieved ||
	    dfl_request_was_over(r, op->begin_ns))
		return false; /* of a chunk chunk.c tells */
	if (dfl_op_is_of_other_message(op, r))
		return true;
	for (unsigned i = 0; i < op->n_maybe; i++)
		if (op->maybe[i] == r)
			return false;
	return op->n_maybe || (op->owned_by_id && dfl_owner_by_unique_id(t, op) != r);
}

/*
 * May an id still tell whose it is? A statement names the message after the text, and a blocking
 * answer tells only at its end which message is the request's.
 */
static bool waits_for_id(struct dfl_trace *t, const struct dfl_op *op)
{
	if (op->owned_by_id || op->no_wait)
		return false;
	if (!op->ended)
		return true;
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind != DFL_ID_CONVERSATION &&
		    op->ids[i].kind != DFL_ID_UPLOAD_FILE &&
		    op->ids[i].kind != DFL_ID_PLUGIN_SESSION && /* the call came before */
		    !dfl_request_by_id(t, op->ids[i].kind, op->ids[i].value, op->last_ns))
			return true;
	return false;
}

/*
 * One group of runs: evidence by its length, or by what ties the operation to the request, or
 * neither.
 */
static void judge(struct dfl_trace *t, struct dfl_op *op, const struct text_run *of,
		  struct request *owner)
{
	struct run_group g = dfl_group_measure(op, of);
	struct request *r = of->source->request;

	if (!g.any_new || dfl_run_is_told_anew(op, of))
		return;
	if (!op->operation && !op->ended && !dfl_request_is_last_call(t, r))
		return; /* it has no name yet */
	if ((g.tied || op->n_maybe || of->source->derived_from) &&
	    !dfl_request_is_last_call(t, r) && waits_for_id(t, op))
		return;
	if (is_of_others(t, op, of))
		count_weak(op, of);
	else if (dfl_group_is_content(&g) && !is_phrase_of_the_past(op, of, &g, owner))
		count_group(t, op, of, &g, owner, dfl_owner_by_id(t, op) == r);
	else if (owner == r && is_enough_when_tied(&g, of))
		count_group(t, op, of, &g, owner, true);
	else
		count_weak(op, of);
}

/* Does a run of the request, or a longer one, stand on the same bytes? */
static bool has_run_there(const struct dfl_op *op, const struct text_run *run,
			  const struct request *r)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *other = &op->runs[i];

		if (other->source && dfl_rank_overlap(other, run) &&
		    (dfl_run_len(other) > dfl_run_len(run) ||
		     (other->source->request == r && dfl_run_len(other) == dfl_run_len(run))))
			return true;
	}
	return false;
}

static bool make_run_of(struct text_run *run, const struct dfl_op *op, struct request *r)
{
	struct dfl_src *s;

	for (s = r->sources; s; s = s->next) {
		if (!dfl_match_source_holds(s->match, run->source->match, &run->run))
			continue;
		run->source = s;
		run->own = is_own_text(op, run);
		return true;
	}
	return false;
}

/*
 * When more texts are equal than match looks at, the one of whom an id names may not be among them;
 * an answer that became known after the operation is not either, and an equal one of the past is.
 * It must be final, or the owner's may still come.
 */
static bool may_lack_owner(const struct dfl_op *op, const struct text_run *r)
{
	return r->final && (r->run.other_sources >= DFL_MATCH_LOOKED_AT - 1 ||
			    dfl_request_was_over(r->source->request, op->begin_ns));
}

static void find_text_of_owner(struct dfl_op *op)
{
	bool any = false;

	for (unsigned i = 0; i < op->n_runs && op->owned_by_id; i++) {
		struct text_run *r = &op->runs[i];

		if (r->source && !r->counted && !r->weak && may_lack_owner(op, r) &&
		    !has_run_there(op, r, op->owner))
			any |= make_run_of(r, op, op->owner);
	}
	if (any)
		dfl_rank(op);
}

/* Is there no run before it that was judged with it? */
static bool is_next(const struct dfl_op *op, unsigned at)
{
	const struct text_run *of = &op->runs[at], *r;

	if (!dfl_run_counts(of) || of->counted)
		return false;
	for (r = op->runs; r != of; r++)
		if (dfl_run_counts(r) && !r->counted && dfl_group_same(r, of))
			return false;
	return true;
}

void dfl_attribute_op(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *owner;

	if (!op->changed || !(op->n_runs || op->n_past_runs))
		return;
	op->changed = false;
	owner = dfl_owner_find(t, op);
	find_text_of_owner(op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (is_next(op, i))
			judge(t, op, &op->runs[i], owner);
	dfl_history_op(t, op, owner);
}

/* Is it about to be said of a request what this operation is to it? */
static bool is_due(struct dfl_trace *t, const struct dfl_op *op)
{
	const struct request *owner = dfl_owner_by_id(t, op);

	if (t->finishing || (owner && dfl_request_is_last_call(t, owner)))
		return true;
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].source && dfl_request_is_last_call(t, op->runs[i].source->request))
			return true;
	return false;
}

/* In a view that stays open: a part may belong to a longer text that is not over yet. */
static bool is_final(const struct dfl_trace *t, const struct dfl_op *op, const struct text_run *r)
{
	if (r->final || !r->source || t->finishing)
		return true;
	return dfl_request_is_last_call(t, r->source->request) &&
	       (op->owner == r->source->request || dfl_run_coverage(r) * 100 >= FULL_PERCENT);
}

void dfl_attribute_last_call(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	{
		if (op->ended && !op->n_ids && !op->open_views)
			continue; /* nothing new can be known of it */
		if (!is_due(t, op))
			continue;
		op->changed = true;
		for (unsigned i = 0; i < op->n_runs; i++)
			op->runs[i].final = is_final(t, op, &op->runs[i]);
		for (unsigned i = 0; i < op->n_past_runs; i++)
			op->past_runs[i].final |= t->finishing ||
						  (op->owner &&
						   dfl_request_is_last_call(t, op->owner));
		dfl_attribute_op(t, op);
	}
}

void dfl_attribute_origin(struct dfl_trace *t, struct hop_add *a, const struct dfl_src *s,
			  const struct dfl_src *twins)
{
	struct dfl_run run = {
		.canon_from = s->canon_from,
		.canon_to = dfl_match_source_canon_bytes(s->match),
		.src_from = s->raw_from,
		.src_to = dfl_match_source_raw_bytes(s->match),
		.pos_from = s->pos_from,
		.pos_to = s->pos_to,
		.ts_first_ns = s->begin_ns,
		.ts_last_ns = a->op->last_ns,
	};
	const struct dfl_src *twin;
	struct hop *h;
	bool new;

	if (run.src_to == run.src_from)
		return;
	a->request = s->request;
	a->text = text_of(s, false);
	h = dfl_hop_get(t, a, &new);
	if (!h)
		return;
	dfl_hop_add_run(h, &run);
	LL_FOREACH2(twins, twin, next_twin)
	dfl_hop_candidate(t, h, twin->request->trace_id);
	/* who has that answer already may have got it here */
	for (unsigned i = 0; i < a->op->n_maybe && a->ambiguous; i++)
		dfl_hop_candidate(t, h, a->op->maybe[i]->trace_id);
	a->op->tc->carried_text = true;
	dfl_notify(t, s->request, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}
