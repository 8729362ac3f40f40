// SPDX-License-Identifier: Apache-2.0
/* The statements of the writer, each compiled once. */
#include "store/statement.h"

#include <errno.h>

static const char *const sql[N_STMT] = {
	[STMT_PUT_TRACE] = "INSERT INTO trace (trace_id, started_ns, ended_ns, settled, complete,"
			   " operation, hops, stations, dictionary, head)"
			   " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
			   " ON CONFLICT (trace_id) DO UPDATE SET started_ns=?2, ended_ns=?3,"
			   " settled=?4, complete=?5, operation=?6, hops=?7, stations=?8,"
			   " dictionary=?9, head=?10 RETURNING n",
	[STMT_PUT_DOC] = "INSERT OR REPLACE INTO document"
			 " SELECT n, ?2 FROM trace WHERE trace_id=?1",
	[STMT_GET_HEAD] = "SELECT n, dictionary, head FROM trace WHERE trace_id=?1",
	[STMT_DROP_ID] = "DELETE FROM id_row WHERE key=?1 AND kind=?2 AND n=?3",
	[STMT_DROP_IDS] = "DELETE FROM id_row WHERE n=?1",
	[STMT_DROP_HOPS] = "DELETE FROM hop_row WHERE n=?1",
	[STMT_DROP_OLD_HOPS] = "DELETE FROM hop_old WHERE trace_id=?1",
	[STMT_PUT_ID] = "INSERT OR IGNORE INTO id_row VALUES (?1,?2,?3)",
	[STMT_PUT_HOP] = "INSERT OR REPLACE INTO hop_row VALUES "
			 "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
	[STMT_PUT_PRINTS] = "INSERT OR REPLACE INTO print VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
	[STMT_GET_DOC] = "SELECT dictionary, head, doc FROM entry WHERE trace_id=?1",
	[STMT_SET_HEAD] = "UPDATE trace SET settled=?2, complete=?3, dictionary=?4, head=?5"
			  " WHERE trace_id=?1",
	[STMT_GET_STARTED] = "SELECT started_ns FROM trace WHERE trace_id=?1",
	[STMT_NEXT_OPEN] = "SELECT trace_id FROM trace "
			   "WHERE trace_id > ?1 AND settled = 0 AND length(trace_id) = 32 "
			   "ORDER BY trace_id LIMIT 1",
	[STMT_PUT_LOSS] = "INSERT OR REPLACE INTO loss VALUES (?1,?2,?3,?4,?5)",
	[STMT_GET_SHAPE] = "SELECT n, day FROM shape WHERE hash=?1",
	[STMT_PUT_SHAPE] = "INSERT INTO shape (hash, day, from_station, from_name, from_host,"
			   " to_station, to_name, to_host, medium, protocol, operation, place,"
			   " direction, residency, ttl_s, encrypted, in_vpc, region, field)"
			   " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
			   "?18,?19)",
	[STMT_SET_SHAPE_DAY] = "UPDATE shape SET day=?2 WHERE n=?1",
	[STMT_NEWEST_DICTIONARY] = "SELECT n, data FROM dictionary ORDER BY n DESC LIMIT 1",
	[STMT_GET_DICTIONARY] = "SELECT data FROM dictionary WHERE n=?1",
	[STMT_PUT_DICTIONARY] = "INSERT INTO dictionary (data) VALUES (?1)",
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

int dfl_store_run_number(sqlite3_stmt *st, int64_t *ret_number)
{
	int step = sqlite3_step(st), r = -EIO;

	if (step == SQLITE_ROW) {
		*ret_number = sqlite3_column_int64(st, 0);
		r = sqlite3_step(st) == SQLITE_DONE ? 0 : -EIO;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return r;
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
