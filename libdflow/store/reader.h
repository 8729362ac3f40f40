/* SPDX-License-Identifier: Apache-2.0 */
/* What all that reads the store shares: statements and documents. */
#pragma once

#include "store/store_priv.h"

/* Compiles one statement; sqlite3_finalize it. Errors: those of reading a store. */
int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err);

/*
 * The document in a column of the statement's current row; dfl_doc_free it. `over`: nobody records
 * into the store, so an open document is told as one whose recorder ended. -EBADMSG: it is damaged.
 */
int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int column, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err);
