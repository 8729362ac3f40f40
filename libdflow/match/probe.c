// SPDX-License-Identifier: Apache-2.0
/*
 * Looks up k-grams of a scan in the index and sorts out what becomes of each.
 *
 * Most common runs of natural texts are chance: "is not set", "の場合は". The more texts are looked
 * for, the more there are of them, and all they prove is that two people write one language. So a
 * short run whose two ends are both in sight is never walked, and of one k-gram only a few are
 * told. What is left to runs.c are the runs that may be long.
 *
 * The work must not grow with the number of texts. Of a k-gram that many of them have (a common
 * one) only as many places are looked at as brief runs are told. That may miss a long run; but a
 * long run holds several places in a row that are looked up, and of a row of common k-grams the
 * rarest is looked at in full. In text that nobody looks for a row is seldom long enough.
 */
#include "match/probe.h"

#include <string.h>

#include "match/runs.h"
#include "match/simd/simd.h"

/*
 * Bytes looked at on either side of a k-gram. No less than DFL_MATCH_BRIEF - 8 (k is 8 at least),
 * so a run that differs within so many bytes on both sides is known exactly if it is brief.
 */
#define REACH 24

/* An entry of the index whose bytes are those of the k-gram in the scan. */
struct candidate {
	struct dfl_match_source *source;
	uint32_t source_at;
	uint8_t before, after; /* bytes that go on being equal; REACH: or more */
	bool brief;	       /* both ends are in sight, and the run is brief */
	bool again;	       /* the place that was looked up before this one is of the same run */
	bool wanted;	       /* it is to be told or opened, and is no part of an open run */
};

/* What one k-gram of the scan has in the index. */
struct lookup {
	struct dfl_scan *s;
	uint64_t at, floor;
	bool long_only; /* its brief runs were dealt with */
	struct dfl_index_found found;
	struct candidate c[DFL_ENTRIES_PER_PROBE];
	uint32_t n;
};

/* Of n bytes before a and b, how many are the same, counted from the back. */
static uint32_t same_before(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4) {
		uint32_t x = dfl_bytes_load32(a - i - 4) ^ dfl_bytes_load32(b - i - 4);

		if (x)
			return i + dfl_bytes_same_back32(x);
	}
	while (i < n && a[-1 - (int)i] == b[-1 - (int)i])
		i++;
	return i;
}

static uint32_t same_after(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t i = 0;

	for (; i + 4 <= n; i += 4) {
		uint32_t x = dfl_bytes_load32(a + i) ^ dfl_bytes_load32(b + i);

		if (x)
			return i + dfl_bytes_same_front32(x);
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static uint32_t at_most(uint64_t n, uint32_t most)
{
	return n < most ? (uint32_t)n : most;
}

static bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Looks at both sides of the k-gram, as far as both texts are there. */
static void look_around(const struct lookup *l, struct candidate *c)
{
	const struct dfl_scan *s = l->s;
	const uint8_t *p = dfl_scan_at(s, l->at), *q = c->source->text.data + c->source_at;
	uint32_t k = s->m->index.k, back = at_most(l->at - l->floor, REACH), ahead;

	back = at_most(c->source_at, back);
	ahead = at_most(dfl_scan_total(s) - l->at - k, REACH);
	ahead = at_most(c->source->text.len - c->source_at - k, ahead);
	c->before = (uint8_t)same_before(p, q, back);
	c->after = (uint8_t)same_after(p + k, q + k, ahead);
	/* Where one of the texts ends the run may go on later, or have begun earlier: not in sight.
	 */
	c->brief = c->before < back && c->after < ahead &&
		   c->before + k + c->after < DFL_MATCH_BRIEF;
	c->again = c->before >= s->m->opts.stride;
	/* To whole characters: half of one is not common. */
	while (c->before && is_continuation(p[-(int)c->before]))
		c->before--;
	while (c->after && c->after < ahead && is_continuation(p[k + c->after]))
		c->after--;
}

/* May the source have more places of the k-gram than are in the index? Then a longer run may come.
 */
static bool is_unsure(const struct lookup *l, const struct dfl_match_source *source)
{
	const struct dfl_index *ix = &l->s->m->index;
	uint32_t same = 0;

	for (uint32_t i = 0; source->capped && i < l->found.n; i++)
		same += dfl_index_page_of(ix, l->found.entries[i])->source == source;
	return same >= DFL_POSITIONS_PER_SOURCE;
}

/*
 * Is the brief run, found at `at`, to be told? One that holds the place before was dealt with
 * there; but not if that one is common, where not all is looked at.
 */
static bool is_brief_wanted(const struct lookup *l, const struct candidate *c)
{
	const struct dfl_scan *s = l->s;

	if (l->long_only || (c->again && s->row.next != l->at))
		return false;
	return !c->source->settled || dfl_view_has_long(s->view, c->source);
}

/* The entries are only almost surely this k-gram: the bytes decide. */
static void add_candidate(struct lookup *l, uint32_t entry, bool wanted)
{
	struct dfl_scan *s = l->s;
	const struct dfl_index *ix = &s->m->index;
	const struct dfl_index_page *page = dfl_index_page_of(ix, entry);
	struct candidate *c = &l->c[l->n];
	uint32_t held = l->found.count > l->found.n ? l->found.count : DFL_NONE;
	struct dfl_open_run *r;

	*c = (struct candidate){ .source = page->source,
				 .source_at = page->first + (entry & (DFL_INDEX_PAGE - 1)) };
	/* Of an open run everything is known: its text, which is in no cache, need not be read. */
	r = dfl_runs_find(s, c->source, l->at, c->source_at, held);
	if (r) {
		if (r->long_only && !l->long_only) { /* now it is found as any other */
			r->long_only = false;
			r->held_first = held;
		}
		c->before = (uint8_t)at_most(l->at - r->from, REACH);
		c->after = (uint8_t)at_most(r->end - l->at - ix->k, REACH);
		l->n++;
		return;
	}
	/* What cannot be opened is not compared either: so the work for periodic texts is bounded.
	 */
	if (dfl_runs_full(s, c->source)) {
		s->m->stats.capped_candidates++;
		return;
	}
	if (!dfl_index_same(ix, dfl_scan_at(s, l->at), dfl_index_text(ix, entry)))
		return;
	look_around(l, c);
	if (c->brief && !l->long_only && is_unsure(l, c->source))
		c->brief = false;
	if (c->brief) /* else what is compared is counted when it is walked */
		s->m->stats.compared_bytes += c->before + c->after;
	c->wanted = wanted && (!c->brief || is_brief_wanted(l, c));
	l->n++;
}

/* Has a all that b has, and more or another place? Both are of this k-gram, in any sources. */
static bool holds(const struct candidate *a, const struct candidate *b)
{
	return a->before >= b->before && a->after >= b->after;
}

/* Is there a longer run of the same source that holds it? Of equal places runs.c chooses. */
static bool has_longer(const struct lookup *l, const struct candidate *c)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct candidate *o = &l->c[i];

		if (o->source == c->source && holds(o, c) && !holds(c, o))
			return true;
	}
	return false;
}

/* Sources of other owners that hold the run as well, each once. */
static uint32_t count_others(const struct lookup *l, const struct candidate *c)
{
	struct dfl_match *m = l->s->m;
	uint32_t n = 0;

	m->count++;
	for (uint32_t i = 0; i < l->n; i++) {
		struct dfl_match_source *o = l->c[i].source;

		if (o->owner == c->source->owner || o->counted == m->count || !holds(&l->c[i], c))
			continue;
		o->counted = m->count;
		n++;
	}
	return n;
}

/* Tells the brief runs that are wanted, but of many only some: half the newest, half the oldest. */
static void tell_brief(struct lookup *l)
{
	uint32_t k = l->s->m->index.k, n = 0, i = 0;

	for (uint32_t j = 0; j < l->n; j++) {
		l->c[j].wanted &= !l->c[j].brief || !has_longer(l, &l->c[j]);
		n += l->c[j].wanted && l->c[j].brief;
	}
	l->s->m->stats.untold_runs += n > DFL_MATCH_TOLD ? n - DFL_MATCH_TOLD : 0;
	for (uint32_t j = 0; j < l->n; j++) {
		const struct candidate *c = &l->c[j];
		uint32_t others;

		if (!c->wanted || !c->brief)
			continue;
		if (n > DFL_MATCH_TOLD && i >= DFL_MATCH_TOLD / 2 && i < n - DFL_MATCH_TOLD / 2) {
			i++;
			continue;
		}
		i++;
		others = count_others(l, c);
		if (n > DFL_MATCH_TOLD && others < n - 1)
			others = n - 1;
		if (l->found.count > l->found.n && others < l->found.count - 1)
			others = l->found.count - 1;
		dfl_runs_add(l->s, c->source, l->at - c->before, l->at + k + c->after,
			     c->source_at - c->before, others);
	}
}

static bool has_source(const struct dfl_index *ix, const struct dfl_index_found *f,
		       const struct dfl_match_source *source)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (dfl_index_page_of(ix, f->entries[i])->source == source)
			return true;
	return false;
}

/*
 * Looks at what was found. All texts are fetched before the first is compared, because each is
 * likely to be in no cache. The runs that may be long are opened before the brief ones are told: a
 * place that a long one has is not free.
 */
static void look(struct lookup *l, const struct dfl_match_source *only, uint32_t first)
{
	struct dfl_scan *s = l->s;
	const struct dfl_index *ix = &s->m->index;
	bool brief = false;

	for (uint32_t i = 0; i < l->found.n; i++)
		__builtin_prefetch(dfl_index_text(ix, l->found.entries[i]));
	for (uint32_t i = 0; i < l->found.n; i++) {
		const struct dfl_index_page *page = dfl_index_page_of(ix, l->found.entries[i]);
		uint32_t place = page->first + (l->found.entries[i] & (DFL_INDEX_PAGE - 1));

		add_candidate(l, l->found.entries[i],
			      !only || (page->source == only && place >= first));
	}
	for (uint32_t i = 0; i < l->n; i++) {
		const struct candidate *c = &l->c[i];

		brief |= c->wanted && c->brief;
		if (c->wanted && !c->brief)
			dfl_runs_open(s, c->source, l->at, c->source_at, l->floor,
				      l->found.count > l->found.n ? l->found.count : DFL_NONE,
				      (is_unsure(l, c->source) ? DFL_RUN_UNSURE : 0) |
					      (l->long_only ? DFL_RUN_LONG_ONLY : 0));
	}
	if (brief)
		tell_brief(l);
}

/* At most `most` entries of the k-gram. */
static void find(struct lookup *l, uint64_t h, uint32_t most)
{
	dfl_index_find(&l->s->m->index, h, most, &l->found);
	l->s->m->stats.walked_entries += l->found.walked;
}

void dfl_probe_gram(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first)
{
	struct lookup l = { .s = s, .at = at, .floor = floor };

	find(&l, h, DFL_ENTRIES_PER_PROBE);
	s->m->stats.capped_candidates += l.found.count > l.found.n;
	if (has_source(&s->m->index, &l.found, only))
		look(&l, only, first);
}

/* ---- k-grams that many texts have ---- */

/* So many entries are looked at of each k-gram; with more of them it is common. */
#define COMMON DFL_MATCH_TOLD

/*
 * A run that is not brief holds so many places in a row that are looked up: of n bytes n - k + 1
 * begin a k-gram, and every stride-th of those is looked up.
 */
static uint32_t row_of(const struct dfl_match *m)
{
	uint32_t n = (DFL_MATCH_BRIEF - m->index.k + 1) / m->opts.stride;

	return n < DFL_ROW ? n : DFL_ROW;
}

/*
 * The rarest of a row of common k-grams, at the first of equal places. All runs that are not brief
 * and hold the row hold it, so no other need be looked at: the look-up of it finds them.
 */
static void look_at_rarest(struct dfl_scan *s, uint64_t floor)
{
	struct dfl_common_row *row = &s->row;
	uint32_t best = 0, left;
	struct lookup l = { .s = s, .floor = floor, .long_only = true };

	for (uint32_t i = 1; i < row->n; i++)
		if (row->count[i] < row->count[best])
			best = i;
	l.at = row->next - (row->n - best) * s->m->opts.stride;
	if (l.at >= floor) {
		find(&l, row->hash[best], DFL_ENTRIES_PER_PROBE);
		s->m->stats.capped_candidates += l.found.count > l.found.n;
		look(&l, NULL, 0);
	}
	/* Those behind it may begin the next row. */
	left = row->n - best - 1;
	memmove(row->hash, row->hash + best + 1, left * sizeof(row->hash[0]));
	memmove(row->count, row->count + best + 1, left * sizeof(row->count[0]));
	row->n = left;
}

/* A place that is looked up, at which a k-gram of the index may stand. */
static void probe(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor)
{
	struct lookup l = { .s = s, .at = at, .floor = floor };
	struct dfl_common_row *row = &s->row;

	find(&l, h, COMMON);
	look(&l, NULL, 0);
	if (row->next != at || l.found.count <= COMMON)
		row->n = 0;
	row->next = l.found.count > COMMON ? at + s->m->opts.stride : 0;
	if (!row->next)
		return;
	row->hash[row->n] = h;
	row->count[row->n++] = l.found.count;
	if (row->n == row_of(s->m))
		look_at_rarest(s, floor);
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
		probe(s, at, h[i % AHEAD], dfl_scan_floor(s, at + ix->k));
	}
}
