// SPDX-License-Identifier: Apache-2.0
/* Dictionaries of zstd: made of a document, kept in a table, loaded when they are needed. */
#include "store/dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "doc/doc_pack.h"
#include "doc/doc_unpack.h"
#include "store/statement.h"

#define LEVEL 6		     /* of what stays */
#define FAST_LEVEL 1	     /* of what is written again soon */
#define MIN_BYTES 1024	     /* a smaller document has too little to teach */
#define MAX_BYTES (64 << 10) /* some ten documents */
#define GOOD_RATIO 6	     /* a document that packs so well has nothing to teach */
#define RENEW_AFTER 4096     /* so many that pack badly with a full one begin a new one */

static void forget_text(char **text)
{
	free(*text);
	*text = NULL;
}

/* Takes out what belongs to this one trace, so that it is not kept for longer than the trace. */
static void make_general(struct dfl_doc *doc)
{
	memset(doc->trace_id, '0', DFL_TRACE_ID_LEN);
	doc->started_ns = 0;
	doc->ended_ns = -1;
	for (int i = 0; i < DFL_N_ID; i++)
		forget_text(&doc->ids[i]);
	forget_text(&doc->client_address);
	for (size_t i = 0; i < doc->n_fields; i++)
		forget_text(&doc->fields[i].from_trace);
	for (size_t i = 0; i < doc->n_connections; i++) {
		forget_text(&doc->connections[i].from.address);
		forget_text(&doc->connections[i].to.address);
	}
	for (size_t i = 0; i < doc->n_hops; i++) {
		struct dfl_doc_hop *h = &doc->hops[i];

		forget_text(&h->from.address);
		forget_text(&h->to.address);
		forget_text(&h->replayed_from);
		for (size_t k = 0; k < h->n_candidates; k++)
			free(h->candidates[k]);
		h->n_candidates = 0;
	}
	for (size_t i = 0; i < doc->n_replayed_in; i++)
		free(doc->replayed_in[i].trace_id);
	doc->n_replayed_in = 0;
	for (size_t i = 0; i < doc->n_links; i++) {
		free(doc->links[i].trace_id);
		free(doc->links[i].why);
	}
	doc->n_links = 0;
}

static int general_text(const struct dfl_buf *head, const struct dfl_buf *body,
			struct dfl_buf *ret_text)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));
	int r = doc ? dfl_doc_unpack(head->data, head->len, doc) : -ENOMEM;

	if (!r)
		r = dfl_doc_unpack(body->data, body->len, doc);
	if (!r) {
		make_general(doc);
		r = dfl_doc_pack(doc, DFL_DOC_HEAD, ret_text);
	}
	if (!r)
		r = dfl_doc_pack(doc, DFL_DOC_BODY, ret_text);
	dfl_doc_free(doc);
	return r;
}

static void remember(struct dfl_store *s, const void *data, size_t len, int64_t n)
{
	ZSTD_freeCDict(s->pack);
	ZSTD_freeCDict(s->pack_fast);
	s->pack = ZSTD_createCDict(data, len, LEVEL);
	s->pack_fast = ZSTD_createCDict(data, len, FAST_LEVEL);
	s->pack_n = s->pack && s->pack_fast ? n : 0;
	s->pack_bytes = len;
}

/* The newest of the table, once. */
static void load_newest(struct dfl_store *s)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_NEWEST_DICTIONARY);

	s->pack_looked = true;
	if (st && sqlite3_step(st) == SQLITE_ROW)
		remember(s, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
			 sqlite3_column_int64(st, 0));
	if (st)
		sqlite3_reset(st);
}

static void store(struct dfl_store *s, const struct dfl_buf *text)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_DICTIONARY);

	if (!st)
		return;
	sqlite3_bind_blob64(st, 1, text->data, text->len, SQLITE_STATIC);
	if (!dfl_store_run(st))
		remember(s, text->data, text->len, sqlite3_last_insert_rowid(s->db));
}

/* What the newest one holds. 0 or -ENOMEM. */
static int load_text(struct dfl_store *s, struct dfl_buf *ret_text)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_DICTIONARY);
	int r = 0;

	if (!st)
		return 0;
	sqlite3_bind_int64(st, 1, s->pack_n);
	if (sqlite3_step(st) == SQLITE_ROW)
		r = dfl_buf_append(ret_text, sqlite3_column_blob(st, 0),
				   (size_t)sqlite3_column_bytes(st, 0));
	sqlite3_reset(st);
	return r;
}

void dfl_dictionary_learn(struct dfl_store *s, const struct dfl_buf *head,
			  const struct dfl_buf *body, size_t packed_len)
{
	struct dfl_buf text = { 0 };
	bool is_full;

	if (body->len < MIN_BYTES || packed_len * GOOD_RATIO <= body->len)
		return;
	is_full = s->pack_bytes + head->len + body->len > MAX_BYTES;
	if (is_full && ++s->pack_bad < RENEW_AFTER && s->pack_n)
		return;
	s->pack_bad = 0;
	/* zstd finds what stands at the end at the least cost, so the newest stands there. */
	if ((is_full || !load_text(s, &text)) && !general_text(head, body, &text) &&
	    text.len <= MAX_BYTES)
		store(s, &text);
	dfl_buf_fini(&text);
}

const ZSTD_CDict *dfl_dictionary_write(struct dfl_store *s, bool settled, int64_t *ret_n)
{
	if (!s->pack_looked)
		load_newest(s);
	*ret_n = s->pack_n;
	if (!s->pack_n)
		return NULL;
	return settled ? s->pack : s->pack_fast;
}

const ZSTD_DDict *dfl_dictionary_read(struct dfl_store *s, int64_t n)
{
	struct dfl_store_dictionary *d;
	sqlite3_stmt *st;

	if (!n)
		return NULL;
	for (size_t i = 0; i < DFL_STORE_DICTIONARIES; i++)
		if (s->unpack[i].n == n)
			return s->unpack[i].read;
	st = dfl_store_statement(s, STMT_GET_DICTIONARY);
	if (!st)
		return NULL;
	d = &s->unpack[s->unpack_next++ % DFL_STORE_DICTIONARIES];
	ZSTD_freeDDict(d->read);
	*d = (struct dfl_store_dictionary){ 0 };
	sqlite3_bind_int64(st, 1, n);
	if (sqlite3_step(st) == SQLITE_ROW)
		d->read = ZSTD_createDDict(sqlite3_column_blob(st, 0),
					   (size_t)sqlite3_column_bytes(st, 0));
	d->n = d->read ? n : 0;
	sqlite3_reset(st);
	return d->read;
}

void dfl_dictionary_forget(struct dfl_store *s)
{
	for (size_t i = 0; i < DFL_STORE_DICTIONARIES; i++) {
		ZSTD_freeDDict(s->unpack[i].read);
		s->unpack[i] = (struct dfl_store_dictionary){ 0 };
	}
	ZSTD_freeCDict(s->pack);
	ZSTD_freeCDict(s->pack_fast);
	s->pack = s->pack_fast = NULL;
	s->pack_n = 0;
	s->pack_bytes = 0;
	s->pack_looked = false;
}
