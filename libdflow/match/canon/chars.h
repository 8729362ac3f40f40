/* SPDX-License-Identifier: Apache-2.0 */
/* Character classes of the canonical form. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t dfl_hex_plus1[256]; /* value of a hex digit + 1; 0: it is none */

/* Value of a hex digit, or -1. */
static inline int dfl_hex(uint8_t c)
{
	return dfl_hex_plus1[c] - 1;
}

static inline bool dfl_is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Does the form drop this code point? ASCII but letters and digits; White_Space, Cc, Cf. */
bool dfl_drops(uint32_t cp);
