// SPDX-License-Identifier: Apache-2.0
/*
 * Scans: the canonical text of a view, or of something nested in it; every stride-th k-gram of it
 * is looked up.
 */
#include <stdlib.h>
#include <string.h>

#include "match/match_priv.h"

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
	dfl_streaks_free(s);
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
static bool many_places(const struct dfl_index *ix, const struct dfl_found *f,
			const struct dfl_match_source *source)
{
	uint32_t same = 0;

	for (uint32_t i = 0; source->capped && i < f->n; i++)
		same += dfl_index_chunk(ix, f->entries[i])->source == source;
	return same >= DFL_POSITIONS_PER_SOURCE;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return v;
}

#define AROUND 4 /* bytes looked at on either side of a k-gram, in one piece */

/* Does a run with this k-gram end so near to both sides that it is too short to be reported? */
static bool is_hopeless(const struct dfl_scan *s, uint64_t at, const struct dfl_match_source *src,
			uint32_t src_at, uint64_t floor)
{
	uint32_t k = s->m->index.k, before, after, n = k;
	const uint8_t *p = dfl_scan_at(s, at), *q = src->text.data + src_at;

	/* Where one of the texts ends the run may go on later, or have begun earlier. */
	if (at < floor + AROUND || at + k + AROUND > dfl_scan_total(s) || src_at < AROUND ||
	    src_at + k + AROUND > src->text.len)
		return false;
	before = load32(p - AROUND) ^ load32(q - AROUND);
	after = load32(p + k) ^ load32(q + k);
	if (!before || !after)
		return false;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	n += (unsigned)__builtin_clz(before) / 8 + (unsigned)__builtin_ctz(after) / 8;
#else
	n += (unsigned)__builtin_ctz(before) / 8 + (unsigned)__builtin_clz(after) / 8;
#endif
	return n < s->m->opts.min_run;
}

void dfl_scan_probe(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first)
{
	struct dfl_match *m = s->m;
	const struct dfl_index *ix = &m->index;
	struct dfl_found f;

	dfl_index_find(ix, h, &f);
	m->stats.walked_entries += f.walked;
	m->stats.capped_candidates += f.count > f.n;
	for (uint32_t i = 0; i < f.n; i++)
		__builtin_prefetch(dfl_index_text(ix, f.entries[i]));
	for (uint32_t i = 0; i < f.n; i++) {
		const struct dfl_chunk_ix *c = dfl_index_chunk(ix, f.entries[i]);
		uint32_t source_at = c->first + (f.entries[i] & (DFL_CHUNK - 1));

		if ((only && (c->source != only || source_at < first)) ||
		    !dfl_index_same(ix, dfl_scan_at(s, at), dfl_index_text(ix, f.entries[i])) ||
		    is_hopeless(s, at, c->source, source_at, floor))
			continue;
		dfl_run_open(s, c->source, at, source_at, floor, f.count > f.n ? f.count : DFL_NONE,
			     many_places(ix, &f, c->source));
	}
}

#define AHEAD 16 /* hits whose buckets are fetched together */

/* Looks up what has become whole k-grams. */
static void probe(struct dfl_scan *s)
{
	const struct dfl_index *ix = &s->m->index;
	uint64_t total = dfl_scan_total(s), stride = s->m->opts.stride, q = s->next_probe;
	uint16_t hits[DFL_SLICE + DFL_TEXT_SLACK];
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
			h[j] = dfl_gram(ix, dfl_scan_at(s, q + hits[i + j]));
			__builtin_prefetch(dfl_index_bucket(ix, h[j]));
		}
		dfl_runs_retire(s, at + ix->k);
		dfl_scan_probe(s, at, h[i % AHEAD], dfl_scan_floor(s, at + ix->k), NULL, 0);
	}
}

static void advance(struct dfl_scan *s)
{
	dfl_runs_extend(s);
	probe(s);
	dfl_runs_retire(s, dfl_scan_total(s));
	dfl_streaks_scan(s);
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
	dfl_streaks_end(s);
	s->barrier = s->next_print = s->after_print = dfl_scan_total(s);
	s->next_probe = (s->barrier + stride - 1) / stride * stride;
}

void dfl_scan_close(struct dfl_scan *s, bool leaf)
{
	if (!dfl_text_reserve(&s->text, 0))
		dfl_canon_flush(&s->canon);
	advance(s);
	dfl_nest_finish(s->nest, leaf);
	dfl_runs_end(s, NULL, leaf);
	dfl_streaks_end(s);
	if (leaf)
		dfl_shorts_leaf(s);
	scan_free(s);
}
