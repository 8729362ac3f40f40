// SPDX-License-Identifier: Apache-2.0
/* Selecting traces by any of their ids, and listing them. */
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

#include "store/error.h"
#include "store/id_key.h"
#include "store/reader.h"

void dfl_docs_fini(struct dfl_docs *docs)
{
	for (size_t i = 0; i < docs->n; i++)
		dfl_doc_free(docs->doc[i]);
	free(docs->doc);
	*docs = (struct dfl_docs){ 0 };
}

static int append(struct dfl_docs *docs, struct dfl_doc *doc)
{
	struct dfl_doc **more;

	if (!(docs->n & (docs->n - 1))) { /* full at every power of two */
		more = realloc(docs->doc, (docs->n ? 2 * docs->n : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		docs->doc = more;
	}
	docs->doc[docs->n++] = doc;
	return 0;
}

/* Takes a row's document (dictionary, head, document). over: what is open was left so. */
static int take(struct dfl_store *s, sqlite3_stmt *st, bool over, struct dfl_docs *docs,
		struct dfl_err *err)
{
	struct dfl_doc *doc;
	int r = dfl_reader_doc(s, st, 0, over, &doc, err);

	if (r)
		return r;
	if (append(docs, doc)) {
		dfl_doc_free(doc);
		return dfl_err_set(err, ENOMEM, "out of memory for the traces of %s", s->path);
	}
	return 0;
}

/* Runs the statement to its end and frees it. */
static int collect(struct dfl_store *s, sqlite3_stmt *st, struct dfl_docs *ret_docs,
		   struct dfl_err *err)
{
	bool over = !dfl_store_is_recorded(s); /* before the look: what it sees then is the last
						  that was said */
	struct dfl_docs docs = { 0 };
	int r = 0, step;

	while ((step = sqlite3_step(st)) == SQLITE_ROW && !r)
		r = take(s, st, over, &docs, err);
	if (!r && step != SQLITE_DONE)
		r = dfl_store_error(s, err, "read");
	sqlite3_finalize(st);
	if (r)
		dfl_docs_fini(&docs);
	else
		*ret_docs = docs;
	return r;
}

/* The traces that have an id in the range. */
static int find_range(struct dfl_store *s, const struct dfl_id_range *range,
		      struct dfl_docs *ret_docs, struct dfl_err *err)
{
	sqlite3_stmt *st;
	int r = dfl_reader_prepare(s,
				   "SELECT dictionary, head, doc FROM entry WHERE trace_id IN "
				   "(SELECT trace_id FROM id "
				   "WHERE " DFL_ID_KEY_IN_RANGE ") ORDER BY started_ns, trace_id",
				   &st, err);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, range->from, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, range->to, -1, SQLITE_STATIC);
	return collect(s, st, ret_docs, err);
}

/* How many ids, and how many requests, the range holds; is one of the ids the whole text? */
static int count_range(struct dfl_store *s, const struct dfl_id_range *range, int64_t *ret_keys,
		       int64_t *ret_traces, bool *ret_whole, struct dfl_err *err)
{
	sqlite3_stmt *st;
	int r = dfl_reader_prepare(
		s,
		"SELECT count(DISTINCT key), count(DISTINCT trace_id), coalesce(max(key = ?1), 0) "
		"FROM id WHERE " DFL_ID_KEY_IN_RANGE,
		&st, err);

	if (r)
		return r;
	sqlite3_bind_text(st, 1, range->from, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, range->to, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		*ret_keys = sqlite3_column_int64(st, 0);
		*ret_traces = sqlite3_column_int64(st, 1);
		*ret_whole = sqlite3_column_int(st, 2);
	} else {
		r = dfl_store_error(s, err, "read");
	}
	sqlite3_finalize(st);
	return r;
}

int dfl_query_find(struct dfl_store *s, const char *id, struct dfl_docs *ret_docs,
		   struct dfl_err *err)
{
	struct dfl_id_range range;
	int64_t keys = 0, traces = 0;
	bool whole = false;
	int r;

	dfl_id_range(id, &range);
	if (strlen(range.from) < DFL_QUERY_MIN_PREFIX)
		return dfl_err_set(err, EINVAL, "an id needs at least %d characters",
				   DFL_QUERY_MIN_PREFIX);
	r = count_range(s, &range, &keys, &traces, &whole, err);
	if (r)
		return r;
	if (!keys)
		return dfl_err_set(err, ENOENT, "no request with this id is in the store %s",
				   s->path);
	if (!whole && keys > 1 && traces > 1)
		return dfl_err_set(err, ENOTUNIQ, "%lld ids begin so; give more characters",
				   (long long)keys);
	if (whole) { /* this key alone */
		strcpy(range.to, range.from);
		strcat(range.to, "\x01");
	}
	return find_range(s, &range, ret_docs, err);
}

int dfl_query_candidates(struct dfl_store *s, const char *prefix, uint32_t limit,
			 dfl_candidate_fn fn, void *ud, struct dfl_err *err)
{
	struct dfl_id_range range;
	sqlite3_stmt *st;
	int step, r = dfl_reader_prepare(
			  s,
			  "SELECT key, kind, min(trace_id) FROM id WHERE " DFL_ID_KEY_IN_RANGE
			  " GROUP BY key ORDER BY key LIMIT ?3",
			  &st, err);

	if (r)
		return r;
	dfl_id_range(prefix, &range);
	sqlite3_bind_text(st, 1, range.from, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, range.to, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, limit ? limit : INT64_MAX);
	while (!r && (step = sqlite3_step(st)) != SQLITE_DONE) {
		if (step != SQLITE_ROW)
			r = dfl_store_error(s, err, "read");
		else
			r = fn(ud, (const char *)sqlite3_column_text(st, 0),
			       (const char *)sqlite3_column_text(st, 1),
			       (const char *)sqlite3_column_text(st, 2));
	}
	sqlite3_finalize(st);
	return r;
}

int dfl_query_version(struct dfl_store *s, int64_t *ret_version, struct dfl_err *err)
{
	sqlite3_stmt *st;
	int r = dfl_reader_prepare(s, "PRAGMA data_version", &st, err);

	if (r)
		return r;
	if (sqlite3_step(st) == SQLITE_ROW)
		*ret_version = sqlite3_column_int64(st, 0);
	else
		r = dfl_store_error(s, err, "read");
	sqlite3_finalize(st);
	return r;
}
