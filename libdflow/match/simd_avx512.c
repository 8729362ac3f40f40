// SPDX-License-Identifier: Apache-2.0
/* The fast ways for x86-64 with AVX-512 VBMI2 (Ice Lake, Zen 4 and later). */
#include "match/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi,bmi2,popcnt,lzcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512bitalg,bmi,bmi2,popcnt,lzcnt")
#endif

#include "match/chars.h"
#include "match/coded.h"

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
#include "match/canon_loop.h"
#include "match/probe_loop.h"

enum { ALNUM = 1, RUN = 2, ESCAPE = 4, NEWLINE = 8, FOLLOW = 16 };

#define A (ALNUM | RUN)
#define F (A | FOLLOW) /* hex digits; letters of escapes and of entities */

static const uint8_t class_of[128] = {
	['0'] = F, F, F, F, F, F, F, F, F, F,
	['A'] = F, F, F, F, F, F, A, A, A, A, A, A, A, A, A, A, A, A, A, A, F, A, A, A, A, A,
	['a'] = F, F, F, F, F, F, F, A, A, A, A, F, A, F, A, A, F, F, A, F, F, A, A, F, A, A,
	['+'] = RUN, ['-'] = RUN, ['/'] = RUN, ['_'] = RUN, ['#'] = FOLLOW,
	['\\'] = RUN | ESCAPE | FOLLOW, ['%'] = ESCAPE | FOLLOW, ['&'] = ESCAPE,
	['\r'] = NEWLINE, ['\n'] = NEWLINE,
};

static inline struct classes classes(block b)
{
	__m512i of = _mm512_permutex2var_epi8(_mm512_loadu_si512(class_of), b,
					      _mm512_loadu_si512(class_of + 64));
	uint64_t high = _mm512_movepi8_mask(b);

	return (struct classes){
		.alnum = _mm512_test_epi8_mask(of, _mm512_set1_epi8(ALNUM)) & ~high,
		.run = _mm512_test_epi8_mask(of, _mm512_set1_epi8(RUN)) & ~high,
		.escape = _mm512_test_epi8_mask(of, _mm512_set1_epi8(ESCAPE)) & ~high,
		.follow = _mm512_test_epi8_mask(of, _mm512_set1_epi8(FOLLOW)) & ~high,
		.newline = _mm512_test_epi8_mask(of, _mm512_set1_epi8(NEWLINE)) & ~high,
		.high = high,
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
	size_t count = 0, q = 0, rest;

	for (unsigned i = 0; i < 64; i++) {
		first[i] = (uint8_t)(i / 8 * stride + i % 8);
		last[i] = (uint8_t)(first[i] + ix->k - 8);
	}
	at_first = _mm512_loadu_si512(first);
	at_last = _mm512_loadu_si512(last);
	for (; 7 * stride + ix->k <= 64 && n - q >= 64; q += 8 * stride) {
		__m512i v = _mm512_loadu_si512(text + q), h, top, w;
		uint64_t i[8] __attribute__((aligned(64))), miss;

		h = _mm512_add_epi64(_mm512_mullo_epi64(_mm512_permutexvar_epi8(at_first, v), key0),
				     _mm512_mullo_epi64(_mm512_permutexvar_epi8(at_last, v), key1));
		top = _mm512_srl_epi64(h, shift);
		_mm512_store_si512(i, _mm512_srli_epi64(top, DFL_FILTER_BITS));
		w = _mm512_set_epi64((long long)f[i[7]], (long long)f[i[6]], (long long)f[i[5]],
				     (long long)f[i[4]], (long long)f[i[3]], (long long)f[i[2]],
				     (long long)f[i[1]], (long long)f[i[0]]);
		/* Bits of the word that the bytes of `top` say: those of the lower four count. */
		miss = ~_mm512_bitshuffle_epi64_mask(w, top) & four;
		for (uint64_t hit = ~(miss + ~tops) & tops; hit; hit &= hit - 1)
			hits[count++] = (uint16_t)(q + (unsigned)__builtin_ctzll(hit) / 8 * stride);
	}
	rest = probe_loop(ix, text + q, n - q, stride, hits + count);
	for (size_t j = 0; j < rest; j++)
		hits[count + j] = (uint16_t)(hits[count + j] + q);
	return count + rest;
}

static bool usable(void)
{
	return __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512bitalg") &&
	       __builtin_cpu_supports("avx512vbmi") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("bmi2");
}

/* Ten escapes of six bytes, or nine of seven, at once. */
static size_t units(uint8_t *out, const uint8_t *p, size_t len, size_t slashes)
{
	const size_t unit = slashes + 5, per = 64 / unit;
	const __m512i lo = _mm512_loadu_si512(dfl_hex_plus1), hi = _mm512_loadu_si512(dfl_hex_plus1 + 64);
	uint8_t from[64] = { 0 }, to[64] = { 0 }; /* the digits; the UTF-8 */
	uint64_t slash = 0, u = 0, lanes = (1ull << 4 * per) - 1;
	__m512i digits, utf8;
	size_t done = 0, n = per;

	if (slashes > 2 || len < 64)
		return 0;
	for (size_t i = 0; i < per; i++) {
		slash |= ((1ull << slashes) - 1) << i * unit;
		u |= 1ull << (i * unit + slashes);
		for (size_t j = 0; j < 4; j++)
			from[4 * i + j] = (uint8_t)(i * unit + slashes + 1 + j);
		for (size_t j = 0; j < 3; j++)
			to[3 * i + j] = (uint8_t)(4 * i + j);
	}
	digits = _mm512_loadu_si512(from);
	utf8 = _mm512_loadu_si512(to);
	for (; len >= 64 && n == per; p += n * unit, len -= n * unit, out += 3 * n, done += n) {
		__m512i v = _mm512_loadu_si512(p), d = _mm512_permutexvar_epi8(digits, v), x;
		__m512i value = _mm512_permutex2var_epi8(lo, d, hi);
		uint64_t bad = (~within(v, '\\', '\\') & slash) | (~within(v, 'u', 'u') & u);
		uint64_t no_hex = (_mm512_testn_epi8_mask(value, value) | _mm512_movepi8_mask(d)) & lanes;
		uint64_t other;

		value = _mm512_sub_epi8(value, _mm512_set1_epi8(1));
		x = _mm512_madd_epi16(_mm512_maddubs_epi16(value, _mm512_set1_epi16(0x0110)),
				      _mm512_set1_epi32(0x00010100));
		other = _mm512_cmpge_epu32_mask(_mm512_sub_epi32(x, _mm512_set1_epi32(0x3001)),
						_mm512_set1_epi32(0xd800 - 0x3001));
		n = bad ? (size_t)__builtin_ctzll(bad) / unit : per;
		n = no_hex && (size_t)__builtin_ctzll(no_hex) / 4 < n ? (size_t)__builtin_ctzll(no_hex) / 4 : n;
		n = other && (size_t)__builtin_ctzll(other) < n ? (size_t)__builtin_ctzll(other) : n;
		x = _mm512_or_si512(
			_mm512_or_si512(_mm512_srli_epi32(x, 12),
					_mm512_slli_epi32(_mm512_and_si512(x, _mm512_set1_epi32(0xfc0)), 2)),
			_mm512_or_si512(_mm512_slli_epi32(_mm512_and_si512(x, _mm512_set1_epi32(0x3f)), 16),
					_mm512_set1_epi32(0x8080e0)));
		_mm512_storeu_si512(out, _mm512_permutexvar_epi8(utf8, x));
	}
	return done;
}

static size_t values(uint8_t *out, const uint8_t *chars, size_t n)
{
	const uint8_t *t = dfl_code_base64.plus1;
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

static void join(uint8_t *out, const uint8_t *v, size_t n)
{
	const __m256i order = _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1,
					       2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
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
	"avx512", usable, canon_loop, probe, units, values, text_loop, join, dfl_choose_avx2,
};
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
