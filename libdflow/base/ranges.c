// SPDX-License-Identifier: Apache-2.0
/* A set of byte positions, kept as intervals that neither overlap nor touch, in ascending order. */
#include "base/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct dfl_ranges *r)
{
	size_t cap = r->cap ? 2 * r->cap : 4;
	struct dfl_interval *at;

	if (r->n < r->cap)
		return 0;
	at = reallocarray(r->at, cap, sizeof(*at));
	if (!at)
		return -ENOMEM;
	r->at = at;
	r->cap = cap;
	return 0;
}

int dfl_ranges_add(struct dfl_ranges *r, uint64_t from, uint64_t to)
{
	size_t i = 0, j;

	if (from >= to)
		return 0;
	while (i < r->n && r->at[i].to < from)
		i++;
	/* ranges i to j - 1 overlap or touch the new one: all of them become one */
	for (j = i; j < r->n && r->at[j].from <= to; j++) {
		from = r->at[j].from < from ? r->at[j].from : from;
		to = r->at[j].to > to ? r->at[j].to : to;
	}
	if (i == j && make_room(r))
		return -ENOMEM;
	memmove(r->at + i + 1, r->at + j, (r->n - j) * sizeof(*r->at));
	r->n += 1 - (j - i);
	r->at[i] = (struct dfl_interval){ from, to };
	return 0;
}

uint64_t dfl_ranges_sum(const struct dfl_ranges *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += r->at[i].to - r->at[i].from;
	return sum;
}

void dfl_ranges_fini(struct dfl_ranges *r)
{
	free(r->at);
	*r = (struct dfl_ranges){ 0 };
}
