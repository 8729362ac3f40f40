/* SPDX-License-Identifier: Apache-2.0 */
/* A set of byte positions, kept as intervals that neither overlap nor touch, in ascending order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The positions from, from + 1, …, to - 1. */
struct dfl_interval {
	uint64_t from, to;
};

/* Zero it to begin; dfl_ranges_fini() frees what it holds. */
struct dfl_ranges {
	struct dfl_interval *at;
	size_t n, cap;
};

/*
 * Adds the positions of one range; an empty range adds nothing. Linear in the number of ranges that
 * lie before it. 0, or -ENOMEM: then the set is as it was.
 */
int dfl_ranges_add(struct dfl_ranges *r, uint64_t from, uint64_t to);

/* How many positions are in the set. */
uint64_t dfl_ranges_sum(const struct dfl_ranges *r);

/* Frees the ranges and makes the set empty. */
void dfl_ranges_fini(struct dfl_ranges *r);
