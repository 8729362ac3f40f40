// SPDX-License-Identifier: Apache-2.0
/*
 * The canonical form, one byte after the other. This is what the form *is*: canon_loop.h takes
 * plain stretches out of its hands, and must give the same.
 *
 *   raw byte ─► layer1 (%XX) ─► layer2 (backslashes ─► entities) ─► plain_byte ─► UTF-8 ─►
 *   code_point (surrogates) ─► emit (drops, or writes the byte and where it came from)
 *
 * The file is in the reverse order. Each layer holds back what may still become an escape. What an
 * escape of layer 2 yields in ASCII goes to the front of layer 2 again (`yield`), so any depth of
 * JSON in JSON collapses in one pass.
 *
 * A byte travels with the raw bytes [from, to) it stands for, with what was undone to get it (enc),
 * and with what was undone just before it and gave nothing (pre).
 */
#include "match/canon/canon.h"

#include <string.h>

#include "base/encodings.h"
#include "match/canon/chars.h"

#define MIN_FAST 16 /* bytes for which the call of the fast way pays */

static void layer2(struct dfl_canon *c, struct dfl_ch ch);

void dfl_canon_init(struct dfl_canon *c, const struct dfl_simd *simd, struct dfl_text *text,
		    const struct dfl_canon_tap *tap, void *tap_ud)
{
	*c = (struct dfl_canon){ .text = text, .tap = tap, .tap_ud = tap_ud, .simd = simd };
}

/* ---- the last step: code points to canonical bytes ---- */

/* UTF-8 (RFC 3629) of a code point; returns how many bytes. */
static uint32_t encode(uint32_t cp, uint8_t out[4])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

/*
 * The end of the way: a code point that the form keeps is written, with its place in the map. The
 * map has a compact kind of segment for each of the three common cases: bytes as they are, \uXXXX
 * of three bytes each, and anything else.
 */
static void emit(struct dfl_canon *c, uint32_t cp, uint64_t from, uint64_t to, uint8_t enc)
{
	struct dfl_text *t = c->text;
	uint32_t at = (uint32_t)t->len, n;

	if (cp > 0x10ffff || dfl_drops(cp)) {
		c->enc_pre |= enc;
		return;
	}
	n = encode(cp, t->data + at);
	t->len += n;
	if (!enc && to - from == n)
		dfl_map_kept(&t->map, at, from, (1u << n) - 1, c->enc_pre);
	else if (n == 3 && enc & DFL_ENC_UESCAPE)
		dfl_map_unit(&t->map, at, from, to - from, enc, c->enc_pre);
	else
		dfl_map_span(&t->map, at, from, to, enc, c->enc_pre);
	c->enc_pre = 0;
}

/* Pairs surrogates; what has no partner is dropped. */
static void code_point(struct dfl_canon *c, uint32_t cp, uint64_t from, uint64_t to, uint8_t enc)
{
	uint32_t high = c->high;

	c->high = 0;
	if (cp >= 0xd800 && cp < 0xdc00) {
		c->high = cp;
		c->high_from = from;
		c->high_enc = enc;
		return;
	}
	if (cp >= 0xdc00 && cp < 0xe000) {
		if (high)
			emit(c, 0x10000 + ((high - 0xd800) << 10) + (cp - 0xdc00), c->high_from, to,
			     enc | c->high_enc);
		return;
	}
	emit(c, cp, from, to, enc);
}

/*
 * The first byte of a character. utf8_lo and utf8_hi are what the second may be (RFC 3629, section
 * 4: no overlong forms, nothing above U+10FFFF), but surrogates pass: two of them are CESU-8.
 */
static void utf8_start(struct dfl_canon *c, struct dfl_ch ch)
{
	uint8_t b = ch.c;

	c->utf8_lo = 0x80;
	c->utf8_hi = 0xbf;
	if (b >= 0xc2 && b <= 0xdf) {
		c->utf8_want = 1;
		c->utf8_cp = b & 0x1f;
	} else if (b >= 0xe0 && b <= 0xef) { /* surrogates pass: CESU-8 */
		c->utf8_want = 2;
		c->utf8_cp = b & 0x0f;
		if (b == 0xe0)
			c->utf8_lo = 0xa0;
	} else if (b >= 0xf0 && b <= 0xf4) {
		c->utf8_want = 3;
		c->utf8_cp = b & 0x07;
		if (b == 0xf0)
			c->utf8_lo = 0x90;
		else if (b == 0xf4)
			c->utf8_hi = 0x8f;
	} else {
		c->high = 0;
		return; /* malformed */
	}
	c->utf8_from = ch.from;
	c->utf8_enc = ch.enc;
}

/* A malformed character is dropped up to the byte that does not belong; that one is read anew. */
static void utf8_byte(struct dfl_canon *c, struct dfl_ch ch)
{
	if (c->utf8_want && (ch.c < c->utf8_lo || ch.c > c->utf8_hi)) {
		c->utf8_want = 0; /* malformed: what there was of it is dropped */
		c->high = 0;
	}
	if (!c->utf8_want) {
		if (ch.c < 0x80)
			code_point(c, ch.c, ch.from, ch.to, ch.enc);
		else
			utf8_start(c, ch);
		return;
	}
	c->utf8_lo = 0x80;
	c->utf8_hi = 0xbf;
	c->utf8_cp = c->utf8_cp << 6 | (ch.c & 0x3f);
	c->utf8_enc |= ch.enc;
	if (--c->utf8_want == 0)
		code_point(c, c->utf8_cp, c->utf8_from, ch.to, c->utf8_enc);
}

/* A byte that no layer reads any more. */
static void plain_byte(struct dfl_canon *c, struct dfl_ch ch)
{
	c->enc_pre |= ch.pre;
	if (c->tap)
		c->tap_open = c->tap->byte(c->tap_ud, ch);
	utf8_byte(c, ch);
}

/* The same for a code point above ASCII that an escape gave: it joins no bytes around it. */
static void plain_code_point(struct dfl_canon *c, uint32_t cp, struct dfl_ch ch)
{
	if (c->tap)
		c->tap_open = c->tap->cut(c->tap_ud);
	if (c->utf8_want)
		c->high = 0;
	c->utf8_want = 0;
	c->enc_pre |= ch.pre;
	code_point(c, cp, ch.from, ch.to, ch.enc);
}

/* ---- layer 2: entities ---- */

/* What was held back is no entity. */
static void entity_flush(struct dfl_canon *c)
{
	uint8_t n = c->n_ent;

	c->n_ent = 0;
	for (uint8_t i = 0; i < n; i++)
		plain_byte(c, c->ent[i]);
}

/* What an escape yields: ASCII is read again, the rest is text. */
static void yield(struct dfl_canon *c, uint32_t cp, struct dfl_ch ch)
{
	if (cp < 0x80) {
		ch.c = (uint8_t)cp;
		layer2(c, ch);
		return;
	}
	entity_flush(c);
	ch.pre |= c->bs_pre;
	c->bs_pre = 0;
	plain_code_point(c, cp, ch);
}

/* Digits of "#123" or "#x1F"; -1: none. Values that are no code point come out as 0x110000. */
static int64_t entity_number(const char *name, size_t len)
{
	size_t i = 1;
	uint32_t base = 10, v = 0;

	if (i < len && (name[i] | 0x20) == 'x') {
		base = 16;
		i++;
	}
	if (i == len)
		return -1;
	for (; i < len; i++) {
		int d = dfl_hex((uint8_t)name[i]);

		if (d < 0 || (uint32_t)d >= base)
			return -1;
		v = v * base + (uint32_t)d;
		if (v > 0x10ffff)
			v = 0x110000;
	}
	return v;
}

/* The code point of what stands between & and ;, or -1. */
static int64_t entity_value(const char *name, size_t len)
{
	static const struct {
		const char *name;
		uint32_t cp;
	} named[] = {
		{ "lt", '<' },	 { "gt", '>' },	   { "amp", '&' },
		{ "quot", '"' }, { "apos", '\'' }, { "nbsp", 0xa0 },
	};

	if (len && name[0] == '#')
		return entity_number(name, len);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strlen(named[i].name) == len && !memcmp(named[i].name, name, len))
			return named[i].cp;
	return -1;
}

/* A ';' came: is what was collected an entity? */
static bool entity_end(struct dfl_canon *c, struct dfl_ch ch)
{
	char name[DFL_CANON_ENTITY_MAX];
	uint8_t enc = ch.enc | DFL_ENC_ENTITY;
	int64_t cp;

	for (uint8_t i = 1; i < c->n_ent; i++) {
		name[i - 1] = (char)c->ent[i].c;
		enc |= c->ent[i].enc;
	}
	cp = entity_value(name, c->n_ent - 1u);
	if (cp < 0)
		return false;
	enc |= c->ent[0].enc;
	ch.from = c->ent[0].from;
	ch.pre = c->ent[0].pre;
	ch.enc = enc;
	c->n_ent = 0;
	yield(c, (uint32_t)cp, ch);
	return true;
}

/* A byte that backslashes have left. */
static void entity_byte(struct dfl_canon *c, struct dfl_ch ch)
{
	ch.pre |= c->bs_pre;
	c->bs_pre = 0;
	if (c->n_ent) {
		if (ch.c == ';' && entity_end(c, ch))
			return;
		if ((dfl_is_alnum(ch.c) || ch.c == '#') && c->n_ent < DFL_CANON_ENTITY_MAX) {
			c->ent[c->n_ent++] = ch;
			return;
		}
		entity_flush(c);
	}
	if (ch.c == '&')
		c->ent[c->n_ent++] = ch;
	else
		plain_byte(c, ch);
}

/* ---- layer 2: backslashes ---- */

/* \u, \U or \x without all their digits: the backslashes go, the rest is text. */
static void hex_flush(struct dfl_canon *c)
{
	uint8_t n = c->n_hex;

	if (n)
		c->bs_pre |= c->bs_enc | DFL_ENC_BACKSLASH;
	c->hex_want = 0;
	c->n_hex = 0;
	for (uint8_t i = 0; i < n; i++)
		entity_byte(c, c->hex[i]);
}

/* All digits are there. */
static void hex_end(struct dfl_canon *c, struct dfl_ch ch)
{
	uint8_t letter = c->hex[0].c;
	uint32_t v = 0;

	for (uint8_t i = 1; i < c->n_hex; i++) {
		v = v << 4 | (uint32_t)dfl_hex(c->hex[i].c);
		ch.enc |= c->hex[i].enc;
	}
	ch.enc |= c->bs_enc | (letter == 'u' ? DFL_ENC_UESCAPE : DFL_ENC_BACKSLASH);
	ch.from = c->bs_from;
	c->hex_want = 0;
	c->n_hex = 0;
	if (letter != 'x') {
		yield(c, v, ch);
		return;
	}
	if (v < 0x80) {
		yield(c, v, ch);
	} else {
		ch.c = (uint8_t)v;
		entity_byte(c, ch);
	}
	/* bytea is "\\x" and digits; an escaped '+', '/' or '=' rather belongs to base64. */
	if (c->tap && !strchr("+/=", (int)v))
		c->tap_open = c->tap->hex(c->tap_ud, c->hex[1], c->hex[2]);
}

/* A byte where a digit is wanted. */
static void hex_byte(struct dfl_canon *c, struct dfl_ch ch)
{
	if (dfl_hex(ch.c) < 0) {
		hex_flush(c);
		layer2(c, ch);
		return;
	}
	c->hex[c->n_hex++] = ch;
	if (c->n_hex == c->hex_want + 1)
		hex_end(c, ch);
}

/* The byte after one backslash or more. Another one joins the run: any number counts as one. */
static void after_backslash(struct dfl_canon *c, struct dfl_ch ch)
{
	if (ch.c == '\\') {
		c->bs_enc |= ch.enc;
		c->bs_pre |= ch.pre;
		return;
	}
	c->in_bs = false;
	c->hex_want = ch.c == 'u' ? 4 : ch.c == 'U' ? 8 : ch.c == 'x' ? 2 : 0;
	if (c->hex_want) {
		c->bs_enc |= ch.enc;
		c->hex[0] = ch;
		c->n_hex = 1;
		return;
	}
	c->bs_pre |= c->bs_enc | DFL_ENC_BACKSLASH;
	c->utf8_want = 0; /* characters do not join across backslashes that went */
	c->high = 0;
	if (ch.c && strchr("nrtbf", ch.c))
		return;
	entity_byte(c, ch);
}

/* The entry of layer 2, also for what an escape yields. */
static void layer2(struct dfl_canon *c, struct dfl_ch ch)
{
	if (c->hex_want) {
		hex_byte(c, ch);
	} else if (c->in_bs) {
		after_backslash(c, ch);
	} else if (ch.c == '\\') {
		c->in_bs = true;
		c->bs_from = ch.from;
		c->bs_enc = ch.enc;
		c->bs_pre |= ch.pre;
	} else {
		entity_byte(c, ch);
	}
}

/* ---- layer 1 ---- */

/* A % that begins no escape is given up for good: its bytes are not read by this layer again. */
static void pct_flush(struct dfl_canon *c)
{
	uint8_t n = c->n_pct;

	c->n_pct = 0;
	for (uint8_t i = 0; i < n; i++)
		layer2(c, c->pct[i]);
}

/*
 * At most "%X" is held back. When the second digit comes the byte takes their place, and is looked
 * at as if it had stood there: %2541 is %41 is A.
 */
static void layer1(struct dfl_canon *c, struct dfl_ch ch)
{
	int lo;

	if (c->n_pct) {
		lo = dfl_hex(ch.c);
		if (lo >= 0 && c->n_pct == 1) {
			c->pct[c->n_pct++] = ch;
			return;
		}
		if (lo >= 0) {
			ch.c = (uint8_t)(dfl_hex(c->pct[1].c) << 4 | lo);
			ch.from = c->pct[0].from;
			ch.enc |= c->pct[0].enc | c->pct[1].enc | DFL_ENC_PERCENT;
			c->n_pct = 0;
		} else {
			pct_flush(c);
		}
	}
	if (ch.c == '%')
		c->pct[c->n_pct++] = ch;
	else
		layer2(c, ch);
}

/* Is nothing held back, so that the next byte can be read on its own? */
static bool idle(const struct dfl_canon *c)
{
	return !(c->n_pct | c->in_bs | c->bs_pre | c->hex_want | c->n_ent | c->utf8_want) &&
	       !c->high;
}

static void feed_slow(struct dfl_canon *c, uint8_t b, uint64_t from, uint64_t to)
{
	layer1(c, (struct dfl_ch){ .c = b, .from = from, .to = to });
}

/* The slow way takes the byte at which the fast one stopped, and those until nothing is held back.
 */
void dfl_canon_feed(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos,
		    uint64_t pos_len)
{
	bool linear = pos_len == len;
	size_t i = 0;

	while (i < len) {
		if (linear && len - i >= MIN_FAST && idle(c)) {
			i += c->simd->canon(c, data + i, len - i, pos + i);
			if (i == len)
				return;
		}
		if (linear)
			feed_slow(c, data[i], pos + i, pos + i + 1);
		else
			feed_slow(c, data[i], pos, pos + pos_len);
		i++;
	}
}

void dfl_canon_flush(struct dfl_canon *c)
{
	pct_flush(c);
	hex_flush(c);
	c->in_bs = false;
	c->bs_pre = 0;
	entity_flush(c);
	c->utf8_want = 0;
	c->high = 0;
}
