// SPDX-License-Identifier: Apache-2.0
/* Which of several texts explains the bytes of an operation best. */
#include "trace/attribution/rank.h"

#include <string.h>
#include <strings.h>

#include "trace/attribution/evidence.h"
#include "trace/attribution/history_run.h"
#include "trace/attribution/retrieved.h"

/* Was it by these bytes that the owner of the operation was found? Then they prove nothing more. */
static bool told_owner(const struct dfl_op *op, const struct text_run *r)
{
	return r->at.view == op->owner_text.view && r->at.pos_from < op->owner_text.to &&
	       r->at.pos_to > op->owner_text.from;
}

/* 1: the operation belongs to the request of a, and that decides; -1: of b; 0: it decides nothing.
 */
static int by_owner(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	if (op->owner == a->at.source->request && !told_owner(op, a))
		return 1;
	return op->owner == b->at.source->request && !told_owner(op, b) ? -1 : 0;
}

/*
 * An id says that the operation belongs to the request of a, and all of a's text is there. A longer
 * text of another request that was under way does not change that.
 */
static bool is_surely(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	return op->owned_by_id && op->owner == a->at.source->request &&
	       op->owner != b->at.source->request && dfl_run_is_whole(a) &&
	       !dfl_request_was_over(b->at.source->request, op->begin_ns);
}

/* Is it of the same conversation as the request to which the operation belongs? */
static bool is_near(const struct dfl_op *op, const struct request *r)
{
	const char *own = op->owner ? op->owner->ids[DFL_ID_CONVERSATION] : NULL,
		   *its = r->ids[DFL_ID_CONVERSATION];

	return own && its && !strcasecmp(own, its);
}

/*
 * Of equal texts of the past, the one of the same conversation is the history that is sent again.
 * (history.c has the same rule for fingerprints.)
 */
static int by_conversation(const struct dfl_op *op, const struct request *a,
			   const struct request *b)
{
	return is_near(op, a) == is_near(op, b) ? 0 : is_near(op, a) ? 1 : -1;
}

/* As better(), of two texts of one request: they only differ in the field that is named. */
static int better_field(const struct text_run *a, const struct text_run *b)
{
	double ca = dfl_run_coverage(a), cb = dfl_run_coverage(b);

	if (ca != cb)
		return ca > cb ? 1 : -1;
	if (dfl_retrieved_fits(a) != dfl_retrieved_fits(b))
		return dfl_retrieved_fits(a) ? 1 : -1;
	return a->at.source->number < b->at.source->number ? 1 : -1;
}

/* As better(), of two equally long texts of different requests. */
static int better_request(const struct dfl_op *op, const struct text_run *a,
			  const struct text_run *b)
{
	struct request *ra = a->at.source->request, *rb = b->at.source->request;
	bool other_a, other_b, over_a, over_b;
	int cmp = by_owner(op, a, b);

	if (cmp)
		return cmp;
	other_a = dfl_op_is_of_other_message(op, ra);
	other_b = dfl_op_is_of_other_message(op, rb);
	if (other_a != other_b)
		return other_b ? 1 : -1;
	if (a->at.source->retrieved || b->at.source->retrieved)
		cmp = dfl_retrieved_better(op, a, b);
	if (cmp)
		return cmp;
	over_a = dfl_request_was_over(ra, op->begin_ns);
	over_b = dfl_request_was_over(rb, op->begin_ns);
	if (over_a != over_b)
		return over_b ? 1 : -1;
	return over_a ? by_conversation(op, ra, rb) : 0;
}

/*
 * 1: a explains the bytes better; -1: b does; 0: they cannot be told apart. The longer text wins,
 * because the shorter one is a part that both have in common. README.md lists the rules.
 */
static int better(const struct dfl_op *op, const struct text_run *a, const struct text_run *b)
{
	if (is_surely(op, a, b))
		return 1;
	if (is_surely(op, b, a))
		return -1;
	if (a->at.len != b->at.len)
		return a->at.len > b->at.len ? 1 : -1;
	if (a->at.source->request == b->at.source->request)
		return better_field(a, b);
	return better_request(op, a, b);
}

static bool is_all(const struct text_run *r)
{
	return dfl_run_is_whole(r) &&
	       r->at.len == dfl_match_source_canon_bytes(r->at.source->match);
}

/*
 * Does a stand beside b, which is longer? All of one text in a longer text of another request: both
 * may be meant. But not when the place is made for b, or when the operation's request retrieved b.
 */
static bool stands_beside(const struct dfl_op *op, const struct text_run *a,
			  const struct text_run *b)
{
	const struct request *r = a->at.source->request;

	if ((dfl_retrieved_fits(b) && !dfl_retrieved_fits(a)) || dfl_retrieved_is_of_owner(op, b))
		return false;
	if (r == b->at.source->request || !is_all(a) || dfl_op_is_of_other_message(op, r) ||
	    dfl_request_was_over(r, op->begin_ns))
		return false;
	return !op->owned_by_id || op->owner == r;
}

/* ---- the rules by which text runs are ranked; ctx is the operation ---- */

static const struct text_run *text_run(const struct run *r)
{
	return (const struct text_run *)r;
}

static bool is_explained(const void *ctx, const struct run *r)
{
	const struct dfl_op *op = ctx;

	return dfl_history_beats(op, r) && (!dfl_run_is_whole(text_run(r)) ||
					    dfl_request_was_over(r->source->request, op->begin_ns));
}

static bool loses(const void *ctx, const struct run *a, const struct run *b)
{
	return better(ctx, text_run(a), text_run(b)) < 0 &&
	       !stands_beside(ctx, text_run(a), text_run(b));
}

static bool ties(const void *ctx, const struct run *a, const struct run *b)
{
	const struct dfl_op *op = ctx;
	int cmp;

	if (a->source->request == b->source->request ||
	    (op->owned_by_id && op->owner == a->source->request))
		return false;
	cmp = better(op, text_run(a), text_run(b));
	return cmp < 0 ||
	       (!cmp && (dfl_run_is_whole(text_run(b)) || !dfl_run_is_whole(text_run(a))));
}

static const struct run_rules rules = {
	.is_explained = is_explained,
	.loses = loses,
	.ties = ties,
	.keeps_ties = true,
};

bool dfl_rank_ties(const struct dfl_op *op, const struct run *a, const struct run *b)
{
	return dfl_run_rivals(a, b) && !dfl_run_is(b, RUN_BEATEN) && ties(op, a, b);
}

/* ---- groups ---- */

/* The first run of the group that may be evidence: it stands for the group. */
static const struct text_run *first_of_group(const struct dfl_op *op, const struct text_run *of)
{
	const struct text_run *r = &op->runs[of->at.group_first];

	while (r != of && !dfl_run_counts(&r->at))
		r = &op->runs[r->at.group_next];
	return r;
}

/* Marks what each group amounts to. A group is measured once, however many runs it has. */
static void mark_groups(struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		struct text_run *r = &op->runs[i];
		bool counts = dfl_run_counts(&r->at);
		const struct text_run *first = counts ? first_of_group(op, r) : NULL;
		bool content = first && dfl_run_is(&first->at, RUN_CONTENT);
		bool doubted = first && dfl_run_is(&first->at, RUN_DOUBTED);

		if (first == r) {
			struct run_group g = dfl_group_measure(op, r);

			content = dfl_group_is_content(&g);
			doubted = g.tied;
		}
		dfl_run_mark(&r->at, RUN_CONTENT, content);
		dfl_run_mark(&r->at, RUN_DOUBTED, doubted);
	}
}

void dfl_rank(struct dfl_op *op)
{
	const struct run_list list = dfl_op_text_runs(op);

	dfl_retrieved_mark(op);
	dfl_runs_rank(&list, &rules, op);
	mark_groups(op);
}

static bool can_count(const struct run *r)
{
	return r->text &&
	       (r->stage == RUN_WEAK || r->stage == RUN_COUNTED || !dfl_run_is(r, RUN_BEATEN));
}

void dfl_rank_drop(struct dfl_op *op)
{
	unsigned n = 0;

	op->n_new_runs = 0;
	dfl_rank(op);
	for (unsigned i = 0; i < op->n_runs; i++)
		if (can_count(&op->runs[i].at))
			op->runs[n++] = op->runs[i];
	op->n_runs = n;
}

/* ---- runs that are lost from the start ---- */

/*
 * Does it explain its bytes as long as the operation lives? Not when it may become RUN_OUT
 * (retrieved.c), or its text may go because it is another request's (derived.c).
 */
static bool is_firm(const struct text_run *r)
{
	const struct dfl_src *s = r->at.source;

	return s && !s->retrieved && !s->shared && !dfl_source_is_document(s) &&
	       !(r->holds && !strcmp(r->holds, "chunk"));
}

/* May it count only as long as no longer run stands on its bytes? As better() and stands_beside()
 * decide; a document also tells where a chunk was cut from. */
static bool is_part(const struct text_run *r)
{
	const struct dfl_src *s = r->at.source;

	return r->at.stage <= RUN_FINAL && s && !s->retrieved && !dfl_source_is_document(s) &&
	       !dfl_run_is_whole(r);
}

static bool loses_for_good(const struct text_run *a, const struct text_run *b)
{
	return a->at.len < b->at.len && dfl_run_rivals(&a->at, &b->at) && is_firm(b) && is_part(a);
}

bool dfl_rank_is_lost(struct dfl_op *op, const struct text_run *r)
{
	unsigned n = 0;

	for (unsigned i = op->n_runs; i--;)
		if (loses_for_good(r, &op->runs[i]))
			return true;
	for (unsigned i = 0; i < op->n_runs; i++)
		if (!loses_for_good(&op->runs[i], r))
			op->runs[n++] = op->runs[i];
	op->n_runs = n;
	return false;
}
