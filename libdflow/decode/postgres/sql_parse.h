/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of SQL: what the scanner calls, and what can be asked about a statement. */
#pragma once

#include "decode/postgres/sql.h"

/* For sql_lex.c. q->word is complete. quoted: it stood in "…". */
void dfl_sql_word(struct dfl_sql *q, bool quoted);
/* Any other character: "(", ",", "=", … */
void dfl_sql_mark(struct dfl_sql *q, uint8_t c);
/* "$1". */
void dfl_sql_param(struct dfl_sql *q, unsigned number);
/* The text is over. */
void dfl_sql_statement_end(struct dfl_sql *q);
/* The place of a literal that stands here; false: unknown. */
bool dfl_sql_literal_place(const struct dfl_sql *q, char ret_place[static DFL_NAME_MAX]);

/* What it is for. */
enum dfl_sql_role dfl_sql_literal_role(const struct dfl_sql *q);

/*
 * The place of result column i of n, whose own name is `name`; "" unknown. Call it after the text
 * is over.
 */
void dfl_sql_result_place(const struct dfl_sql *q, size_t i, size_t n, const char *name,
			  char ret_place[static DFL_NAME_MAX]);
/* The place of column i in the data of COPY t (…) FROM; "t.*" where that is not told. */
void dfl_sql_copy_place(const struct dfl_sql *q, size_t i, char ret_place[static DFL_NAME_MAX]);
/* The operation ("INSERT messages") as far as it is known; "*" when it is not. */
void dfl_sql_operation(const struct dfl_sql *q, char ret_operation[static DFL_NAME_MAX]);
/* Can a statement begin with this word? In any case; len bytes, letters only. */
bool dfl_sql_is_verb(const char *word, size_t len);
/* Is it an INSERT? Then rows that it returns are of its own making. */
bool dfl_sql_is_insert(const struct dfl_sql *q);
/*
 * How long what it is given stays. UNKNOWN: it may stay, as with a function that is called. Final
 * when the text is over.
 */
enum dfl_residency dfl_sql_residency(const struct dfl_sql *q);
