// SPDX-License-Identifier: Apache-2.0
/* Statements and documents of a store that is read. */
#include "store/reader.h"

#include "store/codec.h"
#include "store/error.h"

int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err)
{
	return sqlite3_prepare_v2(s->db, sql, -1, ret_stmt, NULL) ?
		       dfl_store_error(s, err, "read") :
		       0;
}

int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int column, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err)
{
	struct dfl_doc *doc;
	int r = dfl_store_unpack(sqlite3_column_blob(st, column),
				 (size_t)sqlite3_column_bytes(st, column), &doc);

	if (!r && over && !doc->settled) {
		r = dfl_doc_cut_off(doc);
		if (r)
			dfl_doc_free(doc);
	}
	if (r == -EBADMSG)
		return dfl_err_set(err, EBADMSG,
				   "a trace in the store %s is damaged; move the store away and "
				   "record into a new one",
				   s->path);
	if (r)
		return dfl_err_set(err, ENOMEM, "out of memory for the traces of %s", s->path);
	*ret_doc = doc;
	return 0;
}
