// SPDX-License-Identifier: Apache-2.0
/* The fast ways for x86-64 with AVX-512 VBMI2 (Ice Lake, Zen 4 and later). */
#include "match/simd/simd_avx512.h"

#include "match/simd/simd_avx2.h"
#include "match/simd/simd_portable.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(                                                                                      \
	__attribute__((target(                                                                                     \
		"avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi,bmi2,popcnt,lzcnt"))), \
	apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target(                                                                                \
	"avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi,bmi2,popcnt,lzcnt")
#endif

#include "match/canon/chars.h"
#include "match/canon/base64_hex.h"

typedef __m512i block;

static inline block load64(const uint8_t *p)
{
	return _mm512_loadu_si512(p);
}

static inline block lower(block b)
{
	return _mm512_or_si512(b, _mm512_set1_epi8(0x20));
}

static inline uint64_t within(block b, uint8_t lo, uint8_t hi)
{
	if (lo == hi)
		return _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8((char)lo));
	return _mm512_cmple_epu8_mask(_mm512_sub_epi8(b, _mm512_set1_epi8((char)lo)),
				      _mm512_set1_epi8((char)(hi - lo)));
}

static inline void pack64(uint8_t *out, block b, uint64_t keep)
{
	_mm512_storeu_si512(out, _mm512_maskz_compress_epi8(keep, b));
}

#define HAVE_CLASSES
#include "match/canon/canon_loop.h"
#include "match/simd/choose_loop.h"
#include "match/simd/probe_loop.h"

/*
 * Classes of ASCII characters, one bit each, in a table of 128 bytes: vpermi2b looks 64 characters
 * up at once, where comparisons with ranges would take two instructions for each range.
 */
enum { ALNUM = 1, RUN = 2, ESCAPE = 4, NEWLINE = 8, BLANK = 16, LOOSE = 32 };

#define X2(v) v, v
#define X4(v) X2(v), X2(v)
#define X8(v) X4(v), X4(v)
#define X16(v) X8(v), X8(v)
#define X64(v) X16(v), X16(v), X16(v), X16(v)
#define DIGITS10(v) X8(v), X2(v)
#define LETTERS6(v) X4(v), X2(v)
#define LETTERS26(v) X16(v), X8(v), X2(v)

#define R (RUN | LOOSE)
#define A (ALNUM | R)

static const uint8_t class_of[128] = {
	['0'] = DIGITS10(A),
	['A'] = LETTERS26(A),
	['a'] = LETTERS26(A),
	['+'] = R,
	['-'] = R,
	['/'] = R,
	['_'] = R,
	['\\'] = R | ESCAPE,
	['%'] = ESCAPE,
	['&'] = ESCAPE,
	['\r'] = NEWLINE | LOOSE,
	['\n'] = NEWLINE | LOOSE,
	[' '] = BLANK | LOOSE,
	['\t'] = BLANK | LOOSE,
};

/*
 * Kinds of escapes. One may begin where a byte and the two after it share a bit; for those of
 * ANY_THIRD the third byte does not matter.
 */
enum { PCT = 1, HEX = 2, NAME = 4, NUMBER = 8, SLASH = 16, AMP = 32, ANY_THIRD = SLASH | AMP };
#define D (PCT | HEX)
static const uint8_t escape_first[128] = {
	['%'] = PCT,
	['\\'] = HEX | SLASH,
	['&'] = NAME | NUMBER | AMP,
};
static const uint8_t escape_second[128] = {
	['0'] = DIGITS10(PCT),
	['A'] = LETTERS6(PCT),
	['U'] = HEX,
	['u'] = HEX,
	['x'] = HEX,
	['a'] = PCT | NAME,
	PCT | SLASH,
	PCT,
	PCT,
	PCT,
	PCT | SLASH,
	NAME,
	['l'] = NAME,
	['n'] = SLASH | NAME,
	['q'] = NAME,
	SLASH,
	['t'] = SLASH,
	['#'] = NUMBER,
	['%'] = SLASH | AMP,
	['\\'] = SLASH | AMP, /* one that may be escaped */
};
static const uint8_t escape_third[128] = {
	['0'] = DIGITS10(D | NUMBER),
	['A'] = LETTERS6(D),
	['a'] = D,
	D | NAME,
	D,
	D,
	D,
	D,
	['m'] = NAME,
	['p'] = NAME,
	['t'] = NAME,
	NAME,
	['X'] = NUMBER,
	['x'] = NUMBER,
	['%'] = HEX | NAME | NUMBER,
	['\\'] = NAME | NUMBER,
};

/*
 * Constants, from memory: the compilers would make each anew from an integer in every round of the
 * loop, which takes two instructions more.
 */
enum { BIT0, LOWER7 = 7, THIRD, NOT_CONT, LEAD2, LEAD3, LEAD4, NO_LEAD };
static const uint8_t constants[][64] __attribute__((aligned(64))) = {
	{ X64(1) },
	{ X64(2) },
	{ X64(4) },
	{ X64(8) },
	{ X64(16) },
	{ X64(32) },
	{ X64(64) },
	[LOWER7] = { X64(127) },
	[THIRD] = { X64(ANY_THIRD) },
	[NOT_CONT] = { X64(0xc0) },
	[LEAD2] = { X64(0xc2) },
	[LEAD3] = { X64(0xe0) },
	[LEAD4] = { X64(0xf0) },
	[NO_LEAD] = { X64(0xf5) },
};

static inline __m512i constant(unsigned which)
{
	const uint8_t(*t)[64] = constants;

	__asm__("" : "+r"(t)); /* not known to be constant */
	return _mm512_load_si512(t[which]);
}

/* which: a constant of bits. */
static inline uint64_t having(__m512i v, unsigned which)
{
	return _mm512_test_epi8_mask(v, constant(which));
}

/* What the table says of each ASCII byte; 0 for the others. */
static inline __m512i by_ascii(const uint8_t table[static 128], __m512i v)
{
	return _mm512_maskz_permutex2var_epi8(~(uint64_t)_mm512_movepi8_mask(v),
					      _mm512_loadu_si512(table), v,
					      _mm512_loadu_si512(table + 64));
}

static inline struct classes classes(block b)
{
	__m512i of = by_ascii(class_of, b);

	return (struct classes){
		.alnum = having(of, BIT0),
		.run = having(of, BIT0 + 1),
		.escape = having(of, BIT0 + 2),
		.newline = having(of, BIT0 + 3),
		.high = _mm512_movepi8_mask(b),
		.more = of,
	};
}

static inline uint64_t blanks(const struct classes *cl)
{
	return having(cl->more, BIT0 + 4);
}

static inline uint64_t loose(const struct classes *cl)
{
	return having(cl->more, BIT0 + 5);
}

/*
 * The first, the second and the third byte of an escape each allow some kinds of escape; one that
 * all three allow remains. So "100% sure", which has a % but no digits after it, does not stop the
 * fast way.
 */
static inline uint64_t escaping(const struct classes *cl, block b, const uint8_t *p)
{
	__m512i first = _mm512_and_si512(by_ascii(escape_first, b),
					 by_ascii(escape_second, load64(p + 1)));
	__m512i third = _mm512_or_si512(by_ascii(escape_third, load64(p + 2)), constant(THIRD));

	return cl->escape & _mm512_test_epi8_mask(first, third);
}

/*
 * What the form drops, and what is malformed, by the lower six bits of a lead and of its
 * continuation bytes: it is if they share a bit.
 */
enum { C2 = 1, D8 = 2, DB = 4, DC = 8, E0 = 16, F0 = 32, F4 = 64, SURROGATE = 128 };
static const uint8_t pair_first[64] = {
	[2] = C2,    [0x18] = D8,	 [0x1b] = DB, [0x1c] = DC,
	[0x20] = E0, [0x2d] = SURROGATE, [0x30] = F0, [0x34] = F4,
};
static const uint8_t pair_second[64] = {
	/* 80 */ X4(C2 | D8 | E0 | F0),
	X2(C2 | D8 | E0 | F0),
	X8(C2 | E0 | F0),
	C2 | E0 | F0,
	/* 8f */ C2 | E0 | F0 | DC,
	/* 90 */ X8(C2 | E0 | F4),
	X4(C2 | E0 | F4),
	C2 | E0 | F4 | D8,
	C2 | E0 | F4 | DB,
	X2(C2 | E0 | F4),
	/* a0 */ C2 | F4 | SURROGATE,
	X8(F4 | SURROGATE),
	X4(F4 | SURROGATE),
	C2 | F4 | SURROGATE,
	X2(F4 | SURROGATE),
	/* b0 */ X16(F4 | SURROGATE),
};

/*
 * U+1680, 180E, 2000 … 202F, 205F …, 3000, FEFF, FFF9 …; and where more bytes have to be looked at.
 */
enum { E19A = 1, E1A0 = 2, E280 = 4, E281 = 8, E380 = 16, EFBB = 32, EFBF = 64, MAYBE = 128 };
static const uint8_t triple_first[64] = {
	[0x20] = MAYBE,	      E19A | E1A0,    E280 | E281,    E380,
	[0x2f] = EFBB | EFBF, [0x30] = MAYBE, [0x33] = MAYBE,
};
static const uint8_t triple_second[64] = {
	/* 80 */ E280 | E380,
	E281,
	[0x11] = MAYBE,
	[0x13] = MAYBE,
	[0x1a] = E19A,
	MAYBE,
	[0x1d] = MAYBE,
	/* a0 */[0x20] = E1A0 | MAYBE,
	[0x22] = X2(MAYBE),
	[0x3b] = EFBB,
	[0x3f] = EFBF,
};
static const uint8_t triple_third[64] = {
	/* 80 */ MAYBE | E280 | E19A | E380,
	X8(MAYBE | E280),
	X4(MAYBE | E280),
	MAYBE | E280,
	/* 8e */ MAYBE | E280 | E1A0,
	MAYBE | E280,
	/* 90 */ X8(MAYBE),
	X4(MAYBE),
	X2(MAYBE),
	MAYBE,
	MAYBE | E281,
	/* a0 */ X4(MAYBE | E281),
	MAYBE | E281,
	MAYBE,
	X2(MAYBE | E281),
	X8(MAYBE | E280 | E281),
	/* b0 */ X8(MAYBE),
	MAYBE,
	X2(MAYBE | EFBF),
	MAYBE | EFBF,
	X2(MAYBE),
	MAYBE,
	MAYBE | EFBB,
};

/* vpermb uses the lower six bits of each byte as index: leads and continuation bytes alike. */
static inline __m512i by_lower6(const uint8_t table[static 64], __m512i v)
{
	return _mm512_permutexvar_epi8(v, _mm512_loadu_si512(table));
}

/* Bytes from a constant on. */
static inline uint64_t from(block b, unsigned which)
{
	return _mm512_cmpge_epu8_mask(b, constant(which));
}

/* Continuation bytes, 0x80 … 0xbf, are the signed bytes below -64. */
static inline uint64_t continues(block b)
{
	return _mm512_cmplt_epi8_mask(b, constant(NOT_CONT));
}

/*
 * Which characters are dropped is decided by two or three table look-ups for 64 bytes at once: the
 * byte itself, the next and the one after that say with one bit each to which group they may
 * belong, and a character is of a group when all its bytes share the bit.
 */
static inline struct utf8 utf8(block b, const uint8_t *p)
{
	block second = load64(p + 1), third = load64(p + 2);
	__m512i pair = _mm512_and_si512(by_lower6(pair_first, b), by_lower6(pair_second, second));
	__m512i triple = _mm512_and_si512(
		_mm512_and_si512(by_lower6(triple_first, b), by_lower6(triple_second, second)),
		by_lower6(triple_third, third));
	__m512i both = _mm512_or_si512(pair, triple);
	uint64_t c2 = from(b, LEAD2), e0 = from(b, LEAD3), f0 = from(b, LEAD4);

	_Static_assert(SURROGATE == 128 && MAYBE == 128, "the sign: to be looked at");
	return (struct utf8){
		.lead2 = c2 & ~e0,
		.lead3 = e0 & ~f0,
		.lead4 = f0 & ~from(b, NO_LEAD),
		.cont1 = continues(second),
		.cont2 = continues(third),
		.cont3 = continues(load64(p + 3)),
		.drop = having(both, LOWER7),
		.suspect = _mm512_movepi8_mask(both),
	};
}

/*
 * Eight k-grams at once. The words of the filter are loaded one by one: a gather is no faster
 * (measured on Zen 4).
 */
static size_t probe(const struct dfl_index *ix, const uint8_t *text, size_t n, uint32_t stride,
		    uint16_t *hits)
{
	const __m512i key0 = _mm512_set1_epi64((long long)ix->key[0]);
	const __m512i key1 = _mm512_set1_epi64((long long)ix->key[1]);
	const __m128i shift = _mm_cvtsi32_si128((int)ix->filter_shift);
	const uint64_t *f = ix->filter, four = 0x0f0f0f0f0f0f0f0full, tops = 0x8080808080808080ull;
	uint8_t first[64], last[64]; /* where the two words of each k-gram are */
	__m512i at_first, at_last;
	__m128i at = _mm_mullo_epi16(_mm_set1_epi16((short)stride),
				     _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7));
	const __m128i step = _mm_set1_epi16((short)(8 * stride));
	size_t count = 0, q = 0, rest;

	for (unsigned i = 0; i < 64; i++) {
		first[i] = (uint8_t)(i / 8 * stride + i % 8);
		last[i] = (uint8_t)(first[i] + ix->k - 8);
	}
	at_first = _mm512_loadu_si512(first);
	at_last = _mm512_loadu_si512(last);
	for (; 7 * stride + ix->k <= 64 && n - q >= 64;
	     q += 8 * stride, at = _mm_add_epi16(at, step)) {
		__m512i v = _mm512_loadu_si512(text + q), h, top, w;
		uint64_t i[8] __attribute__((aligned(64))), miss;
		__mmask8 found;

		h = _mm512_add_epi64(_mm512_mullo_epi64(_mm512_permutexvar_epi8(at_first, v), key0),
				     _mm512_mullo_epi64(_mm512_permutexvar_epi8(at_last, v), key1));
		top = _mm512_srl_epi64(h, shift);
		_mm512_store_si512(i, _mm512_srli_epi64(top, DFL_FILTER_BITS));
		w = _mm512_set_epi64((long long)f[i[7]], (long long)f[i[6]], (long long)f[i[5]],
				     (long long)f[i[4]], (long long)f[i[3]], (long long)f[i[2]],
				     (long long)f[i[1]], (long long)f[i[0]]);
		/* Bits of the word that the bytes of `top` say: those of the lower four count. */
		miss = ~_mm512_bitshuffle_epi64_mask(w, top) & four;
		found = (__mmask8)_pext_u64(~(miss + ~tops), tops);
		/*
		 * All eight are stored, without a branch: hits are not so rare, and cannot be
		 * predicted.
		 */
		_mm_storeu_si128((__m128i *)(hits + count), _mm_maskz_compress_epi16(found, at));
		count += (unsigned)__builtin_popcount(found);
	}
	rest = probe_loop(ix, text + q, n - q, stride, hits + count);
	for (size_t j = 0; j < rest; j++)
		hits[count + j] = (uint16_t)(hits[count + j] + q);
	return count + rest;
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bitalg") &&
	       __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("bmi2");
}

/* Ten escapes of six bytes, or nine of seven, at once: where the digits are, and then the UTF-8. */
#define DIGITS(at) (at), (at) + 1, (at) + 2, (at) + 3
#define UTF8(i) 4 * (i), 4 * (i) + 1, 4 * (i) + 2
static const uint8_t digits_of[2][64] = {
	{ DIGITS(2), DIGITS(8), DIGITS(14), DIGITS(20), DIGITS(26), DIGITS(32), DIGITS(38),
	  DIGITS(44), DIGITS(50), DIGITS(56) },
	{ DIGITS(3), DIGITS(10), DIGITS(17), DIGITS(24), DIGITS(31), DIGITS(38), DIGITS(45),
	  DIGITS(52), DIGITS(59) },
};
static const uint8_t utf8_of[64] = {
	UTF8(0), UTF8(1), UTF8(2), UTF8(3), UTF8(4), UTF8(5), UTF8(6), UTF8(7), UTF8(8), UTF8(9),
};

/* Units below 0xd800 and above 0x3000, in the lower bytes, to UTF-8. */
static inline __m512i unit_utf8(__m512i x)
{
	__m512i first = _mm512_srli_epi32(x, 12);
	__m512i second = _mm512_slli_epi32(_mm512_and_si512(x, _mm512_set1_epi32(0xfc0)), 2);
	__m512i third = _mm512_slli_epi32(_mm512_and_si512(x, _mm512_set1_epi32(0x3f)), 16);

	return _mm512_or_si512(_mm512_or_si512(first, second),
			       _mm512_or_si512(third, _mm512_set1_epi32(0x8080e0)));
}

/* Number of the unit that holds the first set bit, at most `most`; a unit has so many bits. */
static size_t first_of(uint64_t mask, size_t bits, size_t most)
{
	size_t n = mask ? (size_t)__builtin_ctzll(mask) / bits : most;

	return n < most ? n : most;
}

/*
 * 64 bytes at a time hold ten escapes of six bytes (\uXXXX) or nine of seven (\\uXXXX). The digits
 * are gathered, looked up, and joined to 16 bits by two multiply-adds: (a << 4 | b), then
 * (ab << 8 | cd). Then each unit becomes three bytes of UTF-8 in a lane of four, and the lanes are
 * packed. Units outside U+3001 … U+D7FF end it, because some of those are dropped.
 */
static size_t units(uint8_t *out, const uint8_t *p, size_t len, size_t slashes)
{
	const size_t unit = slashes + 5, per = 64 / unit;
	const __m512i lo = _mm512_loadu_si512(dfl_hex_plus1),
		      hi = _mm512_loadu_si512(dfl_hex_plus1 + 64);
	const __m512i digits = _mm512_loadu_si512(digits_of[slashes == 2]);
	const __m512i utf8 = _mm512_loadu_si512(utf8_of);
	const uint64_t each = slashes == 1 ? 0x0041041041041041 : 0x0102040810204081; /* unit's
											 first bit
										       */
	const uint64_t slash = each | each << (slashes - 1), u = each << slashes;
	const uint64_t lanes = (1ull << 4 * per) - 1;
	size_t done = 0, n;

	if (slashes > 2)
		return 0;
	for (; len >= 64; p += per * unit, len -= per * unit, out += 3 * per, done += per) {
		__m512i v = _mm512_loadu_si512(p), d = _mm512_permutexvar_epi8(digits, v), x;
		__m512i value = _mm512_permutex2var_epi8(lo, d, hi);
		uint64_t bad = (~within(v, '\\', '\\') & slash) | (~within(v, 'u', 'u') & u);
		uint64_t no_hex = (_mm512_testn_epi8_mask(value, value) | _mm512_movepi8_mask(d)) &
				  lanes;
		uint64_t other;

		value = _mm512_sub_epi8(value, _mm512_set1_epi8(1));
		x = _mm512_madd_epi16(_mm512_maddubs_epi16(value, _mm512_set1_epi16(0x0110)),
				      _mm512_set1_epi32(0x00010100));
		other = _mm512_cmpge_epu32_mask(_mm512_sub_epi32(x, _mm512_set1_epi32(0x3001)),
						_mm512_set1_epi32(0xd800 - 0x3001));
		other &= (1u << per) - 1;
		_mm512_storeu_si512(out, _mm512_permutexvar_epi8(utf8, unit_utf8(x)));
		if (bad | no_hex | other) { /* a branch, so that the next round need not wait for
					       this one */
			n = first_of(bad, unit, first_of(no_hex, 4, first_of(other, 1, per)));
			return done + n;
		}
	}
	return done;
}

/* 64 chars at a time, by a table of 128; chars above ASCII are found by their sign. */
static size_t values(uint8_t *out, const uint8_t *chars, size_t n)
{
	const uint8_t *t = dfl_base64_code.plus1;
	__m512i lo = _mm512_loadu_si512(t), hi = _mm512_loadu_si512(t + 64);

	for (size_t i = 0; i < n; i += 64) {
		uint64_t want = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1, good;
		__m512i c = _mm512_maskz_loadu_epi8(want, chars + i);
		__m512i v = _mm512_permutex2var_epi8(lo, c, hi);

		good = _mm512_test_epi8_mask(v, v) & ~(uint64_t)_mm512_movepi8_mask(c) & want;
		_mm512_storeu_si512(out + i, _mm512_sub_epi8(v, _mm512_set1_epi8(1)));
		if (good != want)
			return i + (unsigned)__builtin_ctzll(~good);
	}
	return n;
}

/* Bytes that are printable ASCII, tabs or newlines. */
static inline uint64_t readable(__m512i v)
{
	uint64_t m = within(v, 0x20, 0x7e);

	return ~m ? m | within(v, '\t', '\n') | within(v, '\r', '\r') : m;
}

/*
 * Base64 of ASCII, 64 chars to 48 bytes: values by a table, then two multiply-adds join four values
 * to 24 bits (Muła and Lemire, "Base64 encoding and decoding at almost the speed of a memory copy",
 * 2019), then the bytes are put in order. It stops at the first piece that is not all text.
 */
static size_t text(uint8_t *out, const uint8_t *chars, size_t n)
{
	const uint8_t *t = dfl_base64_code.plus1;
	const __m512i lo = _mm512_loadu_si512(t), hi = _mm512_loadu_si512(t + 64);
	const uint64_t bytes = (1ull << 48) - 1;
#define THREE(at) (at) + 2, (at) + 1, (at) /* of a group, which is a little-endian number */
#define TWELVE(at) THREE(at), THREE((at) + 4), THREE((at) + 8), THREE((at) + 12)
	static const uint8_t order[64] = { TWELVE(0), TWELVE(16), TWELVE(32), TWELVE(48) };
	size_t i = 0;

	for (; i < n; i++, chars += 64, out += 48) {
		__m512i c = _mm512_loadu_si512(chars), v = _mm512_permutex2var_epi8(lo, c, hi);
		uint64_t bad = _mm512_testn_epi8_mask(v, v) | _mm512_movepi8_mask(c);

		v = _mm512_sub_epi8(v, _mm512_set1_epi8(1));
		v = _mm512_maddubs_epi16(v, _mm512_set1_epi32(0x01400140)); /* a << 6 | b */
		v = _mm512_madd_epi16(v, _mm512_set1_epi32(0x00011000));    /* ab << 12 | cd */
		v = _mm512_permutexvar_epi8(_mm512_loadu_si512(order), v);
		_mm512_storeu_si512(out, v);
		if (bad | (~readable(v) & bytes))
			break;
	}
	return i;
}

#define EIGHT(i) (i), (i) + 1, (i) + 2, (i) + 3, (i) + 4, (i) + 5, (i) + 6, (i) + 7
static const uint8_t byte_numbers[64] __attribute__((aligned(64))) = {
	EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56),
};

/* 32 sums of two neighbours times their weights. */
static inline __m512i weigh(__m512i v, uint8_t w0, uint8_t w1)
{
	return _mm512_maddubs_epi16(v, _mm512_set1_epi16((short)(w0 | w1 << 8)));
}

/* The upper bytes count. */
static inline __m512i choose_hash(__m512i at0, __m512i at4, __m512i at8, __m512i at13)
{
	__m512i a = _mm512_add_epi16(weigh(at0, CHOOSE_W0, CHOOSE_W1),
				     weigh(at4, CHOOSE_W4, CHOOSE_W5));
	__m512i b = _mm512_add_epi16(weigh(at8, CHOOSE_W8, CHOOSE_W9),
				     weigh(at13, CHOOSE_W13, CHOOSE_W14));

	return _mm512_mullo_epi16(_mm512_add_epi16(a, b), _mm512_set1_epi16((short)CHOOSE_MUL));
}

#define CHOOSE_READS 129 /* bytes for 64 k-grams */

/*
 * The chosen ones of the 64 k-grams at p. at0 and at1 are the text from p and from p + 1 on, and
 * move on by 64: to shift them is cheaper than to load all, because loads across cache lines take
 * twice as long.
 */
static inline uint64_t choose64(const uint8_t *p, __m512i *at0, __m512i *at1)
{
	__m512i next0 = load64(p + 64), next1 = load64(p + 65);
	__m512i even = choose_hash(*at0, _mm512_alignr_epi32(next0, *at0, 1),
				   _mm512_alignr_epi32(next0, *at0, 2),
				   _mm512_alignr_epi32(next1, *at1, 3));
	__m512i odd = choose_hash(*at1, _mm512_alignr_epi32(next1, *at1, 1),
				  _mm512_alignr_epi32(next1, *at1, 2), load64(p + 14));
	__m512i upper = _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaaull, _mm512_srli_epi16(even, 8),
					       odd);

	*at0 = next0;
	*at1 = next1;
	return _mm512_cmplt_epu8_mask(upper, _mm512_set1_epi8(1 << (8 - DFL_PRINT_RATE_LOG)));
}

#define LIST_SLACK 40

/*
 * The places of the marked ones, and at least two more that are as good as any. Returns how many
 * were marked.
 */
static inline size_t list64(uint64_t marked, __m512i first, uint16_t *ret_at)
{
	__m512i where = _mm512_maskz_compress_epi8(marked, _mm512_load_si512(byte_numbers));
	size_t n = (unsigned)__builtin_popcountll(marked);

	_mm_storeu_si128((__m128i *)ret_at,
			 _mm_add_epi16(_mm_cvtepu8_epi16(_mm512_castsi512_si128(where)),
				       _mm512_castsi512_si128(first)));
	if (n > 6) { /* hardly ever */
		where = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(where));
		_mm512_storeu_si512(ret_at, _mm512_add_epi16(where, first));
		_mm_storeu_si128((__m128i *)(ret_at + 32), _mm512_castsi512_si128(first));
	}
	return n;
}

/* Eight at once, as probe does it; behind the n prints are seven more. */
static size_t maybe8(const struct dfl_fingerprint_table *p, const uint64_t *prints,
		     const uint16_t *at, size_t n, uint16_t *ret_hits)
{
	const uint64_t *f = p->filter, three = 0x0707070707070707ull, tops = 0x8080808080808080ull;
	const unsigned shift = dfl_fingerprint_shift(p);
	size_t count = 0;

	for (size_t i = 0; i < n; i += 8) {
		const uint64_t *k = prints + i;
		__m512i w = _mm512_set_epi64(
			(long long)f[k[7] >> shift], (long long)f[k[6] >> shift],
			(long long)f[k[5] >> shift], (long long)f[k[4] >> shift],
			(long long)f[k[3] >> shift], (long long)f[k[2] >> shift],
			(long long)f[k[1] >> shift], (long long)f[k[0] >> shift]);
		uint64_t miss = ~_mm512_bitshuffle_epi64_mask(w, _mm512_loadu_si512(k)) & three;
		__mmask8 found = (__mmask8)_pext_u64(~(miss + ~tops), tops);

		if (n - i < 8)
			found &= (__mmask8)((1u << (n - i)) - 1);
		_mm_storeu_si128((__m128i *)(ret_hits + count),
				 _mm_maskz_compress_epi16(
					 found, _mm_loadu_si128((const __m128i *)(at + i))));
		count += (unsigned)__builtin_popcount(found);
	}
	return count;
}

/* Chosen k-grams on their way to the filter. */
struct sifting {
	const struct dfl_fingerprint_table *p;
	const uint8_t *text;
	uint16_t *at;	 /* every other one */
	uint64_t *print; /* of those, the first so many */
	size_t listed, hashed, due;
	__m512i first;	/* place of the block, 32 times */
	uint64_t takes; /* bit i: the ith chosen one of a block is listed */
};

/* Hashes the i-th one that is listed, and fetches its word of the filter. */
static inline void hash_next(struct sifting *s, size_t i)
{
	uint64_t h = dfl_fingerprint_hash(s->p, s->text + s->at[i]);

	__asm__(""
		: "+r"(h)); /* or two are made a vector, and it takes longer to move them than to
			       multiply */
	s->print[i] = h;
	__builtin_prefetch(dfl_fingerprint_filter(s->p, h));
}

/*
 * Lists those of a block, and hashes two that were listed before: as many as come, mostly, without
 * a branch.
 */
static inline void list_and_hash(struct sifting *s, uint64_t chosen)
{
	hash_next(s, s->hashed);
	hash_next(s, s->hashed + 1);
	s->hashed = s->hashed + 2 < s->due ? s->hashed + 2 : s->due;
	s->due = s->listed;
	s->listed += list64(_pdep_u64(s->takes, chosen), s->first, s->at + s->listed);
	s->first = _mm512_add_epi16(s->first, _mm512_set1_epi16(64));
	s->takes ^= -((uint64_t)__builtin_popcountll(chosen) & 1);
}

#define LAG 4 /* blocks between the steps of one loop, so that none waits for another */

/*
 * Four steps in one loop, each LAG blocks behind the one before: choose (64 k-grams), list (their
 * places), hash (two), fetch (the words of the filter). None waits for the memory or the latency of
 * another. The last blocks are read from a copy with room behind it, because choose64 reads 129
 * bytes.
 */
static size_t sift(const struct dfl_fingerprint_table *p, const uint8_t *text, size_t n,
		   uint64_t *ret_chosen, uint16_t *ret_hits)
{
	const size_t blocks = (n + 63) / 64, bytes = n + DFL_PRINT_K - 1;
	const size_t whole = bytes < CHOOSE_READS ? 0 : (bytes - CHOOSE_READS) / 64 + 1;
	uint16_t at[DFL_SIFTED / 2 + 1 + LIST_SLACK];
	uint64_t print[DFL_SIFTED / 2 + 1 + 8];
	uint8_t rest[64 + CHOOSE_READS] = { 0 }; /* of the text, where a block would read beyond it
						  */
	struct sifting s = { .p = p,
			     .text = text,
			     .at = at,
			     .print = print,
			     .takes = 0x5555555555555555ull,
			     .first = _mm512_setzero_si512() };
	__m512i at0, at1;
	size_t i = 0;

	at[0] = at[1] = 0;
	__builtin_memcpy(rest, text + whole * 64, bytes - whole * 64);
	at0 = load64(whole ? text : rest);
	at1 = load64((whole ? text : rest) + 1);
	for (; i < whole; i++) {
		ret_chosen[i] = choose64(text + i * 64, &at0, &at1);
		if (i >= LAG)
			list_and_hash(&s, ret_chosen[i - LAG]);
	}
	for (; i < blocks; i++)
		ret_chosen[i] = choose64(rest + (i - whole) * 64, &at0, &at1);
	if (n % 64)
		ret_chosen[blocks - 1] &= (1ull << n % 64) - 1;
	for (i = whole < LAG ? 0 : whole - LAG; i < blocks; i++)
		list_and_hash(&s, ret_chosen[i]);
	for (; s.hashed < s.listed; s.hashed++)
		hash_next(&s, s.hashed);
	_mm512_storeu_si512(print + s.listed, _mm512_setzero_si512());
	return maybe8(p, print, at, s.listed, ret_hits);
}

/* 32 values to 24 bytes, as text() does it. */
static void join(uint8_t *out, const uint8_t *v, size_t n)
{
	const __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1,
					       -1, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1,
					       -1, -1);
	const __m256i squeeze = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);

	for (; n >= 8; n -= 8, v += 32, out += 24) {
		__m256i x = _mm256_loadu_si256((const __m256i *)v);

		x = _mm256_maddubs_epi16(x, _mm256_set1_epi32(0x01400140)); /* a << 6 | b */
		x = _mm256_madd_epi16(x, _mm256_set1_epi32(0x00011000));    /* ab << 12 | cd */
		x = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(x, order), squeeze);
		_mm256_storeu_si256((__m256i *)out, x);
	}
	dfl_simd_portable.join(out, v, n);
}

const struct dfl_simd dfl_simd_avx512 = {
	"avx512",  usable, canon_loop, probe,		units, values,
	text_loop, text,   join,       dfl_choose_avx2, sift,
};
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
