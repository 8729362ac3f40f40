// SPDX-License-Identifier: Apache-2.0
/* The cursor: every filter, both orders, over several batches, and while the store changes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/cursor.h"
#include "store_help.h"

#define MANY 700 /* several batches */

static struct dfl_store *writer, *reader;

static void put_doc(struct dfl_doc *doc)
{
	assert_int_equal(dfl_store_put(writer, doc, NULL), 0);
	dfl_doc_free(doc);
}

static int setup(void **state)
{
	return help_setup(state) || dfl_store_create(help_path, NULL, &writer, NULL);
}

static int teardown(void **state)
{
	dfl_store_close(reader);
	dfl_store_close(writer);
	reader = writer = NULL;
	return help_teardown(state);
}

static void open_for_reading(void)
{
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	assert_int_equal(dfl_store_open(help_path, &reader, NULL), 0);
}

static struct dfl_cursor *cursor(const struct dfl_filter *f)
{
	struct dfl_cursor *c;

	assert_int_equal(dfl_cursor_open(reader, f, &c, NULL), 0);
	return c;
}

/* The seconds of start of the rows, as digits. */
static int digits(const struct dfl_filter *f)
{
	struct dfl_cursor *c = cursor(f);
	const struct dfl_row *row;
	int r, n = 0;

	while ((r = dfl_cursor_next(c, &row, NULL)) > 0)
		n = n * 10 + row->started_ns / 1000000000;
	assert_int_equal(r, 0);
	assert_int_equal(dfl_cursor_next(c, &row, NULL), 0); /* the end stays the end */
	dfl_cursor_close(c);
	return n;
}

/* 1 to 5; 2 is of another operation and goes to redis, 3 is not complete, 5 is open. */
static void put_five(void)
{
	for (unsigned n = 1; n <= 5; n++) {
		char message[16];
		struct dfl_doc *doc;

		snprintf(message, sizeof(message), "message-%u", n);
		doc = help_doc(n, message, n < 4 ? "Conversation" : NULL);
		if (n == 2) {
			free(doc->operation);
			doc->operation = strdup("POST /v1/workflows/run");
			doc->hops[0].from.station = DFL_ST_REDIS;
		}
		doc->settled = n != 5;
		doc->completeness.complete = n != 3 && n != 5;
		put_doc(doc);
	}
	open_for_reading();
}

static void filters(void **state)
{
	put_five();
	assert_int_equal(digits(&(struct dfl_filter){ 0 }), 12345);
	assert_int_equal(digits(&(struct dfl_filter){ .newest_first = true }), 54321);
	assert_int_equal(digits(&(struct dfl_filter){ .since_ns = 2000000001 }), 345);
	assert_int_equal(digits(&(struct dfl_filter){ .until_ns = 3000000000 }), 12);
	assert_int_equal(
		digits(&(struct dfl_filter){ .until_ns = 3000000000, .newest_first = true }), 21);
	assert_int_equal(digits(&(struct dfl_filter){ .id = "CONV" }), 123);
	assert_int_equal(digits(&(struct dfl_filter){ .id = "message-4" }), 4);
	assert_int_equal(digits(&(struct dfl_filter){ .id = "none" }), 0);
	assert_int_equal(digits(&(struct dfl_filter){ .operation = "*WORKFLOWS*" }), 2);
	assert_int_equal(digits(&(struct dfl_filter){ .operation = "post /v1/chat-messages" }),
			 1345);
	assert_int_equal(digits(&(struct dfl_filter){ .station = DFL_ST_REDIS }), 2);
	assert_int_equal(digits(&(struct dfl_filter){ .station = DFL_ST_POSTGRES }), 12345);
	assert_int_equal(digits(&(struct dfl_filter){ .station = DFL_ST_LLM }), 0);
	assert_int_equal(digits(&(struct dfl_filter){ .complete = DFL_WANT_YES }), 124);
	assert_int_equal(digits(&(struct dfl_filter){ .complete = DFL_WANT_NO }), 35);
	assert_int_equal(digits(&(struct dfl_filter){ .settled = DFL_WANT_YES }), 1234);
	assert_int_equal(digits(&(struct dfl_filter){ .settled = DFL_WANT_NO }), 5);
	assert_int_equal(digits(&(struct dfl_filter){ .limit = 2 }), 45);
	assert_int_equal(digits(&(struct dfl_filter){ .limit = 2, .newest_first = true }), 54);
	assert_int_equal(digits(&(struct dfl_filter){ .limit = 9 }), 12345);
	assert_int_equal(digits(&(struct dfl_filter){ .limit = 2, .complete = DFL_WANT_YES }), 24);
	assert_int_equal(digits(&(struct dfl_filter){ .limit = 1, .id = "conv", .since_ns = 2 }),
			 3);
}

/* When the recorder is gone, what it left open is settled, and not complete. */
static void ended_recorder(void **state)
{
	const struct dfl_row *row;
	struct dfl_cursor *c;
	struct dfl_doc *doc;

	put_five();
	dfl_store_close(writer);
	writer = NULL;
	assert_int_equal(digits(&(struct dfl_filter){ .settled = DFL_WANT_NO }), 0);
	assert_int_equal(digits(&(struct dfl_filter){ .settled = DFL_WANT_YES }), 12345);
	c = cursor(&(struct dfl_filter){ .newest_first = true });
	assert_int_equal(dfl_cursor_next(c, &row, NULL), 1);
	assert_true(row->settled && !row->complete);
	assert_int_equal(dfl_cursor_doc(c, &doc, NULL), 0);
	assert_true(doc->settled);
	dfl_doc_free(doc);
	dfl_cursor_close(c);
}

static void row_tells(void **state)
{
	struct dfl_doc *doc = help_doc(7, "Message-Seven", NULL), *whole;
	const struct dfl_row *row;
	struct dfl_cursor *c;
	char *json;

	doc->ids[DFL_ID_X_AMZN_TRACE_ID] = strdup("Root=1-ABC;Self=1");
	put_doc(doc);
	doc = help_doc(8, NULL, NULL);
	doc->ended_ns = -1;
	put_doc(doc);
	open_for_reading();
	c = cursor(&(struct dfl_filter){ 0 });
	assert_int_equal(dfl_cursor_doc(c, &whole, NULL), -ENOENT); /* before the first */
	assert_int_equal(dfl_cursor_next(c, &row, NULL), 1);
	assert_int_equal(row->started_ns, 7000000000);
	assert_int_equal(row->ended_ns, 7000000005);
	assert_true(row->settled && row->complete);
	assert_int_equal(row->n_hops, 1);
	assert_string_equal(row->operation, "POST /v1/chat-messages");
	assert_string_equal(row->ids[DFL_ID_MESSAGE], "Message-Seven"); /* as it was spelled */
	assert_string_equal(row->ids[DFL_ID_X_AMZN_TRACE_ID], "Root=1-ABC;Self=1");
	assert_null(row->ids[DFL_ID_CONVERSATION]);
	assert_int_equal(dfl_cursor_doc(c, &whole, NULL), 0);
	assert_string_equal(whole->trace_id, row->trace_id);
	assert_int_equal(whole->n_hops, 1);
	dfl_doc_free(whole);
	assert_int_equal(dfl_cursor_json(c, &json, NULL), 0);
	assert_non_null(strstr(json, "\"message_id\":\"Message-Seven\""));
	assert_non_null(strstr(json, "\"started\":\"1970-01-01T00:00:07.000000000Z\""));
	assert_non_null(strstr(json, "\"completeness\":{\"complete\":true"));
	assert_string_equal(json + strlen(json) - 10, ",\"hops\":1}");
	free(json);
	assert_int_equal(dfl_cursor_next(c, &row, NULL), 1);
	assert_int_equal(row->ended_ns, -1);
	dfl_cursor_close(c);
}

/* Runs of equal start times lie across the borders of batches. */
static void put_many(void)
{
	for (unsigned n = 0; n < MANY; n++) {
		struct dfl_doc *doc = help_doc(n, NULL, NULL);

		doc->started_ns = n / 100 * 1000000000ll;
		put_doc(doc);
	}
	open_for_reading();
}

/* Each comes once, in order. Returns how many there are. */
static size_t walk(const struct dfl_filter *f)
{
	struct dfl_cursor *c = cursor(f);
	char last[DFL_TRACE_ID_LEN + 1] = "";
	int64_t last_ns = -1;
	const struct dfl_row *row;
	size_t n = 0;
	int r;

	while ((r = dfl_cursor_next(c, &row, NULL)) > 0) {
		int order = row->started_ns < last_ns ? -1 :
			    row->started_ns > last_ns ? 1 :
							strcmp(row->trace_id, last);

		if (n++)
			assert_true(f->newest_first ? order < 0 : order > 0);
		last_ns = row->started_ns;
		strcpy(last, row->trace_id);
	}
	assert_int_equal(r, 0);
	dfl_cursor_close(c);
	return n;
}

static void many(void **state)
{
	put_many();
	for (int newest_first = 0; newest_first < 2; newest_first++) {
		assert_int_equal(walk(&(struct dfl_filter){ .newest_first = newest_first }), MANY);
		for (uint32_t limit = 1; limit < MANY + 50; limit += 151)
			assert_int_equal(walk(&(struct dfl_filter){ .limit = limit,
								    .newest_first = newest_first }),
					 limit < MANY ? limit : MANY);
		assert_int_equal(walk(&(struct dfl_filter){ .since_ns = 2000000000,
							    .until_ns = 5000000000,
							    .newest_first = newest_first }),
				 300);
	}
}

/* What comes and goes meanwhile does no harm, and nothing of the store is held. */
static void store_changes(void **state)
{
	const struct dfl_row *row;
	struct dfl_cursor *c;
	struct dfl_doc *doc;
	size_t n = 1;

	put_many();
	c = cursor(&(struct dfl_filter){ 0 });
	assert_int_equal(dfl_cursor_next(c, &row, NULL), 1);
	assert_int_equal(dfl_store_expire(writer, (30ll * 24 * 3600 + 3) * 1000000000, NULL), 0);
	doc = help_doc(MANY, NULL, NULL);
	put_doc(doc);
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	assert_int_equal(dfl_cursor_doc(c, &doc, NULL), -ENOENT);
	while (dfl_cursor_next(c, &row, NULL) > 0)
		n++;
	dfl_cursor_close(c);
	assert_true(n > MANY - 300 && n <= MANY - 300 + 129); /* the rest, new and read before */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(filters), TEST(ended_recorder), TEST(row_tells),
					    TEST(many), TEST(store_changes) };

	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
