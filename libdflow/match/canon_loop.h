/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonicaliser, 64 bytes at a time. Each simd_*.c includes it after defining
 *
 *   block          64 bytes in registers
 *   load64(p)      reads them
 *   lower(b)       sets bit 0x20 of each byte
 *   within(b, lo, hi)   mask of the bytes lo <= byte <= hi
 *   pack64(out, b, keep)   stores the bytes that `keep` marks, in order; may write 64 bytes
 *
 * and may define HAVE_CLASSES and classes(b) as below, when it knows better.
 *
 * Masks: bit i is byte i. Only what needs no state is taken: it stops at an escape that yields
 * something, and at a character that is not complete.
 */
#include <string.h>

#include "match/canon_fast.h"
#include "match/chars.h"
#include "match/match.h"

struct span {
	const uint8_t *p; /* of byte 0 */
	unsigned avail;	  /* bytes that count: the rest is padding */
	uint64_t keep;	  /* bytes that the form keeps */
	uint64_t slash;	  /* backslashes that only go */
	unsigned end;	  /* bytes taken */
};

struct classes {
	uint64_t alnum, high;
	uint64_t escape;  /* one of % & \ */
	uint64_t follow;  /* all that matter after one of those; others may be in it too */
	uint64_t run;	  /* alnum and + - / _ \ */
	uint64_t newline; /* CR LF */
};

#ifndef HAVE_CLASSES
static inline struct classes classes(block b)
{
	uint64_t alnum = within(b, '0', '9') | within(lower(b), 'a', 'z');
	uint64_t slash = within(b, '\\', '\\');

	return (struct classes){
		.alnum = alnum,
		.high = within(b, 0x80, 0xff),
		.escape = within(b, '%', '&') | slash,
		.follow = ~0ull,
		.run = alnum | slash | within(b, '+', '+') | within(b, '-', '-') |
		       within(b, '/', '/') | within(b, '_', '_'),
		.newline = within(b, '\r', '\r') | within(b, '\n', '\n'),
	};
}
#else
static inline struct classes classes(block b);
#endif

static inline uint64_t from_bit(unsigned n)
{
	return n > 63 ? 0 : ~0ull << n;
}

/* The last n bits of the first `end`, and all after them. */
static inline uint64_t last_bits(unsigned end, unsigned n)
{
	return end > n ? ~0ull << (end - n) : ~0ull;
}

static inline uint64_t below(unsigned n)
{
	return n > 63 ? ~0ull : (1ull << n) - 1;
}

/* The byte after each; what comes after the last one is not known: 1. */
static inline uint64_t ahead(uint64_t mask, unsigned by, unsigned avail)
{
	return (mask | from_bit(avail)) >> by | from_bit(64 - by);
}

/* First byte of the run of backslashes that ends at bit i. */
static inline unsigned run_start(uint64_t slash, unsigned i)
{
	uint64_t gaps = ~slash & below(i + 1);

	return gaps ? 64 - (unsigned)__builtin_clzll(gaps) : 0;
}

/* Escapes that yield something: where the first begins (or avail). Drops the letter of \n etc. */
static inline __attribute__((always_inline)) unsigned first_escape(block b, struct span *s)
{
	uint64_t pct = within(b, '%', '%'), amp = within(b, '&', '&');
	uint64_t slash = within(b, '\\', '\\'), stop = 0;

	if (pct) {
		uint64_t l = within(lower(b), 'a', 'f'), hex = within(b, '0', '9') | l;

		stop |= pct & ahead(hex, 1, s->avail) & ahead(hex, 2, s->avail);
	}
	if (slash) {
		uint64_t gone = within(b, 'n', 'n') | within(b, 'r', 'r') | within(b, 't', 't') |
				within(b, 'b', 'b') | within(b, 'f', 'f');
		uint64_t hex = within(b, 'u', 'u') | within(b, 'U', 'U') | within(b, 'x', 'x');
		/* %5C may join the run. */
		uint64_t at = slash & (ahead(hex, 1, s->avail) | stop >> 1);

		s->keep &= ~(slash << 1 & gone);
		if (at)
			stop |= 1ull << run_start(slash, (unsigned)__builtin_ctzll(at));
		s->slash = slash;
	}
	if (amp) {
		uint64_t name = within(b, 'a', 'a') | within(b, 'l', 'l') | within(b, 'g', 'g') |
				within(b, 'n', 'n') | within(b, 'q', 'q') | within(b, '#', '#') |
				pct | slash; /* an escaped one of these */

		stop |= amp & ahead(name, 1, s->avail);
	}
	stop &= below(s->avail);
	return stop ? (unsigned)__builtin_ctzll(stop) : s->avail;
}

/* Takes out of `keep` the characters at `suspect` that are malformed or dropped. */
static inline uint64_t check_suspects(const struct span *s, uint64_t suspect, uint64_t keep)
{
	while (suspect) {
		unsigned i = (unsigned)__builtin_ctzll(suspect);
		unsigned n = s->p[i] >= 0xf0 ? 4 : s->p[i] >= 0xe0 ? 3 : 2;

		if (dfl_canon_drops_utf8(s->p + i))
			keep &= ~(below(n) << i);
		suspect &= suspect - 1;
	}
	return keep;
}

/* Two-byte leads that may begin a dropped character. */
static inline uint64_t suspects2(block b)
{
	uint64_t lead = within(b, 0xc2, 0xc2) | within(b, 0xd8, 0xd8) | within(b, 0xdb, 0xdc);

	return lead ? lead & (within(b, 0x80, 0xa0) | within(b, 0xad, 0xad)) >> 1 : 0;
}

/* Three-byte ones; also overlong ones. */
static inline uint64_t suspects3(block b, uint64_t lead3)
{
	uint64_t x80 = within(b, 0x80, 0x80), out;

	out = within(b, 0xe3, 0xe3) & x80 >> 1 & x80 >> 2;
	if (!(lead3 & ~within(b, 0xe3, 0xec)))
		return out;
	out |= within(b, 0xe0, 0xe0) & (within(b, 0x80, 0x9f) | within(b, 0xa2, 0xa3)) >> 1;
	out |= within(b, 0xe1, 0xe1) & (within(b, 0x9a, 0x9a) | within(b, 0xa0, 0xa0)) >> 1;
	out |= within(b, 0xe2, 0xe2) & within(b, 0x80, 0x81) >> 1;
	out |= within(b, 0xef, 0xef) & (within(b, 0xbb, 0xbb) | within(b, 0xbf, 0xbf)) >> 1;
	return out;
}

static inline uint64_t suspects4(block b)
{
	uint64_t out = within(b, 0xf0, 0xf0) & (within(b, 0x80, 0x93) | within(b, 0x9b, 0x9d)) >> 1;

	out |= within(b, 0xf3, 0xf3) & within(b, 0xa0, 0xa0) >> 1;
	out |= within(b, 0xf4, 0xf4) & within(b, 0x90, 0xbf) >> 1;
	return out;
}

/* Adds whole, kept UTF-8 characters; returns where an incomplete one begins, or `end`. */
static inline __attribute__((always_inline)) unsigned add_utf8(block b, struct span *s, unsigned end)
{
	uint64_t cont = within(b, 0x80, 0xbf), lead2 = within(b, 0xc2, 0xdf);
	uint64_t lead3 = within(b, 0xe0, 0xef), lead4 = within(b, 0xf0, 0xf4);
	uint64_t two = lead2 & cont >> 1, three = lead3 & cont >> 1 & cont >> 2;
	uint64_t four = lead4 & cont >> 1 & cont >> 2 & cont >> 3;
	uint64_t suspect = 0, cut, keep = two | two << 1;

	/*
	 * A lead whose bytes would go beyond `end`: the slow way, or the next block, reads it. Also
	 * the first surrogate, which may be half of a CESU-8 pair.
	 */
	cut = (lead2 & last_bits(end, 1)) | (lead3 & last_bits(end, 2)) |
	      (lead4 & last_bits(end, 3));
	if (two)
		suspect = suspects2(b) & two;
	if (three) {
		keep |= three | three << 1 | three << 2;
		suspect |= suspects3(b, three) & three;
		cut |= within(b, 0xed, 0xed) & within(b, 0xa0, 0xbf) >> 1 & three;
	}
	if (four) {
		keep |= four | four << 1 | four << 2 | four << 3;
		suspect |= suspects4(b) & four;
	}
	cut &= below(end);
	if (cut)
		end = (unsigned)__builtin_ctzll(cut);
	suspect &= below(end);
	if (suspect)
		keep = check_suspects(s, suspect, keep);
	s->keep |= keep;
	return end;
}

/* Position segments: one, or a new one after each run of backslashes. */
static inline void add_segments(struct dfl_canon *c, const struct span *s, uint64_t pos)
{
	struct dfl_text *t = c->text;
	uint64_t keep = s->keep, slash = s->slash & below(s->end);
	uint32_t at = (uint32_t)t->len;

	while (slash) {
		uint64_t first = slash & -slash, part = keep & (first - 1);

		if (part) {
			dfl_map_kept(&t->map, at, pos, part, c->enc_pre);
			c->enc_pre = 0;
			at += (uint32_t)__builtin_popcountll(part);
			keep &= ~part;
		}
		c->enc_pre |= DFL_ENC_BACKSLASH;
		slash &= slash + first;
	}
	if (!keep)
		return;
	dfl_map_kept(&t->map, at, pos, keep, c->enc_pre);
	c->enc_pre = 0;
}

/* ---- runs of base64 chars, for the tap ---- */

#define LONG_RUN 32 /* shorter runs that something ends cannot be base64 or hex */

struct runs {
	size_t from;  /* where in data the run that goes on began */
	bool newline; /* blanks belong to it: a line began */
};

/* Gives the tap the run that goes on, up to `to`. */
static inline void give_run(struct dfl_canon *c, struct runs *r, const uint8_t *data, size_t to,
			    uint64_t pos)
{
	if (to > r->from)
		c->tap_open = c->tap->plain(c->tap_ud, data + r->from, to - r->from, pos + r->from);
	r->from = to;
}

/* Is one of the breaks 32 bytes or more after the one before? Such a run holds byte 31. */
static inline bool has_long_run(uint64_t brk)
{
	uint64_t low = brk & below(31), high = brk & from_bit(31);

	return low && high && __builtin_ctzll(high) + __builtin_clzll(low) > 63 + LONG_RUN;
}

/* Bytes that a run of base64 may hold, wrapped or escaped; never too few. */
static inline uint64_t run_bytes(block b, const struct classes *cl, struct runs *r)
{
	uint64_t m = cl->run, newline = cl->newline;

	if (newline || r->newline) {
		uint64_t blank = within(b, ' ', ' ') | within(b, '\t', '\t') | newline;
		uint64_t start = blank & (newline << 1 | newline | r->newline);

		/* A carry runs through the blanks that follow a newline. */
		m |= newline | (((blank + start) ^ blank) & blank) | start;
		r->newline = m >> 63 & blank >> 63;
	}
	return m;
}

static inline __attribute__((always_inline)) void follow_runs(struct dfl_canon *c, struct runs *r, uint64_t m,
			       unsigned end, const uint8_t *data, size_t i, uint64_t pos)
{
	uint64_t brk = ~m & below(end);

	if (!brk)
		return;
	if (!c->tap_open && i + (unsigned)__builtin_ctzll(brk) - r->from < LONG_RUN &&
	    !has_long_run(brk)) {
		r->from = i + 64 - (unsigned)__builtin_clzll(brk);
		return;
	}
	while (brk) {
		size_t at = i + (unsigned)__builtin_ctzll(brk);

		if (c->tap_open || at - r->from >= LONG_RUN) {
			give_run(c, r, data, at, pos);
			c->tap_open = c->tap->byte(c->tap_ud,
						   (struct dfl_ch){ pos + at, pos + at + 1, data[at], 0, 0 });
		}
		r->from = at + 1;
		brk &= brk - 1;
	}
}

/* For those that have no better way than dfl_canon_units itself. */
static inline size_t no_units(uint8_t *out, const uint8_t *p, size_t len, size_t slashes)
{
	return 0;
}

/* ---- is it text? ---- */

static size_t text_loop(const uint8_t *p, size_t n)
{
	size_t good = 0;

	for (size_t i = 0; i < n; i += 64) {
		uint8_t part[64] = { 0 };
		uint64_t cont, two, three, four, ok;
		block b;

		memcpy(part, p + i, n - i < 64 ? n - i : 64);
		b = load64(part);
		cont = within(b, 0x80, 0xbf);
		two = within(b, 0xc2, 0xdf) & cont >> 1;
		three = within(b, 0xe0, 0xef) & cont >> 1 & cont >> 2;
		four = within(b, 0xf0, 0xf4) & cont >> 1 & cont >> 2 & cont >> 3;
		ok = within(b, 0x20, 0x7e) | within(b, '\t', '\n') | within(b, '\r', '\r');
		ok |= two | two << 1 | three | three << 1 | three << 2;
		ok |= four | four << 1 | four << 2 | four << 3;
		good += (size_t)__builtin_popcountll(ok);
	}
	return good;
}

/* ---- the loop ---- */

/* Keeps the marked bytes. */
static inline void keep_bytes(struct dfl_canon *c, block b, uint64_t keep)
{
	struct dfl_text *t = c->text;

	pack64(t->data + t->len, b, keep);
	t->len += (size_t)__builtin_popcountll(keep);
}

/* Takes 64 bytes of ASCII without escapes. */
static inline void take_ascii(struct dfl_canon *c, struct runs *r, block b, struct classes cl,
			      const uint8_t *data, size_t i, uint64_t pos)
{
	if (c->tap)
		follow_runs(c, r, run_bytes(b, &cl, r), 64, data, i, pos);
	if (cl.alnum)
		dfl_map_kept_new(&c->text->map, (uint32_t)c->text->len, pos + i, cl.alnum);
	keep_bytes(c, b, cl.alnum);
}

/* Takes what it can of avail bytes at data + i. Returns how many. */
static inline __attribute__((always_inline)) unsigned
take_block(struct dfl_canon *c, struct runs *r, const uint8_t *p, block b, struct classes cl,
	   unsigned avail, const uint8_t *data, size_t i, uint64_t pos)
{
	struct span s = { .p = p, .avail = avail, .keep = cl.alnum };
	unsigned end = avail;

	if (cl.escape & ahead(cl.follow, 1, avail))
		end = first_escape(b, &s);
	else if (cl.escape)
		s.slash = within(b, '\\', '\\');
	if (cl.high)
		end = add_utf8(b, &s, end);
	s.end = end;
	if (c->tap)
		follow_runs(c, r, run_bytes(b, &cl, r), end, data, i, pos);
	s.keep &= below(end);
	if (s.slash | c->enc_pre)
		add_segments(c, &s, pos + i);
	else if (s.keep)
		dfl_map_kept_new(&c->text->map, (uint32_t)c->text->len, pos + i, s.keep);
	keep_bytes(c, b, s.keep);
	return end;
}

/* Two copies, because a whole block needs much less. */
static inline __attribute__((always_inline)) unsigned
take_whole(struct dfl_canon *c, struct runs *r, block b, struct classes cl, const uint8_t *data,
	   size_t i, uint64_t pos)
{
	return take_block(c, r, data + i, b, cl, 64, data, i, pos);
}

static __attribute__((noinline)) unsigned take_tail(struct dfl_canon *c, struct runs *r,
						    const uint8_t *data, size_t i, size_t len,
						    uint64_t pos)
{
	uint8_t tail[64 + 16] = { 0 };
	block b;

	memcpy(tail, data + i, len - i);
	b = load64(tail);
	return take_block(c, r, tail, b, classes(b), (unsigned)(len - i), data, i, pos);
}

static size_t canon_loop(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos)
{
	struct runs r = { .newline = true };
	size_t i = 0;
	unsigned n;

	while (i < len) {
		if (len - i >= 64) {
			block b = load64(data + i);
			struct classes cl = classes(b);

			if (!(cl.escape | cl.high | c->enc_pre)) {
				take_ascii(c, &r, b, cl, data, i, pos);
				i += 64;
				continue;
			}
			n = take_whole(c, &r, b, cl, data, i, pos);
			i += n;
			r.newline |= n != 64;
			/* Not stopped by an escape? One test of both: neither is predictable. */
			if ((n == 64) | ((n > 0) & (data[i - (n == 64)] >= 0x80)))
				continue;
		} else {
			n = take_tail(c, &r, data, i, len, pos);
			i += n;
			if (i == len)
				break;
		}
		/* Stopped: \uXXXX is common enough for a way of its own. */
		if (data[i] == '\\') {
			if (c->tap)
				give_run(c, &r, data, i, pos);
			n = (unsigned)dfl_canon_units(c, data + i, len - i, pos + i);
			i += n;
			r.from = i;
			r.newline = true;
			if (n)
				continue;
			return i;
		}
		if (!n || data[i] < 0x80)
			break;
	}
	if (c->tap)
		give_run(c, &r, data, i, pos);
	return i;
}
