/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are spelt as hex or base64, read digit by digit, however the text is split. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DFL_HEX_BITS 4
#define DFL_BASE64_BITS 6

/* The bits of the digits read so far that are no whole byte yet. Zeroed at the start. */
struct dfl_digits {
	uint32_t bits; /* only the lowest n_bits count */
	uint8_t n_bits;
};

/* The value of a digit; -1: it is none. */
static inline int dfl_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of a digit (RFC 4648, section 4); -1: it is none, as '=' is. */
static inline int dfl_base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One more digit, of `width` bits. True: it completed a byte. */
static inline bool dfl_digits_add(struct dfl_digits *d, int digit, uint8_t width, uint8_t *ret_byte)
{
	d->bits = d->bits << width | (uint32_t)digit;
	d->n_bits = (uint8_t)(d->n_bits + width);
	if (d->n_bits < 8)
		return false;
	d->n_bits = (uint8_t)(d->n_bits - 8);
	*ret_byte = (uint8_t)(d->bits >> d->n_bits);
	return true;
}
