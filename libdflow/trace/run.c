// SPDX-License-Identifier: Apache-2.0
/* Runs of one kind, compared with each other. */
#include "trace/run.h"

#include <errno.h>
#include <stdlib.h>

void dfl_runs_view_closed(const struct run_list *l, uint64_t view)
{
	for (unsigned i = 0; i < l->n; i++)
		if (dfl_run_nth(l, i)->view == view)
			dfl_run_finalize(dfl_run_nth(l, i));
}

struct run *dfl_runs_shortest(const struct run_list *l)
{
	struct run *shortest = NULL;

	for (unsigned i = 0; i < l->n; i++) {
		struct run *r = dfl_run_nth(l, i);

		if (!dfl_run_is_counted(r) && (!shortest || r->len < shortest->len))
			shortest = r;
	}
	return shortest;
}

bool dfl_runs_leads(const struct run_list *l, unsigned i)
{
	const struct run *of = dfl_run_nth(l, i), *r;

	if (!dfl_run_counts(of) || dfl_run_is_counted(of))
		return false;
	for (unsigned j = 0; j < i; j++) {
		r = dfl_run_nth(l, j);
		if (dfl_run_counts(r) && !dfl_run_is_counted(r) && dfl_run_same_group(r, of))
			return false;
	}
	return true;
}

static bool is_beaten(const struct run_list *l, const struct run_rules *rules, const void *ctx,
		      const struct run *a)
{
	if (dfl_run_is(a, RUN_OUT))
		return true;
	for (unsigned i = 0; i < l->n; i++) {
		const struct run *b = dfl_run_nth(l, i);

		if (dfl_run_rivals(a, b) && !dfl_run_is(b, RUN_OUT) && rules->loses(ctx, a, b))
			return true;
	}
	return a->text && rules->is_explained(ctx, a);
}

static bool is_tied(const struct run_list *l, const struct run_rules *rules, const void *ctx,
		    const struct run *a)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct run *b = dfl_run_nth(l, i);

		if (dfl_run_rivals(a, b) && !dfl_run_is(b, RUN_BEATEN) && rules->ties(ctx, a, b))
			return true;
	}
	return false;
}

void dfl_runs_rank(const struct run_list *l, const struct run_rules *rules, const void *ctx)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct run *r = dfl_run_nth(l, i);

		if (!dfl_run_is_counted(r))
			dfl_run_mark(r, RUN_BEATEN, is_beaten(l, rules, ctx, r));
	}
	/* only now it is known which of them are beaten themselves */
	for (unsigned i = 0; i < l->n; i++) {
		struct run *r = dfl_run_nth(l, i);

		if (!dfl_run_is_counted(r) || !rules->keeps_ties)
			dfl_run_mark(r, RUN_TIED,
				     !dfl_run_is(r, RUN_BEATEN) && is_tied(l, rules, ctx, r));
	}
}

int dfl_runs_grow(void **at, unsigned *cap, size_t size)
{
	unsigned more = *cap ? 2 * *cap : 8;
	void *runs = reallocarray(*at, more, size);

	if (!runs)
		return -ENOMEM;
	*at = runs;
	*cap = more;
	return 0;
}
