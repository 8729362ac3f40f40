// SPDX-License-Identifier: Apache-2.0
/* Bodies too large for golden files: objects of megabytes in aws-chunked, bombs in every coding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "decode/http/http_body.h"
#include "decode_sink.h"
#include "trace/trace.h"

#define FILE_BYTES (3u << 20)
#define AWS_CHUNK (1u << 20) /* botocore: httpchecksum.AwsChunkedWrapper */
#define CALL_BYTES 16384

struct player {
	struct sink sink;
	struct dfl_trace *trace; /* instead of the sink; NULL: none */
	struct dfl_decode *decode;
	struct dfl_conn conn;
	uint64_t pos[2];
	struct dfl_buf raw; /* of requests */
};

static void start(struct player *p)
{
	memset(p, 0, sizeof(*p));
	sink_init(&p->sink);
	p->conn = (struct dfl_conn){ .id = 1, .role_known = true };
	assert_int_equal(dfl_decode_new(&p->sink.ops, &p->decode), 0);
}

static void stop(struct player *p)
{
	dfl_decode_free(p->decode);
	sink_fini(&p->sink);
	dfl_buf_fini(&p->raw);
}

static void put(struct player *p, enum dfl_dir dir, const void *data, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		struct dfl_chunk c = { .dir = dir,
				       .layer = DFL_TLS,
				       .pos = p->pos[dir],
				       .data = (const uint8_t *)data + i,
				       .call_start = true };

		n = len - i < CALL_BYTES ? len - i : CALL_BYTES;
		c.len = (uint32_t)n;
		p->pos[dir] += n;
		if (p->trace)
			dfl_trace_data(p->trace, &p->conn, &c);
		dfl_decode_data(p->decode, &p->conn, &c);
	}
	if (dir == DFL_REQUEST)
		dfl_buf_append(&p->raw, data, len);
}

static void put_text(struct player *p, enum dfl_dir dir, const char *text)
{
	put(p, dir, text, strlen(text));
}

static char *make_file(void)
{
	char *text = malloc(FILE_BYTES);

	for (size_t i = 0; i < FILE_BYTES; i++)
		text[i] = (char)(i % 70 == 69 ? '\n' : 'a' + (i * 7 + i / 70) % 26);
	return text;
}

/* As botocore sends it: HTTP chunks, and in them the chunks of aws-chunked. */
static void put_object(struct player *p, const char *file)
{
	char line[64];

	put_text(p, DFL_REQUEST,
		 "PUT /upload_files/x HTTP/1.1\r\nHost: dify.s3.eu-west-1.amazonaws.com\r\n"
		 "Authorization: AWS4-HMAC-SHA256 Credential=A/20261124/eu-west-1/s3/aws4_request"
		 "\r\n"
		 "Content-Encoding: aws-chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < FILE_BYTES; i += AWS_CHUNK) {
		snprintf(line, sizeof(line), "%x\r\n%x\r\n", AWS_CHUNK + 10, AWS_CHUNK);
		put_text(p, DFL_REQUEST, line);
		put(p, DFL_REQUEST, file + i, AWS_CHUNK);
		put_text(p, DFL_REQUEST, "\r\n\r\n");
	}
	put_text(p, DFL_REQUEST, "22\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n\r\n0\r\n\r\n");
	put_text(p, DFL_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

struct seen {
	const struct player *p;
	size_t bytes;
};

/* Each byte shown stands where it says it stands. */
static void seen(void *ud, const struct sink_view *v, uint64_t pos, uint64_t len)
{
	struct seen *s = ud;

	s->bytes += len;
	if (v->dir == DFL_REQUEST && pos + len <= s->p->raw.len)
		assert_memory_equal(v->data.data + v->data.len - len, s->p->raw.data + pos, len);
}

static void test_large_object(void **state)
{
	const struct sink_view *v;
	struct player p;
	struct seen s = { &p, 0 };
	char *file = make_file();

	start(&p);
	p.sink.seen = seen;
	p.sink.seen_ud = &s;
	put_object(&p, file);
	dfl_decode_close(p.decode, &p.conn, 1);
	for (v = p.sink.view_first; v && v->data.len != FILE_BYTES; v = v->next)
		;
	assert_non_null(v);
	assert_memory_equal(v->data.data, file, FILE_BYTES);
	assert_string_equal(v->op->place, "dify/*");
	assert_int_equal(p.sink.unread, 0);
	assert_true(s.bytes > FILE_BYTES);
	stop(&p);
	free(file);
}

static void next_conn(struct player *p, uint64_t id, uint16_t port)
{
	const uint8_t ip[4] = { 10, 0, 0, (uint8_t)id };

	p->conn = (struct dfl_conn){ .id = id, .medium = DFL_TCP, .role_known = true };
	dfl_addr_set(&p->conn.end[DFL_CLIENT].addr, AF_INET, ip, 40000);
	dfl_addr_set(&p->conn.end[DFL_SERVER].addr, AF_INET, ip, port);
	p->pos[0] = p->pos[1] = 0;
	dfl_trace_conn(p->trace, &p->conn);
}

static void end_conn(struct player *p)
{
	dfl_decode_close(p->decode, &p->conn, 1);
	dfl_trace_close(p->trace, &p->conn, 1);
}

static void upload(struct player *p, const char *file)
{
	static const char part[] = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
	char head[256];

	snprintf(head, sizeof(head),
		 "POST /v1/files/upload HTTP/1.1\r\n"
		 "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n\r\n%s",
		 sizeof(part) - 1 + FILE_BYTES + 9, part);
	put_text(p, DFL_REQUEST, head);
	put(p, DFL_REQUEST, file, FILE_BYTES);
	put_text(p, DFL_REQUEST, "\r\n--b--\r\n");
}

static void on_store(void *ud, const struct dfl_doc *doc)
{
	double *coverage = ud;

	for (size_t i = 0; i < doc->n_hops; i++)
		if (!strcmp(doc->hops[i].place ?: "", "dify/*"))
			*coverage = doc->hops[i].coverage;
}

static void test_upload_reaches_s3(void **state)
{
	double coverage = 0;
	struct dfl_trace_opts opts = { .on_store = on_store, .ud = &coverage };
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct player p = { 0 };
	char *file = make_file();
	struct dfl_rules *rules;
	struct dfl_err err;

	assert_int_equal(dfl_rules_load(NULL, &rules, &err), 0);
	opts.rules = rules;
	assert_int_equal(dfl_trace_new(&opts, &p.trace), 0);
	assert_int_equal(dfl_trace_event(p.trace, &node), 0);
	assert_int_equal(dfl_decode_new(dfl_trace_sink(p.trace), &p.decode), 0);
	next_conn(&p, 1, 5001);
	upload(&p, file);
	end_conn(&p);
	next_conn(&p, 2, 443);
	put_object(&p, file);
	end_conn(&p);
	dfl_trace_finish(p.trace);
	assert_true(coverage == 1.0);
	dfl_decode_free(p.decode);
	dfl_trace_free(p.trace);
	dfl_rules_free(rules);
	dfl_buf_fini(&p.raw);
	free(file);
}

#define DOCUMENT "7c0a4b52-4c2a-4d5e-9a57-0d7f0b1c2d3e"
#define UPLOADED "1f6f2f0a-9f58-4c0f-8a61-5b7d3c9e0f12"

static const char *id_of(const struct dfl_op *op, enum dfl_id_kind kind)
{
	const struct sink_id *id = op ? op->ids : NULL;

	while (id && id->kind != kind)
		id = id->next;
	return id ? id->value : "";
}

/* A document that becomes part of a dataset, as a file or as text, is known by two ids. */
static void test_document(void **state)
{
	static const char file[] = "--b\r\nContent-Disposition: form-data; "
				   "name=\"file\"\r\n\r\nThe text.\r\n--b--\r\n";
	static const char text[] = "{\"name\": \"n\", \"text\": \"The text.\"}";
	static const char reply[] = "{\"document\": {\"id\": \"" DOCUMENT
				    "\", \"position\": 1, \"data_source_info\": "
				    "{\"upload_file_id\": \"" UPLOADED
				    "\"}, \"name\": \"n\"}, \"batch\": \"20261124\"}";
	char head[512];

	for (int is_text = 0; is_text < 2; is_text++) {
		struct player p;

		start(&p);
		snprintf(head, sizeof(head),
			 "POST /v1/datasets/" UPLOADED
			 "/document/create-by-%s HTTP/1.1\r\nContent-Type: %s\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 is_text ? "text" : "file",
			 is_text ? "application/json" : "multipart/form-data; boundary=b",
			 strlen(is_text ? text : file));
		put_text(&p, DFL_REQUEST, head);
		put_text(&p, DFL_REQUEST, is_text ? text : file);
		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
			 "%zu\r\n\r\n",
			 sizeof(reply) - 1);
		put_text(&p, DFL_RESPONSE, head);
		put_text(&p, DFL_RESPONSE, reply);
		dfl_decode_close(p.decode, &p.conn, 1);
		assert_non_null(p.sink.op_first);
		assert_string_equal(p.sink.op_first->sources->field, is_text ? "text" : "file");
		assert_string_equal(id_of(p.sink.op_first, DFL_ID_DOCUMENT), DOCUMENT);
		assert_string_equal(id_of(p.sink.op_first, DFL_ID_UPLOAD_FILE), UPLOADED);
		stop(&p);
	}
}

static void put_reply(struct player *p, const char *coding, const void *body, size_t len)
{
	char head[256];

	put_text(p, DFL_REQUEST, "GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n");
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", coding,
		 len);
	put_text(p, DFL_RESPONSE, head);
	put(p, DFL_RESPONSE, body, len);
}

static void put_nothing(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
			uint64_t pos_len, const struct dfl_chunk *from)
{
}

static void expect_bomb(const char *coding, const void *body, size_t len)
{
	struct dfl_decode_stats stats;
	struct player p;

	start(&p);
	p.sink.ops.view_data = put_nothing;
	dfl_decode_free(p.decode);
	assert_int_equal(dfl_decode_new(&p.sink.ops, &p.decode), 0);
	put_reply(&p, coding, body, len);
	dfl_decode_close(p.decode, &p.conn, 1);
	dfl_decode_stats(p.decode, &stats);
	assert_int_equal(stats.limit[DFL_LIMIT_INFLATED], 1);
	assert_int_equal(stats.windows, 0);
	assert_true(p.sink.unread > 0);
	stop(&p);
}

/* 1 MiB of zeros, often enough to pass the limit. */
static void test_bombs(void **state)
{
	enum { MIB = 1 << 20, TIMES = (DFL_INFLATE_MAX >> 20) + 2 };
	char *zeros = calloc(1, MIB), *frame = malloc(MIB);
	struct dfl_buf bomb = { 0 };
	size_t n = ZSTD_compress(frame, MIB, zeros, MIB, 1);
	uLongf z = MIB;

	for (int i = 0; i < TIMES; i++)
		dfl_buf_append(&bomb, frame, n);
	expect_bomb("zstd", bomb.data, bomb.len);
	assert_int_equal(compress2((Bytef *)frame, &z, bomb.data, bomb.len, 9), Z_OK);
	expect_bomb("zstd, deflate", frame, z);
	dfl_buf_fini(&bomb);
	free(zeros);
	free(frame);
}

/* A window is kept for each open body; beyond the limit they are unread. */
static void test_windows(void **state)
{
	struct dfl_conn conn[DFL_WINDOWS_MAX + 1] = { 0 };
	static const char
		reply[] = "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n?";
	struct dfl_decode_stats stats;
	struct player p;

	start(&p);
	for (size_t i = 0; i <= DFL_WINDOWS_MAX; i++) {
		const struct dfl_chunk c = { .dir = DFL_RESPONSE,
					     .data = (const uint8_t *)reply,
					     .len = sizeof(reply) - 1,
					     .call_start = true };

		conn[i].id = i + 1;
		dfl_decode_data(p.decode, &conn[i], &c);
	}
	dfl_decode_stats(p.decode, &stats);
	assert_int_equal(stats.windows, DFL_WINDOWS_MAX);
	assert_int_equal(stats.limit[DFL_LIMIT_INFLATED], 1);
	assert_int_equal(p.sink.unread, 1);
	for (size_t i = 0; i <= DFL_WINDOWS_MAX; i++)
		dfl_decode_close(p.decode, &conn[i], 1);
	dfl_decode_stats(p.decode, &stats);
	assert_int_equal(stats.windows, 0);
	stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_object), cmocka_unit_test(test_upload_reaches_s3),
		cmocka_unit_test(test_document),     cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
