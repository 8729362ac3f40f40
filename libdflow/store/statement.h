/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that are used again and again, each compiled once. */
#pragma once

#include "store/store_priv.h"

/* Compiled at its first use. NULL: that failed; dfl_store_run takes it and fails. */
sqlite3_stmt *dfl_store_statement(struct dfl_store *s, enum dfl_store_stmt which);
/* Runs a statement without rows and makes it ready for the next use. 0 or -EIO. */
int dfl_store_run(sqlite3_stmt *st);
/* The same for one that returns one row of one number. */
int dfl_store_run_number(sqlite3_stmt *st, int64_t *ret_number);
/* The first column of the first row of a query. -1: it failed. */
int64_t dfl_store_number(struct dfl_store *s, const char *query);
void dfl_statements_free(struct dfl_store *s);
