/* SPDX-License-Identifier: Apache-2.0 */
/* Which k-grams may be in the index; each simd_*.c compiles it for its processor. */
#include "match/index.h"

/*
 * The stride-th k-grams of n bytes of text. Writes where those begin that may be; returns how many.
 */
static size_t probe_loop(const struct dfl_index *ix, const uint8_t *text, size_t n, uint32_t stride,
			 uint16_t *hits)
{
	const struct dfl_index copy = *ix; /* so that its fields stay in registers */
	size_t count = 0;

	for (size_t q = 0; q + copy.k <= n; q += stride) {
		hits[count] = (uint16_t)q;
		count += dfl_index_maybe(&copy, dfl_index_hash(&copy, text + q));
	}
	return count;
}
