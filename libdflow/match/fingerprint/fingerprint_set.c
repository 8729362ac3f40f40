// SPDX-License-Identifier: Apache-2.0
/*
 * Sets of fingerprints: made of a text, and looked for. Which k-grams have one depends on the text
 * alone, so that what is found does not depend on the key.
 */
#include <stdlib.h>
#include <string.h>

#include "match/fingerprint/fingerprint_chain.h"
#include "match/match_priv.h"
#include "match/simd/simd.h"
#include "match/view.h"

static void store_print(uint8_t *p, uint64_t print)
{
	for (int i = DFL_PRINT_BYTES; i--; print >>= 8)
		p[i] = (uint8_t)print;
}

/* ---- from text ---- */

/* memcmp orders them as numbers: the most significant byte comes first. */
static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DFL_PRINT_BYTES);
}

/* Sorts them and drops those that come again; returns how many are left. */
static uint32_t sort(uint8_t *prints, uint32_t n)
{
	uint32_t kept = 0;

	qsort(prints, n, DFL_PRINT_BYTES, compare);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *p = prints + (size_t)i * DFL_PRINT_BYTES;

		if (!kept || compare(p, prints + (size_t)(kept - 1) * DFL_PRINT_BYTES))
			memmove(prints + (size_t)kept++ * DFL_PRINT_BYTES, p, DFL_PRINT_BYTES);
	}
	return kept;
}

/* Those of some more of the text, behind n others; returns how many there are then. */
static uint32_t add_prints(const struct dfl_match *m, const uint8_t *text, size_t len,
			   uint8_t *prints, uint32_t n)
{
	uint64_t chosen[DFL_TEXT_SLICE / 64];

	m->simd->choose(text, len, chosen);
	for (size_t i = 0; i < len; i += 64)
		for (uint64_t w = chosen[i / 64]; w && n < DFL_PRINTS_PER_TEXT; w &= w - 1) {
			const uint8_t *gram = text + i + (unsigned)__builtin_ctzll(w);

			store_print(prints + (size_t)n++ * DFL_PRINT_BYTES,
				    dfl_fingerprint_hash(&m->prints, gram));
		}
	return n;
}

/* One byte more than needed, so that a text without k-grams gives an array, not NULL. */
int dfl_fingerprint_of(const struct dfl_match_source *s, uint8_t **ret_prints, uint32_t *ret_n)
{
	size_t grams = s->text.len < DFL_PRINT_K ? 0 : s->text.len - DFL_PRINT_K + 1, len;
	size_t room = grams < DFL_PRINTS_PER_TEXT ? grams : DFL_PRINTS_PER_TEXT;
	uint8_t *prints = malloc(room * DFL_PRINT_BYTES + 1);
	uint32_t n = 0;

	if (!prints)
		return -ENOMEM;
	for (size_t i = 0; i < grams; i += len) {
		len = grams - i < DFL_TEXT_SLICE ? grams - i : DFL_TEXT_SLICE;
		n = add_prints(s->m, s->text.data + i, len, prints, n);
	}
	*ret_prints = prints;
	*ret_n = sort(prints, n);
	return 0;
}

bool dfl_fingerprint_valid(const uint8_t *prints, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (compare(prints + (size_t)(i - 1) * DFL_PRINT_BYTES,
			    prints + (size_t)i * DFL_PRINT_BYTES) >= 0)
			return false;
	return n && n <= DFL_PRINTS_PER_TEXT;
}

uint32_t dfl_fingerprint_union(uint8_t *seen, const uint8_t *more, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < (n + 7) / 8; i++) {
		seen[i] |= more[i];
		sum += (uint32_t)__builtin_popcount(seen[i]);
	}
	return sum;
}

/* ---- sets that are looked for ---- */

int dfl_fingerprint_set_new(struct dfl_match *m, uint64_t owner, int64_t since, void *set_ud,
			    const uint8_t *prints, uint32_t n, struct dfl_fingerprint_set **ret_set)
{
	const struct dfl_fingerprint_table *p = &m->prints;
	size_t size = (size_t)n * DFL_PRINT_BYTES;
	struct dfl_fingerprint_set *set;
	int r;

	if (!m->opts.print_fn || !dfl_fingerprint_valid(prints, n))
		return -EINVAL;
	if (p->total + n > m->opts.max_prints || p->n_sets >= DFL_PRINT_SETS)
		return -ENOSPC;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	*set = (struct dfl_fingerprint_set){
		.m = m, .ud = set_ud, .owner = owner, .since = since, .n = n
	};
	dfl_view_begin(m);
	set->prints = dfl_secret_alloc(&m->secret, size);
	if (set->prints)
		memcpy(set->prints, prints, size);
	r = set->prints ? dfl_fingerprint_table_add(&m->prints, set) : -ENOMEM;
	if (r) {
		dfl_secret_free(&m->secret, set->prints, size);
		free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

void dfl_fingerprint_set_free(struct dfl_fingerprint_set *set)
{
	struct dfl_match *m;

	if (!set)
		return;
	m = set->m;
	for (struct dfl_scan *s = m->scans; s; s = s->next)
		dfl_fingerprint_chain_forget(s, set);
	dfl_fingerprint_table_remove(&m->prints, set);
	dfl_secret_free(&m->secret, set->prints, (size_t)set->n * DFL_PRINT_BYTES);
	free(set);
}
