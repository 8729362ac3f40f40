// SPDX-License-Identifier: Apache-2.0
/* What text runs are worth: alone, and as a group of runs of one text in one place. */
#include "trace/attribution/evidence.h"

#include <string.h>

#include "base/ranges.h"

double dfl_run_coverage(const struct text_run *r)
{
	uint32_t all = dfl_match_source_canon_bytes(r->source->match);

	return all ? (double)dfl_run_len(r) / all : 0;
}

bool dfl_run_is_whole(const struct text_run *r)
{
	return dfl_run_len(r) >= RUN_FULL && dfl_run_coverage(r) * 100 >= FULL_PERCENT;
}

bool dfl_run_counts(const struct text_run *r)
{
	return r->source && r->final && !r->own && !r->beaten;
}

bool dfl_run_is_told_anew(const struct dfl_op *op, const struct text_run *r)
{
	const struct dfl_src *s = r->source;

	return op->answers[r->dir] && s->kind && !strcmp(s->kind, "answer") &&
	       dfl_request_was_over(s->request, op->begin_ns) &&
	       !dfl_request_was_over(s->request, s->asked_ns) &&
	       !(op->owned_by_id && op->owner == s->request);
}

bool dfl_group_same(const struct text_run *a, const struct text_run *b)
{
	return a->source == b->source && a->place == b->place && a->dir == b->dir &&
	       a->layer == b->layer;
}

static struct run_group measure(const struct dfl_op *op, const struct text_run *of, bool with_tied)
{
	struct run_group g = { 0 };
	struct dfl_ranges seen = { 0 };
	uint32_t all = dfl_match_source_canon_bytes(of->source->match);

	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *r = &op->runs[i];

		if (!dfl_run_counts(r) || !dfl_group_same(r, of) || (r->tied && !with_tied))
			continue;
		dfl_ranges_add(&seen, r->run.canon_from, r->run.canon_to);
		g.any_new |= !r->counted;
		g.tied |= r->tied;
		g.whole_leaf |= r->run.whole_leaf;
		if (dfl_run_len(r) > g.longest) {
			g.longest = dfl_run_len(r);
			g.common = r->run.other_sources;
		}
	}
	g.coverage = all ? (double)dfl_ranges_sum(&seen) / all : 0;
	dfl_ranges_fini(&seen);
	return g;
}

/* What is in doubt puts nothing in doubt that the rest of the group tells alone. */
struct run_group dfl_group_measure(const struct dfl_op *op, const struct text_run *of)
{
	struct run_group g = measure(op, of, true), sure;

	if (g.tied) {
		sure = measure(op, of, false);
		g.tied = !dfl_group_is_content(&sure);
	}
	return g;
}

bool dfl_group_is_content(const struct run_group *g)
{
	if (g->longest >= RUN_SURE)
		return true;
	return g->longest >= RUN_FULL && g->coverage * 100 >= FULL_PERCENT;
}
