// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation of what the capture stage remembers fails once: the record is refused, and it
 * goes on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/live/channel.h"
#include "capture/live/preexisting.h"
#include "capture/live/process.h"
#include "capture/live/tls_object.h"
#include "oom.h"

#define CROWD 220 /* channels, processes, TLS objects: the tables grow */
#define BUCKETS (HASH_INITIAL_NUM_BUCKETS * sizeof(UT_hash_bucket))
#define NO_PID                                                                                     \
	5000000u /* above PID_MAX_LIMIT of the kernel's threads.h: nothing is read of them         \
		  */

struct seen {
	unsigned chans, procs, data, refused;
};

static int take(void *ud, const struct dfl_event *ev)
{
	struct seen *seen = ud;

	seen->chans += ev->type == DFL_EV_CHAN;
	seen->procs += ev->type == DFL_EV_PROC;
	seen->data += ev->type == DFL_EV_DATA;
	return 0;
}

static void check(struct seen *seen, int r)
{
	assert_true(!r || r == -ENOMEM);
	seen->refused += r == -ENOMEM;
}

struct text {
	struct dfl_k_data rec;
	char text[4];
};

static struct text text(int i)
{
	return (struct text){ .rec = { .head = { .size = sizeof(struct text),
						 .ts_ns = (uint64_t)i },
				       .pid = NO_PID + (uint32_t)i,
				       .fd = 3,
				       .len = 4,
				       .copied = 4,
				       .out = 1 },
			      .text = "text" };
}

/* A unix socket of a process of its own, the peer of the one before, and what is written to it. */
static void see_socket(struct dfl_live *l, struct seen *seen, int i)
{
	struct dfl_k_chan chan = { .head.ts_ns = (uint64_t)i,
				   .key = { .ino = (uint64_t)i + 1, .kind = DFL_K_UNIX },
				   .pid = NO_PID + (uint32_t)i,
				   .fd = 3,
				   .role = DFL_K_CONNECTED,
				   .sk = (uint64_t)i + 1000,
				   .peer_ino = (uint64_t)i };
	struct text wire = text(i);

	strcpy(chan.path, "/run/app.sock");
	check(seen, dfl_live_channel_record(l, &chan));
	wire.rec.key = chan.key;
	check(seen, dfl_live_channel_data(l, &wire.rec));
	wire.rec.key.ino = (uint64_t)(i / 2) + 1; /* an older one, that becomes the newest */
	check(seen, dfl_live_channel_data(l, &wire.rec));
}

/* A TLS object, its plaintext before its socket is known, and an older one again. */
static void see_tls(struct dfl_live *l, struct seen *seen, int i)
{
	struct dfl_k_note bind = { .head.ts_ns = (uint64_t)i,
				   .key = { .ino = (uint64_t)i + 1, .kind = DFL_K_UNIX },
				   .pid = NO_PID + (uint32_t)i,
				   .ssl = (uint64_t)i + 1 };
	struct text plain = text(i);

	plain.rec.layer = 1;
	plain.rec.ssl = bind.ssl;
	check(seen, dfl_live_tls_object_data(l, &plain.rec));
	if (i % 2)
		check(seen, dfl_live_tls_object_bind(l, &bind));
	plain = text(i / 2);
	plain.rec.layer = 1;
	plain.rec.ssl = (uint64_t)(i / 2) + 1;
	check(seen, dfl_live_tls_object_data(l, &plain.rec));
}

static void leave(struct dfl_live *l, struct seen *seen, int i)
{
	struct dfl_k_close close = { .head.ts_ns = CROWD,
				     .key = { .ino = (uint64_t)i + 1, .kind = DFL_K_UNIX } };

	check(seen, dfl_live_channel_close(l, &close));
	check(seen, dfl_live_process_exit(l, NO_PID + (uint32_t)i, CROWD));
}

/* Returns how many allocations there were. */
static long play(long fails_at, struct seen *seen)
{
	struct dfl_live *l = calloc(1, sizeof(*l));
	long n;

	memset(seen, 0, sizeof(*seen));
	l->fn = take;
	l->ud = seen;
	assert_int_equal(dfl_preexisting_new(&l->preexisting), 0);
	oom_at(fails_at);
	for (int i = 0; i < CROWD; i++) {
		see_socket(l, seen, i);
		see_tls(l, seen, i);
	}
	for (int i = 0; i < CROWD; i += 2)
		leave(l, seen, i);
	check(seen, dfl_live_tls_object_expire(l, CROWD, true));
	n = oom_count();
	oom_at(-1);
	dfl_live_tls_object_fini(l);
	dfl_live_channel_fini(l);
	dfl_live_process_fini(l);
	dfl_preexisting_free(l->preexisting);
	assert_int_equal(l->held_bytes, 0);
	free(l);
	return n;
}

static void test_live(void **state)
{
	struct seen whole, seen;
	long n = play(-1, &whole);

	assert_int_equal(whole.procs, CROWD);
	assert_in_range(whole.chans, CROWD, 4 * CROWD);
	assert_int_equal(whole.refused, 0);
	assert_true(n > 5 * CROWD);
	for (long k = 0; k < n; k++) {
		play(k, &seen);
		assert_in_range(seen.refused, 0, 1); /* 0: the path of a socket is missing */
		assert_in_range(seen.procs, CROWD - 1, CROWD);
		assert_in_range(seen.data, whole.data - 4, whole.data);
	}
}

/* What was open before: this process's own pipes. Returns how many allocations there were. */
static long look(int pipes[CROWD][2], long fails_at, size_t size)
{
	struct dfl_preexisting *e;
	struct stat st;
	long n;
	int r;

	assert_int_equal(dfl_preexisting_new(&e), 0);
	oom_at_size(fails_at, size);
	r = dfl_preexisting_add(e, (uint32_t)getpid());
	n = oom_count();
	oom_at(-1);
	assert_int_equal(r, fails_at < 0 ? 0 : -ENOMEM);
	assert_int_equal(dfl_preexisting_add(e, (uint32_t)getpid()), 0);
	for (int i = 0; i < CROWD; i++)
		assert_true(!fstat(pipes[i][0], &st) && dfl_preexisting_has(e, st.st_ino));
	dfl_preexisting_free(e);
	return n;
}

static void test_existing(void **state)
{
	const size_t sizes[] = { 0, BUCKETS, 2 * BUCKETS };
	int pipes[CROWD][2];

	for (int i = 0; i < CROWD; i++)
		assert_int_equal(pipe(pipes[i]), 0);
	for (int s = 0; s < 3; s++) {
		long n = look(pipes, -1, sizes[s]);

		assert_true(n > (s ? 0 : CROWD));
		for (long k = 0; k < n && k < 40; k++)
			look(pipes, k, sizes[s]);
	}
	for (int i = 0; i < CROWD; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_existing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
