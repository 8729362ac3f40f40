// SPDX-License-Identifier: Apache-2.0
/* Looks up k-grams of a scan in the index and sorts out what cannot become a run. */
#include "match/probe.h"

#include "match/runs.h"
#include "match/simd/simd.h"

/*
 * May the source have more places of the k-gram than are in the index? Then one that is not may be
 * the one that goes on longest, so the run is unsure.
 */
static bool many_places(const struct dfl_index *ix, const struct dfl_index_found *f,
			const struct dfl_match_source *source)
{
	uint32_t same = 0;

	for (uint32_t i = 0; source->capped && i < f->n; i++)
		same += dfl_index_page_of(ix, f->entries[i])->source == source;
	return same >= DFL_POSITIONS_PER_SOURCE;
}

/*
 * Bytes looked at on either side of a k-gram, in one load. With k = 12 a run that ends within four
 * bytes on both sides has at most 12 + 3 + 3 = 18: most chance hits are told by two loads and never
 * become a run.
 */
#define AROUND 4

/* Does a run with this k-gram end so near to both sides that it is too short to be reported? */
static bool is_hopeless(const struct dfl_scan *s, uint64_t at, const struct dfl_match_source *src,
			uint32_t src_at, uint64_t floor)
{
	uint32_t k = s->m->index.k, before, after, n = k;
	const uint8_t *p = dfl_scan_at(s, at), *q = src->text.data + src_at;

	/* Where one of the texts ends the run may go on later, or have begun earlier: unknown. */
	if (at < floor + AROUND || at + k + AROUND > dfl_scan_total(s) || src_at < AROUND ||
	    src_at + k + AROUND > src->text.len)
		return false;
	before = dfl_bytes_load32(p - AROUND) ^ dfl_bytes_load32(q - AROUND);
	after = dfl_bytes_load32(p + k) ^ dfl_bytes_load32(q + k);
	if (!before || !after)
		return false;
	n += dfl_bytes_same_back32(before) + dfl_bytes_same_front32(after);
	return n < s->m->opts.min_run;
}

/*
 * The entries are only almost surely this k-gram (their hash is), and the filter let it through
 * only maybe: the bytes decide. All texts are fetched before the first is compared, because each is
 * likely to be in no cache.
 */
void dfl_probe_gram(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first)
{
	struct dfl_match *m = s->m;
	const struct dfl_index *ix = &m->index;
	struct dfl_index_found f;

	dfl_index_find(ix, h, &f);
	m->stats.walked_entries += f.walked;
	m->stats.capped_candidates += f.count > f.n;
	for (uint32_t i = 0; i < f.n; i++)
		__builtin_prefetch(dfl_index_text(ix, f.entries[i]));
	for (uint32_t i = 0; i < f.n; i++) {
		const struct dfl_index_page *c = dfl_index_page_of(ix, f.entries[i]);
		uint32_t source_at = c->first + (f.entries[i] & (DFL_INDEX_PAGE - 1));

		if ((only && (c->source != only || source_at < first)) ||
		    !dfl_index_same(ix, dfl_scan_at(s, at), dfl_index_text(ix, f.entries[i])) ||
		    is_hopeless(s, at, c->source, source_at, floor))
			continue;
		dfl_runs_open(s, c->source, at, source_at, floor,
			      f.count > f.n ? f.count : DFL_NONE, many_places(ix, &f, c->source));
	}
}

#define AHEAD 16 /* hits whose buckets are fetched together: about what a core has in flight */

/*
 * next_probe is a multiple of the stride, counted from the beginning of the scan: which k-grams are
 * looked up does not depend on how the input was split. Before each hit, runs are retired as if the
 * text ended with this k-gram; so what is reported does not depend on it either.
 */
void dfl_probe_text(struct dfl_scan *s)
{
	const struct dfl_index *ix = &s->m->index;
	uint64_t total = dfl_scan_total(s), stride = s->m->opts.stride, q = s->next_probe;
	uint16_t hits[DFL_TEXT_SLICE + DFL_TEXT_SLACK];
	uint64_t h[AHEAD];
	size_t n;

	if (q + ix->k > total)
		return;
	s->next_probe = q + ((total - ix->k - q) / stride + 1) * stride;
	s->m->stats.probes += (s->next_probe - q) / stride;
	if (!ix->entries)
		return;
	n = s->m->simd->probe(ix, dfl_scan_at(s, q), (size_t)(total - q), (uint32_t)stride, hits);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = q + hits[i];

		for (size_t j = 0; i % AHEAD == 0 && j < AHEAD && i + j < n; j++) {
			h[j] = dfl_index_hash(ix, dfl_scan_at(s, q + hits[i + j]));
			__builtin_prefetch(dfl_index_bucket(ix, h[j]));
		}
		dfl_runs_retire(s, at + ix->k);
		dfl_probe_gram(s, at, h[i % AHEAD], dfl_scan_floor(s, at + ix->k), NULL, 0);
	}
}
