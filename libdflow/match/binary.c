// SPDX-License-Identifier: Apache-2.0
/* Binary texts: cut into pieces by their content, and each piece spelt as a word of its hash. */
#include "match/binary.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A piece of a text that is looked for, and what stands beside it there. 0: nothing does. */
struct dfl_piece {
	uint64_t hash;
	uint64_t before, after; /* hashes of its neighbours … */
	uint32_t before_len, after_len;
	uint32_t refs; /* how often it stands in texts */
	UT_hash_handle hh;
};

/* ---- cutting ---- */

/* A step of the gear hash. The byte's own value is spread by a multiplication (Knuth). */
static inline uint64_t gear(uint64_t h, uint8_t b)
{
	return (h << 1) + (uint64_t)(b + 1) * 0x9e3779b97f4a7c15ull;
}

/* Does a piece of len bytes end here? One of 256 places does. */
static inline bool is_cut(uint64_t h, size_t len)
{
	return (len >= DFL_PIECE_MIN && !(h >> 56)) || len == DFL_PIECE_MAX;
}

/*
 * SipHash-2-4. The key is no secret: words stay in memory, and a replay must give the same ones.
 * Who makes two pieces of one hash makes them both, and gains nothing. Never 0.
 */
static uint64_t hash_of(const uint8_t *data, size_t len)
{
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "dflow pieces v1";
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t h;

	crypto_shorthash(out, data, len, key);
	memcpy(&h, out, sizeof(h));
	return h ?: 1;
}

/* One byte over and over says nothing: such pieces stand everywhere. */
static bool says_nothing(const uint8_t *data, size_t len)
{
	return len < 2 || !memcmp(data, data + 1, len - 1);
}

static void spell(uint64_t hash, char word[static DFL_PIECE_WORD])
{
	for (unsigned i = 0; i < DFL_PIECE_LETTERS; i++, hash >>= 4) {
		*word++ = (char)('a' + (hash & 15));
		if (i % 8 == 7)
			*word++ = '.';
	}
}

/* ---- the table ---- */

static struct dfl_piece *find(const struct dfl_pieces *p, uint64_t hash)
{
	struct dfl_piece *at;

	HASH_FIND(hh, p->by_hash, &hash, sizeof(hash), at);
	return at;
}

/* NULL without memory. */
static struct dfl_piece *add(struct dfl_pieces *p, uint64_t hash)
{
	struct dfl_piece *at = find(p, hash);

	if (!at) {
		at = calloc(1, sizeof(*at));
		if (!at)
			return NULL;
		at->hash = hash;
		HASH_ADD(hh, p->by_hash, hash, sizeof(hash), at);
		if (!DFL_HASHED(hh, at)) {
			free(at);
			return NULL;
		}
	}
	at->refs++;
	return at;
}

static void drop(struct dfl_pieces *p, uint64_t hash)
{
	struct dfl_piece *at = find(p, hash);

	if (!at || --at->refs)
		return;
	HASH_DELETE(hh, p->by_hash, at);
	free(at);
}

void dfl_pieces_fini(struct dfl_pieces *p)
{
	struct dfl_piece *at, *tmp;

	HASH_ITER(hh, p->by_hash, at, tmp)
	{
		HASH_DELETE(hh, p->by_hash, at);
		free(at);
	}
}

/* ---- a text ---- */

struct dfl_binary_text {
	struct dfl_pieces *pieces;
	uint64_t gear;
	uint64_t *hashes; /* of the pieces so far */
	size_t n_hashes, cap_hashes;
	uint32_t last_len; /* of the newest piece; 0: it is not in the table */
	size_t n;
	uint8_t data[DFL_PIECE_MAX]; /* of the piece that goes on */
};

struct dfl_binary_text *dfl_binary_text_new(struct dfl_pieces *pieces)
{
	struct dfl_binary_text *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->pieces = pieces;
	pieces->texts++;
	return t;
}

static int reserve_hash(struct dfl_binary_text *t)
{
	size_t cap = t->cap_hashes ? t->cap_hashes * 2 : 16;
	uint64_t *p;

	if (t->n_hashes < t->cap_hashes)
		return 0;
	p = reallocarray(t->hashes, cap, sizeof(*p));
	if (!p)
		return -ENOMEM;
	t->hashes = p;
	t->cap_hashes = cap;
	return 0;
}

/* Puts the piece in the table, and tells it and the one before it that they are neighbours. */
static int learn(struct dfl_binary_text *t, uint64_t hash)
{
	struct dfl_piece *at, *before;
	int r = reserve_hash(t);

	if (r)
		return r;
	at = add(t->pieces, hash);
	if (!at)
		return -ENOMEM;
	before = t->last_len ? find(t->pieces, t->hashes[t->n_hashes - 1]) : NULL;
	if (before && !at->before_len) {
		at->before = before->hash;
		at->before_len = t->last_len;
	}
	if (before && !before->after_len) {
		before->after = hash;
		before->after_len = (uint32_t)t->n;
	}
	t->hashes[t->n_hashes++] = hash;
	t->last_len = (uint32_t)t->n;
	return 0;
}

static int text_piece(struct dfl_binary_text *t, dfl_word_fn fn, void *ud)
{
	char word[DFL_PIECE_WORD];
	size_t n = t->n;
	uint64_t hash;
	int r;

	if (says_nothing(t->data, n)) {
		t->n = 0;
		t->last_len = 0;
		return fn(ud, NULL, 0, n);
	}
	hash = hash_of(t->data, n);
	r = learn(t, hash);
	t->n = 0;
	if (r)
		return r;
	spell(hash, word);
	return fn(ud, word, sizeof(word), n);
}

int dfl_binary_text_feed(struct dfl_binary_text *t, const void *data, size_t len, dfl_word_fn fn,
			 void *ud)
{
	const uint8_t *p = data;
	int r = 0;

	for (size_t i = 0; i < len && !r; i++) {
		t->data[t->n++] = p[i];
		t->gear = gear(t->gear, p[i]);
		if (is_cut(t->gear, t->n))
			r = text_piece(t, fn, ud);
	}
	return r;
}

int dfl_binary_text_end(struct dfl_binary_text *t, dfl_word_fn fn, void *ud)
{
	return t->n ? text_piece(t, fn, ud) : 0;
}

void dfl_binary_text_free(struct dfl_binary_text *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_hashes; i++)
		drop(t->pieces, t->hashes[i]);
	t->pieces->texts--;
	free(t->hashes);
	explicit_bzero(t, sizeof(*t));
	free(t);
}

/* ---- bytes in which pieces are looked for ---- */

/*
 * A copy that begins in the middle of other bytes is not cut where its first piece begins, nor
 * where its last one ends. So the bytes before a piece that is known are kept a while, to find the
 * one before it there; and behind one, the next is looked for where it would end.
 */
struct dfl_binary_scan {
	const struct dfl_pieces *pieces;
	uint64_t gear;
	uint64_t after; /* the piece that follows the last one, if the copy goes on … */
	uint32_t after_len;
	uint32_t held; /* bytes of no piece, at the front of data; at most DFL_PIECE_MAX … */
	uint32_t n;    /* … and behind them those of the piece that goes on */
	uint64_t held_pos, pos, pos_to; /* where these two begin, and where the last byte ends */
	uint8_t data[2 * DFL_PIECE_MAX];
};

struct dfl_binary_scan *dfl_binary_scan_new(const struct dfl_pieces *pieces)
{
	struct dfl_binary_scan *s = calloc(1, sizeof(*s));

	if (s)
		s->pieces = pieces;
	return s;
}

static void rest(struct dfl_binary_scan *s, size_t from, size_t n, const struct dfl_binary_fns *fns,
		 void *ud)
{
	if (n)
		fns->rest(ud, s->data + from, n);
}

static void word(uint64_t hash, uint64_t pos, uint64_t pos_to, const struct dfl_binary_fns *fns,
		 void *ud)
{
	char letters[DFL_PIECE_WORD];

	spell(hash, letters);
	fns->word(ud, letters, pos, pos_to);
}

/* Tells what is held back. It may end with the piece that comes before `at`. */
static void tell_held(struct dfl_binary_scan *s, const struct dfl_piece *at,
		      const struct dfl_binary_fns *fns, void *ud)
{
	uint32_t n = at->before_len;
	bool linear = s->pos - s->held_pos == s->held;

	if (n && n <= s->held && hash_of(s->data + s->held - n, n) == at->before) {
		rest(s, 0, s->held - n, fns, ud);
		word(at->before, linear ? s->pos - n : s->held_pos, s->pos, fns, ud);
	} else {
		rest(s, 0, s->held, fns, ud);
	}
	s->held = 0;
}

/* The piece that goes on ends here, and is of no text. Its bytes are held back in their turn. */
static void hold(struct dfl_binary_scan *s, const struct dfl_binary_fns *fns, void *ud)
{
	uint32_t all = s->held + s->n, over;

	if (!s->held)
		s->held_pos = s->pos;
	over = all > DFL_PIECE_MAX ? all - DFL_PIECE_MAX : 0;
	rest(s, 0, over, fns, ud);
	memmove(s->data, s->data + over, all - over);
	/* Where positions are no line, all of what is held counts as at its beginning. */
	if (s->pos_to - s->held_pos == all)
		s->held_pos += over;
	s->held = all - over;
	s->n = 0;
}

static void scan_piece(struct dfl_binary_scan *s, const struct dfl_binary_fns *fns, void *ud)
{
	const uint8_t *data = s->data + s->held;
	const struct dfl_piece *at = NULL;

	if (!says_nothing(data, s->n))
		at = find(s->pieces, hash_of(data, s->n));
	s->after_len = 0;
	if (!at) {
		hold(s, fns, ud);
		return;
	}
	tell_held(s, at, fns, ud);
	word(at->hash, s->pos, s->pos_to, fns, ud);
	s->after = at->after;
	s->after_len = at->after_len;
	s->n = 0;
}

static bool is_expected(const struct dfl_binary_scan *s)
{
	return s->n == s->after_len && hash_of(s->data + s->held, s->n) == s->after;
}

void dfl_binary_scan_feed(struct dfl_binary_scan *s, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, const struct dfl_binary_fns *fns, void *ud)
{
	const uint8_t *p = data;
	bool linear = pos_len == len;

	for (size_t i = 0; i < len; i++) {
		if (!s->n)
			s->pos = linear ? pos + i : pos;
		s->data[s->held + s->n++] = p[i];
		s->pos_to = linear ? pos + i + 1 : pos + pos_len;
		s->gear = gear(s->gear, p[i]);
		if (is_cut(s->gear, s->n) || is_expected(s))
			scan_piece(s, fns, ud);
	}
}

void dfl_binary_scan_end(struct dfl_binary_scan *s, const struct dfl_binary_fns *fns, void *ud)
{
	if (s->n)
		scan_piece(s, fns, ud);
	rest(s, 0, s->held, fns, ud);
	s->held = 0;
	s->after_len = 0;
	s->gear = 0;
}

size_t dfl_binary_scan_held(const struct dfl_binary_scan *s, const uint8_t **ret_data)
{
	*ret_data = s->data;
	return s->held + s->n;
}

void dfl_binary_scan_free(struct dfl_binary_scan *s)
{
	if (!s)
		return;
	explicit_bzero(s, sizeof(*s));
	free(s);
}
