// SPDX-License-Identifier: Apache-2.0
/* Stored traces are told that their text came back: replayed_in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/statement.h"
#include "store_help.h"

static struct dfl_store *create(void)
{
	struct dfl_err err = { "" };
	struct dfl_store *s;

	if (dfl_store_create(help_path, NULL, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

/* Trace number n. */
static void put(struct dfl_store *s, unsigned n)
{
	struct dfl_doc *doc = help_doc(n, NULL, NULL);

	assert_int_equal(dfl_store_put(s, doc, NULL), 0);
	dfl_doc_free(doc);
}

static void replayed(void **state)
{
	static const char *const in = "0123456789abcdef0123456789abcdef",
				 *const also = "00000000000000000000000000000001";
	struct dfl_doc *doc = help_doc(1, NULL, NULL), *now;
	struct dfl_store *s = create();
	char *before, *after;

	put(s, 1);
	assert_int_equal(
		dfl_store_replayed(s, doc->trace_id, in, (const uint32_t[]){ 3, 4 }, 2, NULL), 0);
	assert_int_equal(
		dfl_store_replayed(s, doc->trace_id, also, (const uint32_t[]){ 9 }, 1, NULL), 0);
	assert_int_equal(dfl_store_replayed(s, doc->trace_id, in, (const uint32_t[]){ 5 }, 1, NULL),
			 0); /* renumbered */
	assert_int_equal(dfl_store_replayed(s, "ffffffffffffffffffffffffffffffff", in,
					    (const uint32_t[]){ 1 }, 1, NULL),
			 0);
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	now = help_read(doc->trace_id);
	assert_int_equal(now->n_replayed_in, 2);
	assert_string_equal(now->replayed_in[0].trace_id, also);
	assert_int_equal(now->replayed_in[0].seq, 9);
	assert_string_equal(now->replayed_in[1].trace_id, in);
	assert_int_equal(now->replayed_in[1].seq, 5);
	for (size_t i = 0; i < now->n_replayed_in; i++)
		free(now->replayed_in[i].trace_id);
	now->n_replayed_in = 0;
	assert_int_equal(dfl_doc_to_json(doc, &before), 0);
	assert_int_equal(dfl_doc_to_json(now, &after), 0);
	assert_string_equal(before, after); /* all else is as it was */
	assert_int_equal(dfl_store_number(s, "SELECT count(*) FROM hop"), 1);
	assert_int_equal(dfl_store_replayed(s, doc->trace_id, in, (const uint32_t[]){ 5 }, 1, NULL),
			 0);
	assert_false(s->in_transaction); /* known already: nothing is written */
	assert_int_equal(sqlite3_exec(s->db, "UPDATE document SET doc = x'00'", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(dfl_store_replayed(s, doc->trace_id, in, (const uint32_t[]){ 8 }, 1, NULL),
			 0);
	dfl_store_close(s);
	free(before);
	free(after);
	dfl_doc_free(doc);
	dfl_doc_free(now);
}

/*
 * In the order in which the later requests started, in whatever order they are told; one that
 * nobody knows comes last.
 */
static void replayed_in_order(void **state)
{
	static const unsigned order[] = { 5, 3, 9, 4, 2 };
	struct dfl_doc *doc = help_doc(1, NULL, NULL), *now, *in;
	struct dfl_store *s = create();

	put(s, 1);
	assert_int_equal(dfl_store_replayed(s, doc->trace_id, "00000000000000000000000000000000",
					    (const uint32_t[]){ 7 }, 1, NULL),
			 0);
	for (size_t i = 0; i < 5; i++) {
		put(s, order[i]);
		in = help_doc(order[i], NULL, NULL);
		for (int again = 0; again < 2; again++)
			assert_int_equal(dfl_store_replayed(s, doc->trace_id, in->trace_id,
							    (const uint32_t[]){ 1, order[i] }, 2,
							    NULL),
					 0);
		dfl_doc_free(in);
	}
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	now = help_read(doc->trace_id);
	assert_int_equal(now->n_replayed_in, 11);
	for (size_t i = 0; i < 10; i++) {
		unsigned n = (const unsigned[]){ 2, 3, 4, 5, 9 }[i / 2];

		in = help_doc(n, NULL, NULL);
		assert_string_equal(now->replayed_in[i].trace_id, in->trace_id);
		assert_int_equal(now->replayed_in[i].seq, i % 2 ? n : 1);
		dfl_doc_free(in);
	}
	assert_int_equal(now->replayed_in[10].seq, 7);
	dfl_store_close(s);
	dfl_doc_free(doc);
	dfl_doc_free(now);
}

/* A text that is repeated all the time makes no document without end. */
static void replayed_by_very_many(void **state)
{
	struct dfl_doc *doc = help_doc(1, NULL, NULL), *now;
	struct dfl_store *s = create();
	uint32_t seqs[1000];
	char in[DFL_TRACE_ID_LEN + 1];

	for (uint32_t i = 0; i < 1000; i++)
		seqs[i] = i + 1;
	put(s, 1);
	for (int i = 0; i < 6; i++) {
		snprintf(in, sizeof(in), "%032x", i);
		assert_int_equal(dfl_store_replayed(s, doc->trace_id, in, seqs, 1000, NULL), 0);
	}
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	now = help_read(doc->trace_id);
	assert_int_equal(now->n_replayed_in, DFL_STORE_MAX_REPLAYED);
	dfl_doc_free(now);
	snprintf(in, sizeof(in), "%032x", 0);
	assert_int_equal(dfl_store_replayed(s, doc->trace_id, in, seqs, 1, NULL), 0); /* one of them
											 was wrong
										       */
	assert_int_equal(dfl_store_sync(s, NULL), 0);
	dfl_store_close(s);
	now = help_read(doc->trace_id);
	assert_int_equal(now->n_replayed_in, 3097);
	dfl_doc_free(doc);
	dfl_doc_free(now);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, help_setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replayed),
		TEST(replayed_in_order),
		TEST(replayed_by_very_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
