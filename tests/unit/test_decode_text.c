// SPDX-License-Identifier: Apache-2.0
/* The readers below the decoders: JSON, key patterns, routes, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "decode/json.h"
#include "decode/redact.h"
#include "decode/dify/postgres_places.h"
#include "decode/dify/redis_keys.h"
#include "decode/dify/routes.h"

/* Collects "path=value;" of every string. */
struct strings {
	struct dfl_buf text;
	uint64_t first_pos, end_pos; /* of the last string's bytes */
	unsigned docs;
};

static void put(struct strings *s, const char *text)
{
	dfl_buf_append(&s->text, text, strlen(text));
}

static void str_begin(void *ud, const char *path, const uint8_t *at)
{
	struct strings *s = ud;

	put(s, path);
	put(s, "=");
	s->first_pos = UINT64_MAX;
}

static void str_data(void *ud, const struct dfl_slice *d)
{
	struct strings *s = ud;

	dfl_buf_append(&s->text, d->data, d->len);
	if (s->first_pos == UINT64_MAX)
		s->first_pos = d->pos;
	s->end_pos = d->pos + d->pos_len;
}

static void str_end(void *ud, const uint8_t *at)
{
	assert_int_equal(*at, '"');
	put(ud, ";");
}

static void doc_end(void *ud, const uint8_t *at)
{
	((struct strings *)ud)->docs++;
}

static const struct dfl_json_ops ops = {
	.str_begin = str_begin, .str_data = str_data, .str_end = str_end, .doc_end = doc_end
};

/* Reads the text in pieces of n bytes, each in memory of its own. Returns whether it is JSON. */
static bool read_json(const char *text, size_t len, size_t n, struct strings *s)
{
	struct dfl_json j;
	bool ok = true;

	memset(s, 0, sizeof(*s));
	dfl_json_init(&j, &ops, s);
	for (size_t i = 0; i < len; i += n) {
		size_t k = len - i < n ? len - i : n;
		uint8_t *copy = malloc(k);
		struct dfl_slice d = { copy, k, i, k };

		memcpy(copy, text + i, k);
		ok = dfl_json_feed(&j, &d);
		free(copy);
	}
	dfl_buf_putc(&s->text, 0);
	return ok;
}

static void expect(const char *json, const char *strings)
{
	for (size_t n = 1; n <= strlen(json); n++) {
		struct strings s;

		assert_true(read_json(json, strlen(json), n, &s));
		assert_string_equal((char *)s.text.data, strings);
		dfl_buf_fini(&s.text);
	}
}

static void test_json_paths(void **state)
{
	expect("{\"a\": \"1\", \"b\": {\"c\": [\"2\", {\"d\": \"3\"}], \"e\": null}, \"f\": \"4\"}",
	       "a=1;b.c[]=2;b.c[].d=3;f=4;");
	expect("[[\"x\", -1.5e+3, true], \"y\"]", "[][]=x;[]=y;");
	expect("{\"k.e[y\": \"v\", \"\\u0061\\n\": \"w\"}", "k_e_y=v;a_=w;");
	expect("\"top\" {\"second\": \"doc\"}\n\n[]\n{}", "=top;second=doc;");
	expect("{\"n\": NaN, \"i\": -Infinity, \"s\": \"\"}", "s=;");
}

static void test_json_escapes(void **state)
{
	expect("{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a=\"\\/\b\f\n\r\t;");
	expect("[\"\\u3042\\u00e9\\u0041\\ud83d\\ude00|\"]", "[]=\xe3\x81\x82\xc3\xa9"
							     "A\xf0\x9f\x98\x80|;");
	expect("[\"lone \\ud83d, \\ude00, \\ud83d\\u0041.\"]", "[]=lone , , A.;");
}

/* A character that was escaped stands for the whole escape, a surrogate pair for both. */
static void test_json_positions(void **state)
{
	static const char json[] = "[\"ab\\ud83d\\ude00\"]";

	for (size_t n = 1; n < sizeof(json); n++) {
		struct strings s;

		assert_true(read_json(json, sizeof(json) - 1, n, &s));
		assert_int_equal(s.first_pos, 2);
		assert_int_equal(s.end_pos, sizeof(json) - 1 - 2);
		assert_int_equal(s.docs, 1);
		dfl_buf_fini(&s.text);
	}
}

static void test_json_refuses(void **state)
{
	static const char *const bad[] = { "{a: 1}",	"[1, }",	 "{\"a\" 1}",  "]",
					   "[\"\\q\"]", "[\"\\u12x4\"]", "{\"a\": 1]", "<html>" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strings s;

		assert_false(read_json(bad[i], strlen(bad[i]), 1, &s));
		dfl_buf_fini(&s.text);
	}
}

/* Objects and arrays that are values, with their brackets: "path(from-to)". */
struct trees {
	uint64_t base; /* position of the slice */
	const uint8_t *slice;
	char text[256];
};

static void tree_begin(void *ud, const char *path, const uint8_t *at)
{
	struct trees *t = ud;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s(%d ", path,
		 (int)(t->base + (uint64_t)(at - t->slice)));
}

static void tree_end(void *ud, const uint8_t *at)
{
	struct trees *t = ud;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%d)",
		 (int)(t->base + (uint64_t)(at - t->slice)));
}

static void test_json_trees(void **state)
{
	static const struct dfl_json_ops tree_ops = { .tree_begin = tree_begin,
						      .tree_end = tree_end };
	static const char json[] = "{\"a\": [{}, \"]\"], \"b\": {\"c\": 1}}";

	for (size_t n = 1; n < sizeof(json); n++) {
		struct trees t = { 0 };
		struct dfl_json j;

		dfl_json_init(&j, &tree_ops, &t);
		for (size_t i = 0; i < sizeof(json) - 1; i += n) {
			size_t k = sizeof(json) - 1 - i < n ? sizeof(json) - 1 - i : n;
			struct dfl_slice d = { (const uint8_t *)json + i, k, i, k };

			t.base = i;
			t.slice = d.data;
			assert_true(dfl_json_feed(&j, &d));
		}
		assert_string_equal(t.text, "(0 a(6 a[](7 9)15)b(22 30)31)");
	}
}

static void test_json_limits(void **state)
{
	char deep[2 * DFL_JSON_DEPTH + 3], wide[3000];
	struct strings s;

	memset(deep, '[', sizeof(deep));
	assert_true(read_json(deep, DFL_JSON_DEPTH, 7, &s));
	dfl_buf_fini(&s.text);
	assert_false(read_json(deep, DFL_JSON_DEPTH + 1, 7, &s));
	dfl_buf_fini(&s.text);
	memset(wide, 'k', sizeof(wide));
	memcpy(wide, "{\"", 2);
	memcpy(wide + sizeof(wide) - 18, "\": \"v\", \"q\": \"w\"}", 18);
	assert_true(read_json(wide, sizeof(wide) - 1, 11, &s));
	assert_string_equal((char *)s.text.data, "?=v;q=w;");
	dfl_buf_fini(&s.text);
}

#define U "0f8fad5b-d9cb-469f-a165-70867728950e"

static void test_key_patterns(void **state)
{
	static const char *const keys[][2] = {
		{ "generate_task_belong:" U, "generate_task_belong:{uuid}" },
		{ "conv_name:" U ":a5bf43dad7f5f348", "conv_name:{uuid}:*" },
		{ "api_token:app:app-90fs7Y5GW16PVNIFoFwH76oQ", "api_token:app:*" },
		{ "dify:rate_limit:" U ":active_requests",
		  "dify:rate_limit:{uuid}:active_requests" },
		{ "workflow_based_app_execution", "workflow_based_app_execution" },
		{ "workflow_based_app_execution\x06\x16"
		  "3",
		  "workflow_based_app_execution" },
		{ "unacked", "unacked" },
		{ "_kombu.binding.workflow", "_kombu.binding.workflow" },
		{ "_kombu.binding.of a user", "*" },
		{ U ":a/b:llm:c:d:e", "{uuid}:*:llm:*" },
		{ "channel:advanced-chat:" U, "channel:advanced-chat:{uuid}" },
		{ "/1.celeryev/worker.heartbeat", "/{n}.celeryev/worker.heartbeat" },
		{ "celery-task-meta-" U, "celery-task-meta-{uuid}" },
		{ "what a user wrote", "*" },
		{ "what:a:" U ":wrote:12", "*" },
		{ "stream:text of a user:" U, "stream:*:{uuid}" },
		{ "", "*" },
		{ ":::", "*" },
	};
	char pattern[DFL_NAME_MAX], many[4000];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		dfl_redis_key_pattern(keys[i][0], strlen(keys[i][0]), pattern, NULL);
		assert_string_equal(pattern, keys[i][1]);
	}
	memset(many, ':', sizeof(many));
	memcpy(many, "channel", 7);
	dfl_redis_key_pattern(many, sizeof(many), pattern, NULL);
	assert_string_equal(pattern, "channel:*");
}

static void test_key_ids(void **state)
{
	char pattern[DFL_NAME_MAX];
	struct dfl_redis_key_ids ids;

	dfl_redis_key_pattern("channel:advanced-chat:" U, 58, pattern, &ids);
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.id[0].kind, DFL_ID_WORKFLOW_RUN);
	assert_memory_equal(ids.id[0].value, U, 36);
	dfl_redis_key_pattern("tenant:" U, 43, pattern, &ids);
	assert_int_equal(ids.n, 0);
}

static void expect_route(const char *method, const char *path, const char *template, const char *id)
{
	const char *found_id = NULL;
	size_t id_len = 0;
	const struct dfl_route *r = dfl_routes_find(method, path, strlen(path), &found_id, &id_len);

	if (!template) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_string_equal(r->path, template);
	assert_int_equal(id_len, id ? strlen(id) : 0);
	if (id)
		assert_memory_equal(found_id, id, id_len);
}

static void test_routes(void **state)
{
	expect_route("POST", "/v1/chat-messages", "/v1/chat-messages", NULL);
	expect_route("GET", "/v1/chat-messages", NULL, NULL);
	expect_route("POST", "/v1/chat-messages/" U "/stop", "/v1/chat-messages/{uuid}/stop", U);
	expect_route("POST", "/v1/chat-messages/secret/stop", NULL, NULL);
	expect_route("POST", "/console/api/apps/" U "/chat-messages",
		     "/console/api/apps/{uuid}/chat-messages", NULL);
	expect_route("GET", "/console/api/apps/secret", "/console/api/*", NULL);
	expect_route("POST", "/plugin/" U "/dispatch/llm/invoke",
		     "/plugin/{uuid}/dispatch/llm/invoke", NULL);
	expect_route("POST", "/v1/chat/completions", "/v1/chat/completions", NULL);
	expect_route("POST", "/openai/deployments/x/chat/completions", "*/chat/completions", NULL);
	expect_route("POST", "/v1/messages", "/v1/messages", NULL);
	expect_route("POST", "/collections/secret/points/search", "/collections/*/points/search",
		     NULL);
	expect_route("POST", "/secret/_search", "/*/_search", NULL);
	expect_route("POST", "/of/whom/retrieval", "*/retrieval", NULL);
	expect_route("POST", "/collections/secret/points", NULL, NULL);
	expect_route("POST", "/", NULL, NULL);
	expect_route("POST", "", NULL, NULL);
	expect_route("GET", "/secret", NULL, NULL);
}

static void test_table_names(void **state)
{
	static const char *const names[][2] = {
		{ "messages", "messages" },
		{ "embedding_vector_index_0f8fad5b_d9cb_469f_a165_70867728950e_node",
		  "embedding_vector_index_{uuid}_node" },
		{ "t_0f8fad5b_d9cb_469f_a165_70867728950e", "t_{uuid}" },
		{ "0f8fad5b_d9cb_469f_a165_70867728950e", NULL },
		{ "t_0f8fad5b-d9cb-469f-a165-70867728950e", NULL },
		{ "t_0f8fad5b_d9cb_469f_a165_70867728950e text", NULL },
		{ "what a user wrote", NULL },
		{ "", NULL },
		{ "a_name_of_sixty_four_characters_which_is_one_more_than_there_can", NULL },
	};
	char name[DFL_NAME_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(dfl_postgres_table_name(names[i][0], name), names[i][1] != NULL);
		if (names[i][1])
			assert_string_equal(name, names[i][1]);
	}
}

static void test_names(void **state)
{
	assert_true(dfl_is_uuid(U, 36));
	assert_false(dfl_is_uuid(U, 35));
	assert_false(dfl_is_uuid("0f8fad5b-d9cb-469f-a165_70867728950e", 36));
	assert_true(dfl_is_identifier("workflow_runs", 13));
	assert_false(dfl_is_identifier("a b", 3));
	assert_false(dfl_is_identifier("1a", 2));
	assert_false(dfl_is_identifier("", 0));
	assert_true(dfl_is_id(DFL_ID_X_AMZN_TRACE_ID, "1-67891233-abcdef012345678912345678", 35));
	assert_false(dfl_is_id(DFL_ID_MESSAGE, "what a user wrote", 17));
	assert_false(dfl_is_id(DFL_ID_X_REQUEST_ID, "two words", 9));
	assert_true(dfl_is_bucket("dify-files.x", 12));
	assert_false(dfl_is_bucket("Secret Name", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_paths),     cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_json_positions), cmocka_unit_test(test_json_refuses),
		cmocka_unit_test(test_json_limits),    cmocka_unit_test(test_key_patterns),
		cmocka_unit_test(test_key_ids),	       cmocka_unit_test(test_routes),
		cmocka_unit_test(test_names),	       cmocka_unit_test(test_table_names),
		cmocka_unit_test(test_json_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
