// SPDX-License-Identifier: Apache-2.0
/* Which of several texts explains the bytes of an operation best. */
#include "trace/attribution/rank.h"

#include <strings.h>

#include "trace/attribution/evidence.h"
#include "trace/attribution/history_run.h"
#include "trace/attribution/retrieved.h"

/* Is it by the run's own bytes that the operation is thought to be its request's? */
static bool told_owner(const struct dfl_op *op, const struct text_run *r)
{
	return r->view == op->owner_text.view && r->run.pos_from < op->owner_text.to &&
	       r->run.pos_to > op->owner_text.from;
}

/* 1: the operation is a's and that decides; -1: it is b's. */
static int by_owner(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	if (op->owner == a->source->request && !told_owner(op, a))
		return 1;
	return op->owner == b->source->request && !told_owner(op, b) ? -1 : 0;
}

/* All of a's text, in a's operation by an id: whatever longer text of others is like it. */
static bool is_surely(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	return op->owned_by_id && op->owner == a->source->request &&
	       op->owner != b->source->request && dfl_run_is_whole(a) &&
	       !dfl_request_was_over(b->source->request, op->begin_ns);
}

/* Is it an earlier request of the conversation of the operation's request? */
static bool is_near(const struct dfl_op *op, const struct request *r)
{
	const char *own = op->owner ? op->owner->ids[DFL_ID_CONVERSATION] : NULL,
		   *its = r->ids[DFL_ID_CONVERSATION];

	return own && its && !strcasecmp(own, its);
}

/*
 * Of equal texts of the past, the one of the same conversation is its history (replay.c has the
 * same rule for fingerprints).
 */
static int by_conversation(const struct dfl_op *op, const struct request *a,
			   const struct request *b)
{
	return is_near(op, a) == is_near(op, b) ? 0 : is_near(op, a) ? 1 : -1;
}

/* 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. */
static int better(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	struct request *ra = a->source->request, *rb = b->source->request;
	double ca = dfl_run_coverage(a), cb = dfl_run_coverage(b);
	bool over_a, over_b, other_a, other_b;
	int chunk;

	if (is_surely(op, a, b) || is_surely(op, b, a))
		return is_surely(op, a, b) ? 1 : -1;
	if (dfl_run_len(a) != dfl_run_len(b))
		return dfl_run_len(a) > dfl_run_len(b) ? 1 : -1;
	if (ra == rb && ca != cb)
		return ca > cb ? 1 : -1;
	if (ra == rb && dfl_retrieved_fits(a) != dfl_retrieved_fits(b))
		return dfl_retrieved_fits(a) ? 1 : -1;
	if (ra == rb)
		return a->source->number < b->source->number ? 1 : -1;
	if (by_owner(op, a, b))
		return by_owner(op, a, b);
	other_a = dfl_op_is_of_other_message(op, ra);
	other_b = dfl_op_is_of_other_message(op, rb);
	if (other_a != other_b)
		return other_b ? 1 : -1;
	chunk = a->source->retrieved || b->source->retrieved ? dfl_retrieved_better(op, a, b) : 0;
	if (chunk)
		return chunk;
	over_a = dfl_request_was_over(ra, op->begin_ns);
	over_b = dfl_request_was_over(rb, op->begin_ns);
	if (over_a != over_b)
		return over_b ? 1 : -1;
	return over_a ? by_conversation(op, ra, rb) : 0;
}

bool dfl_rank_overlap(const struct text_run *a, const struct text_run *b)
{
	uint64_t from = a->run.pos_from > b->run.pos_from ? a->run.pos_from : b->run.pos_from;
	uint64_t to = a->run.pos_to < b->run.pos_to ? a->run.pos_to : b->run.pos_to;
	uint64_t la = a->run.pos_to - a->run.pos_from, lb = b->run.pos_to - b->run.pos_from;

	return a->view == b->view && to > from && 2 * (to - from) >= (la < lb ? la : lb);
}

bool dfl_rank_ties(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	int cmp;

	if (!a->source || !b->source || a->source->request == b->source->request || b->beaten ||
	    !dfl_rank_overlap(a, b))
		return false;
	if (op->owned_by_id && op->owner == a->source->request)
		return false;
	cmp = better(op, a, b);
	return cmp < 0 || (!cmp && (dfl_run_is_whole(b) || !dfl_run_is_whole(a)));
}

static bool is_tied(const struct dfl_op *op, const struct text_run *run)
{
	for (unsigned i = 0; i < op->n_runs; i++)
		if (dfl_rank_ties(op, run, &op->runs[i]))
			return true;
	return false;
}

static bool is_all(const struct text_run *r)
{
	return dfl_run_is_whole(r) &&
	       dfl_run_len(r) == dfl_match_source_canon_bytes(r->source->match);
}

/* All of a text in a longer one: both may be meant. */
static bool stands_anyway(const struct dfl_op *op, const struct text_run *a,
			  const struct text_run *b)
{
	const struct request *r = a->source->request;

	if ((dfl_retrieved_fits(b) && !dfl_retrieved_fits(a)) || dfl_retrieved_is_of_owner(op, b))
		return false; /* but the place is made for the other, or the operation's request
				 retrieved it */
	if (r == b->source->request || !is_all(a) || dfl_op_is_of_other_message(op, r) ||
	    dfl_request_was_over(r, op->begin_ns))
		return false;
	return !op->owned_by_id || op->owner == r;
}

static const struct text_run *first_of_group(const struct dfl_op *op, const struct text_run *of)
{
	const struct text_run *r = op->runs;

	while (r != of && !(dfl_run_counts(r) && dfl_group_same(r, of)))
		r++;
	return r;
}

/* Once for each group: many runs of one text are cheap so. */
static void measure_groups(struct dfl_op *op)
{
	struct run_group g;

	for (unsigned i = 0; i < op->n_runs; i++) {
		struct text_run *r = &op->runs[i];
		const struct text_run *first;

		r->content = r->doubted = false;
		if (!dfl_run_counts(r))
			continue;
		first = first_of_group(op, r);
		if (first == r) {
			g = dfl_group_measure(op, r);
			r->content = dfl_group_is_content(&g);
			r->doubted = g.tied;
		}
		r->content = first->content;
		r->doubted = first->doubted;
	}
}

void dfl_rank(struct dfl_op *op)
{
	dfl_retrieved_mark(op);
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct text_run *a = &op->runs[i];

		if (a->counted)
			continue; /* it is settled that it counts */
		a->beaten = a->out;
		for (unsigned j = 0; j < op->n_runs && a->source && !a->beaten; j++) {
			const struct text_run *b = &op->runs[j];

			if (i != j && b->source && b->source != a->source && !b->out &&
			    dfl_rank_overlap(a, b))
				a->beaten = better(op, a, b) < 0 && !stands_anyway(op, a, b);
		}
		a->beaten |= a->source && dfl_history_beats(op, a) &&
			     (!dfl_run_is_whole(a) ||
			      dfl_request_was_over(a->source->request, op->begin_ns));
	}
	for (unsigned i = 0; i < op->n_runs; i++)
		if (!op->runs[i].counted)
			op->runs[i].tied = !op->runs[i].beaten && is_tied(op, &op->runs[i]);
	measure_groups(op);
}

void dfl_rank_drop(struct dfl_op *op)
{
	unsigned n = 0;

	op->n_new_runs = 0;
	dfl_rank(op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].source &&
		    (op->runs[i].counted || op->runs[i].weak || !op->runs[i].beaten))
			op->runs[n++] = op->runs[i];
	op->n_runs = n;
}
