// SPDX-License-Identifier: Apache-2.0
/* The store: opening, schema, and what goes wrong with files. */
#include "store/store_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAX_AGE_S (30u * 24 * 3600)
#define DEFAULT_MAX_BYTES (1ull << 30)
#define DEFAULT_MAX_PRINTS (4u << 20)
#define BUSY_TIMEOUT_MS 5000
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
};
#define SCHEMA_VERSION ((int)(sizeof(schema) / sizeof(schema[0])))

int dfl_store_error(const struct dfl_store *s, struct dfl_err *err, const char *doing)
{
	switch (sqlite3_errcode(s->db)) {
	case SQLITE_NOTADB:
		return dfl_err_set(err, EBADMSG,
				   "%s is not a dflow store, or it is damaged; move it away "
				   "and record into a new one",
				   s->path);
	case SQLITE_CORRUPT:
		return dfl_err_set(err, EBADMSG,
				   "the store %s is damaged; move it away and record into a "
				   "new one (sqlite3 FILE .recover may save what is in it)",
				   s->path);
	case SQLITE_NOMEM:
		return dfl_err_set(err, ENOMEM, "out of memory while reading or writing %s",
				   s->path);
	case SQLITE_FULL:
		return dfl_err_set(err, ENOSPC, "no room left on the disk of %s", s->path);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return dfl_err_set(err, EACCES, "cannot %s the store %s: no permission", doing,
				   s->path);
	case SQLITE_BUSY:
		return dfl_err_set(err, EAGAIN, "the store %s is busy; try again", s->path);
	case SQLITE_CANTOPEN:
		return dfl_err_set(err, EACCES,
				   "cannot %s the store %s: its folder has to be writable "
				   "for its owner",
				   doing, s->path);
	default:
		return dfl_err_set(err, EIO, "cannot %s the store %s: %s", doing, s->path,
				   sqlite3_errmsg(s->db));
	}
}

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

int dfl_store_migrate(sqlite3 *db, const char *const *steps, int n)
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
static int check_kind(struct dfl_store *s, bool writer, struct dfl_err *err)
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

static int new_store(const char *path, struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = calloc(1, sizeof(*s));

	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		free(s);
		return dfl_err_set(err, ENOMEM, "out of memory");
	}
	s->lock_fd = -1;
	*ret_store = s;
	return 0;
}

/* SQLite gives its side files the mode of the database, so that one is made first. */
static int make_file(const char *path, struct dfl_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return dfl_err_set(err, errno, "cannot create the store %s: %m", path);
	else if (chmod(path, 0600))
		return dfl_err_set(err, errno, "cannot make the store %s private: %m", path);
	return 0;
}

static int set_up_writer(struct dfl_store *s, struct dfl_err *err)
{
	int r;

	/* FULL: what dfl_store_sync acknowledged survives a power failure. */
	if (exec(s->db,
		 "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		 "PRAGMA journal_size_limit=16777216; PRAGMA secure_delete=FAST"))
		return dfl_store_error(s, err, "open");
	r = dfl_store_migrate(s->db, schema, SCHEMA_VERSION);
	return r ? dfl_store_error(s, err, "set up") : 0;
}

static int open_key(struct dfl_store *s, struct dfl_err *err)
{
	struct dfl_store_key *key = calloc(1, sizeof(*key));

	if (!key)
		return dfl_err_set(err, ENOMEM, "out of memory");
	sodium_mlock(key, sizeof(*key)); /* as far as RLIMIT_MEMLOCK allows */
	s->key = key;
	return dfl_store_key_open(s->path, key, err);
}

int dfl_store_create(const char *path, const struct dfl_store_opts *opts,
		     struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = NULL;
	int r = new_store(path, &s, err);

	if (r)
		return r;
	s->max_age_s = opts && opts->max_age_s ? opts->max_age_s : DEFAULT_MAX_AGE_S;
	s->max_bytes = opts && opts->max_bytes ? opts->max_bytes : DEFAULT_MAX_BYTES;
	s->max_prints = opts && opts->max_prints ? opts->max_prints : DEFAULT_MAX_PRINTS;
	r = dfl_store_take_lock(s, err);
	if (!r)
		r = make_file(path, err);
	if (!r && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		r = dfl_store_error(s, err, "open");
	if (!r) {
		sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
		r = check_kind(s, true, err);
	}
	if (!r)
		r = set_up_writer(s, err);
	if (!r)
		r = dfl_store_end_open(s, err);
	if (!r)
		r = opts && opts->prints ? open_key(s, err) : dfl_store_drop_prints(s, err);
	if (r) {
		dfl_store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

static int check_readable(const char *path, struct dfl_err *err)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT)
			return dfl_err_set(err, ENOENT,
					   "there is no store at %s; record into it first, or "
					   "give the right path",
					   path);
		return dfl_err_set(err, errno, "cannot read the store %s: %m", path);
	}
	if (!S_ISREG(st.st_mode))
		return dfl_err_set(err, EBADMSG, "%s is not a dflow store: no regular file", path);
	if (access(path, R_OK))
		return dfl_err_set(err, errno, "cannot read the store %s: %m; only its owner may",
				   path);
	return 0;
}

static int open_reader(struct dfl_store *s, const char *name, int flags, struct dfl_err *err)
{
	if (sqlite3_open_v2(name, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL))
		return dfl_store_error(s, err, "open");
	sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	return check_kind(s, false, err);
}

/* No side file: nobody has it open, all is in the one file. */
static bool is_at_rest(const char *path)
{
	char wal[4096];

	return snprintf(wal, sizeof(wal), "%s-wal", path) < (int)sizeof(wal) && access(wal, F_OK) &&
	       errno == ENOENT;
}

/*
 * SQLite wants to make side files also to read a database in WAL mode. Where this reader may not, a
 * store at rest is read as one that nobody changes (https://www.sqlite.org/wal.html#readonly).
 */
static int open_immutable(struct dfl_store *s, struct dfl_err *err)
{
	sqlite3_str *name = sqlite3_str_new(NULL);
	char *uri;
	int r;

	sqlite3_str_appendall(name, "file:");
	for (const char *c = s->path; *c; c++)
		if (strchr("?#%", *c))
			sqlite3_str_appendf(name, "%%%02x", *c);
		else
			sqlite3_str_appendchar(name, 1, *c);
	sqlite3_str_appendall(name, "?immutable=1");
	uri = sqlite3_str_finish(name);
	if (!uri)
		return dfl_err_set(err, ENOMEM, "out of memory");
	sqlite3_close(s->db);
	s->db = NULL;
	r = open_reader(s, uri, SQLITE_OPEN_URI, err);
	sqlite3_free(uri);
	return r;
}

int dfl_store_open(const char *path, struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = NULL;
	int r = check_readable(path, err);

	if (!r)
		r = new_store(path, &s, err);
	if (r)
		return r;
	r = open_reader(s, path, 0, err);
	if (r == -EACCES && is_at_rest(path))
		r = open_immutable(s, err);
	if (r) {
		dfl_store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

void dfl_store_close(struct dfl_store *s)
{
	if (!s)
		return;
	for (int i = 0; i < N_STMT; i++)
		sqlite3_finalize(s->stmt[i]);
	if (s->key)
		sodium_munlock(s->key, sizeof(*s->key)); /* wipes, locked or not */
	free(s->key);
	sqlite3_close(s->db); /* rolls back what was not synced */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->path);
	free(s);
}
