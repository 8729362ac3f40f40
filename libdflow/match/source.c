// SPDX-License-Identifier: Apache-2.0
/*
 * Sources: texts to look for, growing by appends. Each append is made canonical, its new k-grams
 * are added to the index at every place, and then they are looked for in what was scanned before.
 */
#include <stdlib.h>
#include <string.h>

#include "match/lookback.h"
#include "match/position.h"
#include "match/runs.h"
#include "match/short_source.h"
#include "match/view.h"

int dfl_match_source_new(struct dfl_match *m, uint64_t owner, void *source_ud,
			 struct dfl_match_source **ret_source)
{
	struct dfl_match_source *s;

	if (m->stats.sources >= m->opts.max_sources) {
		m->stats.capped_sources++;
		return -ENOSPC;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	dfl_view_begin(m);
	s->m = m;
	s->owner = owner;
	s->ud = source_ud;
	s->text.secret = &m->secret;
	s->indexed_text.source = s;
	s->number = ++m->last_number;
	dfl_canon_init(&s->canon, m->simd, &s->text, NULL, NULL);
	s->next = m->sources;
	if (s->next)
		s->next->prev = s;
	m->sources = s;
	m->stats.sources++;
	*ret_source = s;
	return 0;
}

/*
 * The source has grown. Runs that waited at its end go on first, so that the look-back finds the
 * new k-grams in runs that are open already. first: its k-grams from there on are new.
 */
static void grown(struct dfl_match_source *s, uint32_t first)
{
	for (struct dfl_scan *scan = s->m->scans; scan; scan = scan->next)
		dfl_runs_extend(scan);
	dfl_lookback_match(s, first);
	for (struct dfl_scan *scan = s->m->scans; scan; scan = scan->next)
		dfl_runs_retire(scan, dfl_scan_total(scan));
}

/* Indexes what the canonical text has grown by. The text may have moved: the index learns that. */
static int index_more(struct dfl_match_source *s)
{
	struct dfl_match *m = s->m;
	uint32_t first = s->indexed, k = m->index.k;
	int r;

	if (s->text.len >= k) {
		uint32_t n = (uint32_t)s->text.len - k + 1;

		r = dfl_index_reserve(&m->index, &s->indexed_text, s->text.data, n);
		if (r)
			return r;
		for (; s->indexed < n; s->indexed++)
			if (!dfl_index_add(&m->index, &s->indexed_text, s->indexed)) {
				m->stats.capped_positions++;
				s->capped = true;
			}
	}
	grown(s, first);
	return 0;
}

/* How many more bytes fit. A byte gives at most one canonical byte, but those held back come too.
 */
static uint64_t room_of(const struct dfl_match *m)
{
	uint64_t room = m->opts.max_source_bytes - m->stats.source_bytes;

	return room > DFL_TEXT_SLACK ? room - DFL_TEXT_SLACK : 0;
}

/* At most a slice, which stands for raw_len bytes. All of it or nothing. */
static int append_slice(struct dfl_match_source *s, const uint8_t *data, size_t len,
			uint64_t raw_len)
{
	struct dfl_match *m = s->m;
	size_t before = s->text.len;
	int r;

	/* Places are 31 bits in the index and 32 in the map. */
	if (!len || s->text.len + len + DFL_TEXT_SLACK > UINT32_MAX / 2) {
		m->stats.capped_sources++;
		return -ENOSPC;
	}
	r = dfl_text_reserve(&s->text, len);
	if (r)
		return r;
	dfl_canon_feed(&s->canon, data, len, s->raw_bytes, raw_len);
	s->raw_bytes += raw_len;
	m->stats.source_bytes += s->text.len - before;
	return index_more(s);
}

int dfl_match_source_append(struct dfl_match_source *s, const void *data, size_t len_bytes)
{
	const uint8_t *p = data;

	if (s->ended)
		return -EINVAL;
	while (len_bytes) {
		size_t n = len_bytes < DFL_TEXT_SLICE ? len_bytes : DFL_TEXT_SLICE;
		uint64_t room = room_of(s->m);
		int r;

		n = n < room ? n : (size_t)room;
		r = append_slice(s, p, n, n);
		if (r)
			return r;
		p += n;
		len_bytes -= n;
	}
	return 0;
}

int dfl_match_source_append_as(struct dfl_match_source *s, const char *word, size_t len_bytes,
			       uint64_t raw_bytes)
{
	if (s->ended || len_bytes > DFL_TEXT_SLICE)
		return -EINVAL;
	if (!len_bytes) {
		s->raw_bytes += raw_bytes;
		return 0;
	}
	return append_slice(s, (const uint8_t *)word, len_bytes < room_of(s->m) ? len_bytes : 0,
			    raw_bytes);
}

void dfl_match_source_end(struct dfl_match_source *s)
{
	size_t before = s->text.len;

	if (s->ended)
		return;
	/* Without memory the few bytes held back stay out. */
	if (!dfl_text_reserve(&s->text, 0)) {
		dfl_canon_flush(&s->canon);
		s->m->stats.source_bytes += s->text.len - before;
	}
	s->ended = true;
	index_more(s);
	dfl_short_source_add(s);
}

void dfl_match_source_tell(struct dfl_match_source *s)
{
	for (struct dfl_scan *scan = s->m->scans; scan; scan = scan->next)
		dfl_runs_end(scan, s, false);
}

void dfl_match_source_settle(struct dfl_match_source *s)
{
	s->settled = true;
}

uint32_t dfl_match_source_canon_bytes(const struct dfl_match_source *s)
{
	return (uint32_t)s->text.len;
}

uint64_t dfl_match_source_raw_bytes(const struct dfl_match_source *s)
{
	return s->raw_bytes;
}

/* The leftmost place. memmem is linear (two-way), whatever the texts are. */
bool dfl_match_source_holds(const struct dfl_match_source *s, const struct dfl_match_source *other,
			    struct dfl_run *run)
{
	uint32_t len = run->canon_to - run->canon_from;
	const uint8_t *at = NULL;

	if (len && len <= s->text.len)
		at = memmem(s->text.data, s->text.len, other->text.data + run->canon_from, len);
	if (!at)
		return false;
	run->canon_from = (uint32_t)(at - s->text.data);
	run->canon_to = run->canon_from + len;
	dfl_position_in_source(s, run);
	return true;
}

/* A later source may get the same address: what was reported of this one is not of that. */
static void forget_covered(struct dfl_match_view *v, const struct dfl_match_source *s)
{
	for (uint32_t i = 0; i < v->n_covered; i++)
		if (v->covered[i].source == s)
			v->covered[i].source = NULL;
}

void dfl_match_source_free(struct dfl_match_source *s)
{
	struct dfl_match *m;

	if (!s)
		return;
	m = s->m;
	for (struct dfl_scan *scan = m->scans; scan; scan = scan->next) {
		dfl_runs_end(scan, s, false);
		forget_covered(scan->view, s);
	}
	dfl_short_source_remove(s);
	dfl_index_remove(&m->index, &s->indexed_text);
	m->stats.source_bytes -= s->text.len;
	m->stats.sources--;
	if (s->prev)
		s->prev->next = s->next;
	else
		m->sources = s->next;
	if (s->next)
		s->next->prev = s->prev;
	dfl_text_fini(&s->text);
	explicit_bzero(s, sizeof(*s));
	free(s);
}
