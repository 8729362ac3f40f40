// SPDX-License-Identifier: Apache-2.0
/* The fast ways in plain C: the reference of the others. */
#include "match/simd/simd_portable.h"

#include <string.h>

#include "match/canon/base64_hex.h"

typedef struct {
	uint8_t v[64];
} block;

static inline block load64(const uint8_t *p)
{
	block b;

	memcpy(b.v, p, 64);
	return b;
}

static inline block lower(block b)
{
	for (unsigned i = 0; i < 64; i++)
		b.v[i] |= 0x20;
	return b;
}

/* Eight bytes of 0 or 1 to eight bits, in one product. */
static inline uint64_t gather8(const uint8_t *p)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < 8; i++) /* a plain load on little-endian machines */
		x |= (uint64_t)p[i] << 8 * i;
	return (x * 0x0102040810204080ull) >> 56;
}

/* The compiler makes vectors of both loops where it can. */
static inline uint64_t within(block b, uint8_t lo, uint8_t hi)
{
	uint8_t is[64];
	uint64_t m = 0;

	for (unsigned i = 0; i < 64; i++)
		is[i] = (uint8_t)(b.v[i] - lo) <= (uint8_t)(hi - lo);
	for (unsigned i = 0; i < 64; i += 8)
		m |= gather8(is + i) << i;
	return m;
}

static inline void pack64(uint8_t *out, block b, uint64_t keep)
{
	for (; keep; keep &= keep - 1)
		*out++ = b.v[__builtin_ctzll(keep)];
}

#include "match/canon/canon_loop.h"
#include "match/simd/choose_loop.h"
#include "match/simd/probe_loop.h"

static bool usable(void)
{
	return true;
}

/* Both alphabets of RFC 4648 at once. */
static size_t values(uint8_t *out, const uint8_t *chars, size_t n)
{
	size_t i = 0;

	for (; i < n && dfl_base64_code.plus1[chars[i]]; i++)
		out[i] = dfl_base64_code.plus1[chars[i]] - 1;
	return i;
}

static void join(uint8_t *out, const uint8_t *v, size_t n)
{
	for (; n; n--, v += 4) {
		uint32_t x = (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)v[2] << 6 |
			     v[3];

		*out++ = (uint8_t)(x >> 16);
		*out++ = (uint8_t)(x >> 8);
		*out++ = (uint8_t)x;
	}
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

const struct dfl_simd dfl_simd_portable = {
	"portable", usable,	 canon_loop, probe_loop, no_units, values,
	text_loop,  text_pieces, join,	     choose,	 sift,
};
