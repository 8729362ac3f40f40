// SPDX-License-Identifier: Apache-2.0
/* Putting traces: a document, its ids and its hops. */
#include "store/write.h"

#include <stdlib.h>
#include <string.h>

#include "store/codec.h"
#include "store/id_key.h"
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

static int put_trace(struct dfl_store *s, const struct dfl_doc *doc, const void *data, size_t len)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_TRACE);

	bind_text(st, 1, doc->trace_id);
	sqlite3_bind_int64(st, 2, doc->started_ns);
	bind_known(st, 3, doc->ended_ns);
	sqlite3_bind_int(st, 4, doc->settled);
	sqlite3_bind_int(st, 5, doc->completeness.complete);
	bind_text(st, 6, doc->operation);
	sqlite3_bind_int64(st, 7, doc->n_hops);
	sqlite3_bind_blob64(st, 8, data, len, SQLITE_STATIC);
	return dfl_store_run(st);
}

static int put_id(struct dfl_store *s, const char *kind, const char *id, const char *trace_id)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_ID);
	char key[DFL_ID_KEY_MAX + 1];

	dfl_id_key(id, key);
	if (!key[0])
		return 0;
	bind_text(st, 1, key);
	bind_text(st, 2, kind);
	bind_text(st, 3, trace_id);
	return dfl_store_run(st);
}

static int put_hop(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_doc_hop *hop)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_HOP);

	bind_text(st, 1, doc->trace_id);
	sqlite3_bind_int64(st, 2, hop->seq);
	sqlite3_bind_int64(st, 3, hop->first_ns);
	sqlite3_bind_int64(st, 4, hop->last_ns);
	bind_text(st, 5, dfl_station_name(hop->from.station));
	bind_text(st, 6, hop->from.name);
	bind_text(st, 7, hop->from.address);
	bind_text(st, 8, dfl_station_name(hop->to.station));
	bind_text(st, 9, hop->to.name);
	bind_text(st, 10, hop->to.address);
	bind_text(st, 11, dfl_medium_name(hop->medium));
	bind_text(st, 12, hop->protocol);
	bind_text(st, 13, hop->operation);
	bind_text(st, 14, hop->place);
	bind_text(st, 15, hop->direction == DFL_REQUEST ? "request" : "response");
	bind_text(st, 16, dfl_residency_name(hop->residency));
	bind_known(st, 17, hop->ttl_s);
	bind_known(st, 18, hop->encrypted);
	bind_known(st, 19, hop->in_vpc);
	bind_text(st, 20, hop->region);
	bind_text(st, 21, hop->field);
	bind_known(st, 22, (int64_t)hop->bytes); /* DFL_DOC_UNKNOWN is -1 */
	sqlite3_bind_int64(st, 23, hop->wire_bytes);
	sqlite3_bind_int64(st, 24, hop->occurrences);
	sqlite3_bind_double(st, 25, hop->coverage);
	return dfl_store_run(st);
}

static int drop_rows(struct dfl_store *s, enum dfl_store_stmt which, const char *trace_id)
{
	sqlite3_stmt *st = dfl_store_statement(s, which);

	bind_text(st, 1, trace_id);
	return dfl_store_run(st);
}

static int put_rows(struct dfl_store *s, const struct dfl_doc *doc)
{
	int r = drop_rows(s, STMT_DROP_IDS, doc->trace_id);

	if (!r)
		r = drop_rows(s, STMT_DROP_HOPS, doc->trace_id);
	if (!r)
		r = put_id(s, "trace_id", doc->trace_id, doc->trace_id);
	for (int i = 0; !r && i < DFL_N_ID; i++)
		if (doc->ids[i])
			r = put_id(s, dfl_id_name(i), doc->ids[i], doc->trace_id);
	for (size_t i = 0; !r && i < doc->n_hops; i++)
		r = put_hop(s, doc, &doc->hops[i]);
	return r;
}

int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err)
{
	void *data;
	size_t len;
	int r = dfl_store_pack(doc, &data, &len);

	if (r)
		return dfl_err_set(err, -r, "out of memory for a trace document");
	r = dfl_store_begin(s, err);
	if (!r && fn(s, doc, data, len))
		r = dfl_store_give_up(s, err);
	free(data);
	return r;
}

static int put_doc(struct dfl_store *s, const struct dfl_doc *doc, const void *data, size_t len)
{
	int r = put_trace(s, doc, data, len);

	return r ? r : put_rows(s, doc);
}

int dfl_store_put(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_err *err)
{
	return dfl_store_write_doc(s, doc, put_doc, err);
}
