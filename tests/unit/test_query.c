// SPDX-License-Identifier: Apache-2.0
/* Query: finding by any id, whole or by prefix, and listing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/query.h"
#include "store_help.h"

#define MESSAGE "073f09af-fbbe-480b-b364-7bdeb7a3f69%u"
#define CONVERSATION "1cef613d-1e65-4737-a28a-61c8c431d81d"
#define AMZN "1-67891233-abcdef012345678912345678"
#define PARENT "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct dfl_store *writer, *reader;

/*
 * Four requests: 1, 2 and 3 in one conversation; 4 with the load balancer's id and a traceparent.
 */
static int setup(void **state)
{
	struct dfl_err err;
	char message[64];

	if (help_setup(state) || dfl_store_create(help_path, NULL, &writer, &err))
		return -1;
	for (unsigned n = 4; n; n--) { /* the last first: order comes from the query */
		struct dfl_doc *doc;

		snprintf(message, sizeof(message), MESSAGE, n);
		doc = help_doc(n, message, n < 4 ? CONVERSATION : NULL);
		if (n == 4) {
			doc->ids[DFL_ID_X_AMZN_TRACE_ID] = strdup("Root=" AMZN ";Self=1-2-3");
			doc->ids[DFL_ID_TRACEPARENT] = strdup("00-" PARENT);
			doc->ids[DFL_ID_TASK] = strdup("task-of-four");
			doc->ids[DFL_ID_WORKFLOW_RUN] = strdup("task-of-four-and-more");
		}
		if (dfl_store_put(writer, doc, &err))
			return -1;
		dfl_doc_free(doc);
	}
	return dfl_store_sync(writer, &err) || dfl_store_open(help_path, &reader, &err);
}

static int teardown(void **state)
{
	dfl_store_close(reader);
	dfl_store_close(writer);
	return help_teardown(state);
}

/* The seconds of start of what is found, as digits; or the negative errno. */
static int found(const char *id)
{
	struct dfl_err err = { "" };
	struct dfl_docs docs = { 0 };
	int r = dfl_query_find(reader, id, &docs, &err), digits = 0;

	assert_true(!r == !err.msg[0]);
	for (size_t i = 0; i < docs.n; i++)
		digits = digits * 10 + docs.doc[i]->started_ns / 1000000000;
	dfl_docs_fini(&docs);
	return r ? r : digits;
}

static void by_id(void **state)
{
	struct dfl_doc *doc = help_doc(2, NULL, NULL);

	assert_int_equal(found("073f09af-fbbe-480b-b364-7bdeb7a3f692"), 2);
	assert_int_equal(found("073F09AF-FBBE-480B-B364-7BDEB7A3F692"), 2);
	assert_int_equal(found(doc->trace_id), 2);
	assert_int_equal(found(CONVERSATION), 123);
	assert_int_equal(found("1cef"), 123);
	assert_int_equal(found(AMZN), 4);
	assert_int_equal(found("Root=" AMZN), 4);
	assert_int_equal(found("root=1-6789"), 4);
	assert_int_equal(found("00-" PARENT), 4);
	assert_int_equal(found("4bf92f3577b34da6a3ce929d0e0e4736"), 4);
	dfl_doc_free(doc);
}

static bool is_settled(const char *id)
{
	struct dfl_docs docs = { 0 };
	bool settled;

	assert_int_equal(dfl_query_find(reader, id, &docs, NULL), 0);
	assert_int_equal(docs.n, 1);
	settled = docs.doc[0]->settled;
	if (settled) {
		assert_false(docs.doc[0]->completeness.complete);
		assert_int_equal(docs.doc[0]->completeness.n_reasons, 1);
		assert_string_equal(docs.doc[0]->completeness.reasons[0], DFL_REASON_CUT_OFF);
	}
	dfl_docs_fini(&docs);
	return settled;
}

/* An open trace is open only as long as its recorder is there. */
static void left_open(void **state)
{
	struct dfl_doc *doc = help_doc(9, "ninth", NULL);
	char lock[128];

	doc->settled = doc->completeness.complete = false;
	assert_int_equal(dfl_store_put(writer, doc, NULL), 0);
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	dfl_doc_free(doc);
	assert_true(dfl_store_is_recorded(reader));
	assert_false(is_settled("ninth"));
	dfl_store_close(writer);
	writer = NULL;
	assert_false(dfl_store_is_recorded(reader));
	assert_true(is_settled("ninth"));
	snprintf(lock, sizeof(lock), "%s.lock", help_path);
	assert_int_equal(unlink(lock), 0); /* a copy */
	assert_true(is_settled("ninth"));
	assert_int_equal(symlink("/dev/null", lock), 0); /* nobody knows */
	assert_false(is_settled("ninth"));
}

static void by_prefix(void **state)
{
	assert_int_equal(found("073f"), -ENOTUNIQ);
	assert_int_equal(found("073"), -EINVAL);
	assert_int_equal(found(""), -EINVAL);
	assert_int_equal(found("Root="), -EINVAL);
	assert_int_equal(found("task-of-four"), 4); /* whole, though another begins so */
	assert_int_equal(found("task-of"), 4);	    /* two ids, one request */
	assert_int_equal(found("nothing-like-this"), -ENOENT);
	assert_int_equal(found("%%%%"), -ENOENT);
	assert_int_equal(found("073_"), -ENOENT);
	assert_int_equal(found("' OR 1=1 --"), -ENOENT);
	assert_int_equal(found("\xff\xff\xff\xff"), -ENOENT);
}

static void long_id(void **state)
{
	char id[2000];

	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = 0;
	assert_int_equal(found(id), -ENOENT);
}

static int note(void *ud, const char *key, const char *kind, const char *trace_id)
{
	char *text = ud;

	assert_string_equal(kind, "message_id");
	assert_int_equal(strlen(trace_id), DFL_TRACE_ID_LEN);
	strcat(text, key + strlen(key) - 1);
	return 0;
}

static void candidates(void **state)
{
	char all[16] = "", two[16] = "";

	assert_int_equal(dfl_query_candidates(reader, "073F", 0, note, all, NULL), 0);
	assert_string_equal(all, "1234");
	assert_int_equal(dfl_query_candidates(reader, "073f", 2, note, two, NULL), 0);
	assert_string_equal(two, "12");
}

static int listed(const struct dfl_filter *filter)
{
	struct dfl_docs docs = { 0 };
	int digits = 0;

	assert_int_equal(help_list(reader, filter, &docs, NULL), 0);
	for (size_t i = 0; i < docs.n; i++)
		digits = digits * 10 + docs.doc[i]->started_ns / 1000000000;
	dfl_docs_fini(&docs);
	return digits;
}

static void list(void **state)
{
	assert_int_equal(listed(&(struct dfl_filter){ 0 }), 1234);
	assert_int_equal(listed(&(struct dfl_filter){ .since_ns = 2000000000 }), 234);
	assert_int_equal(
		listed(&(struct dfl_filter){ .since_ns = 2000000001, .until_ns = 4000000000 }), 3);
	assert_int_equal(listed(&(struct dfl_filter){ .limit = 2 }), 34);
	assert_int_equal(listed(&(struct dfl_filter){ .id = CONVERSATION, .limit = 2 }), 23);
	assert_int_equal(listed(&(struct dfl_filter){ .id = "073f" }), 1234);
	assert_int_equal(listed(&(struct dfl_filter){ .id = "zzzz" }), 0);
}

static void version(void **state)
{
	struct dfl_doc *doc = help_doc(5, NULL, NULL);
	int64_t before, after;

	assert_int_equal(dfl_query_version(reader, &before, NULL), 0);
	assert_int_equal(dfl_query_version(reader, &after, NULL), 0);
	assert_int_equal(before, after);
	assert_int_equal(dfl_store_put(writer, doc, NULL), 0);
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	assert_int_equal(dfl_query_version(reader, &after, NULL), 0);
	assert_int_not_equal(before, after);
	dfl_doc_free(doc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(by_id),      TEST(by_prefix), TEST(long_id),
					    TEST(candidates), TEST(list),      TEST(version),
					    TEST(left_open) };

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
