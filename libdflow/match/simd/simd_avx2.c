// SPDX-License-Identifier: Apache-2.0
/* The fast ways for x86-64 with AVX2 and BMI2 (Haswell, Zen and later). */
#include "match/simd/simd_avx2.h"

#include "match/simd/simd_portable.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt"))),                \
			     apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,lzcnt")
#endif

#include "match/canon/base64_hex.h"

typedef struct {
	__m256i a, b;
} block;

static inline block load64(const uint8_t *p)
{
	return (block){ _mm256_loadu_si256((const __m256i *)p),
			_mm256_loadu_si256((const __m256i *)(p + 32)) };
}

static inline block lower(block b)
{
	__m256i bit = _mm256_set1_epi8(0x20);

	return (block){ _mm256_or_si256(b.a, bit), _mm256_or_si256(b.b, bit) };
}

/* One bit of each byte, its sign. */
static inline uint64_t bits(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b)
							   << 32;
}

/* There is no unsigned comparison of bytes: the minimum is x itself where x <= most. */
static inline __m256i at_most(__m256i x, __m256i most)
{
	return _mm256_cmpeq_epi8(_mm256_min_epu8(x, most), x);
}

static inline uint64_t within(block b, uint8_t lo, uint8_t hi)
{
	__m256i l = _mm256_set1_epi8((char)lo), n = _mm256_set1_epi8((char)(hi - lo));

	if (lo == hi)
		return bits(_mm256_cmpeq_epi8(b.a, l), _mm256_cmpeq_epi8(b.b, l));
	return bits(at_most(_mm256_sub_epi8(b.a, l), n), at_most(_mm256_sub_epi8(b.b, l), n));
}

/* Eight bytes at a time: the marked ones move down by pext of their byte numbers. */
static inline void pack64(uint8_t *out, block b, uint64_t keep)
{
	uint64_t w[8];

	_mm256_storeu_si256((__m256i *)w, b.a);
	_mm256_storeu_si256((__m256i *)(w + 4), b.b);
	for (unsigned i = 0; i < 8; i++, keep >>= 8) {
		uint64_t bytes = _pdep_u64(keep & 0xff, 0x0101010101010101ull) * 0xff;
		uint64_t x = _pext_u64(w[i], bytes);

		__builtin_memcpy(out, &x, 8);
		out += __builtin_popcountll(keep & 0xff);
	}
}

#include "match/canon/canon_loop.h"
#include "match/simd/choose_loop.h"
#include "match/simd/probe_loop.h"

static bool usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

/* Where lo <= x <= hi, what has to be added to get from the char to its value; else as it was. */
static inline __m256i pick(__m256i x, __m256i off, uint8_t lo, uint8_t hi, int add)
{
	__m256i in = at_most(_mm256_sub_epi8(x, _mm256_set1_epi8((char)lo)),
			     _mm256_set1_epi8((char)(hi - lo)));

	return _mm256_blendv_epi8(off, _mm256_set1_epi8((char)add), in);
}

/* 32 chars at a time: seven ranges, two of which are the alphabet of base64url. */
static size_t values(uint8_t *out, const uint8_t *chars, size_t n)
{
	const __m256i none = _mm256_set1_epi8(127); /* no value is a char plus 127 */
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(chars + i)), off = none;
		uint32_t bad;

		off = pick(x, off, 'A', 'Z', -'A');
		off = pick(x, off, 'a', 'z', 26 - 'a');
		off = pick(x, off, '0', '9', 52 - '0');
		off = pick(x, off, '+', '+', 62 - '+');
		off = pick(x, off, '-', '-', 62 - '-');
		off = pick(x, off, '/', '/', 63 - '/');
		off = pick(x, off, '_', '_', 63 - '_');
		bad = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(off, none));
		_mm256_storeu_si256((__m256i *)(out + i), _mm256_add_epi8(x, off));
		if (bad)
			return i + (unsigned)__builtin_ctz(bad);
	}
	return i + dfl_simd_portable.values(out + i, chars + i, n - i);
}

/*
 * Eight values of 6 bits to six bytes: in big-endian order pext moves the 48 bits together, and the
 * swap back puts them in front. Two bytes more are written than count.
 */
static void join(uint8_t *out, const uint8_t *v, size_t n)
{
	for (; n >= 2; n -= 2, v += 8, out += 6) {
		uint64_t x;

		__builtin_memcpy(&x, v, 8);
		x = __builtin_bswap64(_pext_u64(__builtin_bswap64(x), 0x3f3f3f3f3f3f3f3full) << 16);
		__builtin_memcpy(out, &x, 8);
	}
	dfl_simd_portable.join(out, v, n);
}

/* Sixteen sums of two neighbours times their weights. */
static inline __m256i weigh(const uint8_t *p, uint8_t w0, uint8_t w1)
{
	return _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)p),
				    _mm256_set1_epi16((short)(w0 | w1 << 8)));
}

/* The hashes of the k-grams at p, p + 2, … p + 30. */
static inline __m256i hash_every_other(const uint8_t *p)
{
	__m256i a = _mm256_add_epi16(weigh(p, CHOOSE_W0, CHOOSE_W1),
				     weigh(p + 4, CHOOSE_W4, CHOOSE_W5));
	__m256i b = _mm256_add_epi16(weigh(p + 8, CHOOSE_W8, CHOOSE_W9),
				     weigh(p + 13, CHOOSE_W13, CHOOSE_W14));

	return _mm256_mullo_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16((short)CHOOSE_MUL));
}

/* Reads 13 + 1 + 32 bytes: up to the last of 32 k-grams. */
static inline uint32_t choose32(const uint8_t *p)
{
	__m256i even = _mm256_srli_epi16(hash_every_other(p), 8), odd = hash_every_other(p + 1);
	__m256i upper = _mm256_blendv_epi8(even, odd, _mm256_set1_epi16((short)0xff00)); /* byte of
											    each */

	return (uint32_t)_mm256_movemask_epi8(
		at_most(upper, _mm256_set1_epi8((1 << (8 - DFL_PRINT_RATE_LOG)) - 1)));
}

/* Bits of the 64 k-grams at p; reads up to p[64 + 13 + 1]. */
static inline uint64_t choose64(const uint8_t *p)
{
	return choose32(p) | (uint64_t)choose32(p + 32) << 32;
}

/* The last, partial word comes from 64 k-grams that end with the text, shifted into place. */
void dfl_choose_avx2(const uint8_t *text, size_t n, uint64_t *ret_chosen)
{
	size_t i = 0;

	for (; i + 64 <= n; i += 64)
		ret_chosen[i / 64] = choose64(text + i);
	if (i < n && n >= 64)
		ret_chosen[i / 64] = choose64(text + n - 64) >> (64 - n % 64);
	else
		choose_from(text, i, n, ret_chosen);
}

/* As every_other. Mostly two in a word: no branch for up to four. */
static size_t every_other_bmi(const uint64_t *chosen, size_t n, uint16_t *ret_at)
{
	uint64_t takes = 0x5555555555555555ull;
	size_t count = 0;

	for (size_t i = 0; i < n; i += 64) {
		uint64_t w = _pdep_u64(takes, chosen[i / 64]);
		uint16_t *at = ret_at + count;

		count += (unsigned)_mm_popcnt_u64(w);
		takes ^= -((uint64_t)_mm_popcnt_u64(chosen[i / 64]) & 1);
		for (int j = 0; j < 4; j++, w &= w - 1)
			*at++ = (uint16_t)(i + _tzcnt_u64(w));
		for (; w; w &= w - 1)
			*at++ = (uint16_t)(i + _tzcnt_u64(w));
	}
	return count;
}

static size_t sift(const struct dfl_fingerprint_table *p, const uint8_t *text, size_t n,
		   uint64_t *ret_chosen, uint16_t *ret_hits)
{
	dfl_choose_avx2(text, n, ret_chosen);
	return leave_maybe(p, text, ret_hits, every_other_bmi(ret_chosen, n, ret_hits));
}

#include "match/simd/text_loop.h"

const struct dfl_simd dfl_simd_avx2 = {
	"avx2",	   usable,	canon_loop, probe_loop,	     no_units, values,
	text_loop, text_pieces, join,	    dfl_choose_avx2, sift,
};
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
