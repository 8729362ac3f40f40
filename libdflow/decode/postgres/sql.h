/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming scanner of SQL: tells the string literals from the other text, and which table.column
 * each literal, parameter and result column belongs to. It follows the statements that ORMs write
 * (INSERT with columns, UPDATE SET, SELECT list, comparisons); what it does not understand has no
 * place, never a wrong one on purpose.
 */
#pragma once

#include <stdbool.h>

#include "decode/names.h"
#include "decode/redact.h"
#include "decode/slice.h"

#define DFL_SQL_WORD 96	  /* with its NUL; Postgres itself cuts names at 63 (NAMEDATALEN) */
#define DFL_SQL_ALIASES 8 /* what is beyond is named "*" */

struct dfl_sql_ops {
	/* Operation ("INSERT messages") is known, or nothing more will be. */
	void (*named)(void *ud, const char *operation);
	/* Anything that is not inside a literal. */
	void (*text)(void *ud, const struct dfl_slice *s);
	/*
	 * place: table.column, NULL unknown. Literal data is raw: quotes are still doubled. The
	 * numbers of ARRAY[…] are a literal too, with its brackets.
	 */
	void (*lit_begin)(void *ud, const char *place);
	void (*lit_data)(void *ud, const struct dfl_slice *s);
	void (*lit_end)(void *ud);
};

struct dfl_sql {
	const struct dfl_sql_ops *ops;
	void *ud;
	/* scanner */
	uint8_t lex;
	uint8_t prev;	 /* last byte outside of words and literals that was no blank */
	bool escapes;	 /* E'…' */
	bool secret;	 /* a password: not shown */
	bool held_quote; /* the last byte of the slice before was a quote in a literal */
	uint64_t held_pos;
	uint16_t word_len;
	char word[DFL_SQL_WORD];
	uint16_t tag_len, tag_seen; /* $tag$ */
	char tag[DFL_SQL_WORD];
	/* statement */
	uint8_t verb, phase;
	bool named, star, after_as, item_has_ref, want_password, from_seen;
	uint8_t depth; /* of parentheses; saturates */
	uint8_t column_depth;
	uint16_t value; /* in the tuple */
	char table[DFL_SQL_WORD];
	char ref[2 * DFL_SQL_WORD];    /* the identifier just read: "a" or "a.b" */
	char column[2 * DFL_SQL_WORD]; /* what literals are compared with or set to */
	char item[2 * DFL_SQL_WORD];
	struct {
		char alias[DFL_SQL_WORD], table[DFL_SQL_WORD];
	} alias[DFL_SQL_ALIASES];
	uint8_t n_alias;
	struct dfl_names columns; /* of INSERT */
	struct dfl_names items;	  /* of the result: unresolved */
	struct dfl_names params;  /* places of $1, $2, … in order of their numbers; "" unknown */
};

void dfl_sql_init(struct dfl_sql *q, const struct dfl_sql_ops *ops, void *ud);
void dfl_sql_feed(struct dfl_sql *q, const struct dfl_slice *s);
/* The text is over: literals are closed, the operation is named. */
void dfl_sql_end(struct dfl_sql *q);
void dfl_sql_fini(struct dfl_sql *q);
/* "table.column" of result column i of n, whose own name is `name`. */
void dfl_sql_result_place(const struct dfl_sql *q, size_t i, size_t n, const char *name,
			  char ret_place[static DFL_NAME_MAX]);
/* The operation as far as it is known. */
void dfl_sql_operation(const struct dfl_sql *q, char ret_operation[static DFL_NAME_MAX]);
/* Was the statement an INSERT (so that rows it returns are of its own making)? */
bool dfl_sql_is_insert(const struct dfl_sql *q);
