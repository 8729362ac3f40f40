// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation of the stream stage fails once: the event is refused, nothing is half there, and
 * it goes on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "oom.h"
#include "stream/stream.h"

#define CROWD 70 /* connections, with three channels and five keys each: the tables grow */

struct seen {
	uint64_t bytes, closed;
	unsigned refused;
};

static void on_conn(void *ud, struct dfl_conn *c)
{
	c->decode = ud; /* it was told of */
}

static void on_data(void *ud, struct dfl_conn *c, const struct dfl_chunk *k)
{
	assert_ptr_equal(c->decode, ud);
	((struct seen *)ud)->bytes += k->len;
}

static void on_gap(void *ud, struct dfl_conn *c, const struct dfl_gap *g)
{
}

static void on_end(void *ud, struct dfl_conn *c, enum dfl_dir dir, enum dfl_layer layer,
		   uint64_t ts_ns)
{
	assert_ptr_equal(c->decode, ud);
}

static void on_close(void *ud, struct dfl_conn *c, uint64_t ts_ns)
{
	assert_ptr_equal(c->decode, ud);
	((struct seen *)ud)->closed++;
}

/* Memory is short but once: what was refused is taken when it comes again. */
static void tell(struct dfl_stream *s, struct seen *seen, struct dfl_event ev, int i)
{
	int r;

	ev.ts_ns = (uint64_t)i;
	r = dfl_stream_event(s, &ev);
	if (!r)
		return;
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(dfl_stream_event(s, &ev), 0);
	seen->refused++;
}

/*
 * Both ends of a TCP connection, by sequence numbers and addresses, and the beginning of a unix
 * pair.
 */
static void open_pair(struct dfl_stream *s, struct seen *seen, int i)
{
	const uint8_t a[4] = { 10, 0, 1, (uint8_t)i }, b[4] = { 10, 0, 2, (uint8_t)i };
	struct dfl_event ev = { .type = DFL_EV_CHAN };
	struct dfl_addr from = { 0 }, to = { 0 };

	dfl_addr_set(&from, AF_INET, a, 40000);
	dfl_addr_set(&to, AF_INET, b, 5432);
	ev.chan = (struct dfl_ev_chan){ .chan = (uint64_t)i * 3 + 1,
					.medium = DFL_TCP,
					.role = DFL_ROLE_CONNECTED,
					.local = from,
					.remote = to,
					.path = "",
					.seq0_known = true,
					.seq0_out = (uint32_t)i * 1000,
					.seq0_in = 7 };
	tell(s, seen, ev, i);
	ev.chan.chan++;
	ev.chan.role = DFL_ROLE_ACCEPTED;
	ev.chan.local = to;
	ev.chan.remote = from;
	ev.chan.seq0_out = 7;
	ev.chan.seq0_in = (uint32_t)i * 1000;
	tell(s, seen, ev, i);
	ev.chan = (struct dfl_ev_chan){
		.chan = (uint64_t)i * 3 + 3, .medium = DFL_UNIX, .path = "", .peer = 1u << 20
	};
	tell(s, seen, ev, i);
}

/* The second piece first, so that it has to be held. */
static void send_pair(struct dfl_stream *s, struct seen *seen, int i)
{
	struct dfl_event ev = { .type = DFL_EV_DATA };

	ev.data = (struct dfl_ev_data){ .chan = (uint64_t)i * 3 + 1,
					.pos = (uint32_t)i * 1000 + 4,
					.pid = 10,
					.fd = 3,
					.out = true,
					.flags = DFL_DATA_POS | DFL_DATA_FIRST | DFL_DATA_LAST,
					.len = 4,
					.copied = 4,
					.data = (const uint8_t *)"text" };
	tell(s, seen, ev, i);
	ev.data.pos -= 4;
	tell(s, seen, ev, i);
}

/* Returns how many allocations there were. */
static long play(long fails_at, struct seen *seen)
{
	const struct dfl_stream_sink sink = { seen, on_conn, on_data, on_gap, on_end, on_close };
	struct dfl_stream_stats stats;
	struct dfl_stream *s;
	long n;

	memset(seen, 0, sizeof(*seen));
	oom_at(fails_at);
	if (dfl_stream_new(&(struct dfl_stream_opts){ 0 }, &sink, &s)) {
		assert_int_equal(fails_at, 0);
		oom_at(-1);
		return 0;
	}
	for (int i = 0; i < CROWD; i++)
		open_pair(s, seen, i);
	for (int i = 0; i < CROWD; i++)
		send_pair(s, seen, i);
	for (int i = 0; i < CROWD; i += 2)
		tell(s, seen,
		     (struct dfl_event){ .type = DFL_EV_CHAN_CLOSE,
					 .closed_chan = (uint64_t)i * 3 + 3 },
		     i);
	n = oom_count();
	oom_at(-1);
	dfl_stream_stats(s, &stats);
	assert_int_equal(stats.conns, 2 * CROWD);
	dfl_stream_finish(s, CROWD);
	dfl_stream_free(s);
	assert_int_equal(seen->closed, 2 * CROWD);
	assert_int_equal(seen->bytes, 8 * CROWD);
	return n;
}

static void test_each_allocation_fails(void **state)
{
	struct seen seen;
	long n = play(-1, &seen);

	assert_int_equal(seen.refused, 0);
	assert_true(n > 5 * CROWD);
	for (long k = 0; k < n; k++) {
		play(k, &seen);
		assert_true(seen.refused == 1 || !k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
