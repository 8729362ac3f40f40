// SPDX-License-Identifier: Apache-2.0
/*
 * Short sources ("はい", a title of ten letters): too short for k-grams to find, or for runs to
 * mean anything. They are found where they are a whole leaf: a column, a JSON string, a body. All
 * ended sources of that length are in a hash table by their whole text.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/position.h"
#include "match/short_source.h"

#define BUCKETS 4096
/*
 * Sources looked at for one leaf; DFL_ENTRIES_PER_PROBE of them are reported. More:
 * capped_candidates.
 */
#define MAX_EQUAL 1024

/* Canonical bytes of the longest text that no run can cover; longer ones are found by runs. */
static uint32_t longest(const struct dfl_match *m)
{
	return (m->opts.min_run > m->index.k ? m->opts.min_run : m->index.k) - 1;
}

/* Keyed (SipHash), so that nobody can choose texts that all fall into one bucket. */
static struct dfl_match_source **bucket(const struct dfl_match *m, const uint8_t *p, size_t n)
{
	uint64_t h;

	_Static_assert(crypto_shorthash_BYTES == sizeof(h), "");
	_Static_assert(crypto_shorthash_KEYBYTES == sizeof(m->index.key), "");
	crypto_shorthash((uint8_t *)&h, p, n, (const uint8_t *)m->index.key);
	return &m->short_sources[h % BUCKETS];
}

int dfl_short_source_init(struct dfl_match *m)
{
	m->short_sources = calloc(BUCKETS, sizeof(struct dfl_match_source *));
	return m->short_sources ? 0 : -ENOMEM;
}

void dfl_short_source_fini(struct dfl_match *m)
{
	free(m->short_sources);
}

void dfl_short_source_add(struct dfl_match_source *s)
{
	struct dfl_match_source **b;

	if (!s->text.len || s->text.len > longest(s->m))
		return;
	b = bucket(s->m, s->text.data, s->text.len);
	s->short_next = *b;
	if (*b)
		(*b)->short_prev = s;
	*b = s;
	s->is_short = true;
}

void dfl_short_source_remove(struct dfl_match_source *s)
{
	if (!s->is_short)
		return;
	if (s->short_next)
		s->short_next->short_prev = s->short_prev;
	if (s->short_prev)
		s->short_prev->short_next = s->short_next;
	else
		*bucket(s->m, s->text.data, s->text.len) = s->short_next;
	s->is_short = false;
}

/* The leaf is the source: a run over all of both. others: sources of other owners that are, too. */
static void report(struct dfl_scan *s, struct dfl_match_source *src, uint32_t others)
{
	uint32_t n = (uint32_t)s->text.len;
	uint64_t from, to, ignored;
	struct dfl_run run = { .canon_to = n, .src_to = src->raw_bytes, .whole_leaf = true };

	dfl_map_find(&s->text.map, 0, &from, &ignored);
	dfl_map_find(&s->text.map, n - 1, &ignored, &to);
	dfl_position_in_stream(s, from, to, &run.pos_from, &run.pos_to);
	run.encodings = s->enc | dfl_map_enc(&s->text.map, 0, n);
	if (!run.encodings)
		run.encodings = DFL_ENC_RAW;
	run.other_sources = others;
	run.ts_first_ns = dfl_position_time(s, 0);
	run.ts_last_ns = dfl_position_time(s, n - 1);
	s->m->fn(s->m->ud, s->view->ud, src->ud, &run);
}

/* Sources with this text: how many, and how many of them are this owner's. */
static uint32_t count(const struct dfl_scan *s, const struct dfl_match_source *src, uint64_t owner)
{
	uint32_t n = 0;

	for (uint32_t left = MAX_EQUAL; src && left; src = src->short_next, left--)
		n += src->owner != owner && src->text.len == s->text.len &&
		     !memcmp(src->text.data, s->text.data, s->text.len);
	return n;
}

void dfl_short_source_leaf(struct dfl_scan *s)
{
	struct dfl_match_source *src, *first;
	/* Both bounded: equal texts are the one thing that makes a bucket long. */
	uint32_t walk = MAX_EQUAL, left = DFL_ENTRIES_PER_PROBE;

	if (!s->text.len || s->text.base || s->gapped || s->text.len > longest(s->m))
		return;
	first = *bucket(s->m, s->text.data, s->text.len);
	for (src = first; src && walk; src = src->short_next, walk--) {
		if (src->text.len != s->text.len ||
		    memcmp(src->text.data, s->text.data, s->text.len))
			continue;
		if (!left--)
			break;
		report(s, src, count(s, first, src->owner));
	}
	if (src)
		s->m->stats.capped_candidates++;
}
