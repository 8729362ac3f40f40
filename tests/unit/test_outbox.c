// SPDX-License-Identifier: Apache-2.0
/* The outbox: what becomes of puts while the store cannot be written. Real faults: tests/faults. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store/loss.h"
#include "store/outbox.h"
#include "store_help.h"

static char lines[2048];

static void on_line(void *ud, enum dfl_log_level level, const char *line)
{
	sprintf(lines + strlen(lines), "%d %.180s\n", level, line);
}

static struct dfl_outbox *open_outbox(uint64_t max_bytes)
{
	struct dfl_err err = { "" };
	struct dfl_outbox *o;

	lines[0] = 0;
	if (dfl_outbox_open(&(struct dfl_outbox_opts){ .path = help_path,
						       .max_bytes = max_bytes,
						       .log = { on_line } },
			    &o, &err))
		fail_msg("%s", err.msg);
	return o;
}

static int put(struct dfl_outbox *o, unsigned n, struct dfl_err *err)
{
	struct dfl_doc *doc = help_doc(n, NULL, NULL);
	int r = dfl_outbox_put(o, doc, err);

	dfl_doc_free(doc);
	return r;
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

/* Another program that writes. */
static sqlite3 *take_lock(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(help_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void locked(void **state)
{
	struct dfl_outbox *o = open_outbox(1 << 20);
	sqlite3 *other;

	assert_int_equal(put(o, 1, NULL), 0);
	assert_int_equal(dfl_outbox_sync(o, NULL), 0);
	other = take_lock();
	for (unsigned n = 2; n < 6; n++) {
		assert_int_equal(put(o, n, NULL), 0);
		assert_int_equal(put(o, n, NULL), 0); /* one trace, its newest state */
		assert_int_equal(dfl_outbox_sync(o, NULL), 0);
	}
	assert_int_equal(count_docs(), 1); /* readers do not wait */
	assert_int_equal(dfl_outbox_oldest(o), INT64_MIN);
	assert_int_equal(dfl_outbox_expire(o, 0, NULL), 0);
	assert_non_null(strstr(lines, "is busy"));
	sqlite3_close(other);
	assert_int_equal(dfl_outbox_flush(o, NULL), 0);
	assert_int_equal(count_docs(), 5);
	assert_non_null(strstr(lines, "is written again"));
	assert_null(strstr(strstr(lines, "is busy") + 1, "is busy")); /* told once */
	dfl_outbox_close(o);
}

/* At the end it is told what could not be done. Nothing kept: the error comes at once. */
static void locked_to_the_end(void **state)
{
	struct dfl_outbox *o = open_outbox(1 << 20);
	sqlite3 *other = take_lock();
	struct dfl_err err = { "" };

	assert_int_equal(put(o, 1, &err), 0);
	assert_int_equal(dfl_outbox_flush(o, &err), -EAGAIN);
	assert_non_null(strstr(err.msg, "busy"));
	dfl_outbox_close(o);
	sqlite3_close(other);
	o = open_outbox(0);
	dfl_outbox_close(o);
	assert_int_equal(count_docs(), 0);
}

static int keep_loss(void *ud, const struct dfl_store_loss *loss)
{
	*(uint64_t *)ud += loss->events;
	assert_string_equal(loss->why, "the store could not be written");
	return 0;
}

static void little_memory(void **state)
{
	struct dfl_outbox *o = open_outbox(16 << 10);
	struct dfl_store *reader;
	struct dfl_doc *newest;
	uint64_t given_up = 0;
	sqlite3 *other = take_lock();

	for (unsigned n = 1; n <= 100; n++)
		put(o, n, NULL);
	sqlite3_close(other);
	assert_int_equal(dfl_outbox_flush(o, NULL), 0);
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
	assert_int_equal(dfl_store_each_loss(reader, 0, 0, keep_loss, &given_up, NULL), 0);
	dfl_store_close(reader);
	assert_true(given_up > 50 && given_up < 100);
	assert_int_equal(count_docs(), 100 - given_up);
	newest = help_doc(100, NULL, NULL);
	dfl_doc_free(help_read(newest->trace_id));
	dfl_doc_free(newest);
	dfl_outbox_close(o);
}

static void replaced(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	struct dfl_outbox *o = open_outbox(1 << 20);
	char path[128];

	put(o, 1, NULL);
	assert_int_equal(dfl_outbox_sync(o, NULL), 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", help_path, ends[i]);
		unlink(path);
	}
	put(o, 2, NULL);
	assert_int_equal(dfl_outbox_sync(o, NULL), 0);
	assert_non_null(strstr(lines, "removed or replaced"));
	put(o, 3, NULL);
	assert_int_equal(dfl_outbox_flush(o, NULL), 0);
	assert_int_equal(count_docs(), 2); /* what was put since */
	dfl_outbox_close(o);
}

/* What is beside a store may be a trap. */
static void traps(void **state)
{
	struct dfl_err err = { "" };
	char lock[128], other[128];
	struct dfl_store *s;
	FILE *f;

	snprintf(lock, sizeof(lock), "%s.lock", help_path);
	snprintf(other, sizeof(other), "%s.copy", help_path);
	f = fopen(other, "w");
	fputs("theirs", f);
	fclose(f);
	assert_int_equal(link(other, lock), 0);
	assert_int_equal(dfl_store_create(help_path, NULL, &s, &err), -EACCES);
	unlink(lock);
	assert_int_equal(symlink(other, lock), 0);
	assert_int_equal(dfl_store_create(help_path, NULL, &s, &err), -ELOOP);
	unlink(lock);
	assert_int_equal(symlink(other, help_path), 0);
	assert_true(dfl_store_create(help_path, NULL, &s, &err) < 0);
	f = fopen(other, "r");
	assert_int_equal(fread(lines, 1, sizeof(lines), f), 6); /* unchanged */
	fclose(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(locked), TEST(locked_to_the_end), TEST(little_memory), TEST(replaced),
		TEST(traps),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
