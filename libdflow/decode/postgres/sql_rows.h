/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows a statement means, as far as that can be told: the columns that it sets, and the
 * conditions of its WHERE. Conditions that are joined by AND narrow the rows; of those, "column =
 * value" and "column IN (values)" are understood.
 */
#pragma once

#include "decode/postgres/sql.h"

/* For sql_parse.c: a statement of that verb begins. */
void dfl_sql_rows_verb(struct dfl_sql *q, enum dfl_sql_verb verb);
/* A word that is not quoted; before the parser looks at it. */
void dfl_sql_rows_word(struct dfl_sql *q);
/* "(", "=", … likewise. */
void dfl_sql_rows_mark(struct dfl_sql *q, uint8_t c);
/* A literal or a parameter stands here. */
void dfl_sql_rows_value(struct dfl_sql *q);
/* The statement is over. */
void dfl_sql_rows_end(struct dfl_sql *q);
