// SPDX-License-Identifier: Apache-2.0
/*
 * Runs of base64 and hex in what both layers of the form leave: decoded, and scanned like a view.
 *
 * A run is taken in windows. Which of the phases it has (where the first group begins) shows in
 * what comes out: only text is scanned, from one window before it looked like text, until two
 * windows in a row do not. So a nested scan costs no more than the run is long, however the run
 * was made.
 */
#include <stdlib.h>
#include <string.h>

#include "match/coded.h"
#include "match/match_int.h"

struct dfl_nest {
	struct dfl_scan *scan;
	bool after_newline; /* blanks after a newline are line-wrapping too */
	struct dfl_coded base64, hex;
};

/* ---- one coded run ---- */

static void coded_reset(struct dfl_coded *c)
{
	explicit_bzero(c->chars, sizeof(c->chars));
	c->n = 0;
	c->base = c->done = c->map_base = 0;
	c->map.n = 0;
	c->quiet = 0;
	c->padded = false;
}

static void child_close(struct dfl_coded *c, bool leaf)
{
	if (!c->child)
		return;
	dfl_scan_close(c->child, leaf && c->from_start);
	c->child = NULL;
}

/* Begins the nested scan of a phase. */
static void child_open(struct dfl_coded *c, unsigned phase)
{
	struct dfl_scan *s = c->scan;

	child_close(c, false);
	c->phase = phase;
	c->quiet = 0;
	if (s->depth >= s->m->opts.max_depth) {
		s->m->stats.capped_depth++;
		return;
	}
	if (dfl_scan_new(s->m, s->view, c, s->depth + 1, s->enc | c->code->enc, &c->child))
		c->child = NULL; /* without memory the raw text is all that is scanned */
}

static void child_feed(struct dfl_coded *c, uint64_t from, uint64_t to, bool last)
{
	uint8_t out[DFL_CODED_OUT];
	uint64_t pos;
	size_t n;

	if (!c->child)
		return;
	n = dfl_coded_decode(c, c->phase, from, to, last, out, &pos);
	if (n)
		dfl_scan_feed(c->child, out, n, pos, n, c->ts_ns);
	c->scan->m->stats.nested_bytes += n;
	explicit_bzero(out, sizeof(out));
}

/* The phase in which [from, to) looks most like text, or -1. */
static int best_phase(struct dfl_coded *c, uint64_t from, uint64_t to, bool last)
{
	uint8_t out[DFL_CODED_OUT];
	size_t best = 0;
	int phase = -1;
	uint64_t pos;

	for (unsigned p = 0; p < c->code->phases; p++) {
		size_t n = dfl_coded_decode(c, p, from, to, last, out, &pos);
		size_t good = dfl_coded_text_bytes(out, n);

		if (dfl_coded_is_text(good, n) && good > best) {
			best = good;
			phase = (int)p;
		}
	}
	explicit_bzero(out, sizeof(out));
	return phase;
}

static bool still_text(struct dfl_coded *c, uint64_t from, uint64_t to, bool last)
{
	uint8_t out[DFL_CODED_OUT];
	uint64_t pos;
	size_t n = dfl_coded_decode(c, c->phase, from, to, last, out, &pos);
	bool text = dfl_coded_is_text(dfl_coded_text_bytes(out, n), n);

	explicit_bzero(out, sizeof(out));
	return text;
}

static void window(struct dfl_coded *c, uint64_t from, uint64_t to, bool last)
{
	int phase;

	if (c->child && still_text(c, from, to, last)) {
		c->quiet = 0;
		child_feed(c, from, to, last);
		return;
	}
	phase = best_phase(c, from, to, last);
	if (c->child)
		child_feed(c, from, to, last); /* its text may end in here */
	if (phase >= 0 && !(c->child && (unsigned)phase == c->phase)) {
		uint64_t before = from > DFL_CODED_WINDOW ? from - DFL_CODED_WINDOW : 0;

		child_open(c, (unsigned)phase);
		c->from_start = before == 0 && phase == 0;
		if (before < from)
			child_feed(c, before, from, false);
		child_feed(c, from, to, last);
	} else if (c->child && ++c->quiet == 2) {
		child_close(c, false);
	}
}

/* Forgets chars that no window will read again, and positions that nobody can ask for. */
static void forget(struct dfl_coded *c)
{
	uint64_t keep = c->done > DFL_CODED_WINDOW ? c->done - DFL_CODED_WINDOW : 0, oldest = keep;
	uint32_t n = (uint32_t)(keep - c->base);

	memmove(c->chars, c->chars + n, c->n - n);
	c->n -= n;
	c->base = keep;
	if (c->child)
		oldest = dfl_coded_char(c, dfl_scan_oldest(c->child));
	if (oldest > keep)
		oldest = keep;
	if (oldest > c->map_base + DFL_SLICE) {
		dfl_map_drop(&c->map, (uint32_t)(oldest - c->map_base));
		c->map_base = oldest;
	}
}

static void coded_finish(struct dfl_coded *c, bool leaf)
{
	uint64_t total = c->base + c->n;

	if (!total)
		return;
	leaf = leaf && c->leaf;
	if (total >= c->code->min || (leaf && total >= c->code->min_leaf)) {
		if (c->done < total)
			window(c, c->done, total, true);
		child_close(c, leaf);
	}
	coded_reset(c);
}

static void coded_char(struct dfl_coded *c, struct dfl_ch ch)
{
	uint32_t at;

	if (c->padded)
		coded_finish(c, false);
	at = (uint32_t)(c->base + c->n - c->map_base);
	if (!at)
		c->leaf = !dfl_scan_total(c->scan) && !c->scan->gapped && !c->scan->text.len;
	if (dfl_map_reserve(&c->map, 1)) {
		coded_finish(c, false); /* without memory the run is cut */
		return;
	}
	if (ch.to - ch.from == 1)
		dfl_map_kept(&c->map, at, ch.from, 1, 0);
	else
		dfl_map_span(&c->map, at, ch.from, ch.to, 0, 0);
	c->chars[c->n++] = ch.c;
	if (c->base + c->n - c->done < DFL_CODED_WINDOW + DFL_CODED_GROUP)
		return;
	window(c, c->done, c->done + DFL_CODED_WINDOW, false);
	c->done += DFL_CODED_WINDOW;
	forget(c);
}

static void coded_byte(struct dfl_coded *c, struct dfl_ch ch)
{
	if (c->code->plus1[ch.c])
		coded_char(c, ch);
	else if (!c->n)
		return;
	else if (ch.c == '=')
		c->padded = true;
	else
		coded_finish(c, false);
}

/* ---- what the canonicaliser taps ---- */

static void tap_byte(void *ud, struct dfl_ch ch)
{
	struct dfl_nest *n = ud;
	bool newline = ch.c == '\r' || ch.c == '\n';

	if (newline || (n->after_newline && (ch.c == ' ' || ch.c == '\t'))) {
		n->after_newline = true;
		return;
	}
	n->after_newline = false;
	coded_byte(&n->base64, ch);
	coded_byte(&n->hex, ch);
}

static void tap_cut(void *ud)
{
	dfl_nest_cut(ud);
}

static void tap_hex(void *ud, struct dfl_ch hi, struct dfl_ch lo)
{
	struct dfl_nest *n = ud;

	dfl_nest_cut(n);
	coded_char(&n->hex, hi);
	coded_char(&n->hex, lo);
}

static void tap_plain(void *ud, const uint8_t *data, size_t n, uint64_t pos)
{
	for (size_t i = 0; i < n; i++)
		tap_byte(ud, (struct dfl_ch){ .c = data[i], .from = pos + i, .to = pos + i + 1 });
}

const struct dfl_canon_tap dfl_nest_tap = {
	.byte = tap_byte,
	.hex = tap_hex,
	.cut = tap_cut,
	.plain = tap_plain,
};

int dfl_nest_new(struct dfl_scan *s, struct dfl_nest **ret_nest)
{
	struct dfl_nest *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->scan = s;
	n->base64.scan = n->hex.scan = s;
	n->base64.code = &dfl_code_base64;
	n->hex.code = &dfl_code_hex;
	*ret_nest = n;
	return 0;
}

void dfl_nest_cut(struct dfl_nest *n)
{
	n->after_newline = false;
	coded_finish(&n->base64, false);
	coded_finish(&n->hex, false);
}

void dfl_nest_finish(struct dfl_nest *n, bool leaf)
{
	coded_finish(&n->base64, leaf);
	coded_finish(&n->hex, leaf);
}

void dfl_nest_free(struct dfl_nest *n)
{
	if (!n)
		return;
	child_close(&n->base64, false);
	child_close(&n->hex, false);
	dfl_map_fini(&n->base64.map);
	dfl_map_fini(&n->hex.map);
	explicit_bzero(n, sizeof(*n));
	free(n);
}

void dfl_nest_ts(struct dfl_nest *n, uint64_t ts_ns)
{
	n->base64.ts_ns = n->hex.ts_ns = ts_ns;
}

static uint64_t coded_oldest(const struct dfl_coded *c)
{
	return c->map.n ? c->map.segs[0].pos : UINT64_MAX;
}

uint64_t dfl_nest_oldest(const struct dfl_nest *n)
{
	uint64_t a = coded_oldest(&n->base64), b = coded_oldest(&n->hex);

	return a < b ? a : b;
}

struct dfl_scan *dfl_coded_outer(const struct dfl_coded *c, uint64_t from, uint64_t to,
				 uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t first = dfl_coded_char(c, from), last = dfl_coded_char(c, to - 1), ignored;

	last++; /* a byte begins in one char and ends in the next */
	dfl_map_find(&c->map, (uint32_t)(first - c->map_base), ret_from, &ignored);
	dfl_map_find(&c->map, (uint32_t)(last - c->map_base), &ignored, ret_to);
	return c->scan;
}
