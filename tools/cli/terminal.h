/* SPDX-License-Identifier: Apache-2.0 */
/* What the terminal can do: its width, UTF-8, colour. */
#pragma once

#include <stdbool.h>

/* Width of tables and lists: as the terminal has, but never less or more than this. */
#define MIN_COLUMNS 60
#define MAX_COLUMNS 200
/* Width when standard output is no terminal and $COLUMNS is not set. */
#define DEFAULT_COLUMNS 99
/* Width of --help, which is hard to read in long lines. */
#define HELP_COLUMNS 80

/*
 * Columns of the terminal behind fd, MIN_COLUMNS or more; 0: it is no terminal, or its width is not
 * known.
 */
int terminal_columns(int fd);

/*
 * Width of what is printed on standard output. It is found out at the first call, because a pager
 * takes the place of the terminal later.
 */
int page_columns(void);
/* From now on page_columns() has no limit: -o wide. */
void set_page_unlimited(void);

/* True: $TERM says that the terminal knows no escape sequences, or says nothing. */
bool is_dumb_terminal(void);
/* True: characters beyond ASCII can be printed. */
bool has_utf8(void);

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What a colour means. One meaning has one colour everywhere. */
enum style {
	STYLE_NONE,
	STYLE_HEAD, /* headings */
	STYLE_GOOD, /* a complete trace, a check that is passed */
	STYLE_NOTE, /* look here: text leaves the VPC, could not be read, is in doubt, still open */
	STYLE_ALARM, /* text leaves the VPC unencrypted; a trace that is not complete */
	STYLE_GONE,  /* not there any more: removed, expired */
};

/*
 * Decides whether standard output gets colours: with COLOR_AUTO when it is a terminal, $NO_COLOR is
 * not set or empty (https://no-color.org), and $TERM is not "dumb". Call it before a pager starts.
 */
void set_color(enum color_when when);
/* The escape sequence (ECMA-48 8.3.117, SGR) that begins the style; "" without colours. */
const char *style_on(enum style style);
/* The one that ends it. */
const char *style_off(enum style style);
/* True: style_on() gives colours. */
bool is_colored(void);
