// SPDX-License-Identifier: Apache-2.0
/* Sources that come late, or grow: their new k-grams are looked for in what scans still hold. */
#include <stdlib.h>
#include <string.h>

#include "match/lookback.h"
#include "match/probe.h"
#include "match/runs.h"

#define FEW 64 /* new k-grams: look for each in the text, not for all of the text in the index */
#define SEEN_BITS_LOG                                                                              \
	13 /* bits of the filter: one for each of the k-grams of a default look-back, ten times    \
	      over */
#define SEEN_WORDS (1u << (SEEN_BITS_LOG - 6))
#define MAX_FOUND 64 /* places looked up in one text for one append: capped_candidates */

static uint64_t first_probe(const struct dfl_scan *s, uint64_t floor)
{
	uint64_t stride = s->m->opts.stride;

	return (floor + stride - 1) / stride * stride;
}

static bool seen_get(const struct dfl_scan *s, uint64_t h)
{
	return s->seen[h >> (64 - SEEN_BITS_LOG + 6)] >> (h >> (64 - SEEN_BITS_LOG) & 63) & 1;
}

static void seen_put(struct dfl_scan *s, uint64_t h)
{
	s->seen[h >> (64 - SEEN_BITS_LOG + 6)] |= 1ull << (h >> (64 - SEEN_BITS_LOG) & 63);
}

/* Brings the filter of what the text holds up to date. */
static bool seen_build(struct dfl_scan *s, uint64_t floor)
{
	const struct dfl_index *ix = &s->m->index;
	uint64_t total = dfl_scan_total(s);

	if (s->seen && s->seen_total == total)
		return true;
	if (!s->seen)
		s->seen = malloc(SEEN_WORDS * sizeof(*s->seen));
	if (!s->seen)
		return false;
	memset(s->seen, 0, SEEN_WORDS * sizeof(*s->seen));
	for (uint64_t q = first_probe(s, floor); q + ix->k <= total; q += s->m->opts.stride)
		seen_put(s, dfl_index_hash(ix, dfl_scan_at(s, q)));
	s->seen_total = total;
	return true;
}

/* Opens runs wherever the k-gram at source_at stands in the text. */
static void find_gram(struct dfl_scan *s, struct dfl_match_source *src, uint32_t source_at,
		      uint64_t floor, uint32_t *left)
{
	const struct dfl_index *ix = &s->m->index;
	const uint8_t *gram = src->text.data + source_at;
	uint64_t total = dfl_scan_total(s);

	for (uint64_t q = first_probe(s, floor); q + ix->k <= total; q += s->m->opts.stride) {
		const uint8_t *p = dfl_scan_at(s, q);

		if (dfl_bytes_load64(p) != dfl_bytes_load64(gram) || memcmp(p, gram, ix->k))
			continue;
		if (!*left) {
			s->m->stats.capped_candidates++;
			return;
		}
		--*left;
		dfl_runs_open(s, src, q, source_at, floor, DFL_NONE, false);
	}
}

static void few(struct dfl_scan *s, struct dfl_match_source *src, uint32_t first, uint64_t floor)
{
	uint32_t left = MAX_FOUND;

	if (!seen_build(s, floor)) {
		s->m->stats.capped_candidates++;
		return;
	}
	for (uint32_t i = first; i < src->indexed; i++)
		if (seen_get(s, dfl_index_hash(&s->m->index, src->text.data + i)))
			find_gram(s, src, i, floor, &left);
}

static void many(struct dfl_scan *s, struct dfl_match_source *src, uint32_t first, uint64_t floor)
{
	const struct dfl_index *ix = &s->m->index;
	uint64_t total = dfl_scan_total(s);

	for (uint64_t q = first_probe(s, floor); q + ix->k <= total; q += s->m->opts.stride) {
		uint64_t h = dfl_index_hash(ix, dfl_scan_at(s, q));

		if (dfl_index_maybe(ix, h))
			dfl_probe_gram(s, q, h, floor, src, first);
	}
}

void dfl_lookback_match(struct dfl_match_source *src, uint32_t first)
{
	uint32_t n = src->indexed - first;

	for (struct dfl_scan *s = src->m->scans; n && s; s = s->next) {
		uint64_t total = dfl_scan_total(s), floor = dfl_scan_floor(s, total);

		if (total - floor < s->m->index.k)
			continue;
		if (n <= FEW)
			few(s, src, first, floor);
		else
			many(s, src, first, floor);
	}
}
