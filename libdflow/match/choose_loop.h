/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which k-grams have a fingerprint: a sum of eight of their 15 bytes, times an odd number, cut to 16 bits; its four upper ones
 * are 0 in one of 16. Those eight stand in each place that a byte of a UTF-8 character can have. The weights of
 * two neighbours are small enough for vpmaddubsw (their sum stays below 2^15).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "match/prints.h"

#define CHOOSE_W0 23
#define CHOOSE_W1 41
#define CHOOSE_W4 59
#define CHOOSE_W5 13
#define CHOOSE_W8 37
#define CHOOSE_W9 53
#define CHOOSE_W13 19
#define CHOOSE_W14 61
#define CHOOSE_MUL 40503 /* 2^16 / golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4) */

static inline unsigned choose_one(const uint8_t *p)
{
	uint32_t sum = p[0] * CHOOSE_W0 + p[1] * CHOOSE_W1 + p[4] * CHOOSE_W4 + p[5] * CHOOSE_W5 + p[8] * CHOOSE_W8 +
		       p[9] * CHOOSE_W9 + p[13] * CHOOSE_W13 + p[14] * CHOOSE_W14;

	return !((sum * CHOOSE_MUL & 0xffff) >> (16 - DFL_PRINT_RATE_LOG));
}

/* From position i on. Returns how many there are, `count` of them before. */
static inline size_t choose_from(const uint8_t *text, size_t i, size_t n, uint16_t *ret_at, size_t count)
{
	for (; i < n; i++) {
		ret_at[count] = (uint16_t)i;
		count += choose_one(text + i);
	}
	return count;
}
