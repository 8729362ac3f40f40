/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What canon_loop.h wants to know of 64 bytes, by comparing them with ranges; HAVE_CLASSES: there
 * is a better way.
 */
#include <stdbool.h>
#include <stdint.h>

struct classes {
	uint64_t alnum, high;
	uint64_t escape;  /* one of % & \ */
	uint64_t run;	  /* alnum and + - / _ \ */
	uint64_t newline; /* CR LF */
	block more;	  /* for blanks() and loose() */
};

/* Leads; where one, two, three bytes after this one is a continuation byte. */
struct utf8 {
	uint64_t lead2, lead3, lead4;
	uint64_t cont1, cont2, cont3;
	/* Leads of characters that, if they are complete, are … */
	uint64_t drop;	  /* dropped for sure */
	uint64_t suspect; /* maybe dropped, or a surrogate */
};

#ifdef HAVE_CLASSES
#define EXACT_ESCAPES true /* escaping() says few that are none */
static inline struct classes classes(block b);
static inline uint64_t blanks(const struct classes *cl);
static inline uint64_t loose(const struct classes *cl);
static inline uint64_t escaping(const struct classes *cl, block b, const uint8_t *p);
static inline struct utf8 utf8(block b, const uint8_t *p);
#else
#define EXACT_ESCAPES false
static inline struct classes classes(block b)
{
	uint64_t alnum = within(b, '0', '9') | within(lower(b), 'a', 'z');
	uint64_t slash = within(b, '\\', '\\');

	return (struct classes){
		.alnum = alnum,
		.high = within(b, 0x80, 0xff),
		.escape = within(b, '%', '&') | slash,
		.run = alnum | slash | within(b, '+', '+') | within(b, '-', '-') |
		       within(b, '/', '/') | within(b, '_', '_'),
		.newline = within(b, '\r', '\r') | within(b, '\n', '\n'),
		.more = b,
	};
}

/* Blanks and tabs. */
static inline uint64_t blanks(const struct classes *cl)
{
	return within(cl->more, ' ', ' ') | within(cl->more, '\t', '\t');
}

/* All that may be in a run. */
static inline uint64_t loose(const struct classes *cl)
{
	return cl->run | cl->newline | blanks(cl);
}

/*
 * Of the escapes, those with which the next two bytes (up to p + 65) may make one that yields
 * something, or drops a letter; or more.
 */
static inline uint64_t escaping(const struct classes *cl, block b, const uint8_t *p)
{
	return cl->escape;
}

/* Two-byte leads that may begin a dropped character. */
static inline uint64_t suspects2(block b, block second)
{
	uint64_t lead = within(b, 0xc2, 0xc2) | within(b, 0xd8, 0xd8) | within(b, 0xdb, 0xdc);

	return lead ? lead & (within(second, 0x80, 0xa0) | within(second, 0xad, 0xad)) : 0;
}

/* Three-byte ones; also overlong ones and surrogates. */
static inline uint64_t suspects3(block b, block second, const uint8_t *p, uint64_t lead3)
{
	uint64_t out = within(b, 0xe3, 0xe3) & within(second, 0x80, 0x80);

	if (out)
		out &= within(load64(p + 2), 0x80, 0x80);
	if (!(lead3 & ~within(b, 0xe3, 0xec)))
		return out;
	out |= within(b, 0xe0, 0xe0) & (within(second, 0x80, 0x9f) | within(second, 0xa2, 0xa3));
	out |= within(b, 0xe1, 0xe1) & (within(second, 0x9a, 0x9a) | within(second, 0xa0, 0xa0));
	out |= within(b, 0xe2, 0xe2) & within(second, 0x80, 0x81);
	out |= within(b, 0xed, 0xed) & within(second, 0xa0, 0xbf);
	out |= within(b, 0xef, 0xef) & (within(second, 0xbb, 0xbb) | within(second, 0xbf, 0xbf));
	return out;
}

static inline uint64_t suspects4(block b, block second)
{
	uint64_t out = within(b, 0xf0, 0xf0) &
		       (within(second, 0x80, 0x93) | within(second, 0x9b, 0x9d));

	out |= within(b, 0xf3, 0xf3) & within(second, 0xa0, 0xa0);
	out |= within(b, 0xf4, 0xf4) & within(second, 0x90, 0xbf);
	return out;
}

static inline bool is_cont(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

static inline struct utf8 utf8(block b, const uint8_t *p)
{
	uint64_t cont = within(b, 0x80, 0xbf), a = is_cont(p[64]), c = is_cont(p[65]),
		 d = is_cont(p[66]);
	struct utf8 u = {
		.lead2 = within(b, 0xc2, 0xdf),
		.lead3 = within(b, 0xe0, 0xef),
		.lead4 = within(b, 0xf0, 0xf4),
		.cont1 = cont >> 1 | a << 63,
		.cont2 = cont >> 2 | a << 62 | c << 63,
		.cont3 = cont >> 3 | a << 61 | c << 62 | d << 63,
	};
	block second = load64(p + 1);
	uint64_t three = u.lead3 & u.cont1 & u.cont2;

	if (u.lead2 & u.cont1)
		u.suspect = suspects2(b, second);
	if (three)
		u.suspect |= suspects3(b, second, p, three);
	if (u.lead4 & u.cont1 & u.cont2 & u.cont3)
		u.suspect |= suspects4(b, second);
	return u;
}
#endif
