// SPDX-License-Identifier: Apache-2.0
/*
 * Look-back: sources that come late, or grow, are looked for in what the scans still hold.
 *
 * An answer is the usual case: its tokens are seen in one stream before a decoder has joined them
 * to the source. There are two ways. Few new k-grams (a token): each is looked for in the text of
 * each scan, behind a filter of what that text holds. Many (a whole message): the text is looked up
 * in the index, as if it came anew, and only what belongs to this source counts.
 */
#include <stdlib.h>
#include <string.h>

#include "match/lookback.h"
#include "match/probe.h"
#include "match/runs.h"

#define FEW 64 /* new k-grams; with more of them it is cheaper to look up the text */
/*
 * Bits of the filter, 8192: with 819 k-grams of a default look-back (4096 bytes, every fifth) a
 * tenth of them is set, so one new k-gram in ten is looked for in vain.
 */
#define SEEN_BITS_LOG 13
#define SEEN_WORDS (1u << (SEEN_BITS_LOG - 6))
#define MAX_FOUND 64 /* places looked up in one text for one append: capped_candidates */

/* Where the text is looked up: the same multiples of the stride as dfl_probe_text took. */
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

/*
 * Brings the filter of what the text holds up to date: one bit for each k-gram at a place that is
 * looked up. False: no memory.
 */
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
		dfl_runs_open(s, src, q, source_at, floor, DFL_NONE, 0);
	}
}

/* Without memory for the filter nothing is looked for, and that is counted. */
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

/* All of the text in the index; what is not of this source, from `first` on, is passed over. */
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
