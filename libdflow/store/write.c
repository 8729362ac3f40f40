// SPDX-License-Identifier: Apache-2.0
/* The writer's side of the store: putting traces, committing, retention. */
#include "store/store_priv.h"

#include <stdlib.h>
#include <string.h>

#include "store/id_key.h"

static const char *const sql[N_STMT] = {
	[STMT_PUT_TRACE] = "INSERT OR REPLACE INTO trace VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
	[STMT_DROP_IDS] = "DELETE FROM id WHERE trace_id=?1",
	[STMT_DROP_HOPS] = "DELETE FROM hop WHERE trace_id=?1",
	[STMT_PUT_ID] = "INSERT OR IGNORE INTO id VALUES (?1,?2,?3)",
	[STMT_PUT_HOP] = "INSERT INTO hop VALUES "
			 "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
			 "?18,?19,?20,?21,?22,?23,?24,?25)",
	[STMT_PUT_PRINTS] = "INSERT OR REPLACE INTO print VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
	[STMT_GET_DOC] = "SELECT doc FROM trace WHERE trace_id=?1",
	[STMT_SET_DOC] = "UPDATE trace SET doc=?2, settled=?3, complete=?4 WHERE trace_id=?1",
	[STMT_GET_STARTED] = "SELECT started_ns FROM trace WHERE trace_id=?1",
	[STMT_NEXT_OPEN] = "SELECT trace_id FROM trace "
			   "WHERE trace_id > ?1 AND settled = 0 AND length(trace_id) = 32 "
			   "ORDER BY trace_id LIMIT 1",
};

sqlite3_stmt *dfl_store_statement(struct dfl_store *s, int which)
{
	if (!s->stmt[which])
		sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
				   &s->stmt[which], NULL);
	return s->stmt[which]; /* NULL: dfl_store_run() fails */
}

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

int dfl_store_run(sqlite3_stmt *st)
{
	int r;

	if (!st)
		return -EIO;
	r = sqlite3_step(st);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r == SQLITE_DONE ? 0 : -EIO;
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

static int drop_rows(struct dfl_store *s, int which, const char *trace_id)
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

int dfl_store_begin(struct dfl_store *s, struct dfl_err *err)
{
	if (s->in_transaction)
		return 0;
	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
		return dfl_store_error(s, err, "write to");
	s->in_transaction = true;
	return 0;
}

int dfl_store_give_up(struct dfl_store *s, struct dfl_err *err)
{
	int r = dfl_store_error(s, err, "write to");

	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
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

int dfl_store_sync(struct dfl_store *s, struct dfl_err *err)
{
	if (!s->in_transaction)
		return 0;
	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL))
		return dfl_store_give_up(s, err);
	s->in_transaction = false;
	return 0;
}

int64_t dfl_store_number(struct dfl_store *s, const char *query)
{
	sqlite3_stmt *st;
	int64_t n = -1;

	if (sqlite3_prepare_v2(s->db, query, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static int64_t used_bytes(struct dfl_store *s)
{
	return (dfl_store_number(s, "PRAGMA page_count") -
		dfl_store_number(s, "PRAGMA freelist_count")) *
	       dfl_store_number(s, "PRAGMA page_size");
}

/* Deletes the traces that started before `before_ns`, with their rows. */
static int drop_before(struct dfl_store *s, int64_t before_ns)
{
	static const char *const queries[] = {
		"DELETE FROM id WHERE trace_id IN (SELECT trace_id FROM trace WHERE started_ns < "
		"?1)",
		"DELETE FROM hop WHERE trace_id IN (SELECT trace_id FROM trace WHERE started_ns < "
		"?1)",
		"DELETE FROM print WHERE trace_id IN (SELECT trace_id FROM trace WHERE started_ns "
		"< ?1)",
		"DELETE FROM trace WHERE started_ns < ?1",
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(queries) / sizeof(queries[0]); i++) {
		sqlite3_stmt *st = NULL;

		sqlite3_prepare_v2(s->db, queries[i], -1, &st, NULL);
		sqlite3_bind_int64(st, 1, before_ns);
		r = dfl_store_run(st);
		sqlite3_finalize(st);
	}
	return r;
}

/* When the oldest n traces are to go: the started_ns of the first that stays. */
static int64_t start_of_nth(struct dfl_store *s, int64_t n)
{
	sqlite3_stmt *st = NULL;
	int64_t ns = INT64_MAX; /* fewer than n: all go */

	sqlite3_prepare_v2(s->db,
			   "SELECT started_ns FROM trace ORDER BY started_ns LIMIT 1 OFFSET ?1", -1,
			   &st, NULL);
	sqlite3_bind_int64(st, 1, n);
	if (sqlite3_step(st) == SQLITE_ROW)
		ns = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return ns;
}

static int drop_too_much(struct dfl_store *s)
{
	for (;;) {
		int64_t used = used_bytes(s), n = dfl_store_number(s, "SELECT count(*) FROM trace");
		int64_t over = used - (int64_t)s->max_bytes, first;

		if (used < 0 || n < 0)
			return -EIO;
		if (over <= 0 || !n)
			return 0;
		/*
		 * Their share of the traces; at least one; those that started together go together.
		 */
		first = start_of_nth(s, (int64_t)((double)n * over / used) + 1);
		if (drop_before(s, first == start_of_nth(s, 0) ? first + 1 : first))
			return -EIO;
	}
}

/* Fingerprints of the oldest traces go first. */
static int drop_prints(struct dfl_store *s)
{
	static const char query
		[] = "DELETE FROM print WHERE trace_id IN (SELECT trace_id FROM (SELECT trace_id,"
		     " sum(n) OVER (ORDER BY started_ns DESC, trace_id) AS total"
		     " FROM print JOIN trace USING (trace_id)) WHERE total > ?1)";
	sqlite3_stmt *st = NULL;
	int r;

	if (dfl_store_number(s, "SELECT coalesce(sum(n), 0) FROM print") <= (int64_t)s->max_prints)
		return 0;
	sqlite3_prepare_v2(s->db, query, -1, &st, NULL);
	sqlite3_bind_int64(st, 1, (int64_t)s->max_prints);
	r = dfl_store_run(st);
	sqlite3_finalize(st);
	return r;
}

int64_t dfl_store_oldest(struct dfl_store *s)
{
	return dfl_store_number(s,
				"SELECT coalesce(min(started_ns), 9223372036854775807) FROM trace");
}

int dfl_store_expire(struct dfl_store *s, int64_t now_ns, struct dfl_err *err)
{
	int64_t oldest_ns = now_ns / 1000000000 > (int64_t)s->max_age_s ?
				    now_ns - (int64_t)s->max_age_s * 1000000000 :
				    0;
	int r = dfl_store_begin(s, err);

	if (r)
		return r;
	if (drop_before(s, oldest_ns) || drop_prints(s) || drop_too_much(s))
		return dfl_store_give_up(s, err);
	r = dfl_store_sync(s, err);
	if (!r && sqlite3_exec(s->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL))
		r = dfl_store_error(s, err, "shrink");
	return r;
}
