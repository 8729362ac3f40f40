// SPDX-License-Identifier: Apache-2.0
/* Streams: order, gaps, doubles, and which ends belong together. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "stream/stream.h"

#define MS 1000000ull

/* What the stage delivered, as text: "R0:hello" data, "R5!3" gap of 3, "R5?3" unread, "R.": end. */
struct log {
	char text[4096];
	size_t len;
	uint64_t conns, closed;
	struct dfl_conn last;
};

struct fixture {
	struct dfl_stream *s;
	struct log log;
	uint64_t now;
};

static void add(struct log *l, const char *text, size_t len)
{
	assert_true(l->len + len < sizeof(l->text));
	memcpy(l->text + l->len, text, len);
	l->len += len;
	l->text[l->len] = 0;
}

static void on_conn(void *ud, struct dfl_conn *c)
{
	struct log *l = ud;

	if (c->id > l->conns)
		l->conns = c->id;
	l->last = *c;
}

static void on_data(void *ud, struct dfl_conn *c, const struct dfl_chunk *k)
{
	char head[64];
	int n = snprintf(head, sizeof(head), " %c%s%llu:", k->dir == DFL_REQUEST ? 'Q' : 'R',
			 k->layer == DFL_TLS ? "t" : "", (unsigned long long)k->pos);

	add(ud, head, n);
	add(ud, (const char *)k->data, k->len);
	((struct log *)ud)->last = *c;
}

static void on_gap(void *ud, struct dfl_conn *c, const struct dfl_gap *g)
{
	char text[64];
	int n = snprintf(text, sizeof(text), " %c%llu%c%llu", g->dir == DFL_REQUEST ? 'Q' : 'R',
			 (unsigned long long)g->pos, g->unread ? '?' : '!',
			 (unsigned long long)g->len);

	add(ud, text, n);
}

static void on_end(void *ud, struct dfl_conn *c, enum dfl_dir dir, enum dfl_layer layer,
		   uint64_t ts)
{
	add(ud, dir == DFL_REQUEST ? " Q." : " R.", 3);
}

static void on_close(void *ud, struct dfl_conn *c, uint64_t ts)
{
	((struct log *)ud)->closed++;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfl_stream_opts opts = { 0 };
	struct dfl_stream_sink sink = { &f->log, on_conn, on_data, on_gap, on_end, on_close };

	assert_non_null(f);
	assert_int_equal(dfl_stream_new(&opts, &sink, &f->s), 0);
	f->now = 1000 * MS;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dfl_stream_free(f->s);
	free(f);
	return 0;
}

static void send_event(struct fixture *f, struct dfl_event *ev)
{
	ev->ts_ns = f->now++;
	assert_int_equal(dfl_stream_event(f->s, ev), 0);
}

static void tick(struct fixture *f, uint64_t ms)
{
	struct dfl_event ev = { .type = DFL_EV_TICK };

	f->now += ms * MS;
	send_event(f, &ev);
}

static void ip(struct dfl_addr *a, uint8_t last, uint16_t port)
{
	uint8_t raw[4] = { 10, 0, 0, last };

	dfl_addr_set(a, AF_INET, raw, port);
}

/* A TCP end: local 10.0.0.l:lp, remote 10.0.0.r:rp. seq: known first sequence numbers. */
static void tcp_chan(struct fixture *f, uint64_t chan, int l, int lp, int r, int rp,
		     enum dfl_chan_role role, bool seq, uint32_t out, uint32_t in)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN };

	ev.chan.chan = chan;
	ev.chan.medium = DFL_TCP;
	ev.chan.role = role;
	ev.chan.path = "";
	ip(&ev.chan.local, l, lp);
	ip(&ev.chan.remote, r, rp);
	ev.chan.seq0_known = seq;
	ev.chan.seq0_out = out;
	ev.chan.seq0_in = in;
	send_event(f, &ev);
}

static void simple_chan(struct fixture *f, uint64_t chan, enum dfl_medium m)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN };

	ev.chan.chan = chan;
	ev.chan.medium = m;
	ev.chan.path = m == DFL_FILE ? "/var/log/x.log" : "";
	send_event(f, &ev);
}

static void data(struct fixture *f, uint64_t chan, uint32_t pid, bool out, uint64_t pos,
		 uint16_t flags, const char *text)
{
	struct dfl_event ev = { .type = DFL_EV_DATA };

	ev.data.chan = chan;
	ev.data.pid = pid;
	ev.data.fd = 5;
	ev.data.out = out;
	ev.data.pos = pos;
	ev.data.flags = flags | DFL_DATA_FIRST | DFL_DATA_LAST;
	ev.data.len = ev.data.copied = strlen(text);
	ev.data.data = (const uint8_t *)text;
	send_event(f, &ev);
}

static void close_chan(struct fixture *f, uint64_t chan)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN_CLOSE, .closed_chan = chan };

	send_event(f, &ev);
}

static void test_order_and_wrap(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0xfffffffe, 100);
	data(f, 7, 11, true, 0xfffffffe, DFL_DATA_POS, "abcd"); /* wraps */
	data(f, 7, 11, true, 6, DFL_DATA_POS, "ghi");		/* early */
	data(f, 7, 11, true, 2, DFL_DATA_POS, "ef__");
	data(f, 7, 11, false, 100, DFL_DATA_POS, "reply");
	assert_string_equal(f->log.text, " Q0:abcd Q4:ef__ Q8:ghi R0:reply");
	assert_true(f->log.last.from_start);
	assert_int_equal(f->log.last.end[DFL_CLIENT].pid, 11);
}

static void test_hole_becomes_gap(void **state)
{
	struct fixture *f = *state;
	struct dfl_stream_stats stats;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	data(f, 7, 11, true, 0, DFL_DATA_POS, "ab");
	data(f, 7, 11, true, 5, DFL_DATA_POS, "fg");
	tick(f, 100);
	assert_string_equal(f->log.text, " Q0:ab");
	tick(f, 200);
	assert_string_equal(f->log.text, " Q0:ab Q2!3 Q5:fg");
	dfl_stream_stats(f->s, &stats);
	assert_int_equal(stats.gap_bytes, 3);
	assert_int_equal(stats.pending_bytes, 0);
}

static void test_cut_copy_is_a_gap(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_DATA };

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	ev.data = (struct dfl_ev_data){ .chan = 7,
					.pid = 1,
					.out = true,
					.flags = DFL_DATA_POS,
					.len = 10,
					.copied = 4,
					.data = (const uint8_t *)"head" };
	send_event(f, &ev);
	data(f, 7, 1, true, 10, DFL_DATA_POS, "next");
	assert_string_equal(f->log.text, " Q0:head Q4!6 Q10:next");
}

static void test_unread_and_covered(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_DATA };

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	ev.data = (struct dfl_ev_data){
		.chan = 7, .pid = 1, .out = true, .flags = DFL_DATA_POS | DFL_DATA_UNREAD, .len = 10
	};
	send_event(f, &ev);
	ev.data.flags = DFL_DATA_POS | DFL_DATA_COVERED;
	ev.data.pos = 10;
	send_event(f, &ev);
	data(f, 7, 1, true, 20, DFL_DATA_POS, "z");
	assert_string_equal(f->log.text, " Q0?10 Q20:z");
	assert_int_equal(f->log.last.wire_bytes[DFL_REQUEST], 21);
	assert_int_equal(f->log.last.unread_bytes[DFL_REQUEST], 10);
}

/* Both ends are processes that are watched: each byte once, whatever end reports it first. */
static void both_ends(struct fixture *f)
{
	data(f, 8, 22, false, 1000, DFL_DATA_POS, "hel"); /* the reader's CPU was faster */
	data(f, 7, 11, true, 1000, DFL_DATA_POS, "hello");
	data(f, 8, 22, false, 1003, DFL_DATA_POS, "lo");
	data(f, 8, 22, true, 5000, DFL_DATA_POS, "world");
	data(f, 7, 11, false, 5000, DFL_DATA_POS, "world");
	assert_string_equal(f->log.text, " Q0:hel Q3:lo R0:world");
	assert_int_equal(f->log.conns, 1);
	assert_int_equal(f->log.last.end[DFL_CLIENT].pid, 11);
	assert_int_equal(f->log.last.end[DFL_SERVER].pid, 22);
	close_chan(f, 7);
	assert_int_equal(f->log.closed, 0);
	close_chan(f, 8);
	assert_int_equal(f->log.closed, 1);
}

static void test_pair_by_address(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 8, 2, 80, 1, 40000, DFL_ROLE_ACCEPTED, true, 5000, 1000);
	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 1000, 5000);
	both_ends(f);
}

static void test_pair_through_nat(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 9, 80, DFL_ROLE_CONNECTED, true, 1000, 5000);
	tcp_chan(f, 8, 2, 8080, 77, 61234, DFL_ROLE_ACCEPTED, true, 5000, 1000);
	both_ends(f);
}

static void test_no_false_pair(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 1000, 5000);
	tcp_chan(f, 8, 3, 80, 1, 40000, DFL_ROLE_ACCEPTED, true, 5001, 1000);
	data(f, 7, 11, true, 1000, DFL_DATA_POS, "a");
	data(f, 8, 22, false, 1000, DFL_DATA_POS, "a");
	assert_string_equal(f->log.text, " Q0:a Q0:a");
	assert_int_equal(f->log.conns, 2);
}

static void test_two_writers_disagree(void **state)
{
	struct fixture *f = *state;
	struct dfl_stream_stats stats;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	data(f, 7, 11, true, 0, DFL_DATA_POS, "aaaa");
	data(f, 7, 11, true, 2, DFL_DATA_POS, "bbbb");
	assert_string_equal(f->log.text, " Q0:aaaa Q4!0 Q4:bb");
	dfl_stream_stats(f->s, &stats);
	assert_int_equal(stats.disagree_bytes, 2);
}

static void test_joined_in_the_middle(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_UNKNOWN, false, 0, 0);
	data(f, 7, 11, true, 123456, DFL_DATA_POS, "ab");
	data(f, 7, 11, true, 123458, DFL_DATA_POS, "cd");
	assert_string_equal(f->log.text, " Q0:ab Q2:cd");
	assert_false(f->log.last.from_start);
	assert_false(f->log.last.role_known);
}

static void test_pipe_goes_by_its_reader(void **state)
{
	struct fixture *f = *state;

	simple_chan(f, 9, DFL_PIPE);
	data(f, 9, 1, true, 0, 0, "one");
	data(f, 9, 1, true, 0, 0, "two");
	assert_string_equal(f->log.text, "");
	data(f, 9, 2, false, 0, 0, "onetwo");
	data(f, 9, 1, true, 0, 0, "three");
	data(f, 9, 2, false, 0, 0, "three");
	assert_string_equal(f->log.text, " Q0:onetwo Q6:three");
	assert_int_equal(f->log.last.end[DFL_CLIENT].pid, 1);
	assert_int_equal(f->log.last.end[DFL_SERVER].pid, 2);
}

static void test_pipe_without_a_reader(void **state)
{
	struct fixture *f = *state;

	simple_chan(f, 9, DFL_PIPE);
	data(f, 9, 1, true, 0, 0, "one");
	tick(f, 600);
	data(f, 9, 1, true, 0, 0, "two");
	assert_string_equal(f->log.text, " Q0:one Q3:two");
	assert_int_equal(f->log.last.end[DFL_SERVER].chan, 0);
}

static void test_file_seek_is_no_loss(void **state)
{
	struct fixture *f = *state;
	struct dfl_stream_stats stats;

	simple_chan(f, 9, DFL_FILE);
	data(f, 9, 1, true, 100, DFL_DATA_POS, "ab");
	data(f, 9, 1, true, 102, DFL_DATA_POS, "cd");
	data(f, 9, 1, true, 0, DFL_DATA_POS, "ef");
	data(f, 9, 1, false, 100, DFL_DATA_POS, "ab");
	assert_string_equal(f->log.text, " Q100:ab Q102:cd Q104!0 Q0:ef R100:ab");
	dfl_stream_stats(f->s, &stats);
	assert_int_equal(stats.gaps, 0);
}

static void test_tls_plaintext(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_DATA };

	tcp_chan(f, 7, 1, 40000, 2, 443, DFL_ROLE_CONNECTED, true, 0, 0);
	ev.data = (struct dfl_ev_data){ .chan = 7,
					.pid = 1,
					.out = true,
					.layer = DFL_TLS,
					.ssl = 3,
					.len = 3,
					.copied = 3,
					.data = (const uint8_t *)"GET" };
	send_event(f, &ev);
	ev.data.pos = 5; /* 3 and 4 were dropped, the number went on */
	send_event(f, &ev);
	tick(f, 300);
	assert_string_equal(f->log.text, " Qt0:GET Q3!2 Qt5:GET");
}

static void test_unknown_channel_is_ignored(void **state)
{
	struct fixture *f = *state;

	data(f, 4242, 1, true, 0, DFL_DATA_POS, "x");
	close_chan(f, 4242);
	assert_string_equal(f->log.text, "");
}

static void test_finish_delivers_what_is_held(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	data(f, 7, 11, true, 4, DFL_DATA_POS, "late");
	simple_chan(f, 9, DFL_PIPE);
	data(f, 9, 1, true, 0, 0, "pipe");
	dfl_stream_finish(f->s, f->now);
	assert_string_equal(f->log.text, " Q0!4 Q4:late Q0:pipe");
	assert_int_equal(f->log.closed, 2);
}

static void test_evicts_the_idle_one(void **state)
{
	struct fixture *f = *state;
	struct dfl_stream_opts opts = { .max_conns = 2 };
	struct dfl_stream_sink sink = { &f->log, on_conn, on_data, on_gap, on_end, on_close };
	struct dfl_stream_stats stats;

	dfl_stream_free(f->s);
	assert_int_equal(dfl_stream_new(&opts, &sink, &f->s), 0);
	for (int i = 1; i <= 5; i++)
		tcp_chan(f, i, 1, 40000 + i, 2, 80, DFL_ROLE_CONNECTED, true, i, 50 + i);
	dfl_stream_stats(f->s, &stats);
	assert_int_equal(stats.evicted_conns, 3);
	assert_int_equal(f->log.closed, 3);
}

/* Bytes in order, without their text. */
struct tally {
	uint64_t next, gaps;
};

static void tally_conn(void *ud, struct dfl_conn *c)
{
}

static void tally_data(void *ud, struct dfl_conn *c, const struct dfl_chunk *k)
{
	struct tally *t = ud;

	assert_int_equal(k->pos, t->next);
	t->next += k->len;
}

static void tally_gap(void *ud, struct dfl_conn *c, const struct dfl_gap *g)
{
	struct tally *t = ud;

	t->next += g->len;
	t->gaps++;
}

static void tally_end(void *ud, struct dfl_conn *c, enum dfl_dir dir, enum dfl_layer layer,
		      uint64_t ts)
{
}

static void tally_close(void *ud, struct dfl_conn *c, uint64_t ts)
{
}

/* A new stage that only counts, with one TCP connection on channel 7. */
static void only_count(struct fixture *f, struct tally *t, uint64_t pending_max_bytes)
{
	struct dfl_stream_opts opts = { .pending_max_bytes = pending_max_bytes };
	struct dfl_stream_sink sink = {
		t, tally_conn, tally_data, tally_gap, tally_end, tally_close
	};

	*t = (struct tally){ 0 };
	dfl_stream_free(f->s);
	assert_int_equal(dfl_stream_new(&opts, &sink, &f->s), 0);
	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
}

enum { MANY = 1 << 18 };

static uint64_t rising(uint64_t i)
{
	return i;
}

static uint64_t falling(uint64_t i)
{
	return MANY - 1 - i;
}

/* An odd factor makes a permutation of the numbers below a power of two. */
static uint64_t mixed(uint64_t i)
{
	return i * 2654435761u % MANY;
}

/* However they come, work does not grow with their square (a list would take minutes). */
static void test_many_pieces_wait(void **state)
{
	uint64_t (*const orders[])(uint64_t) = { rising, falling, mixed };
	struct fixture *f = *state;
	struct dfl_stream_stats stats;
	struct tally t;
	clock_t from = clock();

	for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
		only_count(f, &t, 1u << 30);
		for (uint64_t i = 0; i < MANY; i++)
			data(f, 7, 11, true, 1 + orders[k](i), DFL_DATA_POS, "x");
		dfl_stream_stats(f->s, &stats);
		assert_true(stats.pending_bytes > MANY);
		assert_int_equal(t.next, 0);
		data(f, 7, 11, true, 0, DFL_DATA_POS, "x");
		assert_int_equal(t.next, MANY + 1);
		assert_int_equal(t.gaps, 0);
		dfl_stream_stats(f->s, &stats);
		assert_int_equal(stats.pending_bytes, 0);
	}
	assert_true(clock() - from < 10 * CLOCKS_PER_SEC);
}

static void test_pieces_without_bytes_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_DATA };
	struct dfl_stream_stats stats;
	struct tally t;

	only_count(f, &t, 4096);
	ev.data = (struct dfl_ev_data){ .chan = 7,
					.pid = 1,
					.out = true,
					.flags = DFL_DATA_POS | DFL_DATA_COVERED,
					.len = 10 };
	for (int i = 0; i < 1000; i++) {
		ev.data.pos += 20; /* behind a hole each */
		send_event(f, &ev);
		dfl_stream_stats(f->s, &stats);
		assert_true(stats.pending_bytes <= 4096);
	}
	assert_true(stats.hurried_holes > 900);
	assert_int_equal(stats.gaps, stats.hurried_holes);
}

static void test_who_waits_longest_gives_up_first(void **state)
{
	struct fixture *f = *state;
	struct dfl_stream_opts opts = { .pending_max_bytes = 850 };
	struct dfl_stream_sink sink = { &f->log, on_conn, on_data, on_gap, on_end, on_close };
	char big[700] = { 0 };

	memset(big, 'x', sizeof(big) - 1);
	dfl_stream_free(f->s);
	assert_int_equal(dfl_stream_new(&opts, &sink, &f->s), 0);
	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	tcp_chan(f, 8, 1, 40001, 2, 80, DFL_ROLE_CONNECTED, true, 0, 9);
	data(f, 7, 11, true, 1, DFL_DATA_POS, "old");
	data(f, 8, 11, true, 2, DFL_DATA_POS, big);
	assert_string_equal(f->log.text, "");
	data(f, 8, 11, true, 1000, DFL_DATA_POS, "young");
	assert_string_equal(f->log.text, " Q0!1 Q1:old");
}

/* All holes of one stream are as old as what came behind them. */
static void test_holes_behind_a_hole(void **state)
{
	struct fixture *f = *state;

	tcp_chan(f, 7, 1, 40000, 2, 80, DFL_ROLE_CONNECTED, true, 0, 0);
	data(f, 7, 11, true, 1, DFL_DATA_POS, "a");
	data(f, 7, 11, true, 4, DFL_DATA_POS, "b");
	data(f, 7, 11, true, 9, DFL_DATA_POS, "c");
	tick(f, 199);
	assert_string_equal(f->log.text, "");
	tick(f, 2);
	assert_string_equal(f->log.text, " Q0!1 Q1:a Q2!2 Q4:b Q5!4 Q9:c");
}

/* Programs have one or two on a connection; what makes thousands costs no more. */
static void test_tls_objects_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_DATA };
	struct tally t;

	only_count(f, &t, 0);
	ev.data = (struct dfl_ev_data){ .chan = 7,
					.pid = 1,
					.out = true,
					.layer = DFL_TLS,
					.len = 3,
					.copied = 3,
					.data = (const uint8_t *)"GET" };
	for (int i = 1; i <= 5000; i++) {
		ev.data.ssl = i;
		t.next = 0;
		send_event(f, &ev);
		assert_int_equal(t.next, 3);
	}
	ev.data.pos = 3; /* the newest is known still */
	send_event(f, &ev);
	assert_int_equal(t.next, 6);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order_and_wrap),
		T(test_hole_becomes_gap),
		T(test_cut_copy_is_a_gap),
		T(test_unread_and_covered),
		T(test_pair_by_address),
		T(test_pair_through_nat),
		T(test_no_false_pair),
		T(test_two_writers_disagree),
		T(test_joined_in_the_middle),
		T(test_pipe_goes_by_its_reader),
		T(test_pipe_without_a_reader),
		T(test_file_seek_is_no_loss),
		T(test_tls_plaintext),
		T(test_unknown_channel_is_ignored),
		T(test_finish_delivers_what_is_held),
		T(test_evicts_the_idle_one),
		T(test_many_pieces_wait),
		T(test_pieces_without_bytes_are_bounded),
		T(test_who_waits_longest_gives_up_first),
		T(test_holes_behind_a_hole),
		T(test_tls_objects_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
