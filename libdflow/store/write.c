// SPDX-License-Identifier: Apache-2.0
/* Putting traces: a document, its ids and its hops. */
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "doc/doc_pack.h"
#include "store/codec.h"
#include "store/dictionary.h"
#include "store/ids.h"
#include "store/shape.h"
#include "store/statement.h"
#include "store/transaction.h"
#include "store/written.h"

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

/* Its number; a trace that is there already keeps the one that it has. */
static int put_trace(struct dfl_store *s, const struct dfl_doc *doc,
		     const struct dfl_packed *packed, int64_t *ret_n)
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
	sqlite3_bind_blob64(st, 10, packed->head.data, packed->head.len, SQLITE_STATIC);
	return dfl_store_run_number(st, ret_n);
}

int dfl_store_put_document(struct dfl_store *s, const char *trace_id,
			   const struct dfl_packed *packed)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_DOC);

	if (!st)
		return -EIO;
	bind_text(st, 1, trace_id);
	sqlite3_bind_blob64(st, 2, packed->body.data, packed->body.len, SQLITE_STATIC);
	return dfl_store_run(st);
}

static int64_t port_of(const char *address)
{
	size_t host_len;
	int port = -1;

	if (address)
		dfl_shape_split(address, &host_len, &port);
	return port;
}

/* A row of hop_row but for the number of its trace. No padding: it is hashed. */
struct hop_row {
	int64_t seq, shape, first_ns, span_ns, from_port, to_port, bytes, wire_bytes, occurrences;
	double coverage;
};

static int make_hop_row(struct dfl_store *s, const struct dfl_doc *doc,
			const struct dfl_doc_hop *hop, struct hop_row *ret_row)
{
	*ret_row = (struct hop_row){
		.seq = hop->seq,
		.first_ns = hop->first_ns,
		.span_ns = hop->last_ns - hop->first_ns,
		.from_port = port_of(hop->from.address),
		.to_port = port_of(hop->to.address),
		.bytes = (int64_t)hop->bytes, /* DFL_DOC_UNKNOWN is -1 */
		.wire_bytes = (int64_t)hop->wire_bytes,
		.occurrences = hop->occurrences,
		.coverage = hop->coverage,
	};
	return dfl_shape_put(s, doc, hop, &ret_row->shape);
}

static int put_hop_row(struct dfl_store *s, const struct hop_row *row, int64_t n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_HOP);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_int64(st, 2, row->seq);
	sqlite3_bind_int64(st, 3, row->shape);
	sqlite3_bind_int64(st, 4, row->first_ns);
	sqlite3_bind_int64(st, 5, row->span_ns);
	bind_known(st, 6, row->from_port);
	bind_known(st, 7, row->to_port);
	bind_known(st, 8, row->bytes);
	sqlite3_bind_int64(st, 9, row->wire_bytes);
	sqlite3_bind_int64(st, 10, row->occurrences);
	sqlite3_bind_double(st, 11, row->coverage);
	return dfl_store_run(st);
}

/*
 * The rows that differ from what w says is written. hashes: of this document's rows, filled; NULL:
 * of no use.
 */
static int put_hops(struct dfl_store *s, const struct dfl_doc *doc, int64_t n,
		    const struct dfl_written *w, uint64_t *hashes)
{
	for (size_t i = 0; i < doc->n_hops; i++) {
		struct hop_row row;
		int r = make_hop_row(s, doc, &doc->hops[i], &row);
		uint64_t hash;

		if (r)
			return r;
		hash = XXH3_64bits(&row, sizeof(row));
		if (hashes)
			hashes[i] = hash;
		if (w && i < w->n_hops && w->hop[i] == hash)
			continue;
		r = put_hop_row(s, &row, n);
		if (r)
			return r;
	}
	return 0;
}

static int drop_hops(struct dfl_store *s, int64_t n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_DROP_HOPS);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, n);
	return dfl_store_run(st);
}

/* The ids of a trace that is there already. Its number; 0: it is new. */
static int drop_ids(struct dfl_store *s, const char *trace_id, int64_t *ret_n)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_HEAD);
	int step, r = 0;

	if (!st)
		return -EIO;
	bind_text(st, 1, trace_id);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		*ret_n = sqlite3_column_int64(st, 0);
		r = dfl_ids_drop(s, trace_id, *ret_n, sqlite3_column_int64(st, 1),
				 sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2));
	} else if (step != SQLITE_DONE) {
		r = -EIO;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
}

/* Ids and hops of a trace that is there already. */
static int drop_rows(struct dfl_store *s, const char *trace_id)
{
	sqlite3_stmt *st;
	int64_t n = 0;
	int r = drop_ids(s, trace_id, &n);

	if (!r && n)
		r = drop_hops(s, n);
	if (r || !n)
		return r;
	st = dfl_store_statement(s, STMT_DROP_OLD_HOPS);
	bind_text(st, 1, trace_id);
	return dfl_store_run(st);
}

static uint64_t hash_of_ids(const struct dfl_doc *doc)
{
	uint64_t hash = 0;

	for (int i = 0; i < DFL_N_ID; i++)
		hash = doc->ids[i] ? XXH3_64bits_withSeed(doc->ids[i], strlen(doc->ids[i]),
							  hash + (uint64_t)i) :
				     hash;
	return hash;
}

/* Are the hops numbered 1, 2, …? Then their place in the list says which row is whose. */
static bool is_numbered(const struct dfl_doc *doc)
{
	for (size_t i = 0; i < doc->n_hops; i++)
		if (doc->hops[i].seq != i + 1)
			return false;
	return true;
}

/* For the next time that this trace is put, which an open one is. */
static void remember(struct dfl_written *w, const struct dfl_doc *doc, int64_t n, uint64_t *hashes)
{
	dfl_written_drop(w);
	memcpy(w->trace_id, doc->trace_id, sizeof(w->trace_id));
	w->n = n;
	w->ids = hash_of_ids(doc);
	w->hop = hashes;
	w->n_hops = doc->n_hops;
}

static int put_all_hops(struct dfl_store *s, const struct dfl_doc *doc, int64_t n,
			struct dfl_written *w, bool known)
{
	uint64_t *hashes = !doc->settled && is_numbered(doc) ?
				   malloc((doc->n_hops + 1) * sizeof(*hashes)) :
				   NULL;
	bool same_places = known && is_numbered(doc) && doc->n_hops >= w->n_hops;
	int r = known && !same_places ? drop_hops(s, n) : 0;

	if (!r)
		r = put_hops(s, doc, n, same_places ? w : NULL, hashes);
	if (!r && hashes) {
		remember(w, doc, n, hashes);
		return 0;
	}
	free(hashes);
	if (known)
		dfl_written_drop(w);
	return r;
}

static int put_doc(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_packed *packed)
{
	struct dfl_written *w = dfl_written_place(s->written, doc->trace_id);
	bool known = dfl_written_is(w, doc->trace_id);
	bool same_ids = known && w->ids == hash_of_ids(doc);
	int64_t n = 0;
	int r = 0;

	if (!known)
		r = drop_rows(s, doc->trace_id);
	else if (!same_ids)
		r = drop_ids(s, doc->trace_id, &n);
	if (!r)
		r = put_trace(s, doc, packed, &n);
	if (!r)
		r = dfl_store_put_document(s, doc->trace_id, packed);
	if (!r && !same_ids)
		r = dfl_ids_put(s, doc, n);
	return r ? r : put_all_hops(s, doc, n, w, known);
}

/* Head and body, with the same dictionary. */
static int compress(struct dfl_store *s, bool settled, const struct dfl_buf *head,
		    const struct dfl_buf *body)
{
	struct dfl_packed *p = &s->packed;
	const ZSTD_CDict *dictionary = dfl_dictionary_write(s, settled, &p->dictionary);
	int r = dfl_codec_pack(&s->codec, head->data, head->len, dictionary, &p->head);

	if (!r)
		r = dfl_codec_pack(&s->codec, body->data, body->len, dictionary, &p->body);
	if (!r && settled)
		dfl_dictionary_learn(s, head, body, p->body.len);
	return r;
}

static int pack(struct dfl_store *s, const struct dfl_doc *doc)
{
	struct dfl_packed *p = &s->packed;
	int r;

	p->plain_head.len = p->plain_body.len = 0;
	r = dfl_doc_pack(doc, DFL_DOC_HEAD, &p->plain_head);
	return r ? r : dfl_doc_pack(doc, DFL_DOC_BODY, &p->plain_body);
}

/* In a transaction, which is given up when it fails. */
static int write_packed(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_buf *head,
			const struct dfl_buf *body, dfl_store_doc_fn fn, struct dfl_err *err)
{
	int r = dfl_store_begin(s, err);

	if (r)
		return r;
	r = compress(s, doc->settled, head, body);
	if (r)
		return dfl_err_set(err, -r, "out of memory for a trace document");
	return fn(s, doc, &s->packed) ? dfl_store_give_up(s, err) : 0;
}

int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err)
{
	int r = pack(s, doc);

	if (r)
		return dfl_err_set(err, -r, "out of memory for a trace document");
	return write_packed(s, doc, &s->packed.plain_head, &s->packed.plain_body, fn, err);
}

int dfl_store_put(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_err *err)
{
	return dfl_store_write_doc(s, doc, put_doc, err);
}

int dfl_store_put_packed(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_buf *head,
			 const struct dfl_buf *body, struct dfl_err *err)
{
	return write_packed(s, doc, head, body, put_doc, err);
}

void dfl_packed_fini(struct dfl_packed *p)
{
	dfl_buf_fini(&p->plain_head);
	dfl_buf_fini(&p->plain_body);
	dfl_buf_fini(&p->head);
	dfl_buf_fini(&p->body);
}
