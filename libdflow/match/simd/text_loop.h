/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 of ASCII in pieces; each simd_*.c that knows no better way includes it after values() and
 * join().
 */
#include "match/canon/base64_hex.h"

static size_t text_pieces(uint8_t *out, const uint8_t *chars, size_t n)
{
	for (size_t i = 0; i < n; i++, out += 48, chars += 64) {
		uint8_t v[64 + 32], piece[48 + 32];
		unsigned other = 0;

		if (values(v, chars, 64) != 64)
			return i;
		join(piece, v, 16);
		for (unsigned j = 0; j < 48; j++)
			other |= ((piece[j] < 0x20) & (piece[j] != '\t') & (piece[j] != '\n') &
				  (piece[j] != '\r')) |
				 (piece[j] > 0x7e);
		if (other)
			return i;
		__builtin_memcpy(out, piece, 48);
	}
	return n;
}
