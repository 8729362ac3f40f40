/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: folded at blanks, without control characters. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Replaces control characters other than newline by '?', in place, and returns `text`. */
char *make_printable(char *text);

/*
 * Prints the text on `to`, folded at blanks into lines of at most `n_columns` columns (0: one
 * line), with a newline at the end. A word that is longer than a line stays whole. `column`: how
 * many columns of the first line are used already. `continued` begins every other line.
 */
void put_lines(FILE *to, const char *text, int column, int n_columns, const char *continued);

/* Prints the text on standard output, folded to page_columns(). Changes it (make_printable()). */
void put_folded(char *text);

/* Prints an empty line and a heading on standard output, in its style. */
void put_heading(const char *text);

/* "376 bytes", "12.3 kB", "1.5 GB": decimal units, as in SI. */
void format_bytes(char *ret_text, size_t size, unsigned long long n);

/* A time of day (nanoseconds since 1970) in UTC, in the shape of strftime(3). */
void format_time(int64_t ns, const char *shape, char *ret_text, size_t size);
