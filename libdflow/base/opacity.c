// SPDX-License-Identifier: Apache-2.0
/* Counts bytes in which a text would not be found: windows with many bytes that are no text. */
#include "base/opacity.h"

#include <string.h>

#define BINARY_SHARE 5 /* one in so many makes a window opaque */

/* Eight bytes at once: is each of them in 0x20 to 0x7e? */
static bool all_printable(const uint8_t *at)
{
	const uint64_t ones = 0x0101010101010101ull, high = 0x80 * ones;
	uint64_t w, low, del;

	memcpy(&w, at, 8);
	/*
	 * Without high bits no sum below carries into the next byte: 0x60 + x reaches 0x80 from x =
	 * 0x20 on, and x + 1 reaches 0x80 for 0x7f alone.
	 */
	if (w & high)
		return false;
	low = w + 0x60 * ones;
	del = w + ones;
	return (low & high) == high && !(del & high);
}

static bool is_opaque(unsigned n, unsigned binary)
{
	return binary && binary * BINARY_SHARE >= n;
}

static void count(struct dfl_opacity *o, unsigned n, unsigned binary)
{
	o->n += n;
	o->binary += binary;
	if (o->n < DFL_OPACITY_WINDOW)
		return;
	if (is_opaque(o->n, o->binary))
		o->opaque += o->n;
	o->n = o->binary = 0;
}

/* Begins a character of several bytes: RFC 3629 section 4. Returns false for a byte that begins
 * none. */
static bool begin(struct dfl_opacity *o, uint8_t c)
{
	if (c < 0xc2 || c > 0xf4)
		return false;
	o->held = 1;
	o->want = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	o->next_from = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	o->next_to = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return true;
}

/* As file(1) has it: BEL to CR and ESC are found in text, other controls are not. */
static bool is_binary(uint8_t c)
{
	return c == 0x7f || (c && c < 0x20 && !(c >= 7 && c <= 13) && c != 0x1b);
}

static void first(struct dfl_opacity *o, uint8_t c)
{
	if (c < 0x80)
		count(o, 1, is_binary(c));
	else if (!begin(o, c))
		count(o, 1, 1);
}

static void step(struct dfl_opacity *o, uint8_t c)
{
	if (!o->held) {
		first(o, c);
		return;
	}
	if (c < o->next_from || c > o->next_to) { /* what was held is no character */
		count(o, o->held, o->held);
		o->held = 0;
		first(o, c);
		return;
	}
	o->next_from = 0x80;
	o->next_to = 0xbf;
	if (++o->held < o->want)
		return;
	count(o, o->held, 0);
	o->held = 0;
}

void dfl_opacity_feed(struct dfl_opacity *o, const void *data, size_t len)
{
	const uint8_t *at = data, *end = at + len;

	while (at < end) {
		/* Not over the end of a window: it ends where it would without this short cut. */
		if (!o->held && o->n + 8 <= DFL_OPACITY_WINDOW && end - at >= 8 &&
		    all_printable(at)) {
			count(o, 8, 0);
			at += 8;
		} else {
			step(o, *at++);
		}
	}
}

uint64_t dfl_opacity_bytes(const struct dfl_opacity *o)
{
	unsigned n = o->n + o->held, binary = o->binary + o->held;
	uint64_t all = o->opaque + (is_opaque(n, binary) ? n : 0);

	return all > DFL_OPACITY_SHORT ? all : 0;
}
