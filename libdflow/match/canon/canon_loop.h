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
 * and may define HAVE_CLASSES and the functions below that say so, when it knows better.
 *
 * Masks: bit i is byte i. Only what needs no state is taken: it stops at an escape that yields
 * something, and at a character that is not complete.
 */
#include <string.h>

#include "base/encodings.h"
#include "match/canon/canon_classes.h"
#include "match/canon/canon_fast.h"
#include "match/canon/chars.h"

#define FETCH_AHEAD 1024 /* bytes: processors do not do it from page to page */
#define BEHIND 8	 /* bytes after a whole block that may be read */

struct span {
	const uint8_t *p; /* of byte 0 */
	unsigned avail;	  /* bytes that count: the rest is padding */
	uint64_t keep;	  /* bytes that the form keeps */
	uint64_t slash;	  /* backslashes that only go */
};

/* Bits n and above. A shift by 64 is undefined in C, so 64 is a case of its own; below() too. */
static inline uint64_t from_bit(unsigned n)
{
	return n > 63 ? 0 : ~0ull << n;
}

/* The last n bits of the first `end`, and all after them. */
static inline uint64_t last_bits(unsigned end, unsigned n)
{
	return end > n ? ~0ull << (end - n) : ~0ull;
}

/* Bits below n. */
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

/* One of the bytes two to ten after each is in the mask. */
static inline uint64_t soon(uint64_t mask, unsigned avail)
{
	uint64_t m = ahead(mask, 2, avail);

	m |= m >> 1 | from_bit(63);
	m |= m >> 2 | from_bit(62);
	m |= m >> 4 | from_bit(60);
	return m | ahead(mask, 10, avail);
}

/* Escapes that yield something: where the first begins (or avail). Drops the letter of \n etc. */
static inline __attribute__((always_inline)) unsigned first_escape(block b, struct span *s)
{
	uint64_t pct = within(b, '%', '%'), amp = within(b, '&', '&');
	uint64_t slash = within(b, '\\', '\\'), stop = 0;
	uint64_t hex = within(b, '0', '9') | within(lower(b), 'a', 'f');

	if (pct)
		stop |= pct & ahead(hex, 1, s->avail) & ahead(hex, 2, s->avail);
	if (slash) {
		uint64_t gone = within(b, 'n', 'n') | within(b, 'r', 'r') | within(b, 't', 't') |
				within(b, 'b', 'b') | within(b, 'f', 'f');
		uint64_t letter = within(b, 'u', 'u') | within(b, 'U', 'U') | within(b, 'x', 'x');
		/* %5C may join the run; %4e may be a digit. */
		uint64_t at = slash &
			      ((ahead(letter, 1, s->avail) & ahead(hex | pct, 2, s->avail)) |
			       stop >> 1);

		s->keep &= ~(slash << 1 & gone);
		if (at)
			stop |= 1ull << run_start(slash, (unsigned)__builtin_ctzll(at));
		s->slash = slash;
	}
	if (amp) {
		uint64_t name = within(b, 'a', 'a') | within(b, 'l', 'l') | within(b, 'g', 'g') |
				within(b, 'n', 'n') | within(b, 'q', 'q') | within(b, '#', '#') |
				pct | slash; /* an escaped one of these */

		stop |= amp & ahead(name, 1, s->avail) &
			soon(within(b, ';', ';') | pct | slash, s->avail);
	}
	stop &= below(s->avail);
	return stop ? (unsigned)__builtin_ctzll(stop) : s->avail;
}

/*
 * Which of the characters are malformed or dropped. The first surrogate, which may be half of a
 * CESU-8 pair, ends the search and the span.
 */
static inline uint64_t check_suspects(const uint8_t *p, uint64_t suspect, unsigned *end)
{
	uint64_t drop = 0;

	for (; suspect; suspect &= suspect - 1) {
		unsigned i = (unsigned)__builtin_ctzll(suspect);

		if (p[i] == 0xed && p[i + 1] >= 0xa0) {
			*end = i;
			break;
		}
		if (dfl_canon_drops_utf8(p + i))
			drop |= suspect & -suspect;
	}
	return drop;
}

/* Is one of the three bytes at p the beginning of an escape? */
static inline bool escapes3(const uint8_t *p)
{
	return dfl_canon_escapes[p[0]] | dfl_canon_escapes[p[1]] | dfl_canon_escapes[p[2]];
}

/* Bytes of the characters that have two or more, three or more, four bytes, by their leads. */
static inline uint64_t all_bytes(uint64_t two, uint64_t three, uint64_t four)
{
	return two | two << 1 | three << 2 | four << 3;
}

/* Of all_bytes, those behind the block. */
static inline uint64_t bytes_behind(uint64_t two, uint64_t three, uint64_t four)
{
	return two >> 63 | three >> 62 | four >> 61;
}

/* Adds whole, kept UTF-8 characters; returns where an incomplete one begins, or `end`. */
static inline __attribute__((always_inline)) unsigned add_utf8(block b, struct span *s,
							       unsigned end)
{
	const struct utf8 u = utf8(b, s->p);
	uint64_t four = u.lead4 & u.cont1 & u.cont2 & u.cont3;
	uint64_t three = four | (u.lead3 & u.cont1 & u.cont2), two = three | (u.lead2 & u.cont1);
	uint64_t suspect, drop, cut;

	/* A lead whose bytes would go beyond `end`: the slow way, or the next block, reads it. */
	cut = (u.lead2 & last_bits(end, 1)) | (u.lead3 & last_bits(end, 2)) |
	      (u.lead4 & last_bits(end, 3));
	cut &= below(end);
	if (cut)
		end = (unsigned)__builtin_ctzll(cut);
	suspect = u.suspect & two & below(end);
	drop = u.drop | check_suspects(s->p, suspect, &end);
	s->keep |= all_bytes(two & ~drop, three & ~drop, four & ~drop);
	return end;
}

/* ---- the output, in registers ---- */

struct fast {
	struct dfl_canon *c;
	const uint8_t *data;
	uint64_t pos;
	uint8_t *base, *out; /* canonical text, and where it goes on */
	struct dfl_seg *seg; /* the next one */
	uint64_t carry;	     /* the next bytes that are the rest of a kept character */
	size_t run_from;     /* where in data the run that goes on began */
	bool newline;	     /* blanks belong to it: a line began */
};

/* Takes the state of the text into registers. */
static inline __attribute__((always_inline)) void fast_load(struct fast *f)
{
	struct dfl_text *t = f->c->text;

	f->base = t->data;
	f->out = t->data + t->len;
	f->seg = t->map.segs + t->map.n;
}

/* Writes it back, before something is called that may look at the text. */
static inline __attribute__((always_inline)) void fast_store(const struct fast *f)
{
	struct dfl_text *t = f->c->text;

	t->len = (size_t)(f->out - f->base);
	t->map.n = (uint32_t)(f->seg - t->map.segs);
}

/*
 * A segment of its own: the one before is of another block, or something was undone between them.
 */
static inline __attribute__((always_inline)) void
add_segment(struct fast *f, uint32_t at, uint64_t pos, uint64_t keep, uint8_t pre)
{
	*f->seg++ = (struct dfl_seg){ pos, keep, at, DFL_SEG_KEPT, 0, pre };
}

/* Position segments: one, or a new one after each run of backslashes. */
static inline __attribute__((always_inline)) void add_segments(struct fast *f, uint64_t keep,
							       uint64_t slash, uint64_t pos)
{
	uint32_t at = (uint32_t)(f->out - f->base);
	uint8_t pre = f->c->enc_pre;

	while (slash) {
		uint64_t first = slash & -slash, part = keep & (first - 1);

		if (part) {
			add_segment(f, at, pos, part, pre);
			pre = 0;
			at += (uint32_t)__builtin_popcountll(part);
			keep &= ~part;
		}
		pre |= DFL_ENC_BACKSLASH;
		slash &= slash + first;
	}
	if (keep) {
		add_segment(f, at, pos, keep, pre);
		pre = 0;
	}
	f->c->enc_pre = pre;
}

/* Keeps the marked bytes. */
static inline __attribute__((always_inline)) void keep_bytes(struct fast *f, block b, uint64_t keep)
{
	pack64(f->out, b, keep);
	f->out += __builtin_popcountll(keep);
}

/* ---- runs of base64 chars, for the tap ---- */

#define LONG_RUN 32 /* shorter runs that something ends cannot be base64 or hex */

/* Gives the tap the run that goes on, up to `to`. */
static inline __attribute__((always_inline)) void give_run(struct fast *f, size_t to)
{
	struct dfl_canon *c = f->c;

	if (to > f->run_from) {
		fast_store(f);
		c->tap_open = c->tap->plain(c->tap_ud, f->data + f->run_from, to - f->run_from,
					    f->pos + f->run_from);
	}
	f->run_from = to;
}

/* Is one of the breaks 32 bytes or more after the one before? Such a run holds byte 31. */
static inline bool has_long_run(uint64_t brk)
{
	uint64_t low = brk & below(31), high = brk & from_bit(31);

	return low && high && __builtin_ctzll(high) + __builtin_clzll(low) > 63 + LONG_RUN;
}

/* Bytes that a run of base64 may hold, wrapped or escaped; never too few. */
static inline __attribute__((always_inline)) uint64_t run_bytes(struct fast *f,
								const struct classes *cl)
{
	/* A carry runs through the blanks that follow a newline. No branch: lines end anywhere. */
	uint64_t newline = cl->newline, blank = blanks(cl) | newline;
	uint64_t start = blank & (newline << 1 | newline | f->newline);
	uint64_t wrap = newline | (((blank + start) ^ blank) & blank) | start;

	f->newline = wrap >> 63 & blank >> 63;
	return cl->run | wrap;
}

/*
 * Tells the tap of what ends runs, until there is none that goes on and none that is long enough.
 */
static __attribute__((noinline)) size_t end_runs(struct dfl_canon *c, uint64_t brk,
						 const uint8_t *data, size_t i, size_t from,
						 uint64_t pos)
{
	for (; brk && (c->tap_open || i + (unsigned)__builtin_ctzll(brk) - from >= LONG_RUN ||
		       has_long_run(brk));
	     brk &= brk - 1) {
		size_t at = i + (unsigned)__builtin_ctzll(brk);

		if (at > from && (c->tap_open || at - from >= LONG_RUN))
			c->tap_open = c->tap->plain(c->tap_ud, data + from, at - from, pos + from);
		if (c->tap_open)
			c->tap_open = c->tap->byte(
				c->tap_ud,
				(struct dfl_ch){ pos + at, pos + at + 1, data[at], 0, 0 });
		from = at + 1;
	}
	return brk ? i + 64 - (unsigned)__builtin_clzll(brk) : from;
}

/*
 * m: bytes that a run may hold. Almost always no run goes on and the block has none that is long
 * enough: then nobody is called, and it is only noted where the last piece begins.
 */
static inline __attribute__((always_inline)) void follow_runs(struct fast *f, uint64_t m,
							      unsigned end, size_t i)
{
	uint64_t brk = ~m & below(end);

	if (!brk)
		return;
	if (!f->c->tap_open && i + (unsigned)__builtin_ctzll(brk) - f->run_from < LONG_RUN &&
	    !has_long_run(brk)) {
		f->run_from = i + 64 - (unsigned)__builtin_clzll(brk);
		return;
	}
	fast_store(f);
	f->run_from = end_runs(f->c, brk, f->data, i, f->run_from, f->pos);
}

/* For those that have no better way than dfl_canon_units itself. */
static inline size_t no_units(uint8_t *out, const uint8_t *p, size_t len, size_t slashes)
{
	return 0;
}

/* ---- is it text? ---- */

/* Whole characters whose bytes stand in one block of 64 count; see struct dfl_simd. */
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

/* Takes 64 bytes of ASCII without escapes. */
static inline __attribute__((always_inline)) void take_ascii(struct fast *f, block b,
							     struct classes cl, size_t i)
{
	if (f->c->tap)
		follow_runs(f, run_bytes(f, &cl), 64, i);
	if (cl.alnum)
		add_segment(f, (uint32_t)(f->out - f->base), f->pos + i, cl.alnum, 0);
	keep_bytes(f, b, cl.alnum);
}

/* Keeps bytes of the block at i; slash: backslashes before some of them that only go. */
static inline __attribute__((always_inline)) void keep_block(struct fast *f, block b, uint64_t keep,
							     uint64_t slash, size_t i)
{
	if (slash | f->c->enc_pre)
		add_segments(f, keep, slash, f->pos + i);
	else if (keep)
		add_segment(f, (uint32_t)(f->out - f->base), f->pos + i, keep, 0);
	keep_bytes(f, b, keep);
}

/*
 * Takes 64 bytes if nothing in them, or in the BEHIND bytes after them, needs a closer look.
 * Without branches that random bytes would make unpredictable.
 */
static inline __attribute__((always_inline)) bool take_mixed(struct fast *f, block b,
							     struct classes cl, size_t i)
{
	const uint8_t *p = f->data + i;
	const struct utf8 u = utf8(b, p);
	uint64_t four = u.lead4 & u.cont1 & u.cont2 & u.cont3;
	uint64_t three = four | (u.lead3 & u.cont1 & u.cont2), two = three | (u.lead2 & u.cont1);
	uint64_t brk = ~loose(&cl), keep = cl.alnum | f->carry;
	/* Leads of what may go on behind the block with an escape. */
	uint64_t open = (u.lead2 & last_bits(64, 1)) | (u.lead3 & last_bits(64, 2)) |
			(u.lead4 & last_bits(64, 3));
	bool cut = (bool)(open & ~two) & escapes3(p + 64);

	if (escaping(&cl, b, p) | (u.suspect & two) | cut)
		return false;
	if (f->c->tap) {
		if (f->c->tap_open || !brk ||
		    i + (unsigned)__builtin_ctzll(brk) - f->run_from >= LONG_RUN ||
		    has_long_run(brk)) {
			follow_runs(f, run_bytes(f, &cl), 64, i);
		} else {
			f->run_from = i + 64 - (unsigned)__builtin_clzll(brk);
			f->newline = true;
		}
	}
	two &= ~u.drop;
	three &= ~u.drop;
	four &= ~u.drop;
	keep |= all_bytes(two, three, four);
	f->carry = bytes_behind(two, three, four);
	keep_block(f, b, keep, cl.escape & cl.run, i);
	return true;
}

/* Takes what it can of avail bytes, which are at p, too. Returns how many. */
static inline __attribute__((always_inline)) unsigned
take_block(struct fast *f, const uint8_t *p, block b, struct classes cl, unsigned avail, size_t i)
{
	struct span s = { .p = p, .avail = avail, .keep = cl.alnum | f->carry };
	unsigned end = avail;

	/* What comes after the last bytes is not known. */
	if (escaping(&cl, b, p) | (cl.escape & last_bits(avail, 2)))
		end = first_escape(b, &s);
	else
		s.slash = cl.escape & cl.run;
	if (cl.high)
		end = add_utf8(b, &s, end);
	if (f->c->tap)
		follow_runs(f, run_bytes(f, &cl), end, i);
	f->newline |= end != 64;
	f->carry = 0;
	keep_block(f, b, s.keep & below(end), s.slash & below(end), i);
	return end;
}

/* The last bytes: fewer than a block and BEHIND more. */
static __attribute__((noinline)) unsigned take_end(struct fast *f, size_t i, unsigned avail)
{
	uint8_t p[64 + BEHIND] = { 0 };
	block b;

	memcpy(p, f->data + i, avail);
	b = load64(p);
	return take_block(f, p, b, classes(b), avail, i);
}

/* Takes escapes; returns how many bytes. */
static size_t take_units(struct fast *f, size_t i, size_t len)
{
	size_t n;

	if (f->c->tap)
		give_run(f, i);
	fast_store(f);
	n = dfl_canon_units(f->c, f->data + i, len - i, f->pos + i);
	fast_load(f);
	f->run_from = i + n;
	f->newline = true;
	return n;
}

/*
 * Takes as much from the front as needs no state, and returns how much. Blocks of 64 bytes go one
 * of three ways: plain ASCII, the most common; mixed text without anything that needs a closer
 * look; the rest. Where it stops at a byte that is not ASCII, another block may begin there; where
 * it stops at a backslash, a row of \uXXXX may.
 */
static size_t canon_loop(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos)
{
	struct fast f = { .c = c, .data = data, .pos = pos, .newline = true };
	size_t i = 0;
	unsigned n;

	fast_load(&f);
	while (i < len) {
		if (len - i >= 64 + BEHIND) {
			block b = load64(data + i);
			struct classes cl = classes(b);

			__builtin_prefetch(data + i + FETCH_AHEAD); /* beyond the end, too: that
								       does no harm */

			if (!(cl.escape | cl.high | c->enc_pre)) {
				take_ascii(&f, b, cl, i);
				i += 64;
				continue;
			}
			if (cl.high && (EXACT_ESCAPES || !cl.escape) && take_mixed(&f, b, cl, i)) {
				i += 64;
				continue;
			}
			n = take_block(&f, data + i, b, cl, 64, i);
			i += n;
			/* Not stopped by an escape? One test of both: neither is predictable. */
			if ((n == 64) | ((n > 0) & (data[i - (n == 64)] >= 0x80)))
				continue;
		} else {
			struct fast copy = f; /* so that the other ones stay in registers */

			n = take_end(&copy, i, len - i < 64 ? (unsigned)(len - i) : 64);
			f = copy;
			i += n;
			if (i == len)
				break;
			if (n == 64)
				continue;
		}
		/* Stopped: \uXXXX is common enough for a way of its own. */
		if (data[i] == '\\') {
			struct fast copy = f;

			n = (unsigned)take_units(&copy, i, len);
			f = copy;
			i += n;
			if (n)
				continue;
			break;
		}
		if (!n || data[i] < 0x80)
			break;
	}
	if (c->tap)
		give_run(&f, i);
	fast_store(&f);
	return i;
}
