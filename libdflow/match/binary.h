/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary texts (an uploaded picture, PDF or office file) are looked for by their bytes. They are
 * cut into pieces where their content says so, so that a copy is cut at the same places wherever it
 * stands. Each piece is spelt as a word of letters that stands for its hash. Words are text: they
 * are sources and views as all other text is, and the rest of the library need not know.
 *
 * A piece ends behind a byte at which the gear hash of the last 64 bytes has eight zeros on top
 * (content-defined chunking: Xia et al., FastCDC, USENIX ATC 2016), but not before
 * DFL_PIECE_MIN and at the latest after DFL_PIECE_MAX bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DFL_PIECE_MIN = 128,
	DFL_PIECE_MAX = 1024,
	DFL_PIECE_LETTERS = 16,			/* canonical bytes of a word */
	DFL_PIECE_WORD = DFL_PIECE_LETTERS + 2, /* two full stops, so that it is no base64 */
};

/* The pieces of all binary texts that are looked for. One thread at a time. */
struct dfl_pieces {
	struct dfl_piece *by_hash;
	unsigned texts;
};

void dfl_pieces_fini(struct dfl_pieces *p);

/* ---- a binary text that is looked for ---- */

struct dfl_binary_text;

/*
 * Called for each piece: the word, or len 0 for a piece that says nothing (a run of one byte), and
 * how many bytes it stands for. Returns 0, or an error that ends the text there.
 */
typedef int (*dfl_word_fn)(void *ud, const char *word, size_t len, size_t piece_bytes);

/* NULL without memory. pieces must outlive it. */
struct dfl_binary_text *dfl_binary_text_new(struct dfl_pieces *pieces);
/* 0, -ENOMEM, or what fn returned. */
int dfl_binary_text_feed(struct dfl_binary_text *t, const void *data, size_t len, dfl_word_fn fn,
			 void *ud);
/* No more comes: the last piece ends. As above. */
int dfl_binary_text_end(struct dfl_binary_text *t, dfl_word_fn fn, void *ud);
/* Its pieces are not looked for any more. NULL is fine. */
void dfl_binary_text_free(struct dfl_binary_text *t);

/* ---- bytes in which pieces are looked for ---- */

struct dfl_binary_scan;

struct dfl_binary_fns {
	/* A known piece stands at [pos, pos_to) of the stream. word: DFL_PIECE_WORD letters. */
	void (*word)(void *ud, const char *word, uint64_t pos, uint64_t pos_to);
	/* Bytes of no known piece, in their order. They stand between the words told. */
	void (*rest)(void *ud, const uint8_t *data, size_t len);
};

/* NULL without memory. pieces must outlive it. */
struct dfl_binary_scan *dfl_binary_scan_new(const struct dfl_pieces *pieces);
/* pos, pos_len: as in dfl_match_view_feed(). */
void dfl_binary_scan_feed(struct dfl_binary_scan *s, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, const struct dfl_binary_fns *fns, void *ud);
/* No more comes, or bytes are missing here: all that was held back is told. */
void dfl_binary_scan_end(struct dfl_binary_scan *s, const struct dfl_binary_fns *fns, void *ud);
/* Bytes that are held back, because it is not known yet whether they are a piece. */
size_t dfl_binary_scan_held(const struct dfl_binary_scan *s, const uint8_t **ret_data);
/* Wipes it. NULL is fine. */
void dfl_binary_scan_free(struct dfl_binary_scan *s);
