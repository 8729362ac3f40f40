// SPDX-License-Identifier: Apache-2.0
/* Putting traces: a document, its ids and its hops. */
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"
#include "store/dictionary.h"
#include "store/ids.h"
#include "store/shape.h"
#include "store/statement.h"
#include "store/transaction.h"

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

/* -1 is null. */
static void bind_known(sqlite3_stmt *st, int i, int64_t value)
{
	if (value == -1)
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_int64(st, i, value);
}

/* " api llm redis ": the stations of the hops, each once, with a blank on both sides. */
static void list_stations(const struct dfl_doc *doc, char *ret, size_t size)
{
	bool seen[DFL_N_STATION] = { false };
	size_t n = (size_t)snprintf(ret, size, " ");

	for (size_t i = 0; i < doc->n_hops; i++) {
		seen[doc->hops[i].from.station] = true;
		seen[doc->hops[i].to.station] = true;
	}
	for (int i = DFL_ST_UNKNOWN + 1; i < DFL_N_STATION && n < size; i++)
		if (seen[i])
			n += (size_t)snprintf(ret + n, size - n, "%s ", dfl_station_name(i));
}

static int put_trace(struct dfl_store *s, const struct dfl_doc *doc,
		     const struct dfl_packed *packed)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_TRACE);
	char stations[DFL_N_STATION * 24];

	if (!st)
		return -EIO;
	list_stations(doc, stations, sizeof(stations));
	bind_text(st, 1, doc->trace_id);
	sqlite3_bind_int64(st, 2, doc->started_ns);
	bind_known(st, 3, doc->ended_ns);
	sqlite3_bind_int(st, 4, doc->settled);
	sqlite3_bind_int(st, 5, doc->completeness.complete);
	bind_text(st, 6, doc->operation);
	sqlite3_bind_int64(st, 7, (int64_t)doc->n_hops);
	bind_text(st, 8, stations);
	sqlite3_bind_int64(st, 9, packed->dictionary);
	sqlite3_bind_blob64(st, 10, packed->head, packed->head_len, SQLITE_STATIC);
	return dfl_store_run(st);
}

int dfl_store_put_document(struct dfl_store *s, const char *trace_id,
			   const struct dfl_packed *packed)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_DOC);

	if (!st)
		return -EIO;
	bind_text(st, 1, trace_id);
	sqlite3_bind_blob64(st, 2, packed->doc, packed->doc_len, SQLITE_STATIC);
	return dfl_store_run(st);
}

static void bind_port(sqlite3_stmt *st, int i, const char *address)
{
	size_t host_len;
	int port = -1;

	if (address)
		dfl_shape_split(address, &host_len, &port);
	bind_known(st, i, port);
}

static int put_hop(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_doc_hop *hop,
		   int64_t n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_HOP);
	int64_t shape = 0;
	int r = st ? dfl_shape_put(s, doc, hop, &shape) : -EIO;

	if (r)
		return r;
	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_int64(st, 2, hop->seq);
	sqlite3_bind_int64(st, 3, shape);
	sqlite3_bind_int64(st, 4, hop->first_ns);
	sqlite3_bind_int64(st, 5, hop->last_ns - hop->first_ns);
	bind_port(st, 6, hop->from.address);
	bind_port(st, 7, hop->to.address);
	bind_known(st, 8, (int64_t)hop->bytes); /* DFL_DOC_UNKNOWN is -1 */
	sqlite3_bind_int64(st, 9, (int64_t)hop->wire_bytes);
	sqlite3_bind_int64(st, 10, hop->occurrences);
	sqlite3_bind_double(st, 11, hop->coverage);
	return dfl_store_run(st);
}

/*
 * The number of a trace that is there already, of which ids and hops are dropped then; 0: it is
 * new.
 */
static int drop_rows(struct dfl_store *s, const char *trace_id)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_HEAD);
	int step, r = 0;
	int64_t n = 0;

	if (!st)
		return -EIO;
	bind_text(st, 1, trace_id);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		n = sqlite3_column_int64(st, 0);
		r = dfl_ids_drop(s, trace_id, n, sqlite3_column_int64(st, 1),
				 sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2));
	} else if (step != SQLITE_DONE) {
		r = -EIO;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (r || !n)
		return r;
	st = dfl_store_statement(s, STMT_DROP_HOPS);
	sqlite3_bind_int64(st, 1, n);
	r = dfl_store_run(st);
	if (r)
		return r;
	st = dfl_store_statement(s, STMT_DROP_OLD_HOPS);
	bind_text(st, 1, trace_id);
	return dfl_store_run(st);
}

static int number_of(struct dfl_store *s, const char *trace_id, int64_t *ret_n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_HEAD);
	int r = -EIO;

	if (!st)
		return r;
	bind_text(st, 1, trace_id);
	if (sqlite3_step(st) == SQLITE_ROW) {
		*ret_n = sqlite3_column_int64(st, 0);
		r = 0;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
}

static int put_doc(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_packed *packed)
{
	int64_t n = 0;
	int r = drop_rows(s, doc->trace_id);

	if (!r)
		r = put_trace(s, doc, packed);
	if (!r)
		r = dfl_store_put_document(s, doc->trace_id, packed);
	if (!r)
		r = number_of(s, doc->trace_id, &n);
	if (!r)
		r = dfl_ids_put(s, doc, n);
	for (size_t i = 0; !r && i < doc->n_hops; i++)
		r = put_hop(s, doc, &doc->hops[i], n);
	return r;
}

/* Document and head, with the same dictionary. */
static int pack(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_packed *ret_packed)
{
	char *json = NULL, *head = NULL;
	const ZSTD_CDict *dictionary;
	int r = dfl_doc_to_json(doc, &json);

	if (!r)
		r = dfl_doc_to_list_json(doc, &head);
	if (!r) {
		size_t len = strlen(json);

		dictionary = dfl_dictionary_write(s, doc, json, len, &ret_packed->dictionary);
		r = dfl_store_pack(json, len, dictionary, &ret_packed->doc, &ret_packed->doc_len);
		if (!r)
			r = dfl_store_pack(head, strlen(head), dictionary, &ret_packed->head,
					   &ret_packed->head_len);
	}
	free(json);
	free(head);
	return r;
}

int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err)
{
	struct dfl_packed packed = { 0 };
	int r = dfl_store_begin(s, err);

	if (r)
		return r;
	r = pack(s, doc, &packed);
	if (r)
		dfl_err_set(err, -r, "out of memory for a trace document");
	else if (fn(s, doc, &packed))
		r = dfl_store_give_up(s, err);
	free(packed.doc);
	free(packed.head);
	return r;
}

int dfl_store_put(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_err *err)
{
	return dfl_store_write_doc(s, doc, put_doc, err);
}
