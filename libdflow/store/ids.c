// SPDX-License-Identifier: Apache-2.0
/* The table of ids: filled from a document, emptied by what the head of a trace says. */
#include "store/ids.h"

#include <errno.h>

#include "store/id_key.h"
#include "store/reader.h"
#include "store/statement.h"

static int change(struct dfl_store *s, enum dfl_store_stmt which, const char *kind, const char *id,
		  int64_t n)
{
	sqlite3_stmt *st = dfl_store_statement(s, which);
	char key[DFL_ID_KEY_MAX + 1];

	dfl_id_key(id, key);
	if (!key[0])
		return 0;
	if (!st)
		return -EIO;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, kind, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, n);
	return dfl_store_run(st);
}

static int change_all(struct dfl_store *s, enum dfl_store_stmt which, const char *trace_id,
		      char *const *ids, int64_t n)
{
	int r = change(s, which, "trace_id", trace_id, n);

	for (int i = 0; !r && i < DFL_N_ID; i++)
		if (ids[i])
			r = change(s, which, dfl_id_name(i), ids[i], n);
	return r;
}

int dfl_ids_put(struct dfl_store *s, const struct dfl_doc *doc, int64_t n)
{
	return change_all(s, STMT_PUT_ID, doc->trace_id, doc->ids, n);
}

static int drop_by_trace(struct dfl_store *s, int64_t n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_DROP_IDS);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, n);
	return dfl_store_run(st);
}

int dfl_ids_drop(struct dfl_store *s, const char *trace_id, int64_t n, int64_t dictionary,
		 const void *head, size_t len)
{
	struct dfl_doc *doc = NULL;
	int r = head ? dfl_reader_unpack_head(s, dictionary, head, len, &doc) : -EBADMSG;

	if (!r)
		r = change_all(s, STMT_DROP_ID, trace_id, doc->ids, n);
	else if (r == -EBADMSG)
		r = drop_by_trace(s, n);
	dfl_doc_free(doc);
	return r;
}
