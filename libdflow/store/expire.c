// SPDX-License-Identifier: Apache-2.0
/* Retention: what is too old or too much goes, whole traces at a time. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>

#include "store/error.h"
#include "store/ids.h"
#include "store/shape.h"
#include "store/statement.h"
#include "store/transaction.h"

/* A statement with one parameter and without rows. */
static int run_with(struct dfl_store *s, const char *query, int64_t value)
{
	sqlite3_stmt *st = NULL;
	int r;

	sqlite3_prepare_v2(s->db, query, -1, &st, NULL);
	if (st)
		sqlite3_bind_int64(st, 1, value);
	r = dfl_store_run(st);
	sqlite3_finalize(st);
	return r;
}

static int64_t used_bytes(struct dfl_store *s)
{
	return (dfl_store_number(s, "PRAGMA page_count") -
		dfl_store_number(s, "PRAGMA freelist_count")) *
	       dfl_store_number(s, "PRAGMA page_size");
}

static int drop_ids_before(struct dfl_store *s, int64_t before_ns)
{
	sqlite3_stmt *st = NULL;
	int r = 0, step;

	if (sqlite3_prepare_v2(s->db,
			       "SELECT trace_id, n, dictionary, head FROM trace"
			       " WHERE started_ns < ?1 AND head IS NOT NULL",
			       -1, &st, NULL))
		return -EIO;
	sqlite3_bind_int64(st, 1, before_ns);
	while ((step = sqlite3_step(st)) == SQLITE_ROW && !r)
		r = dfl_ids_drop(s, (const char *)sqlite3_column_text(st, 0),
				 sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
				 sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3));
	sqlite3_finalize(st);
	return !r && step != SQLITE_DONE ? -EIO : r;
}

#define N_BEFORE "(SELECT n FROM trace WHERE started_ns < ?1)"
#define ID_BEFORE "(SELECT trace_id FROM trace WHERE started_ns < ?1)"

/* Rows without a head are of a store that an older version wrote; there are none some day. */
static const char
	old_ids[] = "DELETE FROM id_row WHERE n IN (SELECT n FROM trace WHERE started_ns <"
		    " ?1 AND head IS NULL)";

static int drop_old_ids(struct dfl_store *s, int64_t before_ns)
{
	char query[160];

	snprintf(query, sizeof(query),
		 "SELECT EXISTS (SELECT 1 FROM trace WHERE started_ns < %lld AND head IS NULL)",
		 (long long)before_ns);
	return dfl_store_number(s, query) == 1 ? run_with(s, old_ids, before_ns) : 0;
}

/* Deletes the traces that started before `before_ns`, with their rows. */
static int drop_before(struct dfl_store *s, int64_t before_ns)
{
	static const char *const queries[] = {
		"DELETE FROM hop_row WHERE n IN " N_BEFORE,
		"DELETE FROM hop_old WHERE trace_id IN " ID_BEFORE,
		"DELETE FROM print WHERE trace_id IN " ID_BEFORE,
		"DELETE FROM document WHERE n IN " N_BEFORE,
		"DELETE FROM trace WHERE started_ns < ?1",
		"DELETE FROM loss WHERE to_ns < ?1",
	};
	int r = drop_ids_before(s, before_ns);

	if (!r)
		r = drop_old_ids(s, before_ns);
	for (size_t i = 0; !r && i < sizeof(queries) / sizeof(queries[0]); i++)
		r = run_with(s, queries[i], before_ns);
	return r ? r : dfl_shape_expire(s);
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
		     " sum(print.n) OVER (ORDER BY started_ns DESC, trace_id) AS total"
		     " FROM print JOIN trace USING (trace_id)) WHERE total > ?1)";

	if (dfl_store_number(s, "SELECT coalesce(sum(n), 0) FROM print") <= (int64_t)s->max_prints)
		return 0;
	return run_with(s, query, (int64_t)s->max_prints);
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

int dfl_store_make_room(struct dfl_store *s, bool drop, struct dfl_err *err)
{
	static const char checkpoint[] = "PRAGMA wal_checkpoint(TRUNCATE)";
	int64_t n;
	int r;

	sqlite3_exec(s->db, checkpoint, NULL, NULL, NULL); /* as far as it goes */
	n = drop ? dfl_store_number(s, "SELECT count(*) FROM trace") : 0;
	if (n <= 1)
		return 0;
	r = dfl_store_begin(s, err);
	if (r)
		return r;
	if (drop_before(s, start_of_nth(s, n / 20 + 1)))
		return dfl_store_give_up(s, err);
	r = dfl_store_sync(s, err);
	if (!r)
		sqlite3_exec(s->db, checkpoint, NULL, NULL, NULL);
	return r;
}
