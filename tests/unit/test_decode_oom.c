// SPDX-License-Identifier: Apache-2.0
/* Every allocation of the decoders fails once: nothing crashes, nothing leaks, limits hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode_tape.h"
#include "oom.h"

/* A sink without memory; what it hands out is counted. */
static int balance;

static struct dfl_op *op_begin(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
			       uint64_t ts_ns)
{
	balance++;
	return (struct dfl_op *)1;
}

static void op_describe(void *ud, struct dfl_op *op, const struct dfl_op_desc *d)
{
}

static void op_id(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
}

static void op_station(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
		       const char *rule)
{
}

static void op_client(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb)
{
}

static void op_effect(void *ud, struct dfl_op *op, const struct dfl_effect *e)
{
}

static void op_kept(void *ud, struct dfl_op *op, enum dfl_kept kept, uint64_t ts_ns)
{
}

static struct dfl_txn *txn_begin(void *ud)
{
	balance++;
	return (struct dfl_txn *)1;
}

static void op_txn(void *ud, struct dfl_op *op, struct dfl_txn *txn)
{
}

static void txn_end(void *ud, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
	balance--;
}

static void op_end(void *ud, struct dfl_op *op, uint64_t ts_ns)
{
	balance--;
}

static struct dfl_view *view_open(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				  const struct dfl_view_desc *d)
{
	balance++;
	return (struct dfl_view *)1;
}

static void view_data(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len, const struct dfl_chunk *from)
{
}

static void view_gap(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len)
{
}

static void view_close(void *ud, struct dfl_view *v)
{
	balance--;
}

static struct dfl_src *source_begin(void *ud, struct dfl_op *op, const char *field,
				    enum dfl_dir dir)
{
	balance++;
	return (struct dfl_src *)1;
}

static void source_append(void *ud, struct dfl_src *s, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, uint64_t ts_ns)
{
}

static void source_gap(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len)
{
}

static void source_end(void *ud, struct dfl_src *s, uint64_t ts_ns)
{
	balance--;
}

static void tls(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info)
{
}

static void encrypted(void *ud, struct dfl_conn *conn)
{
}

static void unread(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len)
{
}

static void withheld(void *ud, struct dfl_conn *conn, const struct dfl_chunk *from, uint64_t pos,
		     uint64_t pos_to)
{
}

static void limit(void *ud, struct dfl_conn *conn)
{
}

static void dns(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		uint64_t ts_ns)
{
}

static void protocol(void *ud, struct dfl_conn *conn, const char *name, enum dfl_station server)
{
}

static const struct dfl_decode_sink sink = {
	.op_begin = op_begin,
	.op_describe = op_describe,
	.op_id = op_id,
	.op_station = op_station,
	.op_client = op_client,
	.op_effect = op_effect,
	.op_kept = op_kept,
	.txn_begin = txn_begin,
	.op_txn = op_txn,
	.txn_end = txn_end,
	.op_end = op_end,
	.view_open = view_open,
	.view_data = view_data,
	.view_framing = view_data,
	.view_gap = view_gap,
	.view_close = view_close,
	.source_begin = source_begin,
	.source_append = source_append,
	.source_gap = source_gap,
	.source_end = source_end,
	.tls = tls,
	.encrypted = encrypted,
	.unread = unread,
	.withheld = withheld,
	.limit = limit,
	.dns = dns,
	.protocol = protocol,
};

/* Like tape_play, but one allocation fails. Returns how many there were. */
static long play(const struct tape *t, long fails_at)
{
	struct dfl_conn *conn = calloc(t->n_conns, sizeof(*conn));
	struct dfl_decode *d;
	long n;

	memcpy(conn, t->conn, t->n_conns * sizeof(*conn));
	oom_at(fails_at);
	if (!dfl_decode_new(&sink, &d)) {
		for (size_t i = 0; i < t->n_items; i++)
			if (t->item[i].chunk.data)
				dfl_decode_data(d, &conn[t->item[i].conn], &t->item[i].chunk);
		for (size_t i = 0; i < t->n_conns; i++)
			dfl_decode_close(d, &conn[i], 1);
		dfl_decode_free(d);
	}
	n = oom_count();
	oom_at(-1);
	free(conn);
	assert_int_equal(balance, 0);
	return n;
}

static void test_each_allocation_fails(void **state)
{
	static const char *const tapes[] = { "http-chat",
					     "http-sse",
					     "http-gzip",
					     "http-codings",
					     "http-bedrock",
					     "http-s3-chunked",
					     "embedding",
					     "http-upload",
					     "redis-commands",
					     "redis-pubsub",
					     "redis-multi",
					     "redis-streams",
					     "redis-celery",
					     "postgres-simple",
					     "postgres-extended",
					     "plugin-in",
					     "plugin-out",
					     "log",
					     "tls",
					     "dns" };
	const char *dir = getenv("DFLOW_GOLDEN");
	char path[4096];

	for (size_t i = 0; i < sizeof(tapes) / sizeof(tapes[0]); i++) {
		struct tape t;
		long n;

		snprintf(path, sizeof(path), "%s/decode/%s.tape", dir ? dir : "tests/golden",
			 tapes[i]);
		tape_from_text(&t, path);
		n = play(&t, -1);
		assert_true(n > 2);
		for (long k = 0; k < n; k++)
			play(&t, k);
		tape_fini(&t);
	}
}

static const char head[] = "POST /v1/chat-messages HTTP/1.1\r\nHost: h\r\n\r\n";

static void feed(struct dfl_decode *d, struct dfl_conn *conn, const char *text, size_t len)
{
	static uint64_t pos;
	const struct dfl_chunk c = {
		.data = (const uint8_t *)text, .len = (uint32_t)len, .pos = pos, .call_start = true
	};

	pos += len;
	dfl_decode_data(d, conn, &c);
}

static void count_limit(enum dfl_decode_limit limit, const char *text, int times)
{
	struct dfl_conn conn = { .id = 1, .role_known = true };
	struct dfl_decode_stats stats;
	struct dfl_decode *d;
	char line[256];

	assert_int_equal(dfl_decode_new(&sink, &d), 0);
	for (int i = 0; i < times; i++) {
		snprintf(line, sizeof(line), text, i);
		feed(d, &conn, line, strlen(line));
	}
	dfl_decode_stats(d, &stats);
	assert_true(stats.limit[limit] > 0);
	assert_true(stats.limit[limit] < (uint64_t)times);
	dfl_decode_close(d, &conn, 1);
	dfl_decode_free(d);
	assert_int_equal(balance, 0);
}

/* What is never answered does not pile up. */
static void test_limits(void **state)
{
	count_limit(DFL_LIMIT_UNANSWERED, head, 100);
	count_limit(DFL_LIMIT_UNANSWERED, "*2\r\n$3\r\nGET\r\n$4\r\n%04d\r\n", 2000);
	count_limit(DFL_LIMIT_CHANNELS, "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\n%04d\r\n", 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
