// SPDX-License-Identifier: Apache-2.0
/*
 * What is told to stored traces later: that their text was seen again, that their recorder ended.
 */
#include "store/update.h"

#include <stdlib.h>
#include <string.h>

#include "store/error.h"
#include "store/reader.h"
#include "store/statement.h"
#include "store/transaction.h"
#include "store/write.h"

/* NULL: there is none, or it is damaged, which who reads it is told. */
static int get_doc(struct dfl_store *s, const char *trace_id, struct dfl_doc **ret_doc,
		   struct dfl_err *err)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_DOC);
	struct dfl_doc *doc = NULL;
	int r = 0, step;

	if (!st)
		return dfl_store_error(s, err, "read");
	sqlite3_bind_text(st, 1, trace_id, -1, SQLITE_STATIC);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		r = dfl_reader_unpack(s, st, 0, &doc);
	else if (step != SQLITE_DONE)
		r = dfl_store_error(s, err, "read");
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (r == -ENOMEM)
		return dfl_err_set(err, ENOMEM, "out of memory for a trace document");
	if (r && r != -EBADMSG)
		return r;
	*ret_doc = r ? NULL : doc;
	return 0;
}

static int set_doc(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_packed *packed)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_SET_HEAD);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_text(st, 1, doc->trace_id, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 2, doc->settled);
	sqlite3_bind_int(st, 3, doc->completeness.complete);
	sqlite3_bind_int64(st, 4, packed->dictionary);
	sqlite3_bind_blob64(st, 5, packed->head.data, packed->head.len, SQLITE_STATIC);
	r = dfl_store_run(st);
	return r ? r : dfl_store_put_document(s, doc->trace_id, packed);
}

/* Are these, in this order, the hops of that trace that the document names? */
static bool is_told(const struct dfl_doc *doc, const char *in, const uint32_t *seqs, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < doc->n_replayed_in; i++) {
		const struct dfl_doc_replay *p = &doc->replayed_in[i];

		if (p->trace_id && !strcmp(p->trace_id, in) && (k >= n || p->seq != seqs[k++]))
			return false;
	}
	return k == n;
}

/* When that trace started; one that is not in the store (any more) comes last. */
static int64_t started_ns(struct dfl_store *s, const char *trace_id)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_STARTED);
	int64_t ns = INT64_MAX;

	if (!st)
		return ns;
	sqlite3_bind_text(st, 1, trace_id, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		ns = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return ns;
}

/* Where in the list, which is in the order of their start, that trace belongs. */
static size_t place_of(struct dfl_store *s, const struct dfl_doc_replay *list, size_t n,
		       const char *trace_id)
{
	int64_t ns = started_ns(s, trace_id), other_ns = 0;

	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(list[i].trace_id, list[i - 1].trace_id))
			other_ns = started_ns(s, list[i].trace_id);
		if (other_ns > ns || (other_ns == ns && strcmp(list[i].trace_id, trace_id) > 0))
			return i;
	}
	return n;
}

/*
 * Of what the list says of that trace (and of what says nothing) nothing stays. Returns how many
 * are left.
 */
static size_t take_out(struct dfl_doc_replay *list, size_t n, const char *trace_id)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].trace_id && strcmp(list[i].trace_id, trace_id))
			list[kept++] = list[i];
		else
			free(list[i].trace_id);
	}
	return kept;
}

static int tell(struct dfl_store *s, struct dfl_doc *doc, const char *in, const uint32_t *seqs,
		size_t n)
{
	struct dfl_doc_replay *list = calloc(doc->n_replayed_in + n, sizeof(*list));
	size_t at, told = 0;

	if (!list)
		return -ENOMEM;
	doc->n_replayed_in = take_out(doc->replayed_in, doc->n_replayed_in, in);
	at = place_of(s, doc->replayed_in, doc->n_replayed_in, in);
	for (size_t i = 0; i < n && at + told < DFL_STORE_MAX_REPLAYED; i++) {
		list[at + told] = (struct dfl_doc_replay){ strdup(in), seqs[i] };
		told += !!list[at + told].trace_id;
	}
	for (size_t i = 0; i < at; i++)
		list[i] = doc->replayed_in[i];
	for (size_t i = at; i < doc->n_replayed_in; i++) {
		if (i + told < DFL_STORE_MAX_REPLAYED)
			list[i + told] = doc->replayed_in[i];
		else
			free(doc->replayed_in[i].trace_id);
	}
	free(doc->replayed_in);
	doc->replayed_in = list;
	doc->n_replayed_in += told;
	if (doc->n_replayed_in > DFL_STORE_MAX_REPLAYED)
		doc->n_replayed_in = DFL_STORE_MAX_REPLAYED;
	return 0;
}

int dfl_store_replayed(struct dfl_store *s, const char *trace_id, const char *in_trace_id,
		       const uint32_t *seqs, size_t n, struct dfl_err *err)
{
	struct dfl_doc *doc;
	int r = get_doc(s, trace_id, &doc, err);

	if (r || !doc)
		return r;
	if (!is_told(doc, in_trace_id, seqs, n)) {
		r = tell(s, doc, in_trace_id, seqs, n);
		r = r ? dfl_err_set(err, ENOMEM, "out of memory for a trace document") :
			dfl_store_write_doc(s, doc, set_doc, err);
	}
	dfl_doc_free(doc);
	return r;
}

/* The first open trace behind that one. -ENOENT: there is none. */
static int next_open(struct dfl_store *s, char id[static DFL_TRACE_ID_LEN + 1])
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_NEXT_OPEN);
	const char *next;
	int r = -EIO, step = SQLITE_ERROR;

	if (st && sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC) == SQLITE_OK)
		step = sqlite3_step(st);
	next = step == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (next && strlen(next) == DFL_TRACE_ID_LEN && strcmp(next, id) > 0) { /* else no recorder
										   wrote it */
		strcpy(id, next);
		r = 0;
	} else if (step == SQLITE_ROW || step == SQLITE_DONE) {
		r = -ENOENT;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
}

static int end_open(struct dfl_store *s, const char *trace_id, struct dfl_err *err)
{
	struct dfl_doc *doc;
	int r = get_doc(s, trace_id, &doc, err);

	if (r || !doc)
		return r;
	r = dfl_doc_cut_off(doc);
	r = r ? dfl_err_set(err, ENOMEM, "out of memory for a trace document") :
		dfl_store_write_doc(s, doc, set_doc, err);
	dfl_doc_free(doc);
	return r;
}

int dfl_store_end_open(struct dfl_store *s, struct dfl_err *err)
{
	char id[DFL_TRACE_ID_LEN + 1] = "";
	int r;

	while (!(r = next_open(s, id))) {
		r = end_open(s, id, err);
		if (r)
			return r;
	}
	if (r != -ENOENT)
		return dfl_store_error(s, err, "read");
	return dfl_store_sync(s, err);
}
