/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace is printed with: readers of the document, words, lines, tables. */
#pragma once

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CELL 256 /* bytes; what is longer is cut */

struct cell {
	char text[CELL];
};

struct column {
	const char *name;
	int flags; /* SCOLS_FL_… */
};

/* Of an object; absent and null are "", the value given, or false. */
const char *get_str(const json_t *o, const char *key);
int64_t get_num(const json_t *o, const char *key, int64_t if_null);
bool is_true(const json_t *o, const char *key);
bool is_known(const json_t *o, const char *key);
bool list_has(const json_t *list, const char *word);

void add(struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void add_list(struct cell *c, const json_t *list, const char *separator);
/* "answer", or how many of a kind: "4 chunks". */
void add_field(struct cell *c, const char *field, unsigned n);
void add_fields(struct cell *c, const json_t *fields);
/* "376 bytes", "12.3 MB" */
void add_bytes(struct cell *c, int64_t n);
/* A station, or the process that is none. */
void add_endpoint(struct cell *c, const json_t *e);
/* What becomes of it there, with its time to live. */
void add_residency(struct cell *c, const json_t *j);
const char *arrow(void);

/* One line of the header. */
void print_line(const char *label, const struct cell *c);
/*
 * Breaks the text into lines of at most `width`: at a blank, or in front of what joins the parts of
 * a place.
 */
void wrap(struct cell *c, size_t width);

struct libscols_table *new_table(const struct column *columns, size_t n);
/* What is no letter is made harmless by libsmartcols. */
void set(struct libscols_line *line, int column, struct cell c);
/* Prints it, without blanks at the ends of lines, and frees it. */
void print_table(struct libscols_table *t);
