// SPDX-License-Identifier: Apache-2.0
/* A slow, obviously correct canonical form and matcher. */
#include "match_ref.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "match/canon/chars.h"

/* A byte, or (cp) a code point, on its way; a list of them is rewritten in place. */
struct unit {
	uint64_t from, to;
	uint32_t v;
	bool cp;
	bool cut; /* does not join what is before it */
};

struct list {
	struct unit *u;
	size_t n;
	bool cut;   /* so will be the next one */
	size_t amp; /* an '&' ends what another one may have begun: entities begin here or later */
};

static void put(struct list *l, struct unit u)
{
	if (!u.cp && u.v == '&')
		l->amp = l->n;
	u.cut = l->cut;
	l->cut = false;
	l->u[l->n++] = u;
}

/* Replaces n units at i by one that stands for all of them. */
static void replace(struct list *l, size_t i, size_t n, uint32_t v, bool cp)
{
	l->u[i] = (struct unit){ l->u[i].from, l->u[i + n - 1].to, v, cp, l->u[i].cut };
	memmove(l->u + i + 1, l->u + i + n, (l->n - i - n) * sizeof(*l->u));
	l->n -= n - 1;
}

static bool is(const struct list *l, size_t i, uint32_t v)
{
	return i < l->n && !l->u[i].cp && l->u[i].v == v;
}

/* Value of n hex digits at i, or -1. */
static int64_t hex(const struct list *l, size_t i, size_t n)
{
	int64_t v = 0;

	for (size_t j = i; j < i + n; j++) {
		if (j >= l->n || l->u[j].cp || l->u[j].v > 0x7f || !isxdigit((int)l->u[j].v))
			return -1;
		v = v * 16 +
		    (isdigit((int)l->u[j].v) ? l->u[j].v - '0' : (l->u[j].v | 0x20) - 'a' + 10);
	}
	return v;
}

static void layer1(struct list *l)
{
	size_t i = 0;

	while (i < l->n) {
		int64_t v = is(l, i, '%') ? hex(l, i + 1, 2) : -1;

		if (v >= 0)
			replace(l, i, 3, (uint32_t)v, false); /* and read again */
		else
			i++;
	}
}

/* Does `out` end in an entity (its ';' included)? Returns its units and value. */
static size_t entity(const struct list *out, uint32_t *ret_v)
{
	static const char *const names[] = { "lt", "gt", "amp", "quot", "apos", "nbsp" };
	static const uint32_t values[] = { '<', '>', '&', '"', '\'', 0xa0 };
	char s[16], *end;
	size_t n, i;
	long v;

	for (n = 1; n < 11 && n < out->n && out->n - 1 - n >= out->amp; n++) {
		const struct unit *u = &out->u[out->n - 1 - n];

		if (u->cp || u->v > 0x7f)
			return 0;
		if (u->v == '&')
			break;
		if (!isalnum((int)u->v) && u->v != '#')
			return 0;
	}
	if (n == 11 || n >= out->n || out->n - 1 - n < out->amp)
		return 0;
	for (i = 0; i < n - 1; i++)
		s[i] = (char)out->u[out->n - n + i].v;
	s[n - 1] = 0;
	for (i = 0; i < 6; i++)
		if (!strcmp(s, names[i])) {
			*ret_v = values[i];
			return n + 1;
		}
	if (s[0] != '#')
		return 0;
	if ((s[1] | 0x20) == 'x' && isxdigit((unsigned char)s[2]) && (s[3] | 0x20) != 'x')
		v = strtol(s + 2, &end, 16);
	else if (isdigit((unsigned char)s[1]))
		v = strtol(s + 1, &end, 10);
	else
		return 0;
	if (*end)
		return 0;
	*ret_v = v > 0x10ffff ? 0x110000 : (uint32_t)v;
	return n + 1;
}

/* At a backslash: undoes the escape at i of the input; appends what it gives, if not re-read. */
static size_t backslash(struct list *in, size_t i, struct list *out)
{
	size_t run = 0, want;
	int64_t v = -1;

	while (is(in, i + run, '\\'))
		run++;
	if (i + run == in->n)
		return in->n;
	want = is(in, i + run, 'u') ? 4 : is(in, i + run, 'U') ? 8 : is(in, i + run, 'x') ? 2 : 0;
	if (want)
		v = hex(in, i + run + 1, want);
	if (v >= 0) {
		/* A byte from \x, ASCII from all: read again where it stands. */
		replace(in, i, run + 1 + want, (uint32_t)v, want != 2 && v >= 0x80);
		return i;
	}
	out->cut = true;
	i += run;
	if (!in->u[i].cp && in->u[i].v && in->u[i].v < 0x80 && strchr("nrtbf", (int)in->u[i].v))
		return i + 1;
	put(out, in->u[i]);
	return i + 1;
}

static void layer2(struct list *in, struct list *out)
{
	size_t i = 0;

	while (i < in->n) {
		uint32_t v;
		size_t n;
		bool semicolon = is(in, i, ';');

		if (is(in, i, '\\')) {
			semicolon = false;
			i = backslash(in, i, out);
			if (i && out->n && is(out, out->n - 1, ';') &&
			    out->u[out->n - 1].to == in->u[i - 1].to)
				semicolon = true;
		} else {
			put(out, in->u[i++]);
		}
		if (!semicolon || !(n = entity(out, &v)))
			continue;
		out->n -= n;
		out->amp = out->n;
		out->cut |= out->u[out->n].cut;
		/* What it yields is read again: put it back in front of the rest. */
		in->u[--i] = (struct unit){ out->u[out->n].from, out->u[out->n + n - 1].to, v,
					    v >= 0x80, false };
	}
}

/* A whole UTF-8 character (surrogates included) at i: its length, or 0. */
static size_t utf8(const struct list *l, size_t i, uint32_t *ret_cp)
{
	uint32_t b = l->u[i].v, cp;
	size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (b < 0xc0 || b > 0xf7 || i + n > l->n)
		return 0;
	cp = b & (0x7f >> n);
	for (size_t j = i + 1; j < i + n; j++) {
		if (l->u[j].cp || l->u[j].cut || (l->u[j].v & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (l->u[j].v & 0x3f);
	}
	*ret_cp = cp;
	return cp < least[n] || cp > 0x10ffff ? 0 : n;
}

/* Bytes become code points; malformed ones 0x110000, so that nothing pairs across them. */
static void decode(struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		uint32_t cp;
		size_t n;

		if (l->u[i].cp)
			continue;
		if (l->u[i].v < 0x80) {
			l->u[i].cp = true;
			continue;
		}
		n = utf8(l, i, &cp);
		replace(l, i, n ? n : 1, n ? cp : 0x110000, true);
	}
}

static bool surrogate(uint32_t v, uint32_t which)
{
	return (v & ~0x3ffu) == which;
}

static void pair(struct list *l)
{
	for (size_t i = 0; i + 1 < l->n; i++)
		if (surrogate(l->u[i].v, 0xd800) && surrogate(l->u[i + 1].v, 0xdc00) &&
		    !l->u[i + 1].cut)
			replace(l, i, 2,
				0x10000 + ((l->u[i].v - 0xd800) << 10) + (l->u[i + 1].v - 0xdc00),
				true);
}

static size_t encode(uint32_t cp, uint8_t out[4])
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; cp >>= 6)
		out[i] = (uint8_t)(0x80 | (cp & 0x3f));
	out[0] = (uint8_t)(lead[n] | cp);
	return n;
}

static void emit(const struct unit *u, struct ref_text *t)
{
	uint8_t b[4];
	size_t n = encode(u->v, b);
	bool linear = u->to - u->from == n;

	for (size_t i = 0; i < n; i++)
		t->b[t->n++] = (struct ref_byte){ linear ? u->from + i : u->from,
						  linear ? u->from + i + 1 : u->to, b[i] };
}

static struct list layers(const uint8_t *data, size_t len)
{
	struct list in = { calloc(len + 1, sizeof(struct unit)), 0, false, 0 };
	struct list out = { calloc(len + 1, sizeof(struct unit)), 0, false, 0 };

	for (size_t i = 0; i < len; i++)
		put(&in, (struct unit){ i, i + 1, data[i], false, false });
	layer1(&in);
	layer2(&in, &out);
	free(in.u);
	return out;
}

void ref_canon(const uint8_t *data, size_t len, struct ref_text *ret)
{
	struct list l = layers(data, len);

	decode(&l);
	pair(&l);
	*ret = (struct ref_text){ calloc(4 * len + 4, sizeof(struct ref_byte)), 0 };
	for (size_t i = 0; i < l.n; i++)
		if (l.u[i].v <= 0x10ffff && (l.u[i].v & ~0x7ffu) != 0xd800 && !dfl_drops(l.u[i].v))
			emit(&l.u[i], ret);
	free(l.u);
}

void ref_layers(const uint8_t *data, size_t len, struct ref_text *ret)
{
	struct list l = layers(data, len);

	*ret = (struct ref_text){ calloc(4 * len + 4, sizeof(struct ref_byte)), 0 };
	for (size_t i = 0; i < l.n; i++) {
		if (l.u[i].cp)
			emit(&l.u[i], ret);
		else
			ret->b[ret->n++] = (struct ref_byte){ l.u[i].from, l.u[i].to,
							      (uint8_t)l.u[i].v };
	}
	free(l.u);
}

/* ---- matching ---- */

static size_t common(const struct ref_text *v, size_t i, const struct ref_text *s, size_t j)
{
	size_t n = 0;

	while (i + n < v->n && j + n < s->n && v->b[i + n].c == s->b[j + n].c)
		n++;
	return n;
}

static bool is_free(const struct ref_run *runs, size_t n, size_t from, size_t to)
{
	for (size_t i = 0; i < n; i++)
		if (runs[i].source_from < to &&
		    from < runs[i].source_from + (runs[i].to - runs[i].from))
			return false;
	return true;
}

/* Leftmost free place of view bytes [i, i + len) in the source; else the leftmost. */
static size_t place(const struct ref_text *v, const struct ref_text *s, size_t i, size_t len,
		    const struct ref_run *runs, size_t n)
{
	size_t leftmost = SIZE_MAX;

	for (size_t j = 0; j + len <= s->n; j++) {
		if (common(v, i, s, j) < len)
			continue;
		if (is_free(runs, n, j, j + len))
			return j;
		if (leftmost == SIZE_MAX)
			leftmost = j;
	}
	return leftmost;
}

static bool continuation(const struct ref_text *t, size_t i)
{
	return i < t->n && (t->b[i].c & 0xc0) == 0x80;
}

/* Drops what is short, or part of another one now. */
static size_t drop_parts(struct ref_run *runs, size_t n, size_t min)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool part = runs[i].to - runs[i].from < min;

		for (size_t j = 0; j < n && !part; j++)
			part = j != i && runs[j].from <= runs[i].from && runs[j].to >= runs[i].to &&
			       (j < i || runs[j].from != runs[i].from || runs[j].to != runs[i].to);
		if (!part)
			runs[n + kept++] = runs[i];
	}
	memmove(runs, runs + n, kept * sizeof(*runs));
	return kept;
}

size_t ref_match(const struct ref_text *view, const struct ref_text *source, size_t min,
		 struct ref_run **ret_runs)
{
	struct ref_run *runs = calloc(2 * view->n + 1, sizeof(*runs));
	size_t n = 0, before = 0;

	for (size_t i = 0; i < view->n; i++) {
		size_t best = 0;

		for (size_t j = 0; j < source->n; j++) {
			size_t c = common(view, i, source, j);

			best = c > best ? c : best;
		}
		/* Not part of one that began before? */
		if (i + best > before) {
			before = i + best;
			runs[n++] = (struct ref_run){ i, i + best, 0 };
		}
	}
	for (size_t i = 0; i < n; i++) {
		/* Whole characters only. */
		while (runs[i].from < runs[i].to && continuation(view, runs[i].from))
			runs[i].from++;
		while (runs[i].to > runs[i].from && continuation(view, runs[i].to))
			runs[i].to--;
	}
	n = drop_parts(runs, n, min);
	for (size_t i = 0; i < n; i++)
		runs[i].source_from = place(view, source, runs[i].from, runs[i].to - runs[i].from,
					    runs, i);
	*ret_runs = runs;
	return n;
}
