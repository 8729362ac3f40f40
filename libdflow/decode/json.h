/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON tokenizer: tells where strings stand (by path) and hands out their unescaped
 * bytes with stream positions, however the text is split. It is not a validator: numbers and words
 * pass unchecked. Several documents may follow each other (JSON lines).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/slice.h"

#define DFL_JSON_DEPTH 64     /* deeper nesting is an error of the text */
#define DFL_JSON_WORD_MAX 47  /* kept of a number */
#define DFL_JSON_PATH_MAX 192 /* a longer path is reported as "?" */

/*
 * Paths: keys joined by dots, "[]" for any array element: "choices[].delta.content", "[].body". A
 * '.', '[' or control byte inside a key becomes '_'.
 */
struct dfl_json_ops {
	/*
	 * A string value begins. at: first byte after the quote, in (or just after) the slice fed.
	 */
	void (*str_begin)(void *ud, const char *path, const uint8_t *at);
	/* Its unescaped bytes; data may point into the slice fed. */
	void (*str_data)(void *ud, const struct dfl_slice *s);
	/* at: the closing quote. */
	void (*str_end)(void *ud, const uint8_t *at);
	/* A number or word, at stream positions [pos, end); cut at DFL_JSON_WORD_MAX. */
	void (*word)(void *ud, const char *path, const char *text, uint64_t pos, uint64_t end);
	/* path: of its elements. */
	void (*array_end)(void *ud, const char *path);
	/*
	 * An object or array that is a value begins with its bracket, at; ends before the byte at.
	 */
	void (*tree_begin)(void *ud, const char *path, const uint8_t *at);
	void (*tree_end)(void *ud, const uint8_t *at);
	/* An outermost value ended; at: the byte after it. */
	void (*doc_end)(void *ud, const uint8_t *at);
};

struct dfl_json {
	const struct dfl_json_ops *ops; /* members may be NULL */
	void *ud;
	uint8_t state;
	uint8_t depth;
	uint8_t is_key; /* the string being read is a key */
	uint8_t n_hex;
	uint64_t arrays;		   /* bit n: container n is an array */
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

void dfl_json_init(struct dfl_json *j, const struct dfl_json_ops *ops, void *ud);
/* Forgets a text that began, keeps ops. */
void dfl_json_reset(struct dfl_json *j);
/* Returns false once the text is no JSON; then only reset helps. */
bool dfl_json_feed(struct dfl_json *j, const struct dfl_slice *s);
/* Inside a string value, or anywhere inside a document? */
bool dfl_json_in_doc(const struct dfl_json *j);
