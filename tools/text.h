/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: as wide as the terminal is, without control characters. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define MAX_COLUMNS 99

/* Columns of the terminal behind fd (at least 60); 0: there is none, or nobody knows. */
int terminal_columns(int fd);
/* What tables and lists have at the most: MAX_COLUMNS, or as many as a narrower terminal has. */
int page_columns(void);

/* Control characters but newlines become '?'. Changes and returns it. */
char *make_printable(char *text);
/*
 * Prints it as lines of at most so many columns (0: as one line), broken at blanks; a word that is
 * too long stays whole. Continued lines begin with `continued`. `column`: of the line are already
 * used.
 */
void put_lines(FILE *to, const char *text, int column, int n_columns, const char *continued);
/* The same on stdout, of page_columns(), printable. */
void put_folded(char *text);
bool has_utf8(void);
