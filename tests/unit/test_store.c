// SPDX-License-Identifier: Apache-2.0
/*
 * The store: one private writer, durable syncs, retention, and files that are not what they should
 * be.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store/query.h"
#include "store/codec.h"
#include "store/schema.h"
#include "store/store_priv.h"
#include "store/loss.h"
#include "store_help.h"

static struct dfl_store *create(const struct dfl_store_opts *opts)
{
	struct dfl_err err = { "" };
	struct dfl_store *s;

	if (dfl_store_create(help_path, opts, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void put(struct dfl_store *s, unsigned n)
{
	struct dfl_doc *doc = help_doc(n, NULL, NULL);
	struct dfl_err err = { "" };

	if (dfl_store_put(s, doc, &err))
		fail_msg("%s", err.msg);
	dfl_doc_free(doc);
}

static size_t count_docs(void)
{
	struct dfl_docs docs = { 0 };
	struct dfl_store *s;
	size_t n;

	assert_int_equal(dfl_store_open(help_path, &s, NULL), 0);
	assert_int_equal(help_list(s, NULL, &docs, NULL), 0);
	n = docs.n;
	dfl_docs_fini(&docs);
	dfl_store_close(s);
	return n;
}

static int64_t sql_number(const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(help_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void put_and_read(void **state)
{
	struct dfl_store *s = create(NULL), *reader;
	struct stat st;

	put(s, 1);
	put(s, 2);
	assert_int_equal(count_docs(), 0); /* not before sync */
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(count_docs(), 2);
	put(s, 2); /* replaces */
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(count_docs(), 2);
	assert_int_equal(sql_number("SELECT count(*) FROM hop WHERE to_station='postgres' AND "
				    "encrypted=1 AND in_vpc IS NULL"),
			 2);
	assert_int_equal(sql_number("SELECT count(*) FROM id"), 2);
	assert_int_equal(stat(help_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A reader in the middle of a read does not stop the writer. */
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	assert_int_equal(
		sqlite3_exec(reader->db, "BEGIN; SELECT count(*) FROM trace", NULL, NULL, NULL),
		SQLITE_OK);
	put(s, 3);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(dfl_store_expire(s, 0, NULL), 0);
	dfl_store_close(reader);
	dfl_store_close(s);
	assert_int_equal(count_docs(), 3);
	dfl_store_close(NULL);
}

static void one_writer(void **state)
{
	struct dfl_store *s = create(NULL), *second = NULL;
	struct dfl_err err = { "" };
	char pid[32];

	assert_int_equal(dfl_store_create(help_path, NULL, &second, &err), -EBUSY);
	snprintf(pid, sizeof(pid), "(pid %d)", getpid());
	assert_non_null(strstr(err.msg, pid));
	assert_null(second);
	dfl_store_close(s);
	dfl_store_close(create(NULL)); /* a lock file left behind does not matter */
}

/* An open trace number n, as a recorder stores it while it goes on. */
static void put_open(struct dfl_store *s, unsigned n)
{
	struct dfl_doc *doc = help_doc(n, NULL, NULL);

	doc->settled = doc->completeness.complete = false;
	doc->completeness.reasons = calloc(2, sizeof(char *));
	doc->completeness.reasons[0] = strdup("events lost");
	doc->completeness.reasons[1] = strdup(DFL_REASON_NOT_SETTLED);
	doc->completeness.n_reasons = 2;
	assert_int_equal(dfl_store_put(s, doc, NULL), 0);
	dfl_doc_free(doc);
}

/* What a recorder left open the next one ends, and only that. */
static void left_open(void **state)
{
	struct dfl_docs docs = { 0 };
	struct dfl_store *s = create(NULL), *reader;

	for (unsigned n = 1; n < 30; n++)
		put_open(s, n);
	put(s, 30);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	dfl_store_close(s);
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE NOT settled"), 29);
	s = create(NULL);
	assert_false(s->in_transaction);
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE NOT settled"), 0);
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE complete"), 1);
	put_open(s, 31);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE NOT settled"), 1);
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	assert_int_equal(help_list(reader, NULL, &docs, NULL), 0);
	assert_int_equal(docs.n, 31);
	for (unsigned i = 0; i < 29; i++) {
		const struct dfl_doc *doc = docs.doc[i];

		assert_true(doc->settled && !doc->completeness.complete &&
			    doc->completeness.n_reasons == 2);
		assert_string_equal(doc->completeness.reasons[0], "events lost");
		assert_string_equal(doc->completeness.reasons[1],
				    "the recorder ended before it settled");
	}
	assert_true(docs.doc[29]->completeness.complete);
	assert_false(docs.doc[30]->settled);
	dfl_docs_fini(&docs);
	dfl_store_close(reader);
	dfl_store_close(s);
}

/* Rows that no recorder wrote: passed over, and the store opens. */
static void left_open_and_damaged(void **state)
{
	struct dfl_store *s = create(NULL);

	for (unsigned n = 1; n < 5; n++)
		put_open(s, n);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	dfl_store_close(s);
	sql_number("UPDATE document SET doc = x'00' WHERE n = (SELECT n FROM trace WHERE "
		   "started_ns = 1000000000)");
	sql_number("UPDATE trace SET trace_id = x'ff' WHERE started_ns = 2000000000");
	sql_number("UPDATE trace SET trace_id = printf('%.*c', 300, '0') WHERE started_ns = "
		   "3000000000");
	dfl_store_close(create(NULL));
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE NOT settled"), 3);
	assert_int_equal(sql_number("SELECT settled FROM trace WHERE started_ns = 4000000000"), 1);
	sql_number("UPDATE trace SET settled = 0, trace_id = CAST(substr('0123456789abcdef', 1, "
		   "15) || x'00' ||"
		   " '0123456789abcdef' AS TEXT) WHERE started_ns = 4000000000");
	dfl_store_close(create(NULL));
	assert_int_equal(sql_number("SELECT count(*) FROM trace WHERE NOT settled"), 4);
}

static void private_again(void **state)
{
	struct stat st;

	dfl_store_close(create(NULL));
	assert_int_equal(chmod(help_path, 0644), 0);
	dfl_store_close(create(NULL));
	assert_int_equal(stat(help_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* A writer that is killed loses nothing that was synced, and nothing is half there. */
static void killed_writer(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		int fd[2], status;
		pid_t pid;
		char c;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		if (!pid) {
			struct dfl_store *s;

			if (dfl_store_create(help_path, NULL, &s, NULL))
				_exit(1);
			for (unsigned n = 0; n < 10; n++) {
				struct dfl_doc *doc = help_doc(1 + round * 20 + n, NULL, NULL);

				if (dfl_store_put(s, doc, NULL) ||
				    (n == 6 && dfl_store_sync(s, NULL)))
					_exit(1);
			}
			if (write(fd[1], "x", 1) != 1)
				_exit(1);
			pause();
		}
		assert_int_equal(read(fd[0], &c, 1), 1);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		close(fd[0]);
		close(fd[1]);
		assert_int_equal(count_docs(), 7 * (round + 1));
	}
}

static void by_age(void **state)
{
	struct dfl_store *s = create(&(struct dfl_store_opts){ .max_age_s = 100 });

	for (unsigned n = 1; n <= 10; n++)
		put(s, n * 20);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(dfl_store_expire(s, 200 * 1000000000ll, NULL), 0);
	dfl_store_close(s);
	assert_int_equal(sql_number("SELECT min(started_ns) FROM trace"), 100000000000);
	assert_int_equal(sql_number("SELECT count(*) FROM id"), 6);
	assert_int_equal(sql_number("SELECT count(*) FROM hop"), 6);
}

static void by_size(void **state)
{
	const uint64_t max = 512 << 10;
	struct dfl_store *s = create(
		&(struct dfl_store_opts){ .max_age_s = 1000000, .max_bytes = max });
	struct stat before, after;

	for (unsigned n = 1; n <= 2000; n++)
		put(s, n);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(stat(help_path, &before), 0);
	assert_true((uint64_t)before.st_size > max);
	assert_int_equal(dfl_store_expire(s, 2000 * 1000000000ll, NULL), 0);
	dfl_store_close(s);
	assert_int_equal(stat(help_path, &after), 0);
	assert_true((uint64_t)after.st_size <= max);
	assert_true((uint64_t)after.st_size > max / 2); /* and not much more than it has to */
	assert_int_equal(sql_number("SELECT max(started_ns) FROM trace"), 2000000000000);
	assert_int_equal(sql_number("SELECT count(*) FROM hop WHERE trace_id NOT IN (SELECT "
				    "trace_id FROM trace)"),
			 0);
}

static void write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void not_a_store(void **state)
{
	struct dfl_err err = { "" };
	struct dfl_store *s;
	sqlite3 *db;

	assert_int_equal(dfl_store_open(help_path, &s, &err), -ENOENT);
	assert_int_equal(dfl_store_open(help_dir, &s, &err), -EBADMSG);
	assert_int_equal(dfl_store_create("/nonexistent/folder/store.db", NULL, &s, &err), -ENOENT);
	write_file(help_path, "", 0);
	assert_int_equal(dfl_store_open(help_path, &s, &err), -ENOENT);
	write_file(
		help_path,
		"these are no pages of a database, but they are long enough to be read as a header "
		"of one; more than one hundred bytes of it",
		123);
	assert_int_equal(dfl_store_open(help_path, &s, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "move it away"));
	assert_int_equal(dfl_store_create(help_path, NULL, &s, &err), -EBADMSG);
	unlink(help_path);
	assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE other(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(dfl_store_open(help_path, &s, &err), -EBADMSG);
	assert_int_equal(dfl_store_create(help_path, NULL, &s, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "not a dflow store"));
}

static void other_versions(void **state)
{
	struct dfl_err err = { "" };
	struct dfl_store *s;

	dfl_store_close(create(NULL));
	sql_number("PRAGMA user_version=99");
	assert_int_equal(dfl_store_open(help_path, &s, &err), -EPROTO);
	assert_int_equal(dfl_store_create(help_path, NULL, &s, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "newer dflow"));
}

/* What versions 1 and 2 made, word for word. */
static const char version_1[] =
	"CREATE TABLE trace (trace_id TEXT PRIMARY KEY, started_ns INTEGER NOT NULL, ended_ns "
	"INTEGER,"
	" settled INTEGER NOT NULL, complete INTEGER NOT NULL, operation TEXT, hops INTEGER NOT "
	"NULL,"
	" doc BLOB NOT NULL);"
	"CREATE INDEX trace_started ON trace(started_ns);"
	"CREATE TABLE id (key TEXT NOT NULL, kind TEXT NOT NULL, trace_id TEXT NOT NULL,"
	" PRIMARY KEY (key, kind, trace_id)) WITHOUT ROWID;"
	"CREATE INDEX id_trace ON id(trace_id);"
	"CREATE TABLE hop (trace_id TEXT NOT NULL, seq INTEGER NOT NULL, first_ns INTEGER NOT NULL,"
	" last_ns INTEGER NOT NULL, from_station TEXT, from_name TEXT, from_address TEXT,"
	" to_station TEXT, to_name TEXT, to_address TEXT, medium TEXT, protocol TEXT, operation "
	"TEXT,"
	" place TEXT, direction TEXT, residency TEXT, ttl_s INTEGER, encrypted INTEGER,"
	" in_vpc INTEGER, region TEXT, field TEXT, bytes INTEGER, wire_bytes INTEGER,"
	" occurrences INTEGER, coverage REAL, PRIMARY KEY (trace_id, seq)) WITHOUT ROWID;"
	"PRAGMA application_id = 1684434039; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";
static const char version_2[] =
	"CREATE TABLE print (trace_id TEXT NOT NULL, field TEXT NOT NULL, key_id TEXT NOT NULL,"
	" canon_version INTEGER NOT NULL, print_version INTEGER NOT NULL,"
	" canonical_bytes INTEGER NOT NULL, n INTEGER NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (trace_id, field)) WITHOUT ROWID; PRAGMA user_version = 2";

static void put_old(sqlite3 *db, unsigned n)
{
	char message[32], *json;
	struct dfl_doc *doc;
	struct dfl_codec codec = { 0 };
	struct dfl_buf data = { 0 };
	sqlite3_stmt *st;

	snprintf(message, sizeof(message), "Message-%u", n);
	doc = help_doc(n, message, NULL);
	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	assert_int_equal(dfl_codec_pack(&codec, json, strlen(json), NULL, &data), 0);
	assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO trace VALUES (?1,?2,?2+5,1,1,?3,1,?4)",
					    -1, &st, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(st, 1, doc->trace_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, doc->started_ns);
	sqlite3_bind_text(st, 3, doc->operation, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(st, 4, data.data, data.len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "INSERT INTO hop (trace_id, seq, first_ns, last_ns,"
					    " to_station) VALUES (?1,1,0,0,'postgres')",
					    -1, &st, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(st, 1, doc->trace_id, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	assert_int_equal(
		sqlite3_exec(db,
			     "DELETE FROM id; INSERT INTO id SELECT 'message-' ||"
			     " (started_ns / 1000000000), 'message_id', trace_id FROM trace;"
			     "INSERT INTO id SELECT trace_id, 'trace_id', trace_id FROM trace",
			     NULL, NULL, NULL),
		SQLITE_OK);
	free(json);
	dfl_buf_fini(&data);
	dfl_codec_fini(&codec);
	dfl_doc_free(doc);
}

/* The seconds of start, as digits, of what a cursor finds at a station, with whole ids and JSON. */
static int at_postgres(void)
{
	const struct dfl_filter f = { .station = DFL_ST_POSTGRES };
	const struct dfl_row *row;
	struct dfl_cursor *c;
	struct dfl_store *s;
	int digits = 0;

	assert_int_equal(dfl_store_open(help_path, &s, NULL), 0);
	assert_int_equal(dfl_cursor_open(s, &f, &c, NULL), 0);
	while (dfl_cursor_next(c, &row, NULL) > 0) {
		unsigned n = (unsigned)(row->started_ns / 1000000000);
		char message[32], *json;

		snprintf(message, sizeof(message), "Message-%u", n);
		assert_string_equal(row->ids[DFL_ID_MESSAGE], message);
		assert_int_equal(dfl_cursor_json(c, &json, NULL), 0);
		assert_non_null(strstr(json, message));
		free(json);
		digits = digits * 10 + (int)n;
	}
	dfl_cursor_close(c);
	dfl_store_close(s);
	return digits;
}

/* Readers take an older store as it is; a writer upgrades it; retention takes old rows as well. */
static void older_versions(void **state)
{
	for (int version = 1; version <= 2; version++) {
		struct dfl_store *s;
		sqlite3 *db;

		unlink(help_path);
		assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
		if (version == 2)
			assert_int_equal(sqlite3_exec(db, version_2, NULL, NULL, NULL), SQLITE_OK);
		put_old(db, 1);
		put_old(db, 2);
		sqlite3_close(db);
		assert_int_equal(at_postgres(), 12);
		dfl_doc_free(help_read("message-2"));
		assert_int_equal(sql_number("PRAGMA user_version"), version);
		s = create(&(struct dfl_store_opts){ .max_age_s = 100 });
		assert_int_equal(sql_number("PRAGMA user_version"), 5);
		put(s, 3);
		put(s, 2); /* again, by this version */
		assert_int_equal(dfl_store_sync(s, NULL), 0);
		assert_int_equal(
			sql_number("SELECT count(*) FROM hop WHERE to_station = 'postgres'"), 3);
		assert_int_equal(sql_number("SELECT count(*) FROM hop_old"), 1);
		dfl_doc_free(help_read("message-1"));
		assert_int_equal(dfl_store_expire(s, 102 * 1000000000ll, NULL), 0);
		dfl_store_close(s);
		assert_int_equal(sql_number("SELECT count(*) FROM trace"), 2);
		assert_int_equal(sql_number("SELECT count(*) FROM hop_old"), 0);
		assert_int_equal(sql_number("SELECT count(*) FROM id WHERE key = 'message-1'"), 0);
		assert_int_equal(sql_number("SELECT count(*) FROM id_row"), 2);
	}
}

static int fail_at(void *left)
{
	return (*(int *)left)-- <= 0;
}

/* A recorder that is killed in the middle of an upgrade: all is there, and the next one ends it. */
static void upgraded_in_part(void **state)
{
	for (int commits = 1;; commits++) {
		struct dfl_store half = { .path = help_path };
		int left = commits;
		sqlite3 *db;

		unlink(help_path);
		assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
		put_old(db, 1);
		assert_int_equal(
			sqlite3_exec(
				db,
				"INSERT INTO trace SELECT printf('%032x', value),"
				" 1000000000 + value, NULL, 1, 1, NULL, 1, doc"
				" FROM trace JOIN (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL"
				" SELECT value + 1 FROM n WHERE value < 2499) SELECT value FROM n);"
				"INSERT INTO id SELECT trace_id, 'trace_id', trace_id"
				" FROM trace WHERE started_ns > 1000000000",
				NULL, NULL, NULL),
			SQLITE_OK);
		sqlite3_commit_hook(db, fail_at, &left);
		half.db = db;
		if (!dfl_schema_upgrade(&half, NULL)) {
			sqlite3_close(db);
			assert_true(commits >= 8); /* 4 steps, 3 moves and the end of it */
			break;
		}
		sqlite3_close(db);
		assert_int_equal(count_docs(), 2500);
		dfl_doc_free(help_read("message-1"));
		dfl_store_close(create(&(struct dfl_store_opts){ .max_age_s = 1u << 31 }));
		assert_int_equal(sql_number("SELECT count(*) FROM trace"), 2500);
		assert_int_equal(sql_number("SELECT count(*) FROM id_row"), 2501);
		assert_int_equal(sql_number("SELECT count(*) FROM sqlite_master"
					    " WHERE name IN ('trace_old', 'id_old')"),
				 0);
		assert_int_equal(count_docs(), 2500);
	}
}

/* The mechanism, with steps of its own: a store of version 1 comes to 3, and not back. */
static void migration(void **state)
{
	static const char *const steps[] = { "CREATE TABLE a(x)",
					     "ALTER TABLE a ADD COLUMN y DEFAULT 7",
					     "UPDATE a SET x = y" };
	static const char *const broken[] = { "", "", "", "UPDATE a SET x = 1; nonsense" };
	sqlite3 *db;

	assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
	assert_int_equal(dfl_schema_migrate(db, steps, 1), 0);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO a VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(dfl_schema_migrate(db, steps, 3), 0);
	assert_int_equal(dfl_schema_migrate(db, steps, 3), 0);
	assert_int_equal(dfl_schema_migrate(db, steps, 2), -EPROTO);
	sqlite3_close(db);
	assert_int_equal(sql_number("SELECT x FROM a"), 7);
	assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
	assert_int_equal(dfl_schema_migrate(db, broken, 4), -EIO);
	sqlite3_close(db);
	assert_int_equal(sql_number("PRAGMA user_version"), 3);
	assert_int_equal(sql_number("SELECT x FROM a"), 7);
}

static int log_loss(void *ud, const struct dfl_store_loss *loss)
{
	char *text = ud;

	sprintf(text + strlen(text), "%lld-%lld:%llu/%llu:%s ", (long long)loss->from_ns,
		(long long)loss->to_ns, (unsigned long long)loss->events,
		(unsigned long long)loss->bytes, loss->why);
	return loss->events == 99 ? 7 : 0;
}

/* A loss that grows is one row; lists tell what touches their time. */
static void losses(void **state)
{
	struct dfl_store *s = NULL, *reader;
	char text[256] = "";

	assert_int_equal(dfl_store_create(help_path, &(struct dfl_store_opts){ 0 }, &s, NULL), 0);
	assert_int_equal(
		dfl_store_put_loss(s, &(struct dfl_store_loss){ 100, 200, 1, 10, "a" }, NULL), 0);
	assert_int_equal(
		dfl_store_put_loss(s, &(struct dfl_store_loss){ 100, 300, 2, 20, "a" }, NULL), 0);
	assert_int_equal(
		dfl_store_put_loss(
			s, &(struct dfl_store_loss){ 5000000000, 6000000000, 99, 0, "b" }, NULL),
		0);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	assert_int_equal(dfl_store_each_loss(reader, 0, 500, log_loss, text, NULL), 0);
	assert_string_equal(text, "100-300:2/20:a ");
	text[0] = 0;
	assert_int_equal(dfl_store_each_loss(reader, 301, 0, log_loss, text, NULL), 7);
	assert_string_equal(text, "5000000000-6000000000:99/0:b ");
	assert_int_equal(dfl_store_expire(s, (30ll * 24 * 3600 + 2) * 1000000000, NULL), 0);
	text[0] = 0;
	assert_int_equal(dfl_store_each_loss(reader, 0, 0, log_loss, text, NULL), 7);
	assert_string_equal(text, "5000000000-6000000000:99/0:b ");
	dfl_store_close(reader);
	dfl_store_close(s);
	sql_number("DROP TABLE loss");
	sql_number("PRAGMA user_version = 2");
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	assert_int_equal(dfl_store_each_loss(reader, 0, 0, log_loss, text, NULL), 0);
	dfl_store_close(reader);
}

/* Whatever byte of the file is wrong: an error or an answer, never a crash. */
static void damage(void **state)
{
	struct dfl_store *s = create(NULL);
	char copy[128];
	struct stat st;
	uint8_t *data;
	int fd;

	for (unsigned n = 1; n <= 30; n++)
		put(s, n);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	dfl_store_close(s);
	fd = open(help_path, O_RDONLY);
	fstat(fd, &st);
	data = malloc(st.st_size);
	assert_int_equal(read(fd, data, st.st_size), st.st_size);
	close(fd);
	snprintf(copy, sizeof(copy), "%s.copy", help_path);
	for (off_t at = 0; at < st.st_size; at += at < 200 ? 1 : 61) {
		struct dfl_docs docs = { 0 };
		struct dfl_err err = { "" };
		int r;

		data[at] ^= 0x55;
		write_file(copy, data, st.st_size - (at % 3 ? 0 : at / 2));
		data[at] ^= 0x55;
		r = dfl_store_open(copy, &s, &err);
		if (!r) {
			r = help_list(s, NULL, &docs, &err);
			dfl_docs_fini(&docs);
			dfl_store_close(s);
		}
		assert_true(!r == !err.msg[0]);
	}
	free(data);
	assert_int_equal(dfl_codec_unpack(&(struct dfl_codec){ 0 }, "", 0, NULL, &(char *){ NULL },
					  &(size_t){ 0 }),
			 -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(put_and_read),   TEST(one_writer),	      TEST(private_again),
		TEST(killed_writer),  TEST(by_age),	      TEST(by_size),
		TEST(not_a_store),    TEST(other_versions),   TEST(migration),
		TEST(older_versions), TEST(upgraded_in_part), TEST(losses),
		TEST(damage),	      TEST(left_open),	      TEST(left_open_and_damaged),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
