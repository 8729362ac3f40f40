// SPDX-License-Identifier: Apache-2.0
/*
 * Fingerprints in the store: sealed, gone with their trace, loaded within a bound; damage and lost
 * keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store/store_priv.h"
#include "store_help.h"

#define N_PRINTS 40
#define MAX_TAKEN 64

struct taken {
	size_t n, room;
	char ids[MAX_TAKEN][DFL_TRACE_ID_LEN + 1];
	char conversation[MAX_TAKEN][64];
	uint8_t first[MAX_TAKEN][DFL_PRINT_BYTES];
};

static struct dfl_store *create(const struct dfl_store_opts *opts)
{
	struct dfl_err err = { "" };
	struct dfl_store *s;

	if (dfl_store_create(help_path, opts ? opts : &(struct dfl_store_opts){ .prints = true },
			     &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void make_prints(uint8_t *prints, unsigned seed)
{
	for (int i = 0; i < N_PRINTS; i++) {
		memset(prints + i * DFL_PRINT_BYTES, (int)seed, DFL_PRINT_BYTES);
		prints[i * DFL_PRINT_BYTES] = (uint8_t)i;
	}
}

/* Trace number n with one field's fingerprints. */
static void put(struct dfl_store *s, unsigned n, const char *conversation)
{
	struct dfl_doc *doc = help_doc(n, NULL, conversation);
	uint8_t prints[N_PRINTS * DFL_PRINT_BYTES];
	struct dfl_past_text of = { .trace_id = doc->trace_id,
				    .field = "query",
				    .canonical_bytes = 600,
				    .prints = prints,
				    .n_prints = N_PRINTS };
	struct dfl_err err = { "" };

	make_prints(prints, n);
	if (dfl_store_put(s, doc, &err) || dfl_store_put_prints(s, &of, &err))
		fail_msg("%s", err.msg);
	dfl_doc_free(doc);
}

static void put_many(unsigned n)
{
	struct dfl_store *s = create(NULL);

	for (unsigned i = 1; i <= n; i++)
		put(s, i, "CAFE0000-conversation");
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	dfl_store_close(s);
}

static int take(void *ud, const struct dfl_past_text *of)
{
	struct taken *t = ud;

	if (t->n == t->room)
		return -ENOSPC;
	assert_int_equal(of->n_prints, N_PRINTS);
	assert_int_equal(of->canonical_bytes, 600);
	assert_string_equal(of->field, "query");
	strcpy(t->ids[t->n], of->trace_id);
	strcpy(t->conversation[t->n], of->conversation_id ?: "");
	memcpy(t->first[t->n++], of->prints, DFL_PRINT_BYTES);
	return 0;
}

static struct dfl_store_loaded load(struct dfl_store *s, struct taken *ret_taken, size_t room)
{
	struct dfl_store_loaded loaded;
	struct dfl_err err = { "" };

	*ret_taken = (struct taken){ .room = room };
	if (dfl_store_load_prints(s, take, ret_taken, &loaded, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(loaded.loaded, ret_taken->n);
	return loaded;
}

static int64_t sql(const char *query)
{
	sqlite3_stmt *st;
	int64_t n = -1;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(help_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void put_and_load(void **state)
{
	struct dfl_store_loaded loaded;
	struct taken taken;
	struct dfl_store *s;

	put_many(3);
	s = create(NULL);
	loaded = load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 3);
	assert_int_equal(loaded.left_out + loaded.foreign + loaded.damaged, 0);
	for (unsigned i = 0; i < 3; i++) { /* the newest first */
		uint8_t want[DFL_PRINT_BYTES] = { 0 };

		memset(want + 1, (int)(3 - i), DFL_PRINT_BYTES - 1);
		assert_memory_equal(taken.first[i], want, DFL_PRINT_BYTES);
		assert_string_equal(taken.conversation[i], "cafe0000-conversation");
	}
	loaded = load(s, &taken, 2);
	assert_int_equal(taken.n, 2);
	assert_int_equal(loaded.left_out, 1);
	put(s, 3, NULL); /* replaces */
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 3);
	assert_string_equal(taken.conversation[0], "");
	dfl_store_close(s);
}

/* Nothing of them, nor of the key, can be read in the store; the key is private. */
static void sealed(void **state)
{
	uint8_t prints[N_PRINTS * DFL_PRINT_BYTES], *data;
	static const char *const suffixes[] = { "", "-wal" };
	char path[128];
	struct dfl_store *s;
	struct stat st;

	s = create(NULL);
	put(s, 7, NULL);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	make_prints(prints, 7);
	for (size_t i = 0; i < 2; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s%s", help_path, suffixes[i]);
		fd = open(path, O_RDONLY);
		assert_int_equal(fstat(fd, &st), 0);
		data = malloc((size_t)st.st_size);
		assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
		close(fd);
		for (int k = 0; k < N_PRINTS; k++)
			assert_null(memmem(data, (size_t)st.st_size, prints + k * DFL_PRINT_BYTES,
					   DFL_PRINT_BYTES));
		assert_null(memmem(data, (size_t)st.st_size, s->key->print, 16));
		assert_null(memmem(data, (size_t)st.st_size, s->key->seal, 16));
		free(data);
	}
	dfl_store_close(s);
	snprintf(path, sizeof(path), "%s.key", help_path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 40);
}

/* A key that another user may know is not used, and stays as it is. */
static void key_of_others(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601 };
	struct dfl_store_opts opts = { .prints = true };
	struct dfl_err err = { "" };
	struct dfl_store *s;
	struct stat st;
	char path[128];

	put_many(1);
	snprintf(path, sizeof(path), "%s.key", help_path);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(dfl_store_create(help_path, &opts, &s, &err), -EACCES);
		assert_non_null(strstr(err.msg, ".key may be read or written by others (mode 06"));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, modes[i]);
	}
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid()) { /* to give it away takes root */
		dfl_store_close(create(NULL));
		return;
	}
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(dfl_store_create(help_path, &opts, &s, &err), -EACCES);
	assert_non_null(strstr(err.msg, ".key is the file of another user (uid 12345)"));
	assert_int_equal(chown(path, 0, 12345), 0);
	dfl_store_close(create(NULL));
}

static void lost_key(void **state)
{
	struct dfl_store_loaded loaded;
	char path[128], aside[128];
	struct taken taken;
	struct dfl_store *s;

	put_many(2);
	snprintf(path, sizeof(path), "%s.key", help_path);
	snprintf(aside, sizeof(aside), "%s.copy.key", help_path);
	assert_int_equal(rename(path, aside), 0);
	s = create(NULL); /* a new one */
	put(s, 3, NULL);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	loaded = load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 1);
	assert_int_equal(loaded.foreign, 2);
	dfl_store_close(s);
	assert_int_equal(rename(aside, path), 0); /* the old one again */
	s = create(NULL);
	loaded = load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 2);
	assert_int_equal(loaded.foreign, 1);
	dfl_store_close(s);
	s = create(&(struct dfl_store_opts){ .prints = false });
	assert_null(dfl_store_print_key(s));
	load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 0);
	dfl_store_close(s);
}

static void bad_key(void **state)
{
	static const char *const contents[] = {
		"", "short", "DFKEY\r\n\x1a and so on, but too long to be a key of any store",
		"not the magic, yet 40 bytes long exactly"
	};
	struct dfl_store_opts opts = { .prints = true };
	char path[128];
	struct dfl_store *s;

	snprintf(path, sizeof(path), "%s.key", help_path);
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		FILE *f = fopen(path, "w");
		struct dfl_err err = { "" };

		fputs(contents[i], f);
		fclose(f);
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(dfl_store_create(help_path, &opts, &s, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, ".key is no key"));
	}
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(dfl_store_create(help_path, &opts, &s, NULL), -ELOOP);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(dfl_store_create(help_path, &opts, &s, NULL), -EBADMSG);
	rmdir(path);
}

/* Rows that are not what they were: counted, never taken. */
static void damaged_rows(void **state)
{
	static const char *const how[] = {
		"UPDATE print SET sealed = substr(sealed, 1, length(sealed) - 1)",
		"UPDATE print SET sealed = zeroblob(length(sealed))",
		"UPDATE print SET sealed = x''",
		"UPDATE print SET sealed = 'text'",
		"UPDATE print SET n = n + 1",
		"UPDATE print SET n = 0",
		"UPDATE print SET n = -1",
		"UPDATE print SET n = 4611686018427387904",
		"UPDATE print SET n = 'many'",
		"UPDATE print SET canonical_bytes = 601",
		"UPDATE print SET field = 'answer'",
		"UPDATE print SET field = printf('%.*c', 300, 'x')",
		"UPDATE trace SET trace_id = '0' || substr(trace_id, 2)", /* without any: as when it
									     is gone */
	};
	struct dfl_store_loaded loaded;
	struct taken taken;
	struct dfl_store *s;

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		bool orphan = !strncmp(how[i], "UPDATE trace", 12);

		put_many(1);
		sql(how[i]);
		s = create(NULL);
		loaded = load(s, &taken, MAX_TAKEN);
		assert_int_equal(taken.n, 0);
		assert_int_equal(loaded.damaged, orphan ? 0 : 1);
		dfl_store_close(s);
		sql("DELETE FROM print");
	}
	put_many(1);
	sql("UPDATE print SET print_version = 2");
	s = create(NULL);
	loaded = load(s, &taken, MAX_TAKEN);
	assert_int_equal(loaded.foreign, 1);
	dfl_store_close(s);
}

static void read_sealed(struct dfl_store *s, uint8_t *ret, size_t len)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT sealed FROM print", -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(sqlite3_column_bytes(st, 0), len);
	memcpy(ret, sqlite3_column_blob(st, 0), len);
	sqlite3_finalize(st);
}

static bool is_in_file(const char *suffix, const uint8_t *what, size_t len)
{
	char path[128];
	struct stat st;
	uint8_t *data;
	bool found;
	int fd;

	snprintf(path, sizeof(path), "%s%s", help_path, suffix);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	close(fd);
	found = memmem(data, (size_t)st.st_size, what, len);
	free(data);
	return found;
}

/*
 * What is derived from users' text does not outlive the wish to keep none: no byte of it stays in
 * the files.
 */
static void switched_off(void **state)
{
	size_t len = 24 + N_PRINTS * DFL_PRINT_BYTES + 16;
	struct dfl_store_opts off = { .prints = false };
	struct dfl_store *s, *reader;
	uint8_t row[512];

	put_many(1);
	s = create(NULL);
	read_sealed(s, row, len);
	for (unsigned i = 2; i < 60; i++) /* several pages */
		put(s, i, NULL);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	dfl_store_close(s); /* while there is a reader the log stays */
	assert_true(is_in_file("", row, len) && is_in_file("-wal", row, len));
	s = create(&off);
	assert_false(is_in_file("", row, len) || is_in_file("-wal", row, len));
	assert_int_equal(sql("SELECT count(*) FROM print"), 0);
	assert_int_equal(sql("SELECT count(*) FROM trace"), 59);
	dfl_store_close(s);
	dfl_store_close(reader);
	dfl_store_close(create(&off)); /* and once more, when there are none */
	assert_int_equal(sql("SELECT count(*) FROM trace"), 59);
}

/* Whichever byte of it is wrong. */
static void damaged_bytes(void **state)
{
	size_t len = 24 + N_PRINTS * DFL_PRINT_BYTES + 16;
	struct dfl_store_loaded loaded;
	struct taken taken;
	struct dfl_store *s;
	sqlite3_stmt *st;
	uint8_t data[512];

	put_many(1);
	s = create(NULL);
	assert_int_equal(sqlite3_prepare_v2(s->db, "UPDATE print SET sealed = ?1", -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sql("SELECT length(sealed) FROM print"), len);
	read_sealed(s, data, len);
	for (size_t i = 0; i <= len; i++) { /* at last with no byte wrong */
		if (i < len)
			data[i] ^= 1 << i % 8;
		sqlite3_bind_blob64(st, 1, data, len, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
		loaded = load(s, &taken, MAX_TAKEN);
		assert_int_equal(loaded.damaged, i < len);
		assert_int_equal(taken.n, i == len);
		if (i < len)
			data[i] ^= 1 << i % 8;
	}
	sqlite3_finalize(st);
	dfl_store_close(s);
}

/* Sealed for one trace, it is of no use in the row of another. */
static void swapped_rows(void **state)
{
	struct dfl_store_loaded loaded;
	struct taken taken;
	struct dfl_store *s;

	put_many(2);
	sql("UPDATE print SET sealed = (SELECT max(sealed) FROM print)");
	s = create(NULL);
	loaded = load(s, &taken, MAX_TAKEN);
	assert_int_equal(taken.n, 1);
	assert_int_equal(loaded.damaged, 1);
	dfl_store_close(s);
}

static void retention(void **state)
{
	struct dfl_store *s;

	put_many(10);
	s = create(&(struct dfl_store_opts){ .prints = true, .max_prints = 3 * N_PRINTS });
	assert_int_equal(dfl_store_expire(s, 11 * 1000000000ll, NULL), 0);
	assert_int_equal(sql("SELECT count(*) FROM print"), 3);
	assert_int_equal(sql("SELECT min(started_ns) FROM print JOIN trace USING (trace_id)"),
			 8000000000);
	assert_int_equal(sql("SELECT count(*) FROM trace"), 10);
	dfl_store_close(s);
	s = create(&(struct dfl_store_opts){ .prints = true, .max_age_s = 5 });
	assert_int_equal(dfl_store_oldest(s), 1000000000);
	assert_int_equal(dfl_store_expire(s, 14 * 1000000000ll, NULL), 0); /* 9 and 10 stay */
	assert_int_equal(sql("SELECT count(*) FROM trace"), 2);
	assert_int_equal(sql("SELECT count(*) FROM print"), 2);
	assert_int_equal(dfl_store_oldest(s), 9000000000);
	assert_int_equal(dfl_store_expire(s, 100 * 1000000000ll, NULL), 0);
	assert_int_equal(sql("SELECT count(*) FROM print"), 0);
	assert_int_equal(dfl_store_oldest(s), INT64_MAX);
	dfl_store_close(s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, help_setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(put_and_load), TEST(sealed),    TEST(key_of_others), TEST(switched_off),
		TEST(lost_key),	    TEST(bad_key),   TEST(damaged_rows),  TEST(damaged_bytes),
		TEST(swapped_rows), TEST(retention),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
