// SPDX-License-Identifier: Apache-2.0
/* Statements, heads and documents of a store that is read. */
#include "store/reader.h"

#include <stdlib.h>

#include "doc/doc_unpack.h"
#include "store/codec.h"
#include "store/dictionary.h"
#include "store/error.h"
#include "store/statement.h"

int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err)
{
	return sqlite3_prepare_v2(s->db, sql, -1, ret_stmt, NULL) ?
		       dfl_store_error(s, err, "read") :
		       0;
}

/*
 * A part, whatever version wrote it. json reads what versions up to 4 wrote; NULL: it cannot be
 * theirs. ret_is_json: NULL: nobody asks.
 */
static int unpack_part(struct dfl_store *s, int64_t dictionary, const void *packed, size_t len,
		       int (*json)(const char *, size_t, struct dfl_doc **), struct dfl_doc **doc,
		       bool *ret_is_json)
{
	size_t n;
	char *text;
	int r = dfl_codec_unpack(&s->codec, packed, len, dfl_dictionary_read(s, dictionary), &text,
				 &n);

	if (r)
		return r;
	if (ret_is_json)
		*ret_is_json = text[0] == '{';
	if (text[0] == '{' && json) {
		r = json(text, n, doc);
	} else {
		if (!*doc)
			*doc = calloc(1, sizeof(**doc));
		r = *doc ? dfl_doc_unpack(text, n, *doc) : -ENOMEM;
	}
	free(text);
	return r;
}

static int unpack_head(struct dfl_store *s, int64_t dictionary, const void *head, size_t len,
		       struct dfl_doc **ret_head, bool *ret_is_json)
{
	struct dfl_doc *doc = NULL;
	int r = unpack_part(s, dictionary, head, len, dfl_doc_from_old_list_json, &doc,
			    ret_is_json);

	if (!r && !doc->trace_id[0])
		r = -EBADMSG;
	if (r)
		dfl_doc_free(doc);
	else
		*ret_head = doc;
	return r;
}

int dfl_reader_unpack_head(struct dfl_store *s, int64_t dictionary, const void *head, size_t len,
			   struct dfl_doc **ret_head)
{
	return unpack_head(s, dictionary, head, len, ret_head, NULL);
}

enum { DICTIONARY, HEAD, DOC }; /* columns, from the first one on */

/* The document of that trace instead of its head. */
static int unpack_by_id(struct dfl_store *s, const char *trace_id, struct dfl_doc **ret_doc)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_DOC);
	int r = st ? -EBADMSG : -ENOMEM;

	if (!st)
		return r;
	sqlite3_bind_text(st, 1, trace_id, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		r = dfl_reader_unpack(s, st, 0, ret_doc);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
}

int dfl_reader_head(struct dfl_store *s, sqlite3_stmt *st, int column, struct dfl_doc **ret_head)
{
	struct dfl_doc *head = NULL;
	bool is_old = false;
	int r;

	if (sqlite3_column_type(st, column + HEAD) == SQLITE_NULL)
		return dfl_reader_unpack(s, st, column, ret_head);
	r = unpack_head(s, sqlite3_column_int64(st, column + DICTIONARY),
			sqlite3_column_blob(st, column + HEAD),
			(size_t)sqlite3_column_bytes(st, column + HEAD), &head, &is_old);
	if (!r && is_old) {
		r = unpack_by_id(s, head->trace_id, ret_head);
		dfl_doc_free(head);
	} else if (!r) {
		*ret_head = head;
	}
	return r;
}

int dfl_reader_unpack(struct dfl_store *s, sqlite3_stmt *st, int column, struct dfl_doc **ret_doc)
{
	int64_t dictionary = sqlite3_column_int64(st, column + DICTIONARY);
	struct dfl_doc *doc = NULL;
	int r = unpack_part(s, dictionary, sqlite3_column_blob(st, column + DOC),
			    (size_t)sqlite3_column_bytes(st, column + DOC), dfl_doc_from_json, &doc,
			    NULL);

	/* A document of version 5 or later is the body alone. */
	if (!r && !doc->trace_id[0])
		r = unpack_part(s, dictionary, sqlite3_column_blob(st, column + HEAD),
				(size_t)sqlite3_column_bytes(st, column + HEAD), NULL, &doc, NULL);
	if (!r && !doc->trace_id[0])
		r = -EBADMSG;
	if (r)
		dfl_doc_free(doc);
	else
		*ret_doc = doc;
	return r;
}

int dfl_reader_error(const struct dfl_store *s, int r, struct dfl_err *err)
{
	if (r == -EBADMSG)
		return dfl_err_set(err, EBADMSG,
				   "a trace in the store %s is damaged; move the store away and "
				   "record into a new one",
				   s->path);
	return dfl_err_set(err, -r, "out of memory for the traces of %s", s->path);
}

int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int column, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err)
{
	struct dfl_doc *doc = NULL;
	int r = dfl_reader_unpack(s, st, column, &doc);

	if (!r && over && !doc->settled) {
		r = dfl_doc_cut_off(doc);
		if (r)
			dfl_doc_free(doc);
	}
	if (r)
		return dfl_reader_error(s, r, err);
	*ret_doc = doc;
	return 0;
}
