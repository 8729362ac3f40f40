// SPDX-License-Identifier: Apache-2.0
/* What text runs are worth: alone, and as a group of runs of one text in one place. */
#include "trace/attribution/evidence.h"

#include <string.h>

#include "base/ranges.h"

double dfl_run_coverage(const struct text_run *r)
{
	uint32_t all = dfl_match_source_canon_bytes(r->at.source->match);

	return all ? (double)r->at.len / all : 0;
}

bool dfl_run_is_whole(const struct text_run *r)
{
	return r->at.len >= RUN_FULL && dfl_run_coverage(r) * 100 >= FULL_PERCENT;
}

bool dfl_run_is_told_anew(const struct dfl_op *op, const struct text_run *r)
{
	const struct dfl_src *s = r->at.source;

	return op->answers[r->at.dir] && s->kind && !strcmp(s->kind, "answer") &&
	       dfl_request_was_over(s->request, op->begin_ns) &&
	       !dfl_request_was_over(s->request, s->asked_ns) &&
	       !(op->owned_by_id && op->owner == s->request);
}

/* with_tied: also the runs that another text explains as well. */
static struct run_group measure(const struct dfl_op *op, const struct text_run *of, bool with_tied)
{
	struct run_group g = { 0 };
	struct dfl_ranges seen = { 0 };
	uint32_t all = dfl_match_source_canon_bytes(of->at.source->match);

	for (unsigned i = of->at.group_first; i != NO_RUN; i = op->runs[i].at.group_next) {
		const struct text_run *r = &op->runs[i];

		if (!dfl_run_counts(&r->at) || (dfl_run_is(&r->at, RUN_TIED) && !with_tied))
			continue;
		dfl_ranges_add(&seen, r->canon_from, r->canon_to);
		g.any_new |= !dfl_run_is_counted(&r->at);
		g.tied |= dfl_run_is(&r->at, RUN_TIED);
		g.whole_leaf |= r->whole_leaf;
		if (r->at.len > g.longest) {
			g.longest = r->at.len;
			g.common = r->other_sources;
		}
	}
	g.coverage = all ? (double)dfl_ranges_sum(&seen) / all : 0;
	dfl_ranges_fini(&seen);
	return g;
}

/* A group is tied only when the runs that are not tied are no evidence by themselves. */
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
