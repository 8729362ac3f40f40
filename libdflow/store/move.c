// SPDX-License-Identifier: Apache-2.0
/* Moving the rows of a store before version 4, a few at a time. */
#include "store/move.h"

#include "store/statement.h"

#define MOVE "1000" /* traces of one transaction */

static const char move
	[] = "BEGIN IMMEDIATE;"
	     "CREATE TEMP TABLE IF NOT EXISTS moved (n INTEGER PRIMARY KEY, trace_id TEXT);"
	     "DELETE FROM moved;"
	     "INSERT INTO moved SELECT rowid, trace_id FROM trace_old ORDER BY rowid LIMIT " MOVE
	     ";"
	     "INSERT INTO trace SELECT rowid, trace_id, started_ns, ended_ns, settled, complete,"
	     " operation, hops, NULL, 0, NULL FROM trace_old WHERE rowid IN (SELECT n FROM moved);"
	     "INSERT INTO document SELECT rowid, doc FROM trace_old WHERE rowid IN (SELECT n FROM "
	     "moved);"
	     "INSERT OR IGNORE INTO id_row SELECT key, kind, n FROM moved CROSS JOIN id_old"
	     " USING (trace_id);"
	     "DELETE FROM id_old WHERE trace_id IN (SELECT trace_id FROM moved);"
	     "DELETE FROM trace_old WHERE rowid IN (SELECT n FROM moved);"
	     "COMMIT";

static const char end[] = "BEGIN IMMEDIATE;"
			  "DROP VIEW entry;"
			  "DROP VIEW id;"
			  "DROP TABLE trace_old;"
			  "DROP TABLE id_old;"
			  "CREATE VIEW entry AS " DFL_ENTRY ";"
			  "CREATE VIEW id AS " DFL_ID ";"
			  "COMMIT;"
			  "DROP TABLE IF EXISTS temp.moved";

static int64_t are_old_left(struct dfl_store *s)
{
	return dfl_store_number(s, "SELECT EXISTS (SELECT 1 FROM trace_old)");
}

int dfl_schema_move(struct dfl_store *s)
{
	int64_t left = dfl_store_number(
		s, "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'trace_old')");

	if (!left)
		return 0;
	if (sqlite3_exec(s->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL))
		return -EIO;
	while ((left = are_old_left(s)) > 0)
		if (sqlite3_exec(s->db, move, NULL, NULL, NULL))
			return -EIO; /* closing rolls back */
	return left < 0 || sqlite3_exec(s->db, end, NULL, NULL, NULL) ? -EIO : 0;
}
