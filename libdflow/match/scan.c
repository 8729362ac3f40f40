// SPDX-License-Identifier: Apache-2.0
/*
 * Scans: the canonical text of a view, or of something nested in it; every stride-th k-gram of it
 * is looked up.
 */
#include <stdlib.h>
#include <string.h>

#include "match/match_int.h"

int dfl_scan_new(struct dfl_match *m, struct dfl_match_view *view, struct dfl_coded *parent,
		 uint32_t depth, uint8_t enc, struct dfl_scan **ret_scan)
{
	struct dfl_scan *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->m = m;
	s->view = view;
	s->parent = parent;
	s->depth = depth;
	s->enc = enc;
	r = dfl_nest_new(s, &s->nest);
	if (r) {
		free(s);
		return r;
	}
	dfl_canon_init(&s->canon, &s->text, &dfl_nest_tap, s->nest);
	s->next = m->scans;
	if (s->next)
		s->next->prev = s;
	m->scans = s;
	*ret_scan = s;
	return 0;
}

static void scan_free(struct dfl_scan *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		s->m->scans = s->next;
	if (s->next)
		s->next->prev = s->prev;
	for (uint32_t i = 0; i < s->view->n_covered; i++)
		if (s->view->covered[i].scan == s)
			s->view->covered[i].scan = NULL;
	dfl_nest_free(s->nest);
	dfl_text_fini(&s->text);
	free(s->open);
	free(s->marks);
	free(s->seen);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

/* ---- times ---- */

static int mark(struct dfl_scan *s, uint64_t ts_ns)
{
	uint32_t cap = s->cap_marks ? s->cap_marks * 2 : 4;
	struct dfl_mark *p;

	if (s->n_marks && s->marks[s->n_marks - 1].ts_ns == ts_ns)
		return 0;
	if (s->n_marks && s->marks[s->n_marks - 1].at == dfl_scan_total(s)) {
		s->marks[s->n_marks - 1].ts_ns = ts_ns; /* the one before gave no text */
		return 0;
	}
	if (s->n_marks == s->cap_marks) {
		p = reallocarray(s->marks, cap, sizeof(*p));
		if (!p)
			return -ENOMEM;
		s->marks = p;
		s->cap_marks = cap;
	}
	s->marks[s->n_marks++] = (struct dfl_mark){ dfl_scan_total(s), ts_ns };
	return 0;
}

static uint32_t mark_of(const struct dfl_scan *s, uint64_t at)
{
	uint32_t i = s->n_marks;

	while (i > 1 && s->marks[i - 1].at > at)
		i--;
	return i ? i - 1 : 0;
}

uint64_t dfl_scan_ts(const struct dfl_scan *s, uint64_t at)
{
	return s->n_marks ? s->marks[mark_of(s, at)].ts_ns : 0;
}

/* ---- positions ---- */

void dfl_scan_outer(const struct dfl_scan *s, uint64_t from, uint64_t to, uint64_t *ret_from,
		    uint64_t *ret_to)
{
	while (s->parent)
		s = dfl_coded_outer(s->parent, from, to, &from, &to);
	*ret_from = from;
	*ret_to = to;
}

uint64_t dfl_scan_oldest(const struct dfl_scan *s)
{
	uint64_t own = s->text.map.n ? s->text.map.segs[0].pos : 0;
	uint64_t nested = dfl_nest_oldest(s->nest);

	return own < nested ? own : nested;
}

/* ---- scanning ---- */

/* May the source have more places of the k-gram than are in the index? */
static bool many_places(struct dfl_match_source *const *found, uint32_t n,
			const struct dfl_match_source *source)
{
	uint32_t same = 0;

	for (uint32_t i = 0; source->capped && i < n; i++)
		same += found[i] == source;
	return same >= DFL_POSITIONS_PER_SOURCE;
}

void dfl_scan_probe(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first)
{
	struct dfl_match *m = s->m;
	struct dfl_index_iter it;
	struct dfl_match_source *found[DFL_ENTRIES_PER_PROBE];
	uint32_t found_at[DFL_ENTRIES_PER_PROBE], n = 0;

	dfl_index_find(&m->index, dfl_scan_at(s, at), h, &it);
	while (n < DFL_ENTRIES_PER_PROBE && dfl_index_next(&m->index, &it, &found[n], &found_at[n]))
		if (!only || (found[n] == only && found_at[n] >= first))
			n++;
	m->stats.walked_entries += it.walked;
	it.capped |= it.at != DFL_NONE;
	if (it.capped)
		m->stats.capped_candidates++;
	for (uint32_t i = 0; i < n; i++)
		dfl_run_open(s, found[i], at, found_at[i], floor,
			     it.capped ? it.count : DFL_NONE, many_places(found, n, found[i]));
}

/* Looks up what has become whole k-grams. */
static void probe(struct dfl_scan *s)
{
	const struct dfl_index *ix = &s->m->index;
	uint64_t total = dfl_scan_total(s), stride = s->m->opts.stride, q = s->next_probe;
	uint16_t hits[DFL_SLICE + DFL_TEXT_SLACK];
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

		dfl_runs_retire(s, at + ix->k);
		dfl_scan_probe(s, at, dfl_gram(ix, dfl_scan_at(s, at)),
			       dfl_scan_floor(s, at + ix->k), NULL, 0);
	}
}

static void advance(struct dfl_scan *s)
{
	dfl_runs_extend(s);
	probe(s);
	dfl_runs_retire(s, dfl_scan_total(s));
}

/* Forgets what is no more needed, in pieces large enough to be cheap. */
static void slide(struct dfl_scan *s)
{
	uint32_t back = s->m->opts.look_back;
	size_t keep = (back > DFL_UNSURE ? back : DFL_UNSURE) + s->m->index.k, drop;
	uint32_t first;

	if (s->text.len < keep + DFL_SLICE)
		return;
	drop = s->text.len - keep;
	dfl_text_drop(&s->text, drop);
	first = mark_of(s, s->text.base);
	memmove(s->marks, s->marks + first, (s->n_marks - first) * sizeof(*s->marks));
	s->n_marks -= first;
}

static int feed_slice(struct dfl_scan *s, const uint8_t *data, size_t n, uint64_t pos,
		      uint64_t pos_len, uint64_t ts_ns)
{
	int r;

	slide(s);
	r = dfl_text_reserve(&s->text, n);
	if (!r)
		r = mark(s, ts_ns);
	if (r)
		return r;
	dfl_nest_ts(s->nest, ts_ns);
	dfl_canon_feed(&s->canon, data, n, pos, pos_len);
	dfl_nest_flush(s->nest);
	advance(s);
	return 0;
}

int dfl_scan_feed(struct dfl_scan *s, const uint8_t *data, size_t len, uint64_t pos,
		  uint64_t pos_len, uint64_t ts_ns)
{
	bool linear = pos_len == len;

	while (len) {
		size_t n = len < DFL_SLICE ? len : DFL_SLICE;
		int r = feed_slice(s, data, n, pos, linear ? n : pos_len, ts_ns);

		if (r) {
			dfl_scan_gap(s);
			return r;
		}
		data += n;
		len -= n;
		if (linear)
			pos += n;
	}
	return 0;
}

void dfl_scan_gap(struct dfl_scan *s)
{
	uint64_t stride = s->m->opts.stride;

	if (!dfl_text_reserve(&s->text, 0))
		dfl_canon_flush(&s->canon);
	else
		dfl_canon_init(&s->canon, &s->text, s->canon.tap, s->canon.tap_ud);
	dfl_nest_cut(s->nest);
	advance(s);
	s->gapped = true;
	dfl_runs_end(s, NULL, false);
	s->barrier = dfl_scan_total(s);
	s->next_probe = (s->barrier + stride - 1) / stride * stride;
}

void dfl_scan_close(struct dfl_scan *s, bool leaf)
{
	if (!dfl_text_reserve(&s->text, 0))
		dfl_canon_flush(&s->canon);
	advance(s);
	dfl_nest_finish(s->nest, leaf);
	dfl_runs_end(s, NULL, leaf);
	if (leaf)
		dfl_shorts_leaf(s);
	scan_free(s);
}
