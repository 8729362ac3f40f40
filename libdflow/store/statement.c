// SPDX-License-Identifier: Apache-2.0
/* The statements of the writer, each compiled once. */
#include "store/statement.h"

#include <errno.h>

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
	[STMT_PUT_LOSS] = "INSERT OR REPLACE INTO loss VALUES (?1,?2,?3,?4,?5)",
};

sqlite3_stmt *dfl_store_statement(struct dfl_store *s, enum dfl_store_stmt which)
{
	if (!s->stmt[which])
		sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
				   &s->stmt[which], NULL);
	return s->stmt[which]; /* NULL: dfl_store_run() fails */
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

void dfl_statements_free(struct dfl_store *s)
{
	for (int i = 0; i < N_STMT; i++)
		sqlite3_finalize(s->stmt[i]);
}
