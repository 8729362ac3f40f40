/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON tokenizer (RFC 8259): tells where strings stand (by path) and hands out their
 * unescaped bytes with stream positions, however the text is split. It is no validator: numbers and
 * words pass unchecked. Documents may follow each other (JSON lines). It allocates nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/slice.h"

#define DFL_JSON_DEPTH 64     /* deeper nesting counts as an error: `arrays` has 64 bits */
#define DFL_JSON_WORD_MAX 47  /* kept of a number */
#define DFL_JSON_PATH_MAX 192 /* a longer path is reported as "?" */

/*
 * What the tokenizer calls; members may be NULL. path: keys joined by dots, "[]" for any element of
 * an array: "choices[].delta.content", "[].body". A '.', '[' or control byte inside a key becomes
 * '_'. It is borrowed for the call. at: points into the slice that is being fed, or just behind it.
 */
struct dfl_json_ops {
	/* A string value begins. at: the first byte after its quote. */
	void (*str_begin)(void *ud, const char *path, const uint8_t *at);
	/* Its unescaped bytes. They may point into the slice that is being fed. */
	void (*str_data)(void *ud, const struct dfl_slice *s);
	/* It ends. at: its closing quote. */
	void (*str_end)(void *ud, const uint8_t *at);
	/* A number or word, at stream positions [pos, end); cut at DFL_JSON_WORD_MAX. */
	void (*word)(void *ud, const char *path, const char *text, uint64_t pos, uint64_t end);
	/* An array ends. path: that of its elements. */
	void (*array_end)(void *ud, const char *path);
	/* An object or array begins with the bracket at; it ends before the byte at. */
	void (*tree_begin)(void *ud, const char *path, const uint8_t *at);
	void (*tree_end)(void *ud, const uint8_t *at);
	/* An outermost value ended; at: the byte after it. */
	void (*doc_end)(void *ud, const uint8_t *at);
};

struct dfl_json {
	const struct dfl_json_ops *ops;
	void *ud;
	uint8_t state;			   /* enum of json.c */
	uint8_t depth;			   /* open containers */
	uint8_t is_key;			   /* the string being read is a key */
	uint8_t n_hex;			   /* digits of \uXXXX so far */
	uint64_t arrays;		   /* bit n: container n is an array, else an object */
	uint16_t hex, high;		   /* high: pending high surrogate, 0 none */
	uint64_t esc_pos;		   /* where the escape (or its high surrogate) began */
	uint16_t mark[DFL_JSON_DEPTH + 1]; /* length of path at the containers */
	uint16_t path_len;
	uint8_t over; /* depth from which on the path did not fit, 0 none */
	uint8_t word_len;
	uint64_t word_pos, word_end;
	char word[DFL_JSON_WORD_MAX + 1];
	char path[DFL_JSON_PATH_MAX];
};

/* ud: given to the calls of ops. */
void dfl_json_init(struct dfl_json *j, const struct dfl_json_ops *ops, void *ud);
/* Forgets a document that began; ops and ud stay. */
void dfl_json_reset(struct dfl_json *j);
/* Returns false once the text is no JSON; then only reset helps. */
bool dfl_json_feed(struct dfl_json *j, const struct dfl_slice *s);
/* Has a document begun that is not over and not broken? */
bool dfl_json_in_doc(const struct dfl_json *j);
