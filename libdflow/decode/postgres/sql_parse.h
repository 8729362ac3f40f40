/* SPDX-License-Identifier: Apache-2.0 */
/* Between the scanner (sql_lex.c) and the parser (sql_parse.c) of SQL. */
#pragma once

#include "decode/postgres/sql.h"

/* q->word is complete. */
void dfl_sql_word(struct dfl_sql *q, bool quoted);
/* Any other character: "(", ",", "=", … */
void dfl_sql_mark(struct dfl_sql *q, uint8_t c);
void dfl_sql_param(struct dfl_sql *q, unsigned number);
void dfl_sql_statement_end(struct dfl_sql *q);
/* Where a literal that stands here belongs; false: unknown. */
bool dfl_sql_literal_place(const struct dfl_sql *q, char ret_place[static DFL_NAME_MAX]);
