// SPDX-License-Identifier: Apache-2.0
/* The tables, their versions, and whether a file is a store at all. */
#include "store/schema.h"

#include <stdio.h>

#include "store/error.h"
#include "store/move.h"

#define OLDEST_READABLE 1
#define FIRST_WITH_ENTRY 4

/*
 * docs/formats.md explains the columns. Each entry leads from version i to i + 1; never change one.
 */
static const char *const schema[] = {
	"CREATE TABLE trace ("
	" trace_id TEXT PRIMARY KEY, started_ns INTEGER NOT NULL, ended_ns INTEGER,"
	" settled INTEGER NOT NULL, complete INTEGER NOT NULL, operation TEXT, hops INTEGER NOT "
	"NULL,"
	" doc BLOB NOT NULL);"
	"CREATE INDEX trace_started ON trace(started_ns);"
	"CREATE TABLE id ("
	" key TEXT NOT NULL, kind TEXT NOT NULL, trace_id TEXT NOT NULL,"
	" PRIMARY KEY (key, kind, trace_id)) WITHOUT ROWID;"
	"CREATE INDEX id_trace ON id(trace_id);"
	"CREATE TABLE hop ("
	" trace_id TEXT NOT NULL, seq INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER "
	"NOT NULL,"
	" from_station TEXT, from_name TEXT, from_address TEXT, to_station TEXT, to_name TEXT, "
	"to_address TEXT,"
	" medium TEXT, protocol TEXT, operation TEXT, place TEXT, direction TEXT, residency TEXT, "
	"ttl_s INTEGER,"
	" encrypted INTEGER, in_vpc INTEGER, region TEXT, field TEXT, bytes INTEGER, wire_bytes "
	"INTEGER,"
	" occurrences INTEGER, coverage REAL,"
	" PRIMARY KEY (trace_id, seq)) WITHOUT ROWID;",
	"CREATE TABLE print ("
	" trace_id TEXT NOT NULL, field TEXT NOT NULL, key_id TEXT NOT NULL, canon_version INTEGER "
	"NOT NULL,"
	" print_version INTEGER NOT NULL, canonical_bytes INTEGER NOT NULL, n INTEGER NOT NULL,"
	" sealed BLOB NOT NULL, PRIMARY KEY (trace_id, field)) WITHOUT ROWID;",
	"CREATE TABLE loss ("
	" from_ns INTEGER PRIMARY KEY, to_ns INTEGER NOT NULL, events INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, why TEXT NOT NULL);",
	/*
	 * 4: lists read `trace` alone, documents stand in a table of their own. What hops have in
	 * common stands once, in `shape`. `id` and `hop` are views now. Rows of older versions
	 * (head and stations are null, hops in hop_old) stay until retention takes them. This step
	 * makes tables only; move.c moves the rows in small transactions, and ends with the same
	 * tables and views as this step did when it moved all at once.
	 */
	"ALTER TABLE trace RENAME TO trace_old;"
	"DROP INDEX trace_started;"
	"ALTER TABLE hop RENAME TO hop_old;"
	"ALTER TABLE id RENAME TO id_old;"
	"CREATE TABLE dictionary (n INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	"CREATE TABLE trace ("
	" n INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, started_ns INTEGER NOT NULL,"
	" ended_ns INTEGER, settled INTEGER NOT NULL, complete INTEGER NOT NULL, operation TEXT,"
	" hops INTEGER NOT NULL, stations TEXT, dictionary INTEGER NOT NULL, head BLOB);"
	"CREATE INDEX trace_started ON trace(started_ns, trace_id);"
	"CREATE TABLE document (n INTEGER PRIMARY KEY, doc BLOB NOT NULL);"
	"CREATE TABLE id_row ("
	" key TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (key, kind, n))"
	" WITHOUT ROWID;"
	"CREATE TABLE shape ("
	" n INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, day INTEGER NOT NULL,"
	" from_station TEXT, from_name TEXT, from_host TEXT, to_station TEXT, to_name TEXT,"
	" to_host TEXT, medium TEXT, protocol TEXT, operation TEXT, place TEXT, direction TEXT,"
	" residency TEXT, ttl_s INTEGER, encrypted INTEGER, in_vpc INTEGER, region TEXT, field "
	"TEXT);"
	"CREATE TABLE hop_row ("
	" n INTEGER NOT NULL, seq INTEGER NOT NULL, shape INTEGER NOT NULL, first_ns INTEGER NOT "
	"NULL,"
	" span_ns INTEGER NOT NULL, from_port INTEGER, to_port INTEGER, bytes INTEGER,"
	" wire_bytes INTEGER, occurrences INTEGER, coverage REAL, PRIMARY KEY (n, seq))"
	" WITHOUT ROWID;"
	"CREATE VIEW entry AS " DFL_ENTRY " UNION ALL SELECT rowid, trace_id, started_ns,"
	" ended_ns, settled, complete, operation, hops, NULL, 0, NULL, doc FROM trace_old;"
	"CREATE VIEW id AS " DFL_ID " UNION ALL SELECT key, kind, trace_id FROM id_old;"
	"CREATE VIEW hop AS SELECT trace_id, seq, first_ns, first_ns + span_ns AS last_ns,"
	" from_station, from_name, from_host || coalesce(':' || from_port, '') AS from_address,"
	" to_station, to_name, to_host || coalesce(':' || to_port, '') AS to_address, medium,"
	" protocol, s.operation, place, direction, residency, ttl_s, encrypted, in_vpc, region,"
	" field, bytes, wire_bytes, occurrences, coverage"
	" FROM hop_row JOIN trace USING (n) JOIN shape AS s ON s.n = shape"
	" UNION ALL SELECT * FROM hop_old;",
	/*
	 * 5: documents and heads are packed in columns (doc/doc_pack.h), which no older program
	 * reads. Rows of version 4 stay JSON.
	 */
	"",
};
#define SCHEMA_VERSION ((int)(sizeof(schema) / sizeof(schema[0])))

static int pragma_int(sqlite3 *db, const char *sql, int *ret_value)
{
	sqlite3_stmt *stmt;
	int r = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (r == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		*ret_value = sqlite3_column_int(stmt, 0);
	else if (r == SQLITE_OK)
		r = SQLITE_ERROR;
	sqlite3_finalize(stmt);
	return r;
}

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

int dfl_schema_migrate(sqlite3 *db, const char *const *steps, int n)
{
	int version;

	if (pragma_int(db, "PRAGMA user_version", &version))
		return -EIO;
	if (version > n || version < 0)
		return -EPROTO;
	for (; version < n; version++) {
		char done[128];

		snprintf(done, sizeof(done),
			 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
			 DFL_STORE_APPLICATION_ID, version + 1);
		if (exec(db, "BEGIN IMMEDIATE") || exec(db, steps[version]) || exec(db, done))
			return -EIO; /* closing rolls back */
	}
	return 0;
}

/* Is the file ours at all? A database without a schema is (one that was just being created). */
int dfl_schema_check(struct dfl_store *s, bool writer, struct dfl_err *err)
{
	int application, version;

	if (pragma_int(s->db, "PRAGMA application_id", &application) ||
	    pragma_int(s->db, "PRAGMA user_version", &version))
		return dfl_store_error(s, err, "read");
	if (!application && !version) {
		int tables;

		if (pragma_int(s->db, "SELECT count(*) FROM sqlite_master", &tables))
			return dfl_store_error(s, err, "read");
		if (!tables && writer)
			return 0;
		if (!tables)
			return dfl_err_set(err, ENOENT,
					   "the store %s is empty; record into it first", s->path);
	}
	if (application != DFL_STORE_APPLICATION_ID)
		return dfl_err_set(err, EBADMSG, "%s is a database, but not a dflow store",
				   s->path);
	if (version > SCHEMA_VERSION)
		return dfl_err_set(err, EPROTO,
				   "the store %s was written by a newer dflow (schema %d, this "
				   "one knows %d); use that one",
				   s->path, version, SCHEMA_VERSION);
	if (!writer && version < OLDEST_READABLE)
		return dfl_err_set(err, EPROTO,
				   "the store %s was written by an older dflow (schema %d); "
				   "record into it once to bring it to schema %d",
				   s->path, version, SCHEMA_VERSION);
	return 0;
}

/* Stores before version 4 have no view `entry`. A reader, which may not write, makes one for
 * itself. */
static const char old_entry
	[] = "PRAGMA temp_store = MEMORY;"
	     "CREATE TEMP VIEW entry AS SELECT rowid AS n, trace_id, started_ns, ended_ns, settled,"
	     " complete, operation, hops, NULL AS stations, 0 AS dictionary, NULL AS head, doc "
	     "FROM trace";

int dfl_schema_read_old(struct dfl_store *s, struct dfl_err *err)
{
	int version;

	if (pragma_int(s->db, "PRAGMA user_version", &version) ||
	    (version < FIRST_WITH_ENTRY && exec(s->db, old_entry)))
		return dfl_store_error(s, err, "read");
	return 0;
}

int dfl_schema_upgrade(struct dfl_store *s, struct dfl_err *err)
{
	return dfl_schema_migrate(s->db, schema, SCHEMA_VERSION) || dfl_schema_move(s) ?
		       dfl_store_error(s, err, "set up") :
		       0;
}
