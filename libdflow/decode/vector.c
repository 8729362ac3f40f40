// SPDX-License-Identifier: Apache-2.0
/*
 * Reads embedding vectors in their forms and spells them.
 *
 * The same vector is JSON numbers from the vendor, base64 of 4-byte floats from OpenAI's library,
 * base64 of 8-byte floats in Redis, a pickled list in Postgres, "[0.1,…]" in pgvector, and some of
 * them are normalised to length 1 on the way. So components are divided by the length and rounded.
 */
#include "decode/vector.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/emit.h"

/* By the first byte: '[' numbers, '\\' hex of a bytea, else base64. */
enum form { UNKNOWN, NUMBERS, BASE64, HEX };
enum pickle { OPCODE, NUMBER, SKIP };

/* What a list of floats is made of in the pickle protocol (CPython: Lib/pickletools.py). */
enum {
	PROTO = 0x80,	/* a byte follows */
	FRAME = 0x95,	/* eight bytes follow */
	BINFLOAT = 'G', /* a big-endian double follows */
	EMPTY_LIST = ']',
	MEMOIZE = 0x94,
	MARK = '(',
	APPENDS = 'e',
	STOP = '.',
};

void dfl_vector_init(struct dfl_vector *v, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		     enum dfl_dir dir, const char *place, uint8_t width)
{
	memset(v, 0, sizeof(*v));
	v->ctx = ctx;
	v->op = op;
	v->dir = dir;
	v->place = place;
	v->width = width;
}

void dfl_vector_reset(struct dfl_vector *v)
{
	dfl_vector_init(v, v->ctx, v->op, v->dir, v->place, v->width);
}

void dfl_vector_spoil(struct dfl_vector *v)
{
	v->bad = true;
}

void dfl_vector_add(struct dfl_vector *v, double x, uint64_t pos, uint64_t pos_to)
{
	if (!v->n)
		v->pos_from = pos;
	v->pos_to = pos_to;
	if (!isfinite(x) || v->n == UINT32_MAX) {
		v->bad = true;
		return;
	}
	if (v->n < DFL_VECTOR_SPELT)
		v->first[v->n] = x;
	v->n++;
	v->squares += x * x;
}

/* A number of the text is complete. */
static void word_end(struct dfl_vector *v, uint64_t end)
{
	char *rest;
	double x;

	if (!v->word_len)
		return;
	v->word[v->word_len] = 0;
	x = strtod(v->word, &rest);
	v->bad |= *rest || v->word_len == DFL_VECTOR_WORD - 1;
	dfl_vector_add(v, x, v->word_pos, end);
	v->word_len = 0;
}

static void number_byte(struct dfl_vector *v, uint8_t c, uint64_t pos)
{
	if (c == ',' || c == ']' || c == ' ' || c == '\n') {
		word_end(v, pos);
		return;
	}
	if (c == '[' || v->word_len == DFL_VECTOR_WORD - 1)
		return;
	if (!v->word_len)
		v->word_pos = pos;
	v->word[v->word_len++] = (char)c;
}

/* The bytes of floats as numpy's tobytes() gives them on all machines of today. */
static void float_byte(struct dfl_vector *v, uint8_t c, uint64_t pos, uint64_t end)
{
	union {
		uint8_t byte[8];
		float f;
		double d;
	} u;

	v->raw[v->n_raw++] = c;
	if (v->n_raw < v->width)
		return;
	v->n_raw = 0;
	memcpy(u.byte, v->raw, sizeof(u.byte));
	dfl_vector_add(v, v->width == 4 ? (double)u.f : u.d, pos, end);
}

/* What follows in the pickle. An opcode that no list of floats has spoils it. */
static void opcode(struct dfl_vector *v, uint8_t c)
{
	switch (c) {
	case BINFLOAT:
		v->state = NUMBER;
		break;
	case PROTO:
	case FRAME:
		v->state = SKIP;
		v->skip = c == PROTO ? 1 : 8;
		break;
	case EMPTY_LIST:
	case MEMOIZE:
	case MARK:
	case APPENDS:
	case STOP:
		break;
	default:
		v->bad = true;
	}
}

static void pickle_byte(struct dfl_vector *v, uint8_t c, uint64_t pos, uint64_t end)
{
	union {
		uint64_t n;
		double d;
	} u;

	if (v->state == OPCODE) {
		opcode(v, c);
	} else if (v->state == SKIP) {
		if (!--v->skip)
			v->state = OPCODE;
	} else {
		v->raw[v->n_raw++] = c;
		if (v->n_raw < 8)
			return;
		memcpy(&u.n, v->raw, 8);
		u.n = be64toh(u.n);
		v->n_raw = 0;
		v->state = OPCODE;
		dfl_vector_add(v, u.d, pos, end);
	}
}

static void hex_byte(struct dfl_vector *v, uint8_t c, uint64_t pos, uint64_t end)
{
	int x = dfl_hex_digit(c);
	uint8_t byte;

	if (x < 0) {
		v->bad |= c != '\\' && c != 'x';
		return;
	}
	if (dfl_digits_add(&v->digits, x, DFL_HEX_BITS, &byte))
		pickle_byte(v, byte, pos, end);
}

static void base64_byte(struct dfl_vector *v, uint8_t c, uint64_t pos, uint64_t end)
{
	int x = dfl_base64_digit(c);
	uint8_t byte;

	if (x < 0) {
		v->bad |= c != '=';
		return;
	}
	if (dfl_digits_add(&v->digits, x, DFL_BASE64_BITS, &byte))
		float_byte(v, byte, pos, end);
}

void dfl_vector_text(struct dfl_vector *v, const struct dfl_slice *s)
{
	for (size_t i = 0; i < s->len && !v->bad; i++) {
		uint64_t pos = dfl_slice_pos(s, i), end = dfl_slice_end(s, i);
		uint8_t c = s->data[i];

		if (v->form == UNKNOWN)
			v->form = c == '[' ? NUMBERS : c == '\\' ? HEX : BASE64;
		if (v->form == NUMBERS)
			number_byte(v, c, pos);
		else if (v->form == HEX)
			hex_byte(v, c, pos, end);
		else
			base64_byte(v, c, pos, end);
	}
}

/*
 * Four hex digits for a component: what it is of the vector's length, in 1/32767, as two's
 * complement. |x| <= length, so the result fits 16 bits. All forms of one vector agree in that,
 * whatever their precision: a float has 24 bits, this needs 16.
 */
static void spell(const struct dfl_vector *v, char ret_text[static 4 * DFL_VECTOR_SPELT + 1])
{
	double length = sqrt(v->squares);
	uint32_t n = v->n < DFL_VECTOR_SPELT ? v->n : DFL_VECTOR_SPELT;

	for (uint32_t i = 0; i < n; i++)
		snprintf(ret_text + 4 * i, 5, "%04x",
			 (uint16_t)lrint(v->first[i] / length * INT16_MAX));
}

/* Puts the spelling into a new view. Its positions are those of the whole text of the vector. */
static void emit(struct dfl_vector *v, const struct dfl_chunk *from)
{
	const struct dfl_view_desc d = {
		.place = v->place, .dir = v->dir, .layer = v->ctx->layer, .derives = "embedding"
	};
	char text[4 * DFL_VECTOR_SPELT + 1];
	struct dfl_slice s = { (const uint8_t *)text, 0, v->pos_from, v->pos_to - v->pos_from };
	struct dfl_view *view;

	spell(v, text);
	s.len = strlen(text);
	if (s.len == s.pos_len) /* it is not byte for byte, so it must not look so: slice.h */
		s.pos_len--;
	view = v->ctx->sink->view_open(v->ctx->sink->ud, v->ctx->conn, v->op, &d);
	dfl_put_view(v->ctx, view, &s, from);
	dfl_close_view(v->ctx, &view);
	explicit_bzero(text, sizeof(text));
}

void dfl_vector_done(struct dfl_vector *v, const struct dfl_chunk *from)
{
	if (!v->bad && !v->n_raw && v->n >= DFL_VECTOR_MIN && v->squares > 0 &&
	    isfinite(v->squares))
		emit(v, from);
	dfl_vector_reset(v);
}
