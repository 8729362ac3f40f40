// SPDX-License-Identifier: Apache-2.0
/*
 * Scans: the canonical text of a view, or of something nested in it.
 *
 * Raw bytes are taken in slices of 8 KiB: the canonicaliser makes them canonical text at the end of
 * the look-back, then `advance` looks at what was added, then `slide` drops from the front what is
 * older than the look-back.
 */
#include <stdlib.h>
#include <string.h>

#include "match/fingerprint/fingerprint_chain.h"
#include "match/nested.h"
#include "match/position.h"
#include "match/probe.h"
#include "match/runs.h"
#include "match/scan.h"
#include "match/short_source.h"

/* A scan that was closed, or a new one; its nest is ready. NULL: no memory. */
static struct dfl_scan *spare_or_new(struct dfl_match *m)
{
	struct dfl_scan *s = m->spare;

	if (s) {
		m->spare = s->next;
		m->n_spare--;
		s->next = NULL;
		return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->m = m;
	if (dfl_nested_new(s, &s->nest)) {
		free(s);
		return NULL;
	}
	return s;
}

int dfl_scan_new(struct dfl_match *m, struct dfl_match_view *view, struct dfl_base64_hex *parent,
		 uint32_t depth, uint8_t enc, struct dfl_scan **ret_scan)
{
	struct dfl_scan *s = spare_or_new(m);

	if (!s)
		return -ENOMEM;
	s->view = view;
	s->parent = parent;
	s->depth = depth;
	s->enc = enc;
	s->next_due = UINT64_MAX;
	dfl_canon_init(&s->canon, m->simd, &s->text, &dfl_nested_tap, s->nest);
	s->next = m->scans;
	if (s->next)
		s->next->prev = s;
	m->scans = s;
	*ret_scan = s;
	return 0;
}

/* Frees the memory of a scan that was wiped. */
static void free_memory(struct dfl_scan *s)
{
	dfl_nested_free(s->nest);
	dfl_text_fini(&s->text);
	free(s->open);
	free(s->find);
	free(s->marks);
	free(s);
}

void dfl_scan_free_spare(struct dfl_match *m)
{
	struct dfl_scan *s;

	while ((s = m->spare)) {
		m->spare = s->next;
		free_memory(s);
	}
	m->n_spare = 0;
}

/* Wipes all but the memory that the next scan can use. */
static void wipe(struct dfl_scan *s)
{
	const struct dfl_scan kept = {
		.m = s->m,
		.nest = s->nest,
		.text = s->text,
		.open = s->open,
		.cap_open = s->cap_open,
		.find = s->find,
		.open_moved = s->find, /* what it holds is old */
		.marks = s->marks,
		.cap_marks = s->cap_marks,
	};

	explicit_bzero(s, sizeof(*s));
	*s = kept;
}

void dfl_scan_drop(struct dfl_scan *s)
{
	struct dfl_match *m = s->m;

	if (s->prev)
		s->prev->next = s->next;
	else
		m->scans = s->next;
	if (s->next)
		s->next->prev = s->prev;
	for (uint32_t i = 0; i < s->view->n_covered; i++)
		if (s->view->covered[i].scan == s)
			s->view->covered[i].scan = NULL;
	dfl_nested_clear(s->nest);
	dfl_text_clear(&s->text);
	free(s->seen);
	dfl_fingerprint_chain_free(s);
	wipe(s);
	if (m->n_spare == DFL_SPARE_SCANS) {
		free_memory(s);
		return;
	}
	s->next = m->spare;
	m->spare = s;
	m->n_spare++;
}

/* ---- scanning ---- */

/*
 * Looks at what was added: open runs go on, new k-grams open more, and what is over is reported.
 * In this order, because a run that goes on already is not opened a second time.
 */
static void advance(struct dfl_scan *s)
{
	dfl_runs_extend(s);
	dfl_probe_text(s);
	dfl_runs_retire(s, dfl_scan_total(s));
	dfl_fingerprint_chain_scan(s);
}

/*
 * Forgets what is older than the look-back. Only when a slice's worth can go: the rest is moved to
 * the front, which then costs at most (4096 + 12) / 8192 of a byte for each byte scanned. A run of
 * very common k-grams waits for DFL_UNSURE bytes, and its positions are asked for then.
 */
static void slide(struct dfl_scan *s)
{
	uint32_t back = s->m->opts.look_back;
	size_t keep = (back > DFL_UNSURE ? back : DFL_UNSURE) + s->m->index.k;

	if (s->text.len < keep + DFL_TEXT_SLICE)
		return;
	dfl_text_drop(&s->text, s->text.len - keep);
	dfl_position_drop_marks(s);
}

/* At most DFL_TEXT_SLICE bytes. All that can fail comes before anything is changed. */
static int feed_slice(struct dfl_scan *s, const uint8_t *data, size_t n, uint64_t pos,
		      uint64_t pos_len, uint64_t ts_ns)
{
	int r;

	s->rested = false;
	slide(s);
	r = dfl_text_reserve(&s->text, n);
	if (!r)
		r = dfl_position_mark(s, ts_ns);
	if (r)
		return r;
	dfl_nested_time(s->nest, ts_ns);
	dfl_canon_feed(&s->canon, data, n, pos, pos_len);
	dfl_nested_flush(s->nest);
	advance(s);
	return 0;
}

int dfl_scan_feed(struct dfl_scan *s, const uint8_t *data, size_t len, uint64_t pos,
		  uint64_t pos_len, uint64_t ts_ns)
{
	bool linear = pos_len == len; /* byte i is at pos + i */

	while (len) {
		size_t n = len < DFL_TEXT_SLICE ? len : DFL_TEXT_SLICE;
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
	else /* what was held back is lost: a few bytes, at a gap */
		dfl_canon_init(&s->canon, s->m->simd, &s->text, s->canon.tap, s->canon.tap_ud);
	dfl_nested_cut(s->nest);
	advance(s);
	s->gapped = true;
	dfl_runs_end(s, NULL, false);
	dfl_fingerprint_chain_end(s);
	s->barrier = s->next_print = s->after_print = dfl_scan_total(s);
	/* The next multiple of the stride that lies behind the gap. */
	s->next_probe = (s->barrier + stride - 1) / stride * stride;
}

void dfl_scan_rest(struct dfl_scan *s)
{
	if (s->rested)
		return;
	s->rested = true;
	if (!dfl_text_reserve(&s->text, 0))
		dfl_canon_flush(&s->canon);
	dfl_nested_cut(s->nest);
	advance(s);
}

/*
 * The order matters: nested scans report before the text around them is gone, and a leaf can only
 * be equal to a short source when all of it is there.
 */
void dfl_scan_close(struct dfl_scan *s, bool leaf)
{
	if (!dfl_text_reserve(&s->text, 0))
		dfl_canon_flush(&s->canon);
	advance(s);
	dfl_nested_finish(s->nest, leaf);
	dfl_runs_end(s, NULL, leaf);
	dfl_fingerprint_chain_end(s);
	if (leaf)
		dfl_short_source_leaf(s);
	dfl_scan_drop(s);
}
