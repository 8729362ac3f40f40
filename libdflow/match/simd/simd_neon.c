// SPDX-License-Identifier: Apache-2.0
/* The fast ways for arm64: NEON, which every one has. */
#include "match/simd/simd_neon.h"

#include "match/simd/simd_portable.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "match/canon/base64_hex.h"

typedef uint8x16x4_t block;

static inline block load64(const uint8_t *p)
{
	return vld1q_u8_x4(p);
}

static inline block lower(block b)
{
	for (int i = 0; i < 4; i++)
		b.val[i] = vorrq_u8(b.val[i], vdupq_n_u8(0x20));
	return b;
}

/* One bit of each of 64 bytes of 0 or 255. */
static inline uint64_t bits(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
	const uint8x16_t bit = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
	uint8x16_t ab = vpaddq_u8(vandq_u8(a, bit), vandq_u8(b, bit));
	uint8x16_t cd = vpaddq_u8(vandq_u8(c, bit), vandq_u8(d, bit));
	uint8x16_t all = vpaddq_u8(ab, cd);

	all = vpaddq_u8(all, all);
	return vgetq_lane_u64(vreinterpretq_u64_u8(all), 0);
}

static inline uint64_t within(block b, uint8_t lo, uint8_t hi)
{
	uint8x16_t l = vdupq_n_u8(lo), n = vdupq_n_u8((uint8_t)(hi - lo));

	return bits(vcleq_u8(vsubq_u8(b.val[0], l), n), vcleq_u8(vsubq_u8(b.val[1], l), n),
		    vcleq_u8(vsubq_u8(b.val[2], l), n), vcleq_u8(vsubq_u8(b.val[3], l), n));
}

/* The marked bytes of eight move down, without a branch. */
static inline void pack8(uint8_t *out, const uint8_t *in, unsigned keep)
{
	for (unsigned i = 0; i < 8; i++) {
		*out = in[i];
		out += keep >> i & 1;
	}
}

static inline void pack64(uint8_t *out, block b, uint64_t keep)
{
	uint8_t in[64];

	vst1q_u8_x4(in, b);
	for (unsigned i = 0; i < 64; i += 8, keep >>= 8) {
		pack8(out, in + i, keep & 0xff);
		out += __builtin_popcountll(keep & 0xff);
	}
}

#include "match/canon/canon_loop.h"
#include "match/simd/choose_loop.h"
#include "match/simd/probe_loop.h"

static bool usable(void)
{
	return true;
}

/* vqtbl4q looks up 64 bytes of table; an index beyond gives 0, so two halves can be or-ed. */
static size_t values(uint8_t *out, const uint8_t *chars, size_t n)
{
	const uint8_t *t = dfl_base64_code.plus1;
	const uint8x16x4_t lo = vld1q_u8_x4(t), hi = vld1q_u8_x4(t + 64);
	size_t i = 0;

	for (; i + 16 <= n; i += 16) {
		uint8x16_t c = vld1q_u8(chars + i);
		/* Chars outside a table give 0 there. */
		uint8x16_t v = vorrq_u8(vqtbl4q_u8(lo, c),
					vqtbl4q_u8(hi, vsubq_u8(c, vdupq_n_u8(64))));

		if (vminvq_u8(v) == 0)
			break; /* the rest one by one */
		vst1q_u8(out + i, vsubq_u8(v, vdupq_n_u8(1)));
	}
	return i + dfl_simd_portable.values(out + i, chars + i, n - i);
}

/* vld4 takes four interleaved values apart, vst3 writes three interleaved bytes. */
static void join(uint8_t *out, const uint8_t *v, size_t n)
{
	for (; n >= 8; n -= 8, v += 32, out += 24) {
		uint8x8x4_t x = vld4_u8(v);
		uint8x8x3_t y;

		y.val[0] = vorr_u8(vshl_n_u8(x.val[0], 2), vshr_n_u8(x.val[1], 4));
		y.val[1] = vorr_u8(vshl_n_u8(x.val[1], 4), vshr_n_u8(x.val[2], 2));
		y.val[2] = vorr_u8(vshl_n_u8(x.val[2], 6), x.val[3]);
		vst3_u8(out, y);
	}
	dfl_simd_portable.join(out, v, n);
}

static void choose(const uint8_t *text, size_t n, uint64_t *ret_chosen)
{
	choose_from(text, 0, n, ret_chosen);
}

static size_t sift(const struct dfl_fingerprint_table *p, const uint8_t *text, size_t n,
		   uint64_t *ret_chosen, uint16_t *ret_hits)
{
	choose_from(text, 0, n, ret_chosen);
	return leave_maybe(p, text, ret_hits, every_other(ret_chosen, n, ret_hits));
}

#include "match/simd/text_loop.h"

const struct dfl_simd dfl_simd_neon = {
	"neon",	   usable,	canon_loop, probe_loop, no_units, values,
	text_loop, text_pieces, join,	    choose,	sift,
};
#endif
