// SPDX-License-Identifier: Apache-2.0
/* Runs of one kind, compared with each other. */
#include "trace/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	for (unsigned j = dfl_run_group_first(l, i); j != i; j = dfl_run_group_next(l, j)) {
		r = dfl_run_nth(l, j);
		if (dfl_run_counts(r) && !dfl_run_is_counted(r))
			return false;
	}
	return true;
}

/* ---- groups ---- */

#define GROUP_SLOTS                                                                                \
	(2 * MAX_RUNS_PER_OP) /* of an open hash table, so that half of it stays free              \
			       */

static uint32_t group_hash(const struct run *r)
{
	uint64_t h = (uintptr_t)r->text * 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio */

	h = (h ^ (uintptr_t)r->place) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 40) + 2 * r->dir + r->layer;
}

/* Links the runs of each group in the order of the list. */
static void find_groups(const struct run_list *l)
{
	uint16_t last[GROUP_SLOTS]; /* the newest run of the group that the slot is of */

	memset(last, 0xff, sizeof(last)); /* NO_RUN */
	for (unsigned i = 0; i < l->n; i++) {
		struct run *r = dfl_run_nth(l, i), *before;
		uint32_t slot = group_hash(r) % GROUP_SLOTS;

		while (last[slot] != NO_RUN && !dfl_run_same_group(dfl_run_nth(l, last[slot]), r))
			slot = (slot + 1) % GROUP_SLOTS;
		r->group_next = NO_RUN;
		r->group_first = (uint16_t)i;
		if (last[slot] != NO_RUN) {
			before = dfl_run_nth(l, last[slot]);
			before->group_next = (uint16_t)i;
			r->group_first = before->group_first;
		}
		last[slot] = (uint16_t)i;
	}
}

/* ---- rank ---- */

/* The runs of a list, sorted by view and position, so that those that overlap stand together. */
struct order {
	struct run *at[MAX_RUNS_PER_OP];
	uint64_t reach[MAX_RUNS_PER_OP]; /* how far the runs of the view up to this one go */
	unsigned n;
};

static bool is_before(const struct run *a, const struct run *b)
{
	return a->view != b->view ? a->view < b->view : a->pos_from < b->pos_from;
}

/* By insertion: views and positions ascend, so the runs came nearly in order. */
static void sort(struct order *o, const struct run_list *l)
{
	o->n = l->n;
	for (unsigned i = 0, j; i < l->n; i++) {
		struct run *r = dfl_run_nth(l, i);

		for (j = i; j && is_before(r, o->at[j - 1]); j--)
			o->at[j] = o->at[j - 1];
		o->at[j] = r;
	}
	for (unsigned i = 0; i < o->n; i++) {
		bool same_view = i && o->at[i - 1]->view == o->at[i]->view;

		o->reach[i] = o->at[i]->pos_to;
		if (same_view && o->reach[i - 1] > o->reach[i])
			o->reach[i] = o->reach[i - 1];
	}
}

/*
 * Calls fn for each run that may overlap with number i, until it says true: is that so? Before i
 * stand runs that begin earlier; none of them touches it where reach says that they all end before.
 */
static bool any_near(const struct order *o, unsigned i,
		     bool (*fn)(const struct run_rules *rules, const void *ctx, const struct run *a,
				const struct run *b),
		     const struct run_rules *rules, const void *ctx)
{
	const struct run *a = o->at[i];

	for (unsigned j = i; j-- && o->at[j]->view == a->view && o->reach[j] > a->pos_from;)
		if (fn(rules, ctx, a, o->at[j]))
			return true;
	for (unsigned j = i + 1;
	     j < o->n && o->at[j]->view == a->view && o->at[j]->pos_from < a->pos_to; j++)
		if (fn(rules, ctx, a, o->at[j]))
			return true;
	return false;
}

static bool beats(const struct run_rules *rules, const void *ctx, const struct run *a,
		  const struct run *b)
{
	return !dfl_run_is(b, RUN_OUT) && dfl_run_rivals(a, b) && rules->loses(ctx, a, b);
}

static bool doubts(const struct run_rules *rules, const void *ctx, const struct run *a,
		   const struct run *b)
{
	return !dfl_run_is(b, RUN_BEATEN) && dfl_run_rivals(a, b) && rules->ties(ctx, a, b);
}

static bool is_beaten(const struct order *o, unsigned i, const struct run_rules *rules,
		      const void *ctx)
{
	const struct run *a = o->at[i];

	return dfl_run_is(a, RUN_OUT) || any_near(o, i, beats, rules, ctx) ||
	       (a->text && rules->is_explained(ctx, a));
}

void dfl_runs_rank(const struct run_list *l, const struct run_rules *rules, const void *ctx)
{
	struct order o;

	find_groups(l);
	sort(&o, l);
	for (unsigned i = 0; i < o.n; i++)
		if (!dfl_run_is_counted(o.at[i]))
			dfl_run_mark(o.at[i], RUN_BEATEN, is_beaten(&o, i, rules, ctx));
	/* only now it is known which of them are beaten themselves */
	for (unsigned i = 0; i < o.n; i++)
		if (!dfl_run_is_counted(o.at[i]) || !rules->keeps_ties)
			dfl_run_mark(o.at[i], RUN_TIED,
				     !dfl_run_is(o.at[i], RUN_BEATEN) &&
					     any_near(&o, i, doubts, rules, ctx));
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
