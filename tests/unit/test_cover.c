// SPDX-License-Identifier: Apache-2.0
/*
 * The closed account: what a decoder passes over makes a trace incomplete. A text stands in every
 * odd place of each protocol: it is found there, or the trace says that it is not complete.
 */
#include "trace_help.h"

#include "decode/decode.h"
#include "trace/cover.h"

/* ---- positions ---- */

struct stream {
	struct covers covers;
	uint64_t skipped;
	struct dfl_chunk chunk;
};

static void came(struct stream *s, uint64_t pos, uint32_t len)
{
	s->covers.skipped = &s->skipped;
	s->chunk.pos = pos;
	s->chunk.len = len;
	dfl_cover_came(&s->covers, &s->chunk);
}

static void shown(struct stream *s, uint64_t from, uint64_t to)
{
	dfl_cover_shown(&s->covers, &s->chunk, DFL_REQUEST, from, to);
}

static void test_shown_in_order(void **state)
{
	struct stream s = { 0 };

	(void)state;
	came(&s, 1000, 500);
	assert_int_equal(s.skipped, 500);
	shown(&s, 1000, 1200);
	shown(&s, 1210, 1500); /* ten bytes of framing */
	assert_int_equal(s.skipped, 0);
	came(&s, 1500, 100);
	shown(&s, 1540, 1600); /* 40 bytes are too many */
	assert_int_equal(s.skipped, 40);
	dfl_cover_free(&s.covers);
}

static void test_shown_late(void **state)
{
	struct stream s = { 0 };

	(void)state;
	came(&s, 0, 1000);
	shown(&s, 500, 1000);
	assert_int_equal(s.skipped, 500);
	shown(&s, 200, 300); /* in the middle: two holes are left */
	assert_int_equal(s.skipped, 400);
	shown(&s, 0, 190); /* ten bytes are left of the first */
	assert_int_equal(s.skipped, 200);
	shown(&s, 300, 500);
	assert_int_equal(s.skipped, 0);
	dfl_cover_free(&s.covers);
}

/* Holes that can no longer be remembered stay counted. */
static void test_many_holes(void **state)
{
	struct stream s = { 0 };

	(void)state;
	came(&s, 0, 10000);
	for (unsigned i = 1; i <= 100; i++)
		shown(&s, i * 100 - 50, i * 100);
	assert_int_equal(s.skipped, 5000);
	shown(&s, 0, 10000);
	assert_in_range(s.skipped, 5000 - 8 * 50, 5000 - 50);
	dfl_cover_free(&s.covers);
}

static void test_other_streams(void **state)
{
	struct stream s = { 0 };

	(void)state;
	came(&s, 0, 100);
	s.chunk.layer = DFL_TLS;
	for (s.chunk.ssl = 1; s.chunk.ssl < 50; s.chunk.ssl++) {
		came(&s, 0, 10);
		shown(&s, 0, 10);
	}
	assert_int_equal(s.skipped, 100);
	came(&s, 100, 60); /* joined anew */
	dfl_cover_encrypted(&s.covers);
	assert_int_equal(s.skipped, 160);
	dfl_cover_free(&s.covers);
}

static void test_gap_and_unread(void **state)
{
	struct stream s = { 0 };

	(void)state;
	came(&s, 0, 100);
	came(&s, 200, 100); /* 100 bytes were lost between */
	assert_int_equal(s.skipped, 200);
	dfl_cover_unread(&s.covers, DFL_REQUEST, 100);
	assert_int_equal(s.skipped, 100);
	dfl_cover_free(&s.covers);
}

/* ---- protocols ---- */

#define TEXT                                                                                       \
	"Please tell me how to prune an old apple tree in late winter without hurting it, step "   \
	"by step."
#define REPLY_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
#define FORM                                                                                       \
	"POST /f HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; "                       \
	"boundary=b\r\nContent-Length: 400\r\n\r\n"

struct place {
	const char *name;
	uint16_t port;
	const char *ask, *answer; /* "" none */
	size_t ask_len, answer_len;
};

#define PLACE(name_, port_, ask_, answer_)                                                         \
	{                                                                                          \
		name_, port_, ask_, answer_, sizeof(ask_) - 1, sizeof(answer_) - 1                 \
	}
#define PG_READY "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"
#define PG_START "\0\0\0\x11\0\3\0\0user\0dify\0"

/* Each TEXT is 94 bytes. */
static const struct place places[] = {
	PLACE("http: path", 80,
	      "GET /"
	      "a?q=" TEXT " HTTP/1.1\r\nHost: h\r\n\r\n",
	      ""),
	PLACE("http: header", 80, "GET / HTTP/1.1\r\nHost: h\r\nX-A: " TEXT "\r\n\r\n", ""),
	PLACE("http: folded header", 80, "GET / HTTP/1.1\r\nHost: h\r\nX-A: a\r\n " TEXT "\r\n\r\n",
	      ""),
	PLACE("http: header name", 80,
	      "GET / HTTP/1.1\r\nHost: "
	      "h\r\nPleasetellmehowtopruneanoldappletreeinlatewinterwithouthurtingitstepbystep: "
	      "a\r\n\r\n",
	      ""),
	PLACE("http: chunk extension", 80,
	      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;e=\"" TEXT
	      "\"\r\nhi\r\n0\r\n\r\n",
	      ""),
	PLACE("http: trailer", 80,
	      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
	      "chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: " TEXT "\r\n\r\n",
	      ""),
	PLACE("http: body of GET", 80,
	      "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 94\r\n\r\n" TEXT, ""),
	PLACE("http: after the message", 80, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n" TEXT, ""),
	PLACE("http: after Connection: close", 80,
	      "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" TEXT, ""),
	PLACE("http: after an upgrade", 80,
	      "GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n" TEXT,
	      ""),
	PLACE("http: after CONNECT", 80, "CONNECT h:25 HTTP/1.1\r\nHost: h:25\r\n\r\n" TEXT, ""),
	PLACE("http: reason", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 200 " TEXT "\r\nContent-Length: 0\r\n\r\n"),
	PLACE("http: body of 204", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 204 No Content\r\nContent-Length: 94\r\n\r\n" TEXT),
	PLACE("http: body of HEAD", 80, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 200 OK\r\nContent-Length: 94\r\n\r\n" TEXT),
	PLACE("http: an early answer", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 103 Early Hints\r\nLink: " TEXT "\r\n\r\n" REPLY_HEAD "\r\nok"),
	PLACE("http: body without length", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.0 200 OK\r\n\r\n" TEXT),
	PLACE("http: multipart preamble", 80, FORM TEXT "\r\n--b\r\n\r\nhi\r\n--b--\r\n", ""),
	PLACE("http: multipart header", 80, FORM "--b\r\nX-A: " TEXT "\r\n\r\nhi\r\n--b--\r\n", ""),
	PLACE("http: multipart epilogue", 80, FORM "--b\r\n\r\nhi\r\n--b--\r\n" TEXT, ""),
	PLACE("http: sse comment", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: " TEXT "\n\n"),
	PLACE("http: sse id", 80, "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: " TEXT
	      "\ndata: a\n\n"),
	PLACE("http: a key of json", 80,
	      "POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: "
	      "101\r\n\r\n{\"" TEXT "\":1}",
	      ""),
	PLACE("redis: inline", 6379, "PING " TEXT "\r\n", ""),
	PLACE("redis: a name", 6379, "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$94\r\n" TEXT "\r\n",
	      ""),
	PLACE("redis: a script", 6379, "*3\r\n$4\r\nEVAL\r\n$94\r\n" TEXT "\r\n$1\r\n0\r\n", ""),
	PLACE("redis: an unknown command", 6379, "*2\r\n$6\r\nFOOBAR\r\n$94\r\n" TEXT "\r\n", ""),
	PLACE("redis: a key", 6379, "*2\r\n$3\r\nGET\r\n$94\r\n" TEXT "\r\n", ""),
	PLACE("redis: a member", 6379, "*3\r\n$4\r\nSADD\r\n$1\r\nk\r\n$94\r\n" TEXT "\r\n", ""),
	PLACE("redis: simple string", 6379, "*1\r\n$4\r\nPING\r\n", "+" TEXT "\r\n"),
	PLACE("redis: error", 6379, "*1\r\n$4\r\nPING\r\n", "-ERR " TEXT "\r\n"),
	PLACE("redis: bulk error", 6379, "*1\r\n$4\r\nPING\r\n", "!94\r\n" TEXT "\r\n"),
	PLACE("redis: verbatim", 6379, "*1\r\n$4\r\nINFO\r\n", "=98\r\ntxt:" TEXT "\r\n"),
	PLACE("redis: attribute", 6379, "*1\r\n$4\r\nPING\r\n",
	      "|1\r\n+a\r\n$94\r\n" TEXT "\r\n+PONG\r\n"),
	PLACE("redis: push", 6379, "*1\r\n$4\r\nPING\r\n",
	      ">2\r\n+x\r\n$94\r\n" TEXT "\r\n+PONG\r\n"),
	PLACE("redis: streamed string", 6379, "*1\r\n$4\r\nPING\r\n",
	      "$?\r\n;94\r\n" TEXT "\r\n;0\r\n"),
	PLACE("redis: big number", 6379, "*1\r\n$4\r\nPING\r\n", "(" TEXT "\r\n"),
	PLACE("postgres: application_name", 5432,
	      "\0\0\0\x81\0\3\0\0user\0dify\0application_name\0" TEXT "\0\0", PG_READY),
	PLACE("postgres: comment", 5432, PG_START "Q\0\0\0\x6c/* " TEXT " */SELECT", PG_READY),
	PLACE("postgres: identifier", 5432, PG_START "Q\0\0\0\x6fSELECT a \"" TEXT "\"\0",
	      PG_READY),
	PLACE("postgres: literal", 5432, PG_START "Q\0\0\0\x6cSELECT '" TEXT "'\0", PG_READY),
	PLACE("postgres: dollar quotes", 5432, PG_START "Q\0\0\0\x70SELECT $a$" TEXT "$a$\0",
	      PG_READY),
	PLACE("postgres: statement name", 5432, PG_START "P\0\0\0\x6e" TEXT "\0SELECT 1\0\0\0",
	      PG_READY),
	PLACE("postgres: portal name", 5432, PG_START "D\0\0\0\x64P" TEXT "\0", PG_READY),
	PLACE("postgres: bind", 5432, PG_START "B\0\0\0\x6f\0\0\0\0\0\1\0\0\0\x5e" TEXT "\0\0\0",
	      PG_READY),
	PLACE("postgres: function call", 5432,
	      PG_START "F\0\0\0\x70\0\0\0\1\0\0\0\1\0\0\0\x5e" TEXT "\0\0", PG_READY),
	PLACE("postgres: copy data", 5432, PG_START "d\0\0\0\x62" TEXT, PG_READY),
	PLACE("postgres: copy failed", 5432, PG_START "f\0\0\0\x63" TEXT "\0", PG_READY),
	PLACE("postgres: parameter", 5432, PG_START, PG_READY "S\0\0\0\x65x\0" TEXT "\0"),
	PLACE("postgres: notice", 5432, PG_START, PG_READY "N\0\0\0\x65M" TEXT "\0\0"),
	PLACE("postgres: error", 5432, PG_START "Q\0\0\0\x0dSELECT 1\0",
	      PG_READY "E\0\0\0\x65"
		       "D" TEXT "\0\0"),
	PLACE("postgres: notification", 5432, PG_START,
	      PG_READY "A\0\0\0\x69\0\0\0\1c\0" TEXT "\0"),
	PLACE("postgres: column name", 5432, PG_START "Q\0\0\0\x0dSELECT 1\0",
	      PG_READY "T\0\0\0\x77\0\1" TEXT "\0\0\0\0\0\0\0\0\0\0\x19\0\0\0\0\0\0\0\0"),
	PLACE("postgres: command tag", 5432, PG_START "Q\0\0\0\x0dSELECT 1\0",
	      PG_READY "C\0\0\0\x63" TEXT "\0"),
	PLACE("postgres: unknown message", 5432, PG_START "Q\0\0\0\x0dSELECT 1\0",
	      PG_READY "y\0\0\0\x62" TEXT),
};

static void pass(struct fixture *f, struct dfl_decode *d, struct dfl_conn *conn, enum dfl_dir dir,
		 const char *data, size_t len, bool bytewise)
{
	struct dfl_chunk c = { .dir = dir, .ts_ns = f->now, .call_start = true };

	for (size_t i = 0; i < len; i += c.len) {
		c.pos = i;
		c.data = (const uint8_t *)data + i;
		c.len = bytewise ? 1 : (uint32_t)len;
		dfl_trace_data(f->t, conn, &c);
		dfl_decode_data(d, conn, &c);
		c.call_start = false;
	}
}

/* Is the text found beyond where it came in, or is the trace not complete? */
static bool is_honest(const struct place *p, bool bytewise)
{
	struct dfl_decode *d;
	struct fixture *f;
	struct dfl_conn conn = {
		.id = 100, .medium = DFL_TCP, .role_known = true, .from_start = true
	};
	const struct dfl_doc *doc_;
	void *state = NULL;
	struct dfl_op *op;
	bool honest;

	setup(&state);
	f = state;
	f->conns[0].end[DFL_SERVER].pid = 7;
	dfl_trace_conn(f->t, &f->conns[0]);
	dfl_addr_set(&conn.end[0].addr, AF_INET, (uint8_t[]){ 10, 0, 0, 1 }, 40000);
	dfl_addr_set(&conn.end[1].addr, AF_INET, (uint8_t[]){ 203, 0, 113, 1 }, p->port);
	conn.end[DFL_CLIENT].pid = 7;
	assert_int_equal(dfl_decode_new(f->sink, &d), 0);
	op = request(f, TEXT);
	dfl_trace_conn(f->t, &conn);
	dfl_decode_conn(d, &conn);
	pass(f, d, &conn, DFL_REQUEST, p->ask, p->ask_len, bytewise);
	pass(f, d, &conn, DFL_RESPONSE, p->answer, p->answer_len, bytewise);
	end(f, op);
	tick(f, 10);
	doc_ = doc(f, 0);
	honest = doc_->n_hops > 1 || !doc_->completeness.complete;
	dfl_decode_close(d, &conn, f->now);
	dfl_trace_close(f->t, &conn, f->now);
	dfl_decode_free(d);
	teardown(&state);
	return honest;
}

static void test_every_place(void **state)
{
	unsigned dishonest = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (int bytewise = 0; bytewise < 2; bytewise++) {
			if (is_honest(&places[i], bytewise))
				continue;
			print_error("%s%s: complete without it\n", places[i].name,
				    bytewise ? ", byte by byte" : "");
			dishonest++;
		}
	assert_int_equal(dishonest, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown_in_order), cmocka_unit_test(test_shown_late),
		cmocka_unit_test(test_many_holes),     cmocka_unit_test(test_other_streams),
		cmocka_unit_test(test_gap_and_unread), cmocka_unit_test(test_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
