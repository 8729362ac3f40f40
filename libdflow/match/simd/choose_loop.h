/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which k-grams have a fingerprint: a sum of eight of their 15 bytes, times an odd number, cut to
 * 16 bits; its four upper ones are 0 in one of 16. Those eight stand in each place that a byte of a
 * UTF-8 character can have. The weights of two neighbours are small enough for vpmaddubsw (their
 * sum stays below 2^15).
 *
 * A chain of fingerprints is two or more chosen k-grams in a row, so every other one is looked up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/fingerprint/fingerprint_table.h"

#define CHOOSE_W0 23
#define CHOOSE_W1 41
#define CHOOSE_W4 59
#define CHOOSE_W5 13
#define CHOOSE_W8 37
#define CHOOSE_W9 53
#define CHOOSE_W13 19
#define CHOOSE_W14 61
#define CHOOSE_MUL 40503 /* 2^16 / golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4) */

/* Is the k-gram at p chosen? 1 or 0. */
static inline unsigned choose_one(const uint8_t *p)
{
	uint32_t sum = p[0] * CHOOSE_W0 + p[1] * CHOOSE_W1 + p[4] * CHOOSE_W4 + p[5] * CHOOSE_W5 +
		       p[8] * CHOOSE_W8 + p[9] * CHOOSE_W9 + p[13] * CHOOSE_W13 +
		       p[14] * CHOOSE_W14;

	return !((sum * CHOOSE_MUL & 0xffff) >> (16 - DFL_PRINT_RATE_LOG));
}

/* Bits of k-grams [i, n) of text; i begins a word. */
static inline void choose_from(const uint8_t *text, size_t i, size_t n, uint64_t *ret_chosen)
{
	for (; i < n; i++) {
		if (i % 64 == 0)
			ret_chosen[i / 64] = 0;
		ret_chosen[i / 64] |= (uint64_t)choose_one(text + i) << i % 64;
	}
}

/* The first, third, fifth … chosen one. Returns how many; ret_at may be written one behind them. */
static inline size_t every_other(const uint64_t *chosen, size_t n, uint16_t *ret_at)
{
	size_t count = 0;
	bool takes = true;

	for (size_t i = 0; i < n; i += 64)
		for (uint64_t w = chosen[i / 64]; w; w &= w - 1) {
			ret_at[count] = (uint16_t)(i + (unsigned)__builtin_ctzll(w));
			count += takes;
			takes = !takes;
		}
	return count;
}

/* Leaves those of n that may be in the table; returns how many. */
static inline size_t leave_maybe(const struct dfl_fingerprint_table *p, const uint8_t *text,
				 uint16_t *at, size_t n)
{
	const struct dfl_fingerprint_table copy = *p; /* so that its fields stay in registers */
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		uint16_t from = at[i];

		at[count] = from;
		count += dfl_fingerprint_maybe(&copy, dfl_fingerprint_hash(&copy, text + from));
	}
	return count;
}
