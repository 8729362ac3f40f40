// SPDX-License-Identifier: Apache-2.0
/* The tables, their versions, and whether a file is a store at all. */
#include "store/schema.h"

#include <stdio.h>

#include "store/error.h"

#define OLDEST_READABLE 1 /* schema; later ones only added tables */

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

int dfl_schema_upgrade(struct dfl_store *s, struct dfl_err *err)
{
	return dfl_schema_migrate(s->db, schema, SCHEMA_VERSION) ?
		       dfl_store_error(s, err, "set up") :
		       0;
}
