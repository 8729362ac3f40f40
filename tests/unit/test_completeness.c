// SPDX-License-Identifier: Apache-2.0
/* What makes a trace incomplete: bytes that are no text, unless a decoder vouches for them. */
#include "trace_help.h"

#include <sodium.h>

#define CIPHER_LEN 600

static uint8_t cipher[CIPHER_LEN];

/* As one call of a process: bytes of a view that no text is in. */
static void pass(struct fixture *f, int conn, struct dfl_op *op, enum dfl_dir dir, bool framing)
{
	const struct dfl_chunk chunk = { .dir = dir, .ts_ns = f->now, .len = CIPHER_LEN };
	const struct dfl_view_desc d = { .dir = dir };
	struct dfl_view *v;

	dfl_trace_data(f->t, &f->conns[conn], &chunk);
	v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);
	(framing ? f->sink->view_framing : f->sink->view_data)(f->sink->ud, v, cipher, CIPHER_LEN,
							       0, CIPHER_LEN, &chunk);
	f->sink->view_close(f->sink->ud, v);
}

/* The process of the request (pid 7) is at the client's end of the connection, or behind a file. */
static void own(struct fixture *f, int conn, enum dfl_medium medium)
{
	dfl_trace_close(f->t, &f->conns[conn], f->now);
	f->conns[conn].end[DFL_CLIENT].pid = 7;
	f->conns[conn].medium = medium;
	dfl_trace_conn(f->t, &f->conns[conn]);
}

static struct dfl_op *request_of_7(struct fixture *f)
{
	f->conns[0].end[DFL_SERVER].pid = 7;
	dfl_trace_conn(f->t, &f->conns[0]);
	return request(f, text_a);
}

static const struct dfl_doc *settled(struct fixture *f, struct dfl_op *op)
{
	end(f, op);
	tick(f, 10);
	return doc(f, 0);
}

static void assert_opaque(const struct dfl_doc *d)
{
	assert_false(d->completeness.complete);
	assert_int_equal(d->completeness.n_unread, 1);
	assert_string_equal(d->completeness.unread[0].why, "opaque");
	assert_in_range(d->completeness.unread[0].bytes, CIPHER_LEN * 9 / 10, CIPHER_LEN);
	assert_true(d->completeness.unread[0].connection > 0);
}

/* Bytes that no decoder knows: inner TLS, compressed telemetry, a masked WebSocket. */
static void test_raw_bytes(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request_of_7(f);

	own(f, 4, DFL_TCP);
	pass(f, 4, NULL, DFL_REQUEST, false);
	assert_opaque(settled(f, op));
}

/* A value inside a protocol that a decoder reads: a pickled or zipped cache entry. */
static void test_value(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request_of_7(f), *set;

	own(f, 2, DFL_TCP);
	set = begin(f, 2, "SET", "cache:*");
	pass(f, 2, set, DFL_REQUEST, false);
	end(f, set);
	assert_opaque(settled(f, op));
}

/* Also on a connection that carried another request's text: a pool is shared. */
static void test_shared_connection(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *first, *op;

	own(f, 1, DFL_TCP);
	first = request_of_7(f);
	operation(f, 1, "INSERT messages", "messages.query", text_a);
	end(f, first);
	tick(f, 10);
	op = request(f, text_b);
	pass(f, 1, NULL, DFL_REQUEST, false);
	end(f, op);
	tick(f, 10);
	assert_true(doc(f, 0)->completeness.complete);
	assert_opaque(doc(f, 1));
}

static void test_framing_is_vouched_for(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request_of_7(f);

	own(f, 1, DFL_TCP);
	pass(f, 1, NULL, DFL_RESPONSE, true);
	assert_true(settled(f, op)->completeness.complete);
}

static void test_file_that_is_written(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request_of_7(f);

	own(f, 5, DFL_FILE);
	pass(f, 5, NULL, DFL_REQUEST, false);
	assert_opaque(settled(f, op));
}

/* What is read from a file went nowhere. */
static void test_file_that_is_read(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request_of_7(f);

	own(f, 5, DFL_FILE);
	pass(f, 5, NULL, DFL_RESPONSE, false);
	assert_true(settled(f, op)->completeness.complete);
}

/* Bytes from before the request, or of a process that never had its text, prove nothing of it. */
static void test_of_others(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	own(f, 4, DFL_TCP);
	own(f, 5, DFL_FILE);
	pass(f, 4, NULL, DFL_REQUEST, false);
	pass(f, 5, NULL, DFL_REQUEST, false);
	op = request_of_7(f);
	f->conns[6].end[DFL_CLIENT].pid = 8;
	dfl_trace_conn(f->t, &f->conns[6]);
	pass(f, 6, NULL, DFL_REQUEST, false);
	assert_true(settled(f, op)->completeness.complete);
}

static void is_born(struct fixture *f, uint32_t pid, uint32_t ppid, uint64_t start_ns)
{
	struct dfl_event ev = { .type = DFL_EV_PROC,
				.ts_ns = f->now,
				.proc = { pid, ppid, start_ns, "worker", "", "", "", "", "", "", "",
					  "", "", 0 } };

	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
}

/* Opaque bytes on a connection of this process. */
static void pass_of(struct fixture *f, int conn, uint32_t pid)
{
	own(f, conn, DFL_TCP);
	f->conns[conn].end[DFL_CLIENT].pid = pid;
	dfl_trace_conn(f->t, &f->conns[conn]);
	pass(f, conn, NULL, DFL_REQUEST, false);
}

/* A child of a process that held the text may hold it, and so may a child of the child. */
static void test_of_children(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	is_born(f, 7, 1, 50 * SEC);
	op = request_of_7(f);
	is_born(f, 20, 7, f->now);
	is_born(f, 21, 20, f->now);
	is_born(f, 21, 1, f->now); /* exec, when 20 is gone */
	pass_of(f, 1, 21);
	assert_opaque(settled(f, op));
}

/* A worker that was there before the text came has what reached it by a channel, and only that. */
static void test_of_older_children(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	is_born(f, 7, 1, 50 * SEC);
	is_born(f, 20, 7, 60 * SEC);
	op = request_of_7(f);
	pass_of(f, 1, 20);
	is_born(f, 22, 20, f->now);
	pass_of(f, 2, 22);
	assert_true(settled(f, op)->completeness.complete);
}

static void use(struct fixture *f, uint32_t pid, enum dfl_blind_kind kind, const char *way)
{
	struct dfl_event ev = { .type = DFL_EV_BLIND,
				.ts_ns = f->now,
				.blind = { pid, kind, way } };

	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
}

/* Ways out that stay open count whenever they were opened; others when they are used meanwhile. */
static void test_blind(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc *d;
	struct dfl_op *op;

	is_born(f, 7, 1, 50 * SEC);
	is_born(f, 8, 1, 50 * SEC);
	use(f, 7, DFL_BLIND_IO_URING, "");
	use(f, 7, DFL_BLIND_ONCE, "before");
	use(f, 8, DFL_BLIND_LASTING, "of another process");
	f->now += SEC;
	op = request_of_7(f);
	use(f, 7, DFL_BLIND_ONCE, "meanwhile");
	use(f, 7, DFL_BLIND_ONCE, "meanwhile");
	is_born(f, 20, 7, f->now);
	use(f, 20, DFL_BLIND_SHM, "");
	d = settled(f, op);
	assert_false(d->completeness.complete);
	assert_int_equal(d->completeness.n_blind, 3);
	assert_string_equal(d->completeness.blind[0], "io_uring");
	assert_string_equal(d->completeness.blind[1], "meanwhile");
	assert_string_equal(d->completeness.blind[2], "shared memory");
}

/* One record of TLS on a connection that nobody reads: application data of len bytes. */
static void cipher_record(struct fixture *f, int conn, size_t len)
{
	uint8_t record[512] = { 23, 3, 3, (uint8_t)((len + 17) >> 8), (uint8_t)(len + 17) };
	struct dfl_chunk chunk = {
		.dir = DFL_REQUEST, .ts_ns = f->now, .data = record, .len = (uint32_t)(5 + len + 17)
	};

	dfl_trace_data(f->t, &f->conns[conn], &chunk);
}

/* A keep-alive is too short to hold the text, so it spoils nothing, and is named. */
static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc *d;
	struct dfl_op *op;

	own(f, 4, DFL_TCP);
	f->sink->encrypted(f->sink->ud, &f->conns[4]);
	op = request_of_7(f);
	cipher_record(f, 4, 17);
	d = settled(f, op);
	assert_int_equal(d->completeness.n_unread, 1);
	assert_string_equal(d->completeness.unread[0].why, "tls");
	assert_true(d->completeness.unread[0].idle);
	assert_true(d->completeness.complete);
}

static void test_keep_alives_that_could_be_text(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	own(f, 4, DFL_TCP);
	f->sink->encrypted(f->sink->ud, &f->conns[4]);
	op = request_of_7(f);
	for (int i = 0; i < 3; i++)
		cipher_record(f, 4, 17);
	assert_false(settled(f, op)->completeness.complete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_keep_alive),
		T(test_keep_alives_that_could_be_text),
		T(test_raw_bytes),
		T(test_value),
		T(test_shared_connection),
		T(test_framing_is_vouched_for),
		T(test_file_that_is_written),
		T(test_file_that_is_read),
		T(test_of_others),
		T(test_of_children),
		T(test_of_older_children),
		T(test_blind),
	};
	const uint8_t seed[randombytes_SEEDBYTES] = { 4 };

	randombytes_buf_deterministic(cipher, sizeof(cipher), seed);
	return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
