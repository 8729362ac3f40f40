/* SPDX-License-Identifier: Apache-2.0 */
/* What all that reads the store shares: statements, heads and documents. */
#pragma once

#include "doc/doc.h"
#include "store/store_priv.h"

/* Compiles one statement; sqlite3_finalize it. Errors: those of reading a store. */
int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err);

/*
 * The packed text in column `packed` of the statement's row; the column `dictionary` says with
 * which dictionary. free() it. -EBADMSG: null or damaged; -ENOMEM.
 */
int dfl_reader_text(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed,
		    char **ret_text, size_t *ret_len);

/* The same as a document; dfl_doc_free it. -EBADMSG: damaged; -ENOMEM. */
int dfl_reader_unpack(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed,
		      struct dfl_doc **ret_doc);

/*
 * The same, with a sentence. `over`: nobody records into the store, so an open document is told as
 * one whose recorder ended.
 */
int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err);

/* The sentence for -EBADMSG and -ENOMEM of those above; returns r. */
int dfl_reader_error(const struct dfl_store *s, int r, struct dfl_err *err);
