// SPDX-License-Identifier: Apache-2.0
/* Statements, heads and documents of a store that is read. */
#include "store/reader.h"

#include <stdlib.h>

#include "store/codec.h"
#include "store/dictionary.h"
#include "store/error.h"

int dfl_reader_prepare(struct dfl_store *s, const char *sql, sqlite3_stmt **ret_stmt,
		       struct dfl_err *err)
{
	return sqlite3_prepare_v2(s->db, sql, -1, ret_stmt, NULL) ?
		       dfl_store_error(s, err, "read") :
		       0;
}

int dfl_reader_text(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed,
		    char **ret_text, size_t *ret_len)
{
	const ZSTD_DDict *d = dfl_dictionary_read(s, sqlite3_column_int64(st, dictionary));

	return dfl_store_unpack(sqlite3_column_blob(st, packed),
				(size_t)sqlite3_column_bytes(st, packed), d, ret_text, ret_len);
}

int dfl_reader_unpack(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed,
		      struct dfl_doc **ret_doc)
{
	char *text;
	size_t len;
	int r = dfl_reader_text(s, st, dictionary, packed, &text, &len);

	if (r)
		return r;
	r = dfl_doc_from_json(text, len, ret_doc);
	free(text);
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

int dfl_reader_doc(struct dfl_store *s, sqlite3_stmt *st, int dictionary, int packed, bool over,
		   struct dfl_doc **ret_doc, struct dfl_err *err)
{
	struct dfl_doc *doc;
	int r = dfl_reader_unpack(s, st, dictionary, packed, &doc);

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
