/* SPDX-License-Identifier: Apache-2.0 */
/* What all that reads the store shares: statements, heads and documents. */
#pragma once

#include "doc/doc.h"
#include "store/store_priv.h"

/* Compiles one statement; sqlite3_finalize it. Errors: those of reading a store. */
int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err);

/*
 * The head of a trace, as the column `head` of `trace` has it: a document without connections,
 * hops and what comes behind them. dfl_doc_free it. -EBADMSG: damaged; -ENOMEM.
 */
int dfl_reader_unpack_head(struct dfl_store *s, int64_t dictionary, const void *head, size_t len,
			   struct dfl_doc **ret_head);
/*
 * The same from a row whose columns `dictionary`, `head` and `doc` stand behind each other, the
 * first of them at `column`. Where the head is null the whole document is taken.
 */
int dfl_reader_head(struct dfl_store *s, sqlite3_stmt *st, int column, struct dfl_doc **ret_head);

/* The whole document of such a row; dfl_doc_free it. -EBADMSG: null or damaged; -ENOMEM. */
int dfl_reader_unpack(struct dfl_store *s, sqlite3_stmt *st, int column, struct dfl_doc **ret_doc);

/*
 * The same, with a sentence. `over`: nobody records into the store, so an open document is told as
 * one whose recorder ended.
 */
int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int column, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err);

/* The sentence for -EBADMSG and -ENOMEM of those above; returns r. */
int dfl_reader_error(const struct dfl_store *s, int r, struct dfl_err *err);
