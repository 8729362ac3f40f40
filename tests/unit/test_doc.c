// SPDX-License-Identifier: Apache-2.0
/* The trace document: to JSON, back, and what hostile JSON does to the reader. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "doc/doc.h"
#include "doc/doc_pack.h"
#include "doc/doc_unpack.h"

/* One of everything the document can hold, in the spelling of the schema. */
static const char full[] =
	"{\"schema\":\"dflow.trace/1\",\"trace_id\":\"00112233445566778899aabbccddeeff\","
	"\"nodes\":[{\"id\":\"n1\",\"hostname\":\"ip-10-0-0-1\",\"boot_id\":null}],\"state\":"
	"\"settled\","
	"\"ids\":{\"x_amzn_trace_id\":\"Root=1-67891233-abcdef012345678912345678\",\"x_request_"
	"id\":null,"
	"\"traceparent\":null,\"message_id\":\"073f09af-fbbe-480b-b364-7bdeb7a3f694\",\"task_id\":"
	"null,"
	"\"conversation_id\":null,\"workflow_run_id\":null,\"upload_file_id\":null,\"document_id\":"
	"null},"
	"\"started\":\"2026-03-01T12:34:56.000000789Z\",\"ended\":null,"
	"\"source\":{\"operation\":\"POST "
	"/v1/"
	"chat-messages\",\"route\":\"known\",\"client\":{\"address\":\"203.0.113.9\",\"via\":["
	"\"alb\"]},"
	"\"fields\":[{\"field\":\"query\",\"kind\":\"inbound\",\"derived_from\":null,\"bytes\":376,"
	"\"canonical_bytes\":352,\"matchable\":\"content\",\"from_trace\":null},"
	"{\"field\":\"answer\",\"kind\":\"derived\",\"derived_from\":\"POST "
	"/v1/chat/completions\",\"bytes\":10,"
	"\"canonical_bytes\":9,\"matchable\":\"whole-leaf\",\"from_trace\":null}]},"
	"\"completeness\":{\"complete\":false,\"lost_events\":2,\"lost_bytes\":4096,\"reasons\":["
	"\"ring full\"],"
	"\"unread\":[{\"connection\":2,\"why\":\"sendfile\",\"library\":null,\"bytes\":"
	"9223372036854775807,\"idle\":false}],"
	"\"blind\":[\"io_uring\"]},"
	"\"connections\":[{\"connection\":1,\"from\":{\"station\":\"api\",\"rule\":\"gunicorn\","
	"\"node\":\"n1\","
	"\"pid\":42,\"comm\":\"gunicorn\",\"container\":{\"id\":\"abc\",\"name\":null,\"image\":"
	"null,\"pod\":\"dify-api-0\","
	"\"namespace\":\"dify\",\"task\":null},\"address\":\"10.0.0.1:40000\",\"name\":null,\"name_"
	"evidence\":null},"
	"\"to\":{\"station\":null,\"rule\":null,\"node\":null,\"pid\":null,\"comm\":null,"
	"\"container\":null,"
	"\"address\":\"203.0.113.80:443\",\"name\":\"api.openai.com\",\"name_evidence\":\"sni\"},"
	"\"medium\":\"tcp\","
	"\"tls\":null,\"bytes_scanned\":1,\"bytes_unread\":2,\"bytes_matched\":3,\"count\":1}],"
	"\"hops\":[{\"seq\":1,\"connection\":1,\"from\":{\"station\":\"api\",\"rule\":null,"
	"\"node\":null,\"pid\":null,"
	"\"comm\":null,\"container\":null,\"address\":null,\"name\":null,\"name_evidence\":null},"
	"\"to\":{\"station\":\"postgres\",\"rule\":null,\"node\":null,\"pid\":null,\"comm\":null,"
	"\"container\":null,"
	"\"address\":null,\"name\":null,\"name_evidence\":null},\"via\":[\"nat\"],\"observed_by\":["
	"\"from\"],"
	"\"medium\":\"tcp\",\"protocol\":\"postgres\",\"operation\":\"INSERT "
	"messages\",\"place\":\"messages.query\","
	"\"direction\":\"request\",\"residency\":\"persistent\",\"ttl_s\":null,\"encrypted\":true,"
	"\"tls\":{\"version\":\"TLSv1.3\",\"cipher\":null,\"sni\":null},\"in_vpc\":true,\"region\":"
	"null,\"field\":\"query\","
	"\"ranges\":[[0,376],[400,401]],\"bytes\":376,\"wire_bytes\":380,\"occurrences\":1,"
	"\"coverage\":1.0,"
	"\"coverage_basis\":\"exact\",\"encoding\":[\"uescape\",\"base64\"],\"evidence\":["
	"\"content\",\"id\"],"
	"\"common\":false,\"common_sources\":0,\"ambiguous\":true,\"candidates\":["
	"\"ffeeddccbbaa99887766554433221100\"],"
	"\"replayed_from\":null,\"first_ns\":0,\"last_ns\":12,\"kept\":\"not_kept\",\"kept_ns\":"
	"14}],"
	"\"places\":[{\"station\":\"redis\",\"place\":\"unacked\",\"residency\":\"queue\",\"ttl_"
	"s\":600,\"first_ns\":5,"
	"\"removed_ns\":null,\"now\":\"unknown\",\"now_ns\":null,\"fields\":[\"query\"]}],"
	"\"replayed_in\":[{\"trace_id\":\"ffeeddccbbaa99887766554433221100\",\"seq\":3}],"
	"\"links\":[{\"trace_id\":\"ffeeddccbbaa99887766554433221100\",\"why\":\"conversation\"}],"
	"\"weak_matches\":7}";

static void round_trip(void **state)
{
	struct dfl_doc *doc = NULL;
	char *json;

	assert_int_equal(dfl_doc_from_json(full, sizeof(full) - 1, &doc), 0);
	assert_int_equal(doc->hops[0].to.station, DFL_ST_POSTGRES);
	assert_int_equal(doc->hops[0].encrypted, 1);
	assert_int_equal(doc->hops[0].ttl_s, -1);
	assert_int_equal(doc->hops[0].n_ranges, 2);
	assert_true(doc->hops[0].evidence_content && doc->hops[0].evidence_id &&
		    !doc->hops[0].evidence_causal);
	assert_true(doc->hops[0].observed_by_from && !doc->hops[0].observed_by_to);
	assert_int_equal(doc->connections[0].tls, -1);
	assert_true(doc->started_ns == 1772368496000000789);
	assert_true(doc->ended_ns == -1);
	assert_int_equal(doc->hops[0].from.pid, 0);
	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	assert_string_equal(json, full);
	free(json);
	dfl_doc_free(doc);
	dfl_doc_free(NULL);
}

/* Everything that can be unknown is null, and stays so. */
static void unknown_is_null(void **state)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc)), *back;
	json_t *j, *hop;
	char *json, *again;

	strcpy(doc->trace_id, "00112233445566778899aabbccddeeff");
	doc->ended_ns = -1;
	doc->n_hops = 1;
	doc->hops = calloc(1, sizeof(*doc->hops));
	doc->hops[0].ttl_s = doc->hops[0].encrypted = doc->hops[0].in_vpc = -1;
	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	j = json_loads(json, 0, NULL);
	hop = json_array_get(json_object_get(j, "hops"), 0);
	for (const char **key = (const char *[]){ "protocol", "operation", "place", "residency",
						  "ttl_s", "encrypted", "tls", "in_vpc", "region",
						  "field", "replayed_from", NULL };
	     *key; key++)
		assert_true(json_is_null(json_object_get(hop, *key)));
	assert_true(json_is_null(json_object_get(j, "ended")));
	assert_true(json_is_null(json_object_get(json_object_get(hop, "from"), "station")));
	json_decref(j);
	assert_int_equal(dfl_doc_from_json(json, strlen(json), &back), 0);
	assert_int_equal(dfl_doc_to_json(back, &again), 0);
	assert_string_equal(json, again);
	free(json);
	free(again);
	dfl_doc_free(doc);
	dfl_doc_free(back);
}

static void names_that_are_not_printable(void **state)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc)), *back;
	char *json, *old, *at;

	strcpy(doc->trace_id, "00112233445566778899aabbccddeeff");
	doc->operation = strdup("\xff\"\x01");
	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	assert_int_equal(dfl_doc_from_json(json, strlen(json), &back), 0);
	assert_string_equal(back->operation, "?\"?");
	free(json);
	dfl_doc_free(back);
	/* as an older dflow stored it */
	free(doc->operation);
	doc->operation = strdup("OPERATION");
	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	at = strstr(json, "OPERATION");
	assert_true(asprintf(&old, "%.*sa\\u001bb\\u009bc\\u202ed%s", (int)(at - json), json,
			     at + strlen("OPERATION")) > 0);
	free(json);
	json = old;
	assert_int_equal(dfl_doc_from_json(json, strlen(json), &back), 0);
	assert_string_equal(back->operation, "a?b?c?d");
	free(json);
	dfl_doc_free(doc);
	dfl_doc_free(back);
}

/* Replaces the first `what` in the good document. */
static int parse_with(const char *what, const char *by)
{
	const char *at = strstr(full, what);
	struct dfl_doc *doc = NULL;
	char *json;
	int r;

	assert_non_null(at);
	assert_true(asprintf(&json, "%.*s%s%s", (int)(at - full), full, by, at + strlen(what)) > 0);
	r = dfl_doc_from_json(json, strlen(json), &doc);
	free(json);
	dfl_doc_free(doc);
	return r;
}

static void wrong_values(void **state)
{
	static const char *const bad[][2] = {
		{ "dflow.trace/1", "dflow.trace/2" },
		{ "\"schema\":\"dflow.trace/1\",", "" },
		{ "00112233", "0011223" },
		{ "00112233", "0011223G" },
		{ "\"settled\"", "\"done\"" },
		{ "\"settled\"", "null" },
		{ "\"pid\":42", "\"pid\":-1" },
		{ "\"pid\":42", "\"pid\":4294967296" },
		{ "\"pid\":42", "\"pid\":4.5" },
		{ "\"tcp\"", "\"carrier pigeon\"" },
		{ "\"tcp\"", "null" },
		{ "2026-03-01T", "2026-03-01 " },
		{ ".000000789Z", ".789Z" },
		{ "2026-03", "9999-03" },
		{ "[[0,376]", "[[376,0]" },
		{ "[[0,376]", "[[0]" },
		{ "[[0,376]", "[[-1,376]" },
		{ "[[0,376]", "[[null,376]" },
		{ "[[0,376]", "[7" },
		{ "\"via\":[\"alb\"]", "\"via\":[1]" },
		{ "\"via\":[\"alb\"]", "\"via\":[null]" },
		{ "\"via\":[\"alb\"]", "\"via\":\"alb\"" },
		{ "\"request\"", "\"sideways\"" },
		{ "\"coverage\":1.0", "\"coverage\":\"1\"" },
		{ "\"tls\":null", "\"tls\":1" },
		{ "\"common\":false", "\"common\":0" },
		{ "\"evidence\":[", "\"evidence\":{},\"x\":[" },
		{ "\"hops\":[", "\"hops\":[[]," },
		{ "\"hops\":[", "\"hops\":[null," },
		{ "\"weak_matches\":7", "\"state\":\"open\"" },
		{ "\"redis\"", "\"redi\"" },
		{ "\"query\"", "\"\\u0000\"" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_with(bad[i][0], bad[i][1]) != -EBADMSG)
			fail_msg("%s taken for %s", bad[i][1], bad[i][0]);
	assert_int_equal(parse_with("\"weak_matches\":7", "\"later_field\":{}"), 0);
	assert_int_equal(parse_with("[\"uescape\"", "[\"rot13\""), 0);
}

static void broken_text(void **state)
{
	struct dfl_doc *doc;
	char *deep = calloc(1, 1 << 20);

	for (size_t len = 0; len < sizeof(full) - 1; len++) {
		char *exact = calloc(1, len); /* so that a read past the end is seen */

		if (len)
			memcpy(exact, full, len);
		assert_int_equal(dfl_doc_from_json(exact, len, &doc), -EBADMSG);
		free(exact);
	}
	for (size_t i = 0; i < sizeof(full) - 1; i++) {
		char copy[sizeof(full)];

		memcpy(copy, full, sizeof(full));
		copy[i] ^= 1 << i % 8;
		if (!dfl_doc_from_json(copy, sizeof(full) - 1, &doc))
			dfl_doc_free(doc);
	}
	memset(deep, '[', 1 << 20);
	assert_int_equal(dfl_doc_from_json(deep, 1 << 20, &doc), -EBADMSG);
	free(deep);
}

/* ---- packed ---- */

static struct dfl_doc *read_full(void)
{
	struct dfl_doc *doc;

	assert_int_equal(dfl_doc_from_json(full, sizeof(full) - 1, &doc), 0);
	return doc;
}

/* More of everything: lists of several elements, texts that repeat, numbers that go down. */
static struct dfl_doc *read_much(void)
{
	struct dfl_doc *doc = read_full();
	struct dfl_doc_hop *hops = calloc(40, sizeof(*hops));

	hops[0] = doc->hops[0];
	for (unsigned i = 1; i < 40; i++) {
		hops[i] = (struct dfl_doc_hop){ .seq = 41 - i,
						.medium = i % 2 ? DFL_PIPE : DFL_TCP,
						.ttl_s = -1,
						.encrypted = (int)(i % 3) - 1,
						.coverage = i / 7.0,
						.bytes = i % 5 ? i : DFL_DOC_UNKNOWN,
						.wire_bytes = UINT64_MAX,
						.first_ns = (int64_t)i << i,
						.last_ns = ((int64_t)i << i) + 3 };
		assert_true(asprintf(&hops[i].place, "place %u", i % 4) > 0);
	}
	free(doc->hops);
	doc->hops = hops;
	doc->n_hops = 40;
	return doc;
}

static void pack(const struct dfl_doc *doc, struct dfl_buf *ret_head, struct dfl_buf *ret_body)
{
	assert_int_equal(dfl_doc_pack(doc, DFL_DOC_HEAD, ret_head), 0);
	assert_int_equal(dfl_doc_pack(doc, DFL_DOC_BODY, ret_body), 0);
}

static void packed_round_trip(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct dfl_doc *doc = i ? read_much() : read_full(), *back;
		struct dfl_buf head = { 0 }, body = { 0 };
		char *json, *again;

		pack(doc, &head, &body);
		back = calloc(1, sizeof(*back));
		assert_int_equal(dfl_doc_unpack(head.data, head.len, back), 0);
		assert_int_equal(back->n_hops, 0);
		assert_string_equal(back->operation, doc->operation);
		assert_string_equal(back->ids[DFL_ID_MESSAGE], doc->ids[DFL_ID_MESSAGE]);
		assert_int_equal(dfl_doc_unpack(head.data, head.len, back), -EBADMSG); /* twice */
		assert_int_equal(dfl_doc_unpack(body.data, body.len, back), 0);
		assert_int_equal(dfl_doc_to_json(doc, &json), 0);
		assert_int_equal(dfl_doc_to_json(back, &again), 0);
		assert_string_equal(json, again);
		free(json);
		free(again);
		dfl_buf_fini(&head);
		dfl_buf_fini(&body);
		dfl_doc_free(doc);
		dfl_doc_free(back);
	}
}

/* What an older or a newer dflow packed: other keys, and other kinds of keys. */
static void packed_by_others(void **state)
{
	static const struct {
		const char *from, *to; /* of the same length */
	} change[] = { { "place:s", "plaze:s" },   { "ranges:r", "rangez:r" },
		       { "via:S", "viz:S" },	   { "hops:l", "hopz:l" },
		       { "from:o", "frem:o" },	   { "first_ns:i", "frist_ns:i" },
		       { "medium:s", "medien:s" }, { "replayed_in:l", "replaced_in:l" } };

	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		struct dfl_doc *doc = read_much(), *back = calloc(1, sizeof(*back));
		struct dfl_buf head = { 0 }, body = { 0 };
		char *at;

		pack(doc, &head, &body);
		at = memmem(body.data, body.len, change[i].from, strlen(change[i].from));
		assert_non_null(at);
		memcpy(at, change[i].to, strlen(change[i].to));
		assert_int_equal(dfl_doc_unpack(body.data, body.len, back), 0);
		assert_int_equal(back->n_hops, strcmp(change[i].from, "hops:l") ? 40 : 0);
		assert_int_equal(back->n_places, 1);
		assert_string_equal(back->links[0].why, "conversation");
		if (back->n_hops)
			assert_int_equal(back->hops[1].seq, 40);
		dfl_buf_fini(&head);
		dfl_buf_fini(&body);
		dfl_doc_free(doc);
		dfl_doc_free(back);
	}
}

static void unpack_exact(const void *data, size_t len, int want)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));
	uint8_t *exact = malloc(len ? len : 1); /* so that a read past the end is seen */
	int r;

	memcpy(exact, data, len);
	r = dfl_doc_unpack(exact, len, doc);
	if (want)
		assert_int_equal(r, want);
	free(exact);
	dfl_doc_free(doc);
}

/* Whatever is cut or changed: an error or a document, and nothing leaks. */
static void packed_and_broken(void **state)
{
	struct dfl_doc *doc = read_much();
	struct dfl_buf part[2] = { { 0 }, { 0 } };

	pack(doc, &part[0], &part[1]);
	for (int i = 0; i < 2; i++) {
		struct dfl_buf *b = &part[i];

		for (size_t len = 0; len < b->len; len++)
			unpack_exact(b->data, len, len < b->len / 2 ? -EBADMSG : 0);
		for (size_t at = 0; at < b->len; at++)
			for (int bit = 0; bit < 8; bit += 3) {
				b->data[at] ^= 1 << bit;
				unpack_exact(b->data, b->len, 0);
				b->data[at] ^= 1 << bit;
			}
		dfl_buf_fini(b);
	}
	dfl_doc_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(unknown_is_null),
		cmocka_unit_test(names_that_are_not_printable),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(broken_text),
		cmocka_unit_test(packed_round_trip),
		cmocka_unit_test(packed_by_others),
		cmocka_unit_test(packed_and_broken),
	};

	return cmocka_run_group_tests_name("doc", tests, NULL, NULL);
}
