// SPDX-License-Identifier: Apache-2.0
/* Vectors: every form gives the documented spelling; one is followed from the model to Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "decode/vector.h"
#include "decode_sink.h"
#include "trace/trace.h"

#define QUESTION                                                                                   \
	"Please tell me how to prune an old apple tree in late winter without hurting it, step "   \
	"by step."

/* docs/canonical.md, "Vectors" */
static const char counted[] = "034f069e09ee0d3d108c13db172a1a791dc92118246727b62b052e5431a434f3";

static void expect(const char *text, uint8_t width, const char *spelt)
{
	for (size_t n = 1; n <= strlen(text); n++) {
		struct dfl_decode_stats stats = { 0 };
		struct dfl_conn conn = { .id = 1 };
		const struct dfl_chunk from = { .dir = DFL_REQUEST };
		struct dfl_decoder_ctx ctx = { .stats = &stats, .conn = &conn };
		struct dfl_vector v;
		struct sink s;

		sink_init(&s);
		ctx.sink = &s.ops;
		dfl_vector_init(&v, &ctx, NULL, DFL_REQUEST, NULL, width);
		for (size_t i = 0; i < strlen(text); i += n) {
			size_t k = strlen(text) - i < n ? strlen(text) - i : n;
			const struct dfl_slice d = { (const uint8_t *)text + i, k, i, k };

			dfl_vector_text(&v, &d);
		}
		dfl_vector_done(&v, &from);
		if (spelt) {
			assert_non_null(s.view_first);
			assert_int_equal(s.view_first->data.len, strlen(spelt));
			assert_memory_equal(s.view_first->data.data, spelt, strlen(spelt));
		} else {
			assert_null(s.view_first);
		}
		sink_fini(&s);
	}
}

static void test_spelling(void **state)
{
	expect("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]", 4, counted);
	expect("[0.1,0.2,3e-1,.4,0.5,0.6,0.7,0.8,0.9,1.0,1.1,1.2,1.3,1.4,1.5,1.6]", 4, counted);
	expect("AACAPwAAAEAAAEBAAACAQAAAoEAAAMBAAADgQAAAAEEAABBBAAAgQQAAMEEAAEBBAABQQQ"
	       "AAYEEAAHBBAACAQQ==",
	       4, counted);
	expect("/N6JX5J5mj/83olfknmqPz1np8ct27M//N6JX5J5uj9eK7Z7+4vAPz1np8ct28M/HaOYE2"
	       "Aqxz/83olfknnKP9wae6vEyM0/Xiu2e/uL0D9Oya6hlDPSPz1np8ct29M/LQWg7caC1T8d"
	       "o5gTYCrXPw1BkTn50dg//N6JX5J52j8=",
	       8, counted);
	expect("\\x80059595000000000000005d9428473ff0000000000000474000000000000000474008"
	       "0000000000004740100000000000004740140000000000004740180000000000004740"
	       "1c00000000000047402000000000000047402200000000000047402400000000000047"
	       "402600000000000047402800000000000047402a00000000000047402c000000000000"
	       "47402e000000000000474030000000000000652e",
	       8, counted);
}

static void test_no_vectors(void **state)
{
	expect("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]", 4, NULL);
	expect("[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", 4, NULL);
	expect("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, nan]", 4, NULL);
	expect("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, seventeen]", 4, NULL);
	expect("free text in a column that is called embedding", 8, NULL);
	expect("\\x8005957d", 8, NULL);
	expect("", 8, NULL);
}

struct flow {
	struct dfl_trace *trace;
	struct dfl_decode *decode;
	struct dfl_conn conn;
	uint64_t pos[2];
	double coverage; /* of the vector in Redis */
	char field[64];
};

static void begin_conn(struct flow *f, uint64_t id, uint16_t port)
{
	const uint8_t ip[4] = { 10, 0, 0, (uint8_t)id };

	f->conn = (struct dfl_conn){ .id = id, .medium = DFL_TCP, .role_known = true };
	dfl_addr_set(&f->conn.end[DFL_CLIENT].addr, AF_INET, ip, 40000);
	dfl_addr_set(&f->conn.end[DFL_SERVER].addr, AF_INET, ip, port);
	f->pos[0] = f->pos[1] = 0;
	dfl_trace_conn(f->trace, &f->conn);
}

static void end_conn(struct flow *f)
{
	dfl_decode_close(f->decode, &f->conn, 1);
	dfl_trace_close(f->trace, &f->conn, 1);
}

static void put(struct flow *f, enum dfl_dir dir, const char *text)
{
	const struct dfl_chunk c = { .dir = dir,
				     .pos = f->pos[dir],
				     .data = (const uint8_t *)text,
				     .len = (uint32_t)strlen(text),
				     .call_start = true,
				     .ts_ns = 1 };

	f->pos[dir] += c.len;
	dfl_trace_data(f->trace, &f->conn, &c);
	dfl_decode_data(f->decode, &f->conn, &c);
}

/* An HTTP message with a JSON body. */
static void put_http(struct flow *f, enum dfl_dir dir, const char *first, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "%s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", first,
		 strlen(body), body);
	put(f, dir, text);
}

static void on_store(void *ud, const struct dfl_doc *doc)
{
	struct flow *f = ud;

	for (size_t i = 0; i < doc->n_hops; i++)
		if (!strcmp(doc->hops[i].place ?: "", "*_{sha256}")) {
			f->coverage = doc->hops[i].coverage;
			snprintf(f->field, sizeof(f->field), "%s", doc->hops[i].field);
		}
}

static void test_from_model_to_redis(void **state)
{
	struct flow f = { 0 };
	struct dfl_trace_opts opts = { .on_store = on_store, .ud = &f };
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct dfl_rules *rules;
	struct dfl_err err;

	assert_int_equal(dfl_rules_load(NULL, &rules, &err), 0);
	opts.rules = rules;
	assert_int_equal(dfl_trace_new(&opts, &f.trace), 0);
	assert_int_equal(dfl_trace_event(f.trace, &node), 0);
	assert_int_equal(dfl_decode_new(dfl_trace_sink(f.trace), &f.decode), 0);
	begin_conn(&f, 1, 5001);
	put_http(&f, DFL_REQUEST, "POST /v1/chat-messages HTTP/1.1",
		 "{\"query\": \"" QUESTION "\"}");
	end_conn(&f);
	begin_conn(&f, 2, 443);
	put_http(&f, DFL_REQUEST, "POST /v1/embeddings HTTP/1.1",
		 "{\"input\": [\"" QUESTION "\"]}");
	put_http(&f, DFL_RESPONSE, "HTTP/1.1 200 OK",
		 "{\"data\": [{\"embedding\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "
		 "16]}]}");
	end_conn(&f);
	begin_conn(&f, 3, 6379);
	put(&f, DFL_REQUEST,
	    "*4\r\n$5\r\nSETEX\r\n$77\r\nopenai_small_"
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n$3\r\n600\r\n"
	    "$172\r\n/N6JX5J5mj/83olfknmqPz1np8ct27M//N6JX5J5uj9eK7Z7+4vAPz1np8ct28M/HaOYE2"
	    "Aqxz/83olfknnKP9wae6vEyM0/Xiu2e/uL0D9Oya6hlDPSPz1np8ct29M/LQWg7caC1T8d"
	    "o5gTYCrXPw1BkTn50dg//N6JX5J52j8=\r\n");
	put(&f, DFL_RESPONSE, "+OK\r\n");
	end_conn(&f);
	dfl_trace_finish(f.trace);
	assert_string_equal(f.field, "embedding");
	assert_true(f.coverage == 1.0);
	dfl_decode_free(f.decode);
	dfl_trace_free(f.trace);
	dfl_rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_no_vectors),
		cmocka_unit_test(test_from_model_to_redis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
