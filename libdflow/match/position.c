// SPDX-License-Identifier: Apache-2.0
/* Where canonical bytes stood in the source and in the stream, and when they were seen. */
#include "match/position.h"

#include <stdlib.h>
#include <string.h>

/* ---- in the source ---- */

void dfl_position_in_source(const struct dfl_match_source *src, struct dfl_run *run)
{
	uint64_t ignored;

	dfl_map_find(&src->text.map, run->canon_from, &run->src_from, &ignored);
	dfl_map_find(&src->text.map, run->canon_to - 1, &ignored, &run->src_to);
	/* Bytes that the form drops at the very ends of the text belong to a run that has all. */
	if (run->canon_from == 0)
		run->src_from = 0;
	if (run->canon_to == src->text.len && src->ended)
		run->src_to = src->raw_bytes;
}

/* ---- in the stream ---- */

/*
 * Positions of decoded bytes [from, to) in what the scan around the run was fed. Returns that scan.
 *
 * A base64 char holds 6 bits, so byte b of a group begins in char b and ends in char b + 1: the
 * last byte ends one char after the one in which it begins. (For hex that is the second digit.)
 */
static struct dfl_scan *coded_outer(const struct dfl_base64_hex *c, unsigned phase, uint64_t from,
				    uint64_t to, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t first = dfl_base64_hex_char(c, phase, from);
	uint64_t last = dfl_base64_hex_char(c, phase, to - 1) + 1, ignored;

	dfl_map_find(&c->map, (uint32_t)(first - c->map_base), ret_from, &ignored);
	dfl_map_find(&c->map, (uint32_t)(last - c->map_base), &ignored, ret_to);
	return c->scan;
}

void dfl_position_in_stream(const struct dfl_scan *s, uint64_t from, uint64_t to,
			    uint64_t *ret_from, uint64_t *ret_to)
{
	while (s->parent)
		s = coded_outer(s->parent, s->parent->phase, from, to, &from, &to);
	*ret_from = from;
	*ret_to = to;
}

void dfl_position_of_coded(const struct dfl_base64_hex *c, unsigned phase, uint64_t from,
			   uint64_t to, uint64_t *ret_from, uint64_t *ret_to)
{
	const struct dfl_scan *s = coded_outer(c, phase, from, to, &from, &to);

	dfl_position_in_stream(s, from, to, ret_from, ret_to);
}

static uint64_t oldest_of(const struct dfl_map *m)
{
	return m->n ? m->segs[0].pos : UINT64_MAX;
}

uint64_t dfl_position_oldest(const struct dfl_scan *s)
{
	uint64_t own = s->text.map.n ? oldest_of(&s->text.map) : 0;
	uint64_t a = oldest_of(&s->nest->base64.map), b = oldest_of(&s->nest->hex.map);
	uint64_t nested = a < b ? a : b;

	return own < nested ? own : nested;
}

/* ---- in time ---- */

int dfl_position_mark(struct dfl_scan *s, uint64_t ts_ns)
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

/* The mark that holds for canonical byte `at`. From the end: what is asked for is mostly new. */
static uint32_t mark_of(const struct dfl_scan *s, uint64_t at)
{
	uint32_t i = s->n_marks;

	while (i > 1 && s->marks[i - 1].at > at)
		i--;
	return i ? i - 1 : 0;
}

void dfl_position_drop_marks(struct dfl_scan *s)
{
	uint32_t first = mark_of(s, s->text.base);

	memmove(s->marks, s->marks + first, (s->n_marks - first) * sizeof(*s->marks));
	s->n_marks -= first;
}

uint64_t dfl_position_time(const struct dfl_scan *s, uint64_t at)
{
	return s->n_marks ? s->marks[mark_of(s, at)].ts_ns : 0;
}
