/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that are about no rows: savepoints, prepared statements, the form of COPY's data; and
 * functions that only read.
 */
#pragma once

#include "decode/postgres/sql.h"

/* For sql_parse.c: a word that is not quoted, of a statement of the verb OTHER, EXECUTE or COPY. */
void dfl_sql_control_word(struct dfl_sql *q);
/* A word in quotes: it can be a name only. */
void dfl_sql_control_name(struct dfl_sql *q);
/* Does a statement of this word (verb OTHER) begin or end a transaction? */
bool dfl_sql_is_transaction(const char *word);
/* How long a statement of this word keeps what it is given. UNKNOWN: it may keep it. */
enum dfl_residency dfl_sql_control_residency(const char *word);
/* Is it the name of a function that keeps nothing? Those of Postgres that text is given to. */
bool dfl_sql_is_reader(const char *function);
