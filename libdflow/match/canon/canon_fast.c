// SPDX-License-Identifier: Apache-2.0
/* Parts of the canonicaliser's fast way that are the same on all processors. */
#include "match/canon/canon_fast.h"

#include <string.h>

#include "base/encodings.h"
#include "match/canon/chars.h"

#define MAX_SLASHES 8 /* before each escape; JSON in JSON in JSON has seven */

const bool dfl_canon_escapes[256] = { ['%'] = true, ['&'] = true, ['\\'] = true };

bool dfl_canon_drops_utf8(const uint8_t *p)
{
	uint32_t cp;

	if (p[0] < 0xe0)
		cp = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	else if (p[0] < 0xf0)
		cp = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	else
		cp = (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
		     (p[3] & 0x3fu);
	if (p[0] >= 0xe0 && cp < (p[0] < 0xf0 ? 0x800u : 0x10000u))
		return true; /* overlong */
	return cp > 0x10ffff || dfl_drops(cp);
}

/* Kept, three bytes of UTF-8, no surrogate. */
static bool is_plain_unit(int v)
{
	if (v > 0x3000 && v < 0xd800)
		return true;
	if (v < 0x800 || (v >= 0xd800 && v < 0xe000))
		return false;
	return !dfl_drops((uint32_t)v);
}

/* Four hex digits, or less than 0. */
static int hex4(const uint8_t *p)
{
	int a = dfl_hex(p[0]), b = dfl_hex(p[1]), c = dfl_hex(p[2]), d = dfl_hex(p[3]);

	return (a | b | c | d) < 0 ? -1 : a << 12 | b << 8 | c << 4 | d;
}

static size_t slashes(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && n <= MAX_SLASHES && p[n] == '\\')
		n++;
	return n;
}

size_t dfl_canon_units(struct dfl_canon *c, const uint8_t *p, size_t len, uint64_t pos)
{
	size_t n = slashes(p, len), unit = n + 5, i = 0;
	struct dfl_text *t = c->text;
	uint8_t *out = t->data + t->len;

	if (!n || n > MAX_SLASHES)
		return 0;
	i = c->simd->units(out, p, len, n);
	out += 3 * i;
	i *= unit;
	for (; len - i >= unit; i += unit, out += 3) {
		const uint8_t *q = p + i + n;
		int v;

		if (q[0] != 'u' || p[i] != '\\' || (n > 1 && memcmp(p + i, p, n)))
			break;
		v = hex4(q + 1);
		if (!is_plain_unit(v))
			break;
		out[0] = (uint8_t)(0xe0 | v >> 12);
		out[1] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (v & 0x3f));
	}
	if (!i)
		return 0;
	if (c->tap_open)
		c->tap_open = c->tap->cut(c->tap_ud);
	dfl_map_unit(&t->map, (uint32_t)t->len, pos, unit, DFL_ENC_UESCAPE, c->enc_pre);
	c->enc_pre = 0;
	t->len = (size_t)(out - t->data);
	return i;
}
