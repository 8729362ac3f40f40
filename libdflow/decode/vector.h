/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads an embedding vector in the form in which it comes (JSON numbers, base64 of floats, a
 * pickled list in a bytea) and hands it on in one spelling, so that the matcher finds it again
 * (docs/canonical.md, "Vectors"). It allocates nothing; it gives its view to the sink at _done.
 */
#pragma once

#include "decode/decoder.h"
#include "decode/digits.h"
#include "decode/slice.h"

#define DFL_VECTOR_SPELT 64 /* first components, which are spelt; all count for the length */
#define DFL_VECTOR_MIN 16   /* fewer are no embedding */
#define DFL_VECTOR_WORD 48  /* longest number as text, with its NUL */

struct dfl_vector {
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	const char *place;
	/* the vector so far: its first components, how many there are, the sum of their squares */
	double first[DFL_VECTOR_SPELT];
	uint32_t n;
	double squares;
	uint64_t pos_from, pos_to; /* stream positions of its text */
	bool bad;		   /* it is none, or a part is missing */
	/* the reader of text */
	uint8_t form, state; /* enums of vector.c */
	uint8_t width;	     /* bytes of a float in base64: 4 or 8 */
	uint8_t n_raw;
	uint8_t skip; /* bytes of a pickle that say nothing */
	uint8_t raw[8];
	struct dfl_digits digits;
	uint8_t word_len;
	uint64_t word_pos;
	char word[DFL_VECTOR_WORD];
};

/*
 * place: of its view; NULL: the operation's. It must outlive the vector. width: bytes of a float,
 * 4 or 8, should the text be base64.
 */
void dfl_vector_init(struct dfl_vector *v, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		     enum dfl_dir dir, const char *place, uint8_t width);
/* Give it either component by component, x standing at [pos, pos_to) … */
void dfl_vector_add(struct dfl_vector *v, double x, uint64_t pos, uint64_t pos_to);
/* … or as text: the bytes of "[0.1, …]", of base64, of "\x8005…" (a pickle in hex). */
void dfl_vector_text(struct dfl_vector *v, const struct dfl_slice *s);
/* What was read so far is no vector, or a part of it is missing. */
void dfl_vector_spoil(struct dfl_vector *v);
/* Forgets what was read so far. */
void dfl_vector_reset(struct dfl_vector *v);
/*
 * It is complete. If it is a vector, its spelling goes into a view of its own. from: the piece of
 * the stream where it ended. The next one may begin.
 */
void dfl_vector_done(struct dfl_vector *v, const struct dfl_chunk *from);
