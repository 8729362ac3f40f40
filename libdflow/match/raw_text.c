// SPDX-License-Identifier: Apache-2.0
/*
 * Raw look-back. Which bytes are still there depends on how many came, not on how they were split:
 * of `total` bytes, those from first_kept(total) on.
 */
#include "match/raw_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP 512

/* In steps, so that what stays is moved to the front only once in a step. */
static uint64_t first_kept(uint64_t total)
{
	return total <= 2 * DFL_RAW_KEPT ? 0 : (total / DFL_RAW_KEPT - 1) * DFL_RAW_KEPT;
}

/* Room for n more bytes: 2 * DFL_RAW_KEPT at most. A copy, not realloc, so that all is wiped. */
static int reserve(struct dfl_raw_text *t, size_t n)
{
	uint32_t cap = t->cap ? t->cap : MIN_CAP;
	uint8_t *data;

	while (cap < t->len + n)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (t->len) {
		memcpy(data, t->data, t->len);
		explicit_bzero(t->data, t->len);
	}
	free(t->data);
	t->data = data;
	t->cap = cap;
	return 0;
}

static int reserve_piece(struct dfl_raw_text *t)
{
	uint32_t cap = t->cap_pieces ? t->cap_pieces * 2 : 4;
	struct dfl_raw_piece *p;

	if (t->n_pieces < t->cap_pieces)
		return 0;
	p = reallocarray(t->pieces, cap, sizeof(*p));
	if (!p)
		return -ENOMEM;
	t->pieces = p;
	t->cap_pieces = cap;
	return 0;
}

/* What is left of a piece without its first n bytes. */
static void trim(struct dfl_raw_piece *p, uint64_t n)
{
	p->len -= n;
	if (p->linear) {
		p->pos += n;
		p->pos_len -= n;
	} else if (p->len == p->pos_len && p->len > 1) { /* not byte for byte: must not look so */
		p->pos_len--;
	}
}

/* Forgets the first n bytes, and gaps before them. */
static void drop(struct dfl_raw_text *t, uint32_t n)
{
	uint32_t left = n, i = 0;

	while (i < t->n_pieces && t->pieces[i].len <= left)
		left -= (uint32_t)t->pieces[i++].len;
	if (left)
		trim(&t->pieces[i], left);
	t->n_pieces -= i;
	memmove(t->pieces, t->pieces + i, t->n_pieces * sizeof(*t->pieces));
	memmove(t->data, t->data + n, t->len - n);
	explicit_bzero(t->data + t->len - n, n);
	t->len -= n;
	t->base += n;
}

static void put_piece(struct dfl_raw_text *t, struct dfl_raw_piece piece)
{
	struct dfl_raw_piece *last = t->n_pieces ? &t->pieces[t->n_pieces - 1] : NULL;

	if (last && last->len && piece.len && last->linear && piece.linear &&
	    last->ts_ns == piece.ts_ns && last->pos + last->pos_len == piece.pos) {
		last->len += piece.len;
		last->pos_len += piece.len;
		return;
	}
	t->pieces[t->n_pieces++] = piece;
}

int dfl_raw_text_add(struct dfl_raw_text *t, const uint8_t *data, size_t len, uint64_t pos,
		     uint64_t pos_len, uint64_t ts_ns)
{
	uint64_t end = t->base + t->len, first = first_kept(end + len);
	uint64_t skip = first > end ? first - end : 0;
	struct dfl_raw_piece piece = { pos, pos_len, ts_ns, len, pos_len == len };

	if (first > t->base && t->len)
		drop(t, first < end ? (uint32_t)(first - t->base) : t->len);
	if (reserve_piece(t) || reserve(t, (size_t)(len - skip)))
		return -ENOMEM;
	t->base += skip;
	if (skip)
		trim(&piece, skip);
	memcpy(t->data + t->len, data + skip, (size_t)piece.len);
	t->len += (uint32_t)piece.len;
	put_piece(t, piece);
	return 0;
}

int dfl_raw_text_gap(struct dfl_raw_text *t)
{
	bool again = t->n_pieces && !t->pieces[t->n_pieces - 1].len;

	if (again)
		return 0;
	if (reserve_piece(t))
		return -ENOMEM;
	put_piece(t, (struct dfl_raw_piece){ 0 });
	return 0;
}

void dfl_raw_text_clear(struct dfl_raw_text *t)
{
	if (t->len)
		explicit_bzero(t->data, t->len);
	t->len = t->n_pieces = 0;
	t->base = 0;
}

void dfl_raw_text_fini(struct dfl_raw_text *t)
{
	dfl_raw_text_clear(t);
	free(t->data);
	free(t->pieces);
	*t = (struct dfl_raw_text){ 0 };
}
