// SPDX-License-Identifier: Apache-2.0
/* The table of losses: written by the recorder, read by lists. */
#include "store/loss.h"

#include "store/error.h"
#include "store/reader.h"
#include "store/statement.h"
#include "store/transaction.h"

#define FIRST_SCHEMA 3 /* stores that were not recorded into since have no such table */

int dfl_store_put_loss(struct dfl_store *s, const struct dfl_store_loss *loss, struct dfl_err *err)
{
	sqlite3_stmt *st;
	int r = dfl_store_begin(s, err);

	if (r)
		return r;
	st = dfl_store_statement(s, STMT_PUT_LOSS);
	sqlite3_bind_int64(st, 1, loss->from_ns);
	sqlite3_bind_int64(st, 2, loss->to_ns);
	sqlite3_bind_int64(st, 3, (int64_t)loss->events);
	sqlite3_bind_int64(st, 4, (int64_t)loss->bytes);
	sqlite3_bind_text(st, 5, loss->why, -1, SQLITE_STATIC);
	return dfl_store_run(st) ? dfl_store_give_up(s, err) : 0;
}

int dfl_store_each_loss(struct dfl_store *s, int64_t since_ns, int64_t until_ns,
			dfl_store_loss_fn fn, void *ud, struct dfl_err *err)
{
	sqlite3_stmt *st;
	int r = 0, step = SQLITE_DONE;

	if (dfl_store_number(s, "PRAGMA user_version") < FIRST_SCHEMA)
		return 0;
	r = dfl_reader_prepare(s,
			       "SELECT from_ns, to_ns, events, bytes, why FROM loss "
			       "WHERE to_ns >= ?1 AND from_ns < ?2 ORDER BY from_ns",
			       &st, err);
	if (r)
		return r;
	sqlite3_bind_int64(st, 1, since_ns);
	sqlite3_bind_int64(st, 2, until_ns ? until_ns : INT64_MAX);
	while (!r && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *why = (const char *)sqlite3_column_text(st, 4);
		struct dfl_store_loss loss = { .from_ns = sqlite3_column_int64(st, 0),
					       .to_ns = sqlite3_column_int64(st, 1),
					       .events = (uint64_t)sqlite3_column_int64(st, 2),
					       .bytes = (uint64_t)sqlite3_column_int64(st, 3),
					       .why = why ? why : "" };

		r = fn(ud, &loss);
	}
	if (!r && step != SQLITE_DONE)
		r = dfl_store_error(s, err, "read");
	sqlite3_finalize(st);
	return r;
}
