// SPDX-License-Identifier: Apache-2.0
/*
 * The map from canonical bytes back to raw ones: segments, each good for up to 64 raw bytes (kept)
 * or for any number (lines, units). A byte is found by bisection.
 */
#include "match/canon/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Plain realloc: a map holds positions, no payload. */
int dfl_map_reserve(struct dfl_map *m, uint32_t n)
{
	uint32_t cap = m->cap ? m->cap : 8;
	struct dfl_seg *segs;

	if (m->cap - m->n >= n)
		return 0;
	while (cap - m->n < n) {
		if (cap > UINT32_MAX / 2)
			return -ENOMEM;
		cap *= 2;
	}
	segs = realloc(m->segs, cap * sizeof(*segs));
	if (!segs)
		return -ENOMEM;
	m->segs = segs;
	m->cap = cap;
	return 0;
}

void dfl_map_fini(struct dfl_map *m)
{
	free(m->segs);
	*m = (struct dfl_map){ 0 };
}

static struct dfl_seg *last(const struct dfl_map *m)
{
	return m->n ? &m->segs[m->n - 1] : NULL;
}

static void push(struct dfl_map *m, struct dfl_seg seg)
{
	m->segs[m->n++] = seg;
}

/*
 * Joins the segment before when that is of the same 64 bytes, these come behind all of its bytes,
 * and nothing was undone between.
 */
void dfl_map_kept(struct dfl_map *m, uint32_t at, uint64_t pos, uint64_t mask, uint8_t enc_pre)
{
	struct dfl_seg *l = last(m);
	uint64_t off;

	if (l && l->kind == DFL_SEG_KEPT && !enc_pre && pos >= l->pos) {
		off = pos - l->pos;
		if (off < 64 && mask << off >> off == mask && !(l->mask >> off)) {
			l->mask |= mask << off;
			return;
		}
	}
	push(m, (struct dfl_seg){ pos, mask, at, DFL_SEG_KEPT, 0, enc_pre });
}

/* Several bytes of one escape stand for the same raw bytes: one segment. */
void dfl_map_span(struct dfl_map *m, uint32_t at, uint64_t from, uint64_t to, uint8_t enc,
		  uint8_t enc_pre)
{
	struct dfl_seg *l = last(m);

	if (l && l->kind == DFL_SEG_SPAN && l->pos == from && l->mask == to - from &&
	    l->enc == enc && !enc_pre)
		return;
	push(m, (struct dfl_seg){ from, to - from, at, DFL_SEG_SPAN, enc, enc_pre });
}

void dfl_map_line(struct dfl_map *m, uint32_t at, uint64_t pos)
{
	struct dfl_seg *l = last(m);

	if (l && l->kind == DFL_SEG_LINE && pos - l->pos == at - l->at)
		return;
	push(m, (struct dfl_seg){ pos, 0, at, DFL_SEG_LINE, 0, 0 });
}

void dfl_map_unit(struct dfl_map *m, uint32_t at, uint64_t pos, uint64_t unit, uint8_t enc,
		  uint8_t enc_pre)
{
	struct dfl_seg *l = last(m);

	if (l && l->kind == DFL_SEG_UNITS && l->enc == enc && !enc_pre && l->mask == unit &&
	    pos - l->pos == (at - l->at) / 3 * unit)
		return;
	push(m, (struct dfl_seg){ pos, unit, at, DFL_SEG_UNITS, enc, enc_pre });
}

/* The segment that holds byte `at`. */
static uint32_t seg_of(const struct dfl_map *m, uint32_t at)
{
	uint32_t lo = 0, hi = m->n;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (m->segs[mid].at <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Place of the n-th set bit, from 0 on. */
static unsigned nth_bit(uint64_t mask, uint32_t n)
{
	while (n--)
		mask &= mask - 1;
	return mask ? (unsigned)__builtin_ctzll(mask) : 0;
}

void dfl_map_find(const struct dfl_map *m, uint32_t at, uint64_t *ret_from, uint64_t *ret_to)
{
	const struct dfl_seg *s = &m->segs[seg_of(m, at)];
	uint32_t n = at - s->at;

	switch (s->kind) {
	case DFL_SEG_KEPT:
		*ret_from = s->pos + nth_bit(s->mask, n);
		*ret_to = *ret_from + 1;
		return;
	case DFL_SEG_LINE:
		*ret_from = s->pos + n;
		*ret_to = *ret_from + 1;
		return;
	case DFL_SEG_UNITS:
		*ret_from = s->pos + n / 3 * s->mask;
		*ret_to = *ret_from + s->mask;
		return;
	default:
		*ret_from = s->pos;
		*ret_to = s->pos + s->mask;
	}
}

uint8_t dfl_map_enc(const struct dfl_map *m, uint32_t from, uint32_t to)
{
	uint32_t i;
	uint8_t enc;

	if (from >= to || !m->n)
		return 0;
	i = seg_of(m, from);
	enc = m->segs[i].enc; /* not enc_pre: that was before the first byte */
	for (i++; i < m->n && m->segs[i].at < to; i++)
		enc |= m->segs[i].enc | m->segs[i].enc_pre;
	return enc;
}

/* Makes segment s begin n bytes later (a unit is not split: up to two bytes earlier). */
static void trim_seg(struct dfl_seg *s, uint32_t n)
{
	if (s->kind == DFL_SEG_UNITS) {
		n -= n % 3;
		s->pos += n / 3 * s->mask;
	}
	if (s->kind == DFL_SEG_LINE)
		s->pos += n;
	s->at += n;
	if (s->kind == DFL_SEG_KEPT)
		while (n--)
			s->mask &= s->mask - 1;
}

void dfl_map_drop(struct dfl_map *m, uint32_t n)
{
	uint32_t first;

	if (!m->n)
		return;
	first = seg_of(m, n);
	trim_seg(&m->segs[first], n - m->segs[first].at);
	memmove(m->segs, m->segs + first, (m->n - first) * sizeof(*m->segs));
	m->n -= first;
	/* All are touched, but only once in a slice of 8 KiB (scan.c: slide). */
	for (uint32_t i = 0; i < m->n; i++)
		m->segs[i].at -= n; /* a split unit's wraps; differences from it stay right */
}
