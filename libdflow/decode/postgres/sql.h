/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a streaming reader of SQL. It tells string literals from other text, and which
 * table.column each literal, parameter and result column belongs to. It follows the statements that
 * ORMs write (INSERT with columns, UPDATE SET, SELECT list, comparisons). What it does not
 * understand has no place.
 *
 * sql_lex.h feeds it, sql_parse.h reads words and marks and is asked for places.
 */
#pragma once

#include <stdbool.h>

#include "decode/names.h"
#include "decode/redact.h"
#include "decode/slice.h"

#define DFL_SQL_WORD_MAX 96   /* with its NUL; Postgres itself cuts names at 63 (NAMEDATALEN) */
#define DFL_SQL_ALIASES_MAX 8 /* of tables; those beyond are named "*" */

/* What the reader calls. All members must be set. */
struct dfl_sql_ops {
	/* The operation ("INSERT messages") is known, or nothing more will be known of it. */
	void (*named)(void *ud, const char *operation);
	/* Text that is not inside a literal. */
	void (*text)(void *ud, const struct dfl_slice *s);
	/*
	 * A literal begins. place: table.column, NULL unknown. Its data are raw: quotes are still
	 * doubled. The numbers of ARRAY[…] are a literal too, with its brackets. Passwords are
	 * never shown.
	 */
	void (*lit_begin)(void *ud, const char *place);
	void (*lit_data)(void *ud, const struct dfl_slice *s);
	void (*lit_end)(void *ud);
};

struct dfl_sql {
	const struct dfl_sql_ops *ops;
	void *ud;

	/* scanner (sql_lex.c) */
	uint8_t lex;	 /* enum lex */
	uint8_t prev;	 /* last byte outside of words and literals that was no blank */
	bool escapes;	 /* E'…' */
	bool secret;	 /* the literal is a password: not shown */
	bool held_quote; /* the last byte of the slice before was a quote in a literal */
	uint64_t held_pos;
	uint16_t word_len;
	char word[DFL_SQL_WORD_MAX];
	uint16_t tag_len, tag_seen; /* $tag$; seen: bytes of the closing one, 0 none */
	char tag[DFL_SQL_WORD_MAX];

	/* parser (sql_parse.c) */
	uint8_t verb, phase; /* enum verb, enum phase */
	bool named;	     /* ops->named was called */
	bool star;	     /* "*" or what is like it is in the SELECT list */
	bool after_as, item_has_ref, from_seen;
	bool want_password; /* PASSWORD was read: a literal that follows is one */
	uint8_t depth;	    /* of parentheses; saturates */
	uint8_t column_depth;
	uint16_t value; /* number of the value in the tuple */
	char table[DFL_SQL_WORD_MAX];
	char ref[2 * DFL_SQL_WORD_MAX];	   /* the identifier just read: "a" or "a.b" */
	char column[2 * DFL_SQL_WORD_MAX]; /* what literals are compared with or set to */
	char item[2 * DFL_SQL_WORD_MAX];   /* of the SELECT list; the verb, when that is all */
	struct {
		char alias[DFL_SQL_WORD_MAX], table[DFL_SQL_WORD_MAX];
	} alias[DFL_SQL_ALIASES_MAX];
	uint8_t n_alias;
	struct dfl_names columns; /* of INSERT */
	struct dfl_names items;	  /* of the SELECT list; aliases are not resolved yet */
	struct dfl_names params;  /* places of $1, $2, … in order of their numbers; "" unknown */
};
