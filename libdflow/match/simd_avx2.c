// SPDX-License-Identifier: Apache-2.0
/* The fast ways for x86-64 with AVX2 and BMI2 (Haswell, Zen and later). */
#include "match/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,lzcnt")
#endif

#include "match/coded.h"

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

static inline uint64_t bits(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

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

#include "match/canon_loop.h"
#include "match/choose_loop.h"
#include "match/probe_loop.h"

static bool usable(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

static inline __m256i pick(__m256i x, __m256i off, uint8_t lo, uint8_t hi, int add)
{
	__m256i in = at_most(_mm256_sub_epi8(x, _mm256_set1_epi8((char)lo)),
			     _mm256_set1_epi8((char)(hi - lo)));

	return _mm256_blendv_epi8(off, _mm256_set1_epi8((char)add), in);
}

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

static inline __m256i weigh(const uint8_t *p, uint8_t w0, uint8_t w1)
{
	return _mm256_maddubs_epi16(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi16((short)(w0 | w1 << 8)));
}

/* All ones for those of the k-grams at p, p + 2, … p + 30. */
static inline __m256i choose_every_other(const uint8_t *p)
{
	__m256i a = _mm256_add_epi16(weigh(p, CHOOSE_W0, CHOOSE_W1), weigh(p + 4, CHOOSE_W4, CHOOSE_W5));
	__m256i b = _mm256_add_epi16(weigh(p + 8, CHOOSE_W8, CHOOSE_W9), weigh(p + 13, CHOOSE_W13, CHOOSE_W14));
	__m256i h = _mm256_mullo_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16((short)CHOOSE_MUL));

	return _mm256_cmpeq_epi16(_mm256_srli_epi16(h, 16 - DFL_PRINT_RATE_LOG), _mm256_setzero_si256());
}

/* 32 at a time, which read 13 + 1 + 32 bytes from there: up to the last of their k-grams. */
size_t dfl_choose_avx2(const uint8_t *text, size_t n, uint16_t *ret_at)
{
	size_t count = 0, i = 0;

	for (; i + 32 <= n; i += 32) {
		uint32_t found = (uint32_t)_mm256_movemask_epi8(_mm256_blendv_epi8(
			choose_every_other(text + i), choose_every_other(text + i + 1), _mm256_set1_epi16((short)0xff00)));
		size_t next = count + (size_t)__builtin_popcount(found);

		for (int j = 0; j < DFL_CHOOSE_SLACK; j++, found &= found - 1) /* mostly two: no branch for them */
			ret_at[count + j] = (uint16_t)(i + _tzcnt_u32(found));
		for (count += DFL_CHOOSE_SLACK; found; found &= found - 1)
			ret_at[count++] = (uint16_t)(i + _tzcnt_u32(found));
		count = next;
	}
	return choose_from(text, i, n, ret_at, count);
}

#include "match/text_loop.h"

const struct dfl_simd dfl_simd_avx2 = {
	"avx2", usable, canon_loop, probe_loop, no_units, values, text_loop, text_pieces, join, dfl_choose_avx2,
};
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
