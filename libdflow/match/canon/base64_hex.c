// SPDX-License-Identifier: Apache-2.0
/* Base64 and hex: the alphabets, decoding in any phase, and whether the outcome is text. */
#include "match/canon/base64_hex.h"

#include "base/encodings.h"
#include "match/canon/chars.h"
#include "match/simd/simd.h"

#define SIX(a) a, a + 1, a + 2, a + 3, a + 4, a + 5
#define TWENTY_SIX(a) SIX(a), SIX(a + 6), SIX(a + 12), SIX(a + 18), a + 24, a + 25

/* RFC 4648, both alphabets at once. */
static const uint8_t base64_plus1[256] = {
	['A'] = TWENTY_SIX(1),
	['a'] = TWENTY_SIX(27),
	['0'] = SIX(53),
	59,
	60,
	61,
	62,
	['+'] = 63,
	['-'] = 63,
	['/'] = 64,
	['_'] = 64,
};

const struct dfl_base64_hex_code dfl_base64_code = {
	.plus1 = base64_plus1,
	.bits = 6,
	.group = 4,
	.group_bytes = 3,
	.phases = 4,
	.enc = DFL_ENC_BASE64,
	.min = 40,
	.min_leaf = 16,
};

const struct dfl_base64_hex_code dfl_hex_code = {
	.plus1 = dfl_hex_plus1,
	.bits = 4,
	.group = 2,
	.group_bytes = 1,
	.phases = 2,
	.enc = DFL_ENC_HEX,
	.min = 80,
	.min_leaf = 80,
};

/* Base64: byte 3 g + b begins in char 4 g + b (b = 0, 1, 2). Hex: byte g begins in char 2 g. */
uint64_t dfl_base64_hex_char(const struct dfl_base64_hex *c, unsigned phase, uint64_t pos)
{
	return phase + pos / c->code->group_bytes * c->code->group + pos % c->code->group_bytes;
}

/* Whole bytes of n chars; out has room. */
static size_t decode_group(const struct dfl_base64_hex_code *code, const uint8_t *values,
			   unsigned n, uint8_t *out)
{
	uint32_t v = 0;
	size_t bytes = n * code->bits / 8, bits = n * code->bits;

	for (unsigned i = 0; i < n; i++)
		v = v << code->bits | values[i];
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(v >> (bits - 8 * (i + 1)));
	return bytes;
}

size_t dfl_base64_hex_decode(const struct dfl_base64_hex *c, unsigned phase, uint64_t from,
			     uint64_t to, bool last, uint8_t out[static DFL_BASE64_HEX_OUT],
			     uint64_t *ret_pos)
{
	const struct dfl_base64_hex_code *code = c->code;
	uint64_t end = c->base + c->n, g;
	size_t n = 0;

	/* The first group that begins at `from` or after it. */
	g = from <= phase ? phase :
			    from + (code->group - (from - phase) % code->group) % code->group;
	*ret_pos = (g - phase) / code->group * code->group_bytes;
	if (code->group == 4 && g < to && g + 4 <= end) {
		uint64_t groups = (to - g + 3) / 4;

		if (groups > (end - g) / 4)
			groups = (end - g) / 4;
		c->simd->join(out, c->values + (g - c->base), groups);
		n = groups * 3;
		g += groups * 4;
	}
	for (; g < to && g + code->group <= end; g += code->group)
		n += decode_group(code, c->values + (g - c->base), code->group, out + n);
	if (last && g < end)
		n += decode_group(code, c->values + (g - c->base), (unsigned)(end - g), out + n);
	return n;
}

/* Sum of the eight bytes of x: first pairs, then a product that adds up the four sums. */
static size_t lanes(uint64_t x)
{
	const uint64_t even = 0x00ff00ff00ff00ffull;

	x = (x & even) + (x >> 8 & even);
	return (size_t)(x * 0x0001000100010001ull >> 48);
}

/* At least three quarters of the bytes are not odd, none is high: so the slow test says yes, too.
 */
bool dfl_base64_hex_is_ascii(const uint8_t *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101ull, tops = 0x80 * ones;
	uint64_t high = 0, odd = 0, x;
	size_t i = 0, n_odd = 0;

	for (; i + 8 <= n; i += 8) {
		__builtin_memcpy(&x, p + i, 8);
		high |= x;
		/* Bytes below 0x20, and 0x7f, counted in lanes. Exact while no byte is high. */
		odd += ((~((x | tops) - 0x20 * ones) | (x + ones)) & tops) >> 7;
		if (i % 1024 == 1016) { /* before a lane is full */
			n_odd += lanes(odd);
			odd = 0;
		}
	}
	for (; i < n; i++) {
		high |= p[i];
		n_odd += p[i] < 0x20 || p[i] == 0x7f;
	}
	return !(high & tops) && (n_odd + lanes(odd)) * 4 <= n;
}

/* Random bytes are readable to about 45%: 98 of 256, and what looks like UTF-8 by chance. */
bool dfl_base64_hex_is_text(size_t good, size_t n)
{
	return n && good * 4 >= n * 3;
}
