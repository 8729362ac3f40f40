// SPDX-License-Identifier: Apache-2.0
/* Retention: what is too old or too much goes, whole traces at a time. */
#include "store/error.h"
#include "store/statement.h"
#include "store/transaction.h"

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
		"DELETE FROM loss WHERE to_ns < ?1",
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
