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

#include "match/nested.h"
#include "match/position.h"
#include "match/scan.h"
#include "match/simd/simd.h"

/* ---- one run of base64 or hex characters: the "coded run" ---- */

/* Ready for another run; what was decoded is wiped. */
static void coded_reset(struct dfl_base64_hex *c)
{
	explicit_bzero(c->values, c->n);
	if (c->batch) {
		explicit_bzero(c->batch, DFL_BASE64_HEX_BATCH + DFL_BASE64_HEX_OUT);
		free(c->batch);
	}
	c->batch = NULL;
	c->n_batch = 0;
	c->n = 0;
	c->base = c->done = c->map_base = 0;
	c->map.n = 0;
	c->quiet = 0;
	c->padded = c->is_jwt = c->after_jwt = false;
	if (c->slot)
		c->scan->m->opts.coded_fn(c->scan->m->ud, c->scan->view->ud, &c->slot, NULL);
	c->slot = NULL;
}

/* Scans what was decoded so far. */
static void flush(struct dfl_base64_hex *c)
{
	if (!c->child || !c->n_batch)
		return;
	c->scan->m->stats.nested_bytes += c->n_batch;
	/* Without memory it goes on after a gap. */
	dfl_scan_feed(c->child, c->batch, c->n_batch, c->batch_pos, c->n_batch, c->ts_ns);
	c->n_batch = 0;
}

/* Ends the nested scan. leaf: the run was all of its leaf. */
static void child_close(struct dfl_base64_hex *c, bool leaf)
{
	if (!c->child)
		return;
	flush(c);
	dfl_scan_close(c->child, leaf && c->from_start);
	c->child = NULL;
}

/* Begins the nested scan of a phase. */
static void child_open(struct dfl_base64_hex *c, unsigned phase)
{
	struct dfl_scan *s = c->scan;

	child_close(c, false);
	c->phase = phase;
	c->quiet = 0;
	if (s->depth >= s->m->opts.max_depth) {
		s->m->stats.capped_depth++;
		return;
	}
	if (!c->batch)
		c->batch = malloc(DFL_BASE64_HEX_BATCH + DFL_BASE64_HEX_OUT);
	/* Without memory the raw text is all that is scanned. */
	if (!c->batch ||
	    dfl_scan_new(s->m, s->view, c, s->depth + 1, s->enc | c->code->enc, &c->child))
		c->child = NULL;
}

/* Decodes the groups that begin in chars [from, to), behind what waits in batch. */
static size_t decode(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	uint64_t pos;
	size_t n = dfl_base64_hex_decode(c, c->phase, from, to, last, c->batch + c->n_batch, &pos);

	if (!c->n_batch)
		c->batch_pos = pos;
	return n;
}

/* Decodes more for the nested scan. Collected first: a scan of 96 bytes at a time would cost more.
 */
static void child_feed(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	if (!c->child)
		return;
	c->n_batch += decode(c, from, to, last);
	if (c->n_batch >= DFL_BASE64_HEX_BATCH)
		flush(c);
}

/* The phase in which [from, to) looks most like text, or -1. */
static int best_phase(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	uint8_t out[DFL_BASE64_HEX_OUT];
	size_t best = 0;
	int phase = -1;
	uint64_t pos;

	for (unsigned p = 0; p < c->code->phases; p++) {
		size_t n = dfl_base64_hex_decode(c, p, from, to, last, out, &pos);
		size_t good = c->simd->text_bytes(out, n);

		if (dfl_base64_hex_is_text(good, n) && good > best) {
			best = good;
			phase = (int)p;
		}
	}
	explicit_bzero(out, sizeof(out));
	return phase;
}

/* The window in the child's phase: if it is text still, it is scanned. */
static bool still_text(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	size_t n = decode(c, from, to, last);
	const uint8_t *p = c->batch + c->n_batch;

	if (!dfl_base64_hex_is_ascii(p, n) && !dfl_base64_hex_is_text(c->simd->text_bytes(p, n), n))
		return false;
	c->n_batch += n;
	if (c->n_batch >= DFL_BASE64_HEX_BATCH)
		flush(c);
	return true;
}

/* ---- what the caller sees of runs ---- */

/*
 * Is the window made of letters as a code is, and not as words, paths or hex digits are? Of random
 * bytes 41% of the chars are upper case, 41% lower case, 16% digits; with 128 of them, a sixth of
 * each kind of letter is six standard deviations away, a twentieth of digits three.
 */
static bool is_mixed(const struct dfl_base64_hex *c, uint64_t from, uint64_t to)
{
	const uint8_t *p = c->values + (from - c->base);
	size_t n = (size_t)(to - from), upper = 0, lower = 0, digits = 0;

	if (c->code != &dfl_base64_code)
		return true;
	for (size_t i = 0; i < n; i++) {
		upper += p[i] < 26;
		lower += p[i] >= 26 && p[i] < 52;
		digits += p[i] >= 52 && p[i] < 62;
	}
	return upper * 6 >= n && lower * 6 >= n && digits * 20 >= n;
}

/* Does the run begin as a JSON object in base64 does: `{"`? Parts of a JWT (RFC 7519) do. */
static bool begins_json(const struct dfl_base64_hex *c)
{
	static const uint8_t values[] = { 30, 50, 9 }; /* e y J */

	return c->is_jwt ||
	       (!c->base && c->n >= sizeof(values) && !memcmp(c->values, values, sizeof(values)));
}

/* Tells the caller of a window. */
static void show(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	const struct dfl_match *m = c->scan->m;
	struct dfl_coded coded = { .is_text = c->child, .ts_ns = c->ts_ns };
	uint8_t out[DFL_BASE64_HEX_OUT];
	uint64_t pos;

	if (!m->opts.coded_fn || m->catching_up || (c->child && !m->show_all_coded))
		return;
	c->is_jwt = begins_json(c);
	coded.is_signature = c->after_jwt;
	coded.is_mixed = is_mixed(c, from, to);
	coded.encodings = c->scan->enc | c->code->enc;
	coded.data = out;
	coded.len_bytes = dfl_base64_hex_decode(c, 0, from, to, last, out, &pos);
	if (coded.len_bytes) {
		dfl_position_of_coded(c, 0, pos, pos + coded.len_bytes, &coded.pos, &coded.pos_to);
		m->opts.coded_fn(m->ud, c->scan->view->ud, &c->slot, &coded);
	}
	explicit_bzero(out, sizeof(out));
}

/* ---- windows ---- */

/*
 * One window of the run. The nested scan goes on as long as its phase gives text. If it does not,
 * all phases are tried: another phase may begin here (two runs glued together), and its scan then
 * begins one window earlier, because the text may have begun in there without being most of it.
 */
static void scan_window(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	int phase;

	if (c->child && still_text(c, from, to, last)) {
		c->quiet = 0;
		return;
	}
	phase = best_phase(c, from, to, last);
	if (c->child)
		child_feed(c, from, to, last); /* its text may end in here */
	if (phase >= 0 && !(c->child && (unsigned)phase == c->phase)) {
		uint64_t before = from > DFL_BASE64_HEX_WINDOW ? from - DFL_BASE64_HEX_WINDOW : 0;

		child_open(c, (unsigned)phase);
		c->from_start = before == 0 && phase == 0;
		if (before < from)
			child_feed(c, before, from, false);
		child_feed(c, from, to, last);
	} else if (c->child && ++c->quiet == 2) {
		child_close(c, false);
	}
}

static void window(struct dfl_base64_hex *c, uint64_t from, uint64_t to, bool last)
{
	scan_window(c, from, to, last);
	show(c, from, to, last);
}

/* Forgets positions that nobody can ask for. */
static void forget_positions(struct dfl_base64_hex *c)
{
	uint64_t oldest = c->base;

	if (c->child)
		oldest = dfl_base64_hex_char(c, c->phase, dfl_position_oldest(c->child));
	if (oldest > c->base)
		oldest = c->base;
	if (oldest > c->map_base + DFL_TEXT_SLICE) {
		dfl_map_drop(&c->map, (uint32_t)(oldest - c->map_base));
		c->map_base = oldest;
	}
}

/* Forgets chars that no window will read again. */
static void forget(struct dfl_base64_hex *c)
{
	uint64_t keep = c->done > DFL_BASE64_HEX_WINDOW ? c->done - DFL_BASE64_HEX_WINDOW : 0;
	uint32_t n = (uint32_t)(keep - c->base);

	memmove(c->values, c->values + n, c->n - n);
	c->n -= n;
	c->base = keep;
	forget_positions(c);
}

/*
 * The run is over: what is left of it is looked at, if it is long enough to be one at all. leaf:
 * the scan is a whole leaf and ends here.
 */
static void coded_finish(struct dfl_base64_hex *c, bool leaf)
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

/* Did the scan's text begin before this byte? */
static bool text_before(const struct dfl_scan *s, uint64_t pos)
{
	uint64_t from, to;

	if (!dfl_scan_total(s))
		return false;
	if (s->text.base)
		return true;
	dfl_map_find(&s->text.map, 0, &from, &to);
	return from < pos || to - from > 1;
}

/* The run begins, if it has not yet: is it all of its leaf so far? */
static void coded_begin(struct dfl_base64_hex *c, uint64_t pos)
{
	if (c->padded)
		coded_finish(c, false);
	if (!(c->base + c->n))
		c->leaf = !c->scan->gapped && !text_before(c->scan, pos);
}

/*
 * After chars were added. A window waits for one more group, which may begin in its last char in
 * one of the phases.
 */
static void coded_windows(struct dfl_base64_hex *c)
{
	if (c->base + c->n - c->done < DFL_BASE64_HEX_WINDOW + DFL_BASE64_HEX_GROUP)
		return;
	window(c, c->done, c->done + DFL_BASE64_HEX_WINDOW, false);
	c->done += DFL_BASE64_HEX_WINDOW;
	forget(c);
}

static void coded_char(struct dfl_base64_hex *c, struct dfl_ch ch)
{
	uint32_t at;

	coded_begin(c, ch.from);
	at = (uint32_t)(c->base + c->n - c->map_base);
	if (dfl_map_reserve(&c->map, 1)) {
		coded_finish(c, false); /* without memory the run is cut */
		return;
	}
	if (ch.to - ch.from == 1)
		dfl_map_line(&c->map, at, ch.from);
	else
		dfl_map_span(&c->map, at, ch.from, ch.to, 0, 0);
	c->values[c->n++] = c->code->plus1[ch.c] - 1;
	coded_windows(c);
}

/* A byte that the layers left. Returns whether a run goes on. */
static bool coded_byte(struct dfl_base64_hex *c, struct dfl_ch ch)
{
	bool jwt;

	if (c->code->plus1[ch.c]) {
		coded_char(c, ch);
	} else if (c->n && ch.c == '=') {
		c->padded = true;
	} else if (c->n) {
		jwt = ch.c == '.' && begins_json(c);
		coded_finish(c, false);
		c->after_jwt = jwt;
	}
	return c->n;
}

/* Are all chars of a group any? */
static bool are_chars(const struct dfl_base64_hex *c, const uint8_t *p)
{
	bool are = true;

	for (unsigned i = 0; i < DFL_BASE64_HEX_GROUP; i++)
		are &= c->code->plus1[p[i]] != 0;
	return are;
}

/*
 * Windows of ASCII in the child's phase, straight from the chars at p, of which those that wait in
 * values[] are the ones before. Returns how many chars.
 */
static size_t coded_text(struct dfl_base64_hex *c, const uint8_t *p, size_t n, uint64_t pos)
{
	unsigned group = c->code->group,
		 skip = (unsigned)(group - (c->done - c->phase) % group) % group;
	size_t used = 0, windows, pieces;

	if (!c->child || c->quiet || c->code != &dfl_base64_code || c->done < c->phase ||
	    c->scan->m->show_all_coded)
		return 0;
	if (dfl_map_reserve(&c->map, 1))
		return 0;
	dfl_map_line(&c->map, (uint32_t)(c->base + c->n - c->map_base), pos);
	while (n - used >= DFL_BASE64_HEX_WINDOW + skip) {
		windows = (DFL_BASE64_HEX_BATCH - c->n_batch) / DFL_BASE64_HEX_TEXT + 1;
		if (windows > (n - used - skip) / DFL_BASE64_HEX_WINDOW)
			windows = (n - used - skip) / DFL_BASE64_HEX_WINDOW;
		pieces = c->simd->text(c->batch + c->n_batch,
				       p - DFL_BASE64_HEX_GROUP + skip + used,
				       windows * (DFL_BASE64_HEX_WINDOW / 64));
		windows = pieces * 48 / DFL_BASE64_HEX_TEXT;
		/*
		 * As a window waits for the group that may begin in its last char, so does the last
		 * one.
		 */
		if (windows && !are_chars(c, p + used + windows * DFL_BASE64_HEX_WINDOW -
						     DFL_BASE64_HEX_GROUP))
			windows--;
		if (!windows)
			break;
		if (!c->n_batch)
			c->batch_pos = (c->done + skip - c->phase) / group * c->code->group_bytes;
		c->n_batch += windows * DFL_BASE64_HEX_TEXT;
		c->done += windows * DFL_BASE64_HEX_WINDOW;
		used += windows * DFL_BASE64_HEX_WINDOW;
		if (c->n_batch >= DFL_BASE64_HEX_BATCH)
			flush(c);
	}
	if (!used)
		return 0;
	c->base = c->done - DFL_BASE64_HEX_WINDOW;
	c->n = DFL_BASE64_HEX_WINDOW + DFL_BASE64_HEX_GROUP;
	c->simd->values(c->values, p + used - c->n, c->n);
	forget_positions(c);
	return used;
}

/* Up to n chars that stand one by one at pos; returns how many were any. */
static size_t coded_chars(struct dfl_base64_hex *c, const uint8_t *p, size_t n, uint64_t pos)
{
	size_t used = 0;

	while (used < n) {
		size_t want, k;

		if (!c->code->plus1[p[used]])
			break;
		coded_begin(c, pos + used);
		want = DFL_BASE64_HEX_WINDOW + DFL_BASE64_HEX_GROUP -
		       (size_t)(c->base + c->n - c->done);
		want = want < n - used ? want : n - used;
		k = c->simd->values(c->values + c->n, p + used, want);
		if (dfl_map_reserve(&c->map, 1)) {
			coded_finish(c, false);
			return n;
		}
		dfl_map_line(&c->map, (uint32_t)(c->base + c->n - c->map_base), pos + used);
		c->n += (uint32_t)k;
		used += k;
		coded_windows(c);
		if (used >= DFL_BASE64_HEX_GROUP &&
		    c->base + c->n - c->done == DFL_BASE64_HEX_GROUP)
			used += coded_text(c, p + used, n - used, pos + used);
	}
	return used;
}

static unsigned hex_at(const uint8_t *p, size_t i)
{
	return dfl_hex_code.plus1[p[i]] != 0;
}

/*
 * A run of hex that is long enough (80) holds one of every HEX_STEP-th char and the HEX_AFTER after
 * it.
 */
#define HEX_STEP 64
#define HEX_AFTER 16

/* Where the next run of hex that is long enough, or that p ends with, begins; n: nowhere. */
static size_t find_hex(const uint8_t *p, size_t i, size_t n)
{
	size_t from = i;

	/* Without branches: for each char alone they are hard to predict. */
	while (i + HEX_AFTER < n &&
	       !(hex_at(p, i) & hex_at(p, i + 5) & hex_at(p, i + 10) & hex_at(p, i + HEX_AFTER)))
		i += HEX_STEP;
	if (i + HEX_AFTER >= n)
		i = n - 1;
	if (!hex_at(p, i))
		return n;
	while (i > from && hex_at(p, i - 1))
		i--;
	return i;
}

/* n chars of a base64 run, some of which may be a run of hex. */
static void hex_chars(struct dfl_base64_hex *c, const uint8_t *p, size_t n, uint64_t pos)
{
	size_t i = 0;

	while (i < n) {
		if (!c->n)
			i = find_hex(p, i, n);
		for (; i < n && hex_at(p, i); i++)
			coded_char(c, (struct dfl_ch){ pos + i, pos + i + 1, p[i], 0, 0 });
		if (i < n)
			coded_finish(c, false);
	}
}

/* ---- what the canonicaliser taps ---- */

/*
 * Every byte goes to both readers: hex digits are base64 chars too, so a run of hex is read as
 * both. Line breaks, and blanks after them, are passed over.
 */
static bool tap_byte(void *ud, struct dfl_ch ch)
{
	struct dfl_nest *n = ud;
	bool newline = ch.c == '\r' || ch.c == '\n', open;

	if (newline || (n->after_newline && (ch.c == ' ' || ch.c == '\t'))) {
		n->after_newline = true;
		return n->base64.n || n->hex.n;
	}
	n->after_newline = false;
	open = coded_byte(&n->base64, ch);
	return coded_byte(&n->hex, ch) || open;
}

static bool tap_cut(void *ud)
{
	dfl_nested_cut(ud);
	return false;
}

/* \xHH: the digits may be the first of a longer hex run, as Postgres writes bytea. */
static bool tap_hex(void *ud, struct dfl_ch hi, struct dfl_ch lo)
{
	struct dfl_nest *n = ud;

	dfl_nested_cut(n);
	coded_char(&n->hex, hi);
	coded_char(&n->hex, lo);
	return true;
}

/* A backslash goes, and the letter of \n \r \t \b \f with it. */
static size_t tap_slash(const uint8_t *data, size_t n)
{
	return n > 1 && memchr("nrtbf", data[1], 5) ? 2 : 1;
}

/* Many bytes at once: base64 chars run through the fast way, the rest one by one. */
static bool tap_plain(void *ud, const uint8_t *data, size_t n, uint64_t pos)
{
	struct dfl_nest *nest = ud;
	size_t i = 0;

	while (i < n) {
		size_t k = coded_chars(&nest->base64, data + i, n - i, pos + i);

		if (k) {
			hex_chars(&nest->hex, data + i, k, pos + i);
			nest->after_newline = false;
			i += k;
		} else if (data[i] == '\\') {
			i += tap_slash(data + i, n - i);
		} else {
			tap_byte(nest, (struct dfl_ch){ pos + i, pos + i + 1, data[i], 0, 0 });
			i++;
		}
	}
	return nest->base64.n || nest->hex.n;
}

const struct dfl_canon_tap dfl_nested_tap = {
	.byte = tap_byte,
	.hex = tap_hex,
	.cut = tap_cut,
	.plain = tap_plain,
};

int dfl_nested_new(struct dfl_scan *s, struct dfl_nest **ret_nest)
{
	struct dfl_nest *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->scan = s;
	n->base64.scan = n->hex.scan = s;
	n->base64.code = &dfl_base64_code;
	n->hex.code = &dfl_hex_code;
	n->base64.simd = n->hex.simd = s->m->simd;
	*ret_nest = n;
	return 0;
}

void dfl_nested_cut(struct dfl_nest *n)
{
	n->after_newline = false;
	coded_finish(&n->base64, false);
	coded_finish(&n->hex, false);
}

void dfl_nested_finish(struct dfl_nest *n, bool leaf)
{
	coded_finish(&n->base64, leaf);
	coded_finish(&n->hex, leaf);
}

void dfl_nested_clear(struct dfl_nest *n)
{
	n->after_newline = false;
	child_close(&n->base64, false);
	child_close(&n->hex, false);
	coded_reset(&n->base64);
	coded_reset(&n->hex);
}

void dfl_nested_free(struct dfl_nest *n)
{
	if (!n)
		return;
	dfl_nested_clear(n);
	dfl_map_fini(&n->base64.map);
	dfl_map_fini(&n->hex.map);
	explicit_bzero(n, sizeof(*n));
	free(n);
}

void dfl_nested_flush(struct dfl_nest *n)
{
	flush(&n->base64);
	flush(&n->hex);
}

void dfl_nested_time(struct dfl_nest *n, uint64_t ts_ns)
{
	n->base64.ts_ns = n->hex.ts_ns = ts_ns;
}
