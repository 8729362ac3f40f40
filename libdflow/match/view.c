// SPDX-License-Identifier: Apache-2.0
/*
 * Views. While texts are looked for, a view is a scan, and what was reported of it. While none is,
 * it only keeps the last bytes that it was fed (raw_text.c): most events on a node belong to no
 * request, and must not cost more than a copy. When a text comes, the scan is fed what was kept.
 */
#include "match/view.h"

#include <stdlib.h>

#include "match/scan.h"

/* Is nothing looked for? */
static bool is_idle(const struct dfl_match *m)
{
	return !m->sources && !m->prints.n_sets;
}

/* ---- life ---- */

static struct dfl_match_view *spare_or_new(struct dfl_match *m)
{
	struct dfl_match_view *v = m->spare_views;

	if (!v)
		return calloc(1, sizeof(*v));
	m->spare_views = v->next;
	m->n_spare_views--;
	return v;
}

int dfl_match_view_new(struct dfl_match *m, void *view_ud, struct dfl_match_view **ret_view)
{
	struct dfl_match_view *v = spare_or_new(m);

	if (!v)
		return -ENOMEM;
	v->m = m;
	v->ud = view_ud;
	v->prev = NULL;
	v->next = m->views;
	if (v->next)
		v->next->prev = v;
	m->views = v;
	*ret_view = v;
	return 0;
}

static void free_memory(struct dfl_match_view *v)
{
	dfl_raw_text_fini(&v->raw);
	free(v->covered);
	free(v->long_of);
	free(v);
}

/* Keeps its memory for the next one. */
static void release(struct dfl_match_view *v)
{
	struct dfl_match *m = v->m;

	if (v->prev)
		v->prev->next = v->next;
	else
		m->views = v->next;
	if (v->next)
		v->next->prev = v->prev;
	if (m->n_spare_views == DFL_SPARE_VIEWS) {
		free_memory(v);
		return;
	}
	dfl_raw_text_clear(&v->raw);
	free(v->long_of);
	*v = (struct dfl_match_view){ .raw = v->raw,
				      .covered = v->covered,
				      .next = m->spare_views };
	m->spare_views = v;
	m->n_spare_views++;
}

void dfl_view_free_spare(struct dfl_match *m)
{
	struct dfl_match_view *v;

	while ((v = m->spare_views)) {
		m->spare_views = v->next;
		free_memory(v);
	}
	m->n_spare_views = 0;
}

/* ---- its scan ---- */

/* Makes the scan, if there is none. 0 or -ENOMEM. */
static int need_scan(struct dfl_match_view *v)
{
	int r = v->scan ? 0 : dfl_scan_new(v->m, v, NULL, 0, v->undone, &v->scan);

	if (!r && v->gapped)
		dfl_scan_gap(v->scan);
	if (!r)
		v->gapped = false;
	return r;
}

static int scan(struct dfl_match_view *v, const uint8_t *data, size_t len, uint64_t pos,
		uint64_t pos_len, uint64_t ts_ns)
{
	int r = need_scan(v);

	if (!r)
		return dfl_scan_feed(v->scan, data, len, pos, pos_len, ts_ns);
	v->gapped = true;
	return r;
}

/* Nothing to do yet where there is no scan: it will begin with the gap. */
static void gap(struct dfl_match_view *v)
{
	if (v->scan)
		dfl_scan_gap(v->scan);
	else
		v->gapped = true;
}

/*
 * Scans what was only kept so far, as if it came now. The caller is not shown its base64: it passed
 * when no text was there that it could hide.
 */
static void scan_raw(struct dfl_match_view *v)
{
	const uint8_t *at = v->raw.data;

	v->m->catching_up = true;
	if (v->raw.base)
		gap(v);
	for (uint32_t i = 0; i < v->raw.n_pieces; i++) {
		const struct dfl_raw_piece *p = &v->raw.pieces[i];

		if (p->len)
			scan(v, at, (size_t)p->len, p->pos, p->pos_len, p->ts_ns);
		else
			gap(v);
		at += p->len;
	}
	v->m->catching_up = false;
	dfl_raw_text_fini(&v->raw);
}

void dfl_view_begin(struct dfl_match *m)
{
	if (!is_idle(m))
		return;
	for (struct dfl_match_view *v = m->views; v; v = v->next)
		if (v->raw.n_pieces)
			scan_raw(v);
}

/* ---- what it is fed ---- */

/* Without memory the bytes are missing. */
static int keep(struct dfl_match_view *v, const uint8_t *data, size_t len, uint64_t pos,
		uint64_t pos_len, uint64_t ts_ns)
{
	int r;

	if (v->raw.n_pieces >= DFL_RAW_PIECES)
		scan_raw(v);
	r = dfl_raw_text_add(&v->raw, data, len, pos, pos_len, ts_ns);
	if (r)
		dfl_match_view_gap(v);
	return r;
}

void dfl_match_view_undone(struct dfl_match_view *v, uint32_t encodings)
{
	v->undone = (uint8_t)encodings;
	if (v->scan)
		v->scan->enc = v->undone;
}

int dfl_match_view_feed(struct dfl_match_view *v, const void *data, size_t len_bytes, uint64_t pos,
			uint64_t pos_len, uint64_t ts_ns)
{
	v->m->stats.scanned_bytes += len_bytes;
	if (!len_bytes)
		return 0;
	if (is_idle(v->m))
		return keep(v, data, len_bytes, pos, pos_len, ts_ns);
	return scan(v, data, len_bytes, pos, pos_len, ts_ns);
}

/* A gap for which there is no memory is one before all that was kept. */
void dfl_match_view_gap(struct dfl_match_view *v)
{
	if (!v->raw.n_pieces) {
		gap(v);
	} else if (dfl_raw_text_gap(&v->raw)) {
		dfl_raw_text_clear(&v->raw);
		gap(v);
	}
}

void dfl_match_view_close(struct dfl_match_view *v)
{
	if (!v)
		return;
	if (v->scan && is_idle(v->m))
		dfl_scan_drop(v->scan);
	else if (v->scan)
		dfl_scan_close(v->scan, true);
	release(v);
}
