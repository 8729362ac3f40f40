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

/* Is it the very place where the text came from? */
static bool is_origin(const struct dfl_op *op, const struct run *r)
{
	if (r->source->view)
		return r->source->view == r->view;
	return r->source->op == op->number && r->source->dir == r->dir;
}

void dfl_attribute_view_closed(struct dfl_view *v)
{
	const struct run_list texts = dfl_op_text_runs(v->op), past = dfl_op_past_runs(v->op);

	dfl_runs_view_closed(&texts, v->number);
	dfl_runs_view_closed(&past, v->number);
}

/* At the limit the longer run is worth more: the shortest one makes room, if it is shorter. */
static struct text_run *replace_shortest(struct dfl_trace *t, struct dfl_op *op, uint32_t len)
{
	const struct run_list list = dfl_op_text_runs(op);
	struct run *shortest = dfl_runs_shortest(&list);

	t->stats.capped_runs++;
	return shortest && shortest->len < len ? (struct text_run *)shortest : NULL;
}

/*
 * Are there so many new runs that it pays to compare all with all? Texts of one vocabulary have
 * many short runs in common, and most of them are beaten.
 */
static bool should_tidy(const struct dfl_op *op)
{
	return op->n_new_runs >= RUNS_TO_TIDY && op->n_runs == op->cap_runs &&
	       2 * op->n_new_runs >= op->n_runs;
}

/* Room for one more of that length. NULL: it is not worth what would have to go, or no memory. */
static struct text_run *new_run(struct dfl_trace *t, struct dfl_op *op, uint32_t len)
{
	unsigned cap = op->cap_runs;
	void *runs = op->runs;

	op->n_new_runs++;
	if (should_tidy(op))
		dfl_rank_drop(op);
	if (op->n_runs < op->cap_runs)
		return &op->runs[op->n_runs++];
	if (op->n_runs >= MAX_RUNS_PER_OP)
		return replace_shortest(t, op, len);
	if (dfl_runs_grow(&runs, &op->cap_runs, sizeof(*op->runs)))
		return NULL;
	op->runs = runs;
	t->n_run_slots += op->cap_runs - cap;
	return &op->runs[op->n_runs++];
}

void dfl_attribute_run(void *trace, void *view, void *source, const struct dfl_run *run)
{
	uint32_t len = run->canon_to - run->canon_from;
	struct dfl_view *v = view;
	struct dfl_src *s = source;
	struct dfl_op *op = v->op;
	struct text_run new, *r;

	if (run->ts_last_ns < s->begin_ns)
		return; /* these bytes passed before the text existed */
	new = (struct text_run){
		.at = {
			.source = s,
			.len = len,
			.place = v->place ?: op->place,
			.dir = v->dir,
			.layer = v->layer,
			.view = v->number,
			.residency = v->residency ?: op->residency,
			.ttl_s = op->ttl_s,
			.pos_from = run->pos_from,
			.pos_to = run->pos_to,
			.encodings = run->encodings,
			.first_ns = run->ts_first_ns,
			.last_ns = run->ts_last_ns,
		},
		.holds = v->holds,
		.canon_from = run->canon_from,
		.canon_to = run->canon_to,
		.src_from = run->src_from,
		.src_to = run->src_to,
		.other_sources = run->other_sources,
		.whole_leaf = run->whole_leaf,
	};
	dfl_run_mark(&new.at, RUN_OWN, is_origin(op, &new.at));
	if (dfl_rank_is_lost(op, &new))
		return;
	r = new_run(trace, op, len);
	if (!r) {
		s->request->capped |= len >= RUN_FULL;
		return;
	}
	*r = new;
	op->n_known++;
	op->changed = true;
}

/* The requests to which the text of an ambiguous run may belong as well. */
static void add_candidates(struct dfl_trace *t, const struct dfl_op *op, const struct run *r,
			   struct hop *h)
{
	for (unsigned i = 0; i < op->n_maybe && r->source->derived_from; i++)
		dfl_hop_candidate(t, h, op->maybe[i]->trace_id);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (dfl_rank_ties(op, r, &op->runs[i].at))
			dfl_hop_candidate(t, h, op->runs[i].at.source->request->trace_id);
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

/* The runs of the group that are not in a hop yet are added to this one. */
static void count_runs(struct dfl_trace *t, struct dfl_op *op, const struct run *of, struct hop *h,
		       bool ambiguous)
{
	for (unsigned i = of->group_first; i != NO_RUN; i = op->runs[i].at.group_next) {
		struct run *r = &op->runs[i].at;

		if (!dfl_run_counts(r) || dfl_run_is_counted(r))
			continue;
		if (r->stage == RUN_WEAK)
			r->source->request->weak_matches--;
		dfl_run_count(r);
		dfl_hop_add_run(h, &op->runs[i]);
		if (ambiguous)
			add_candidates(t, op, r, h);
	}
}

/*
 * The group is evidence: its runs become a hop. When the text belongs to a request that was over
 * when the operation began, it is history in the operation's own request (owner).
 */
static void count_group(struct dfl_trace *t, struct dfl_op *op, const struct text_run *of,
			const struct run_group *g, struct request *owner, bool by_id)
{
	struct request *from = of->at.source->request;
	bool is_history = owner && owner != from && dfl_request_was_over(from, op->begin_ns);
	struct hop_add add = {
		.request = is_history ? owner : from,
		.op = op,
		.text = text_of(of->at.source, is_history),
		.place = of->at.place,
		.history_of = is_history ? from->trace_id : NULL,
		.dir = of->at.dir,
		.layer = of->at.layer,
		.residency = of->at.residency ?: op->residency,
		.ttl_s = of->at.ttl_s,
		.by_id = by_id,
		.ambiguous = g->tied || (of->at.source->derived_from && op->n_maybe),
	};
	struct hop *h;
	bool new;

	h = dfl_hop_get(t, &add, &new);
	if (!h)
		return;
	if (add.ambiguous)
		dfl_hop_candidate(t, h, from->trace_id);
	of->at.source->claimed |= by_id && !is_history && !add.ambiguous &&
				  g->coverage * 100 >= FULL_PERCENT;
	count_runs(t, op, &of->at, h, add.ambiguous);
	if (g->common > h->common_sources)
		h->common_sources = g->common;
	if (new &&is_history)
		dfl_request_found_later(from, owner, h->seq);
	op->tc->carried_text = true;
	dfl_notify(t, add.request, new ? DFL_DOC_HOP_NEW : DFL_DOC_HOP_CHANGED, h);
}

/* The group is too little to be evidence: its runs are counted as weak matches. */
static void count_weak(struct dfl_op *op, const struct run *of)
{
	for (unsigned i = of->group_first; i != NO_RUN; i = op->runs[i].at.group_next) {
		struct run *r = &op->runs[i].at;

		if (!dfl_run_counts(r) || r->stage != RUN_FINAL)
			continue;
		dfl_run_weaken(r);
		r->source->request->weak_matches++;
		dfl_request_changed(r->source->request);
	}
}

/*
 * Is it evidence in an operation that is tied to the request? Without a place the bytes may be the
 * operation's own words between its values, and a text can have such words in it too.
 */
static bool is_enough_when_tied(const struct run_group *g, const struct text_run *of)
{
	return g->longest >= (of->at.place ? RUN_MIN : RUN_FULL) || g->whole_leaf;
}

/*
 * It is a part of a past text that other texts have as well: a phrase. It does not tell that the
 * past text was sent again. A whole text does, and a part that no other text has.
 */
static bool is_phrase_of_the_past(const struct dfl_op *op, const struct text_run *of,
				  const struct run_group *g, const struct request *owner)
{
	return owner && owner != of->at.source->request &&
	       dfl_request_was_over(of->at.source->request, op->begin_ns) && g->common &&
	       g->coverage * 100 < FULL_PERCENT;
}

/*
 * It is derived text of one request in an operation of another one that was under way: then the
 * other request got an equal text of its own. (retrieved.c tells the same of chunks.)
 */
static bool is_of_others(struct dfl_trace *t, const struct dfl_op *op, const struct text_run *of)
{
	struct request *r = of->at.source->request;

	if (!of->at.source->derived_from || of->at.source->retrieved ||
	    dfl_request_was_over(r, op->begin_ns))
		return false;
	if (dfl_op_is_of_other_message(op, r))
		return true;
	for (unsigned i = 0; i < op->n_maybe; i++)
		if (op->maybe[i] == r)
			return false;
	return op->n_maybe || (op->owned_by_id && dfl_owner_by_unique_id(t, op) != r);
}

/*
 * May an id still tell to which request the operation belongs? A statement names the message after
 * the text, and a blocking answer tells only at its end which message is the request's. (The id of
 * a plugin session is known before the session's data, or never.)
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
		    op->ids[i].kind != DFL_ID_PLUGIN_SESSION &&
		    !dfl_request_by_id(t, op->ids[i].kind, op->ids[i].value, op->last_ns))
			return true;
	return false;
}

/*
 * Judges the group of `of`: it is evidence by its length, or by what ties the operation to the
 * request, or it is a weak match. Or it waits, when more can still become known.
 */
static void judge(struct dfl_trace *t, struct dfl_op *op, const struct text_run *of,
		  struct request *owner)
{
	struct run_group g = dfl_group_measure(op, of);
	struct request *r = of->at.source->request;

	if (!g.any_new || dfl_run_is_told_anew(op, of))
		return;
	if (!op->operation && !op->ended && !dfl_request_is_last_call(t, r))
		return; /* the operation has no name yet */
	if ((g.tied || op->n_maybe || of->at.source->derived_from) &&
	    !dfl_request_is_last_call(t, r) && waits_for_id(t, op))
		return;
	if (is_of_others(t, op, of))
		count_weak(op, &of->at);
	else if (dfl_group_is_content(&g) && !is_phrase_of_the_past(op, of, &g, owner))
		count_group(t, op, of, &g, owner, dfl_owner_by_id(t, op) == r);
	else if (owner == r && is_enough_when_tied(&g, of))
		count_group(t, op, of, &g, owner, true);
	else
		count_weak(op, &of->at);
}

/* Does a run of the request, or a longer one, stand on the same bytes? */
static bool has_run_there(const struct dfl_op *op, const struct text_run *run,
			  const struct request *r)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *other = &op->runs[i];

		if (other->at.source && dfl_run_overlaps(&other->at, &run->at) &&
		    (other->at.len > run->at.len ||
		     (other->at.source->request == r && other->at.len == run->at.len)))
			return true;
	}
	return false;
}

/* Makes it a run of an equal text of r; false: r has none. */
static bool give_to(struct text_run *run, const struct dfl_op *op, struct request *r)
{
	struct dfl_src *s;

	for (s = r->sources; s; s = s->next) {
		if (!dfl_source_takes(s, run))
			continue;
		dfl_run_mark(&run->at, RUN_OWN, is_origin(op, &run->at));
		return true;
	}
	return false;
}

/*
 * May an equal text of the owner be missing among the runs? Of very many equal texts match looks
 * only at some. And an answer that became known after the operation has no run there, but an equal
 * answer of the past has one. The run must be final, or the owner's may still come.
 */
static bool may_lack_owner(const struct dfl_op *op, const struct text_run *r)
{
	return r->at.text && r->at.stage == RUN_FINAL &&
	       (r->other_sources >= DFL_MATCH_TOLD - 1 ||
		dfl_request_was_over(r->at.source->request, op->begin_ns));
}

/* An id names the owner: runs of equal texts of others are given to it, where it has none. */
static void find_text_of_owner(struct dfl_op *op)
{
	bool any = false;

	for (unsigned i = 0; i < op->n_runs && op->owned_by_id; i++) {
		struct text_run *r = &op->runs[i];

		if (may_lack_owner(op, r) && !has_run_there(op, r, op->owner))
			any |= give_to(r, op, op->owner);
	}
	if (any)
		dfl_rank(op);
}

/*
 * Has it an id that a request may still be bound to? A session of a plugin is bound by its call,
 * which comes first: it is known by now, or never.
 */
static bool has_lasting_id(const struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind != DFL_ID_PLUGIN_SESSION)
			return true;
	return false;
}

/*
 * Can the run still become evidence? When an id told the owner, only by an equal text of the owner
 * that is not known yet.
 */
static bool may_count(const struct dfl_op *op, const struct text_run *r)
{
	if (!r->at.text || dfl_run_is_counted(&r->at) || dfl_run_is(&r->at, RUN_OWN))
		return false;
	return !op->owned_by_id || (may_lack_owner(op, r) && !has_run_there(op, r, op->owner));
}

bool dfl_attribute_may_change(const struct dfl_op *op)
{
	bool lasting = has_lasting_id(op);

	for (unsigned i = 0; i < op->n_runs && lasting; i++)
		if (may_count(op, &op->runs[i]))
			return true;
	for (unsigned i = 0; i < op->n_past_runs && op->n_ids; i++)
		if (op->past_runs[i].at.text && !dfl_run_is_counted(&op->past_runs[i].at))
			return true;
	return false;
}

void dfl_attribute_op(struct dfl_trace *t, struct dfl_op *op)
{
	struct run_list list;
	struct request *owner;

	if (!op->changed || !(op->n_runs || op->n_past_runs))
		return;
	op->changed = false;
	owner = dfl_owner_find(t, op);
	find_text_of_owner(op);
	list = dfl_op_text_runs(op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (dfl_runs_leads(&list, i))
			judge(t, op, &op->runs[i], owner);
	dfl_history_op(t, op, owner);
}

/* Does one of the requests settle that the operation may belong to? */
static bool is_due(struct dfl_trace *t, const struct dfl_op *op)
{
	const struct request *owner;

	if (t->finishing)
		return true;
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct dfl_src *s = op->runs[i].at.source;

		if (s && dfl_request_is_last_call(t, s->request))
			return true;
	}
	owner = dfl_owner_by_id(t, op);
	return owner && dfl_request_is_last_call(t, owner);
}

/*
 * Is the run as good as final, though its view stays open? It can still be a part of a longer text
 * that is not complete, unless it is nearly all of its own text or the operation is its request's.
 */
static bool is_as_good_as_final(const struct dfl_trace *t, const struct dfl_op *op,
				const struct text_run *r)
{
	if (!r->at.text || t->finishing)
		return true;
	return dfl_request_is_last_call(t, r->at.source->request) &&
	       (op->owner == r->at.source->request || dfl_run_coverage(r) * 100 >= FULL_PERCENT);
}

static void finalize(const struct dfl_trace *t, struct dfl_op *op)
{
	bool owner_settles = op->owner && dfl_request_is_last_call(t, op->owner);

	for (unsigned i = 0; i < op->n_runs; i++)
		if (is_as_good_as_final(t, op, &op->runs[i]))
			dfl_run_finalize(&op->runs[i].at);
	for (unsigned i = 0; i < op->n_past_runs; i++)
		if (t->finishing || owner_settles)
			dfl_run_finalize(&op->past_runs[i].at);
}

void dfl_attribute_last_call(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	{
		if (op->ended && !op->n_ids && !op->open_views)
			continue; /* nothing new can become known of it */
		if (!is_due(t, op))
			continue;
		op->changed = true;
		finalize(t, op);
		dfl_attribute_op(t, op);
	}
}

void dfl_attribute_origin(struct dfl_trace *t, struct hop_add *a, const struct dfl_src *s,
			  const struct dfl_src *twins)
{
	struct text_run run = {
		.at = {
			.pos_from = s->pos_from,
			.pos_to = s->pos_to,
			.first_ns = s->begin_ns,
			.last_ns = a->op->last_ns,
		},
		.canon_from = s->canon_from,
		.canon_to = dfl_match_source_canon_bytes(s->match),
		.src_from = s->raw_from,
		.src_to = dfl_match_source_raw_bytes(s->match),
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
