// SPDX-License-Identifier: Apache-2.0
/* Retrieved text, beside what else is equal to it. */
#include "trace/attribution/retrieved.h"

#include <string.h>

#include "base/ranges.h"
#include "trace/attribution/evidence.h"

bool dfl_retrieved_fits(const struct text_run *r)
{
	return dfl_source_is(r->at.source, r->holds);
}

int dfl_retrieved_better(const struct dfl_op *op, const struct text_run *a,
			 const struct text_run *b)
{
	bool over_a = dfl_request_was_over(a->at.source->request, op->begin_ns);
	bool over_b = dfl_request_was_over(b->at.source->request, op->begin_ns);

	if (dfl_retrieved_fits(a) != dfl_retrieved_fits(b))
		return dfl_retrieved_fits(a) ? 1 : -1;
	if (over_a && over_b && a->at.source->retrieved != b->at.source->retrieved)
		return b->at.source->retrieved ? 1 : -1;
	return 0;
}

bool dfl_retrieved_is_of_owner(const struct dfl_op *op, const struct text_run *r)
{
	return r->at.source->retrieved && op->owner && op->owner == r->at.source->request;
}

/*
 * The operation belongs to another request than the text. Then retrieved text explains nothing
 * here: the owner got it from the same store. Nor does a question with the same words, where the
 * place is made for chunks. But a document may be what the chunk was cut from.
 */
static bool is_elsewhere(const struct dfl_op *op, const struct text_run *r)
{
	if (!r->at.source || !op->owner || op->owner == r->at.source->request)
		return false;
	return r->at.source->retrieved ||
	       (r->holds && !strcmp(r->holds, "chunk") && !dfl_source_is_document(r->at.source));
}

/*
 * Does the request that retrieved this chunk use it here, and all of it? In an operation without an
 * owner, a request that was under way may.
 */
static bool is_used(const struct dfl_op *op, const struct text_run *r)
{
	struct request *of = r->at.source ? r->at.source->request : NULL;

	if (!of || !r->at.source->retrieved || dfl_run_coverage(r) * 100 < FULL_PERCENT ||
	    (r->holds && !dfl_retrieved_fits(r)))
		return false;
	return op->owner ? op->owner == of : !dfl_request_was_over(of, op->begin_ns);
}

bool dfl_retrieved_fills(const struct dfl_op *op, uint64_t view, uint64_t from, uint64_t to)
{
	struct dfl_ranges there = { 0 };
	uint64_t sum;

	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *r = &op->runs[i];

		if (r->at.view == view && is_used(op, r))
			dfl_ranges_add(&there, r->at.pos_from > from ? r->at.pos_from : from,
				       r->at.pos_to < to ? r->at.pos_to : to);
	}
	sum = dfl_ranges_sum(&there);
	dfl_ranges_fini(&there);
	return 2 * sum >= to - from;
}

/* The run is of a document of another request, and its bytes are chunks that somebody uses here. */
static bool is_in_chunks(const struct dfl_op *op, const struct text_run *r)
{
	return r->at.source && dfl_source_is_document(r->at.source) &&
	       op->owner != r->at.source->request &&
	       dfl_retrieved_fills(op, r->at.view, r->at.pos_from, r->at.pos_to);
}

void dfl_retrieved_mark(struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_runs; i++)
		dfl_run_mark(&op->runs[i].at, RUN_OUT,
			     is_elsewhere(op, &op->runs[i]) || is_in_chunks(op, &op->runs[i]));
}
