/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that a trace is shown with: readers of the JSON document, and short texts made of it.
 *
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/terminal.h"

#define CELL 256 /* bytes; a longer text is cut */

struct cell {
	char text[CELL];
};

/* Readers of an object. What is absent or null is "", the value given, or false. */
const char *get_str(const json_t *o, const char *key);
int64_t get_num(const json_t *o, const char *key, int64_t if_null);
bool is_true(const json_t *o, const char *key);
/* True: the key is there and is true or false. */
bool is_known(const json_t *o, const char *key);
bool list_has(const json_t *list, const char *word);

/* Each adds to the text of the cell. */
void add(struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void add_list(struct cell *c, const json_t *list, const char *separator);
/* "answer", or how many of a kind: "4 chunks". */
void add_field(struct cell *c, const char *field, unsigned n);
void add_fields(struct cell *c, const json_t *fields);
/* "376 bytes", "12.3 MB" */
void add_bytes(struct cell *c, int64_t n);
/* The station; where it is unknown, "?" and the name of the process. */
void add_endpoint(struct cell *c, const json_t *e);
/* What the store said: "present", "not kept". */
void add_kept(struct cell *c, const char *kept);
/* How long the text stays there: "cache 3600s"; and of a hop, that the store did not take it. */
void add_residency(struct cell *c, const json_t *j);
/* "→", or "->" without UTF-8. */
const char *arrow(void);

/* Columns that the text takes on a terminal; it is UTF-8 of characters that take one each. */
int text_width(const char *text);
/* Prints one line of the header: the label, and the text folded to the page. */
void print_line(const char *label, const struct cell *c, enum style style);
/*
 * Breaks the text into lines of at most `width` columns, by newlines: at a blank, or before a
 * character that joins the parts of a place. A name in brackets stays whole. A part that is too
 * long stands out.
 */
void wrap(struct cell *c, size_t width);
