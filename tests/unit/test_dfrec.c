// SPDX-License-Identifier: Apache-2.0
/*
 * Recordings: every kind of event comes back as it was; cut and damaged files are told, never
 * trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/recording.h"

static char dir[64], path[96];

static int setup(void **state)
{
	strcpy(dir, "/tmp/dflow-dfrec-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/x.dfrec", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static const struct dfl_addr v4 = { AF_INET, { 192, 0, 2, 1 }, 443 },
			     v6 = { AF_INET6, { 0x20, 1, 0xd, 0xb8 }, 1 };
static const uint8_t bytes[] = "\0\xff payload";

static const struct dfl_event events[] = {
	{ DFL_EV_NODE, 1, .node = { "node", "host", "boot", -5 } },
	{ DFL_EV_PROC, 2,
	  .proc = { 7, 1, 2, "comm", "/exe", "exe --flag", "/cgroup", "id", "name", "image", "pod",
		    "ns", "task", 99 } },
	{ DFL_EV_CHAN, 3,
	  .chan = { 5, DFL_TCP, DFL_ROLE_ACCEPTED, false, v4, v6, 1, 2, 3, "/path", true,
		    0xfffffffe, 7, true } },
	{ DFL_EV_DATA, 4,
	  .data = { 5, 6, 7, 8, 9, 10, -1, true, DFL_TLS, DFL_DATA_POS | DFL_DATA_END, 4000000000u,
		    sizeof(bytes), bytes, v6 } },
	{ DFL_EV_DATA, 5, .data = { .chan = 5, .fd = 3, .len = 9 } },
	{ DFL_EV_LOSS, 6, .loss = { DFL_LOSS_FAULT, 1, 2, 3, 4, 5 } },
	{ DFL_EV_BLIND, 7, .blind = { 8, DFL_BLIND_SHM, "" } },
	{ DFL_EV_BLIND, 7, .blind = { 8, DFL_BLIND_ONCE, "socket family AF_VSOCK" } },
	{ DFL_EV_CHAN_CLOSE, 8, .closed_chan = 5 },
	{ DFL_EV_PROC_EXIT, 9, .exited_pid = 7 },
	{ DFL_EV_TICK, 2000000010 }, /* writes the block */
	{ DFL_EV_TICK, 2000000011 },
};
#define N_EVENTS ((int)(sizeof(events) / sizeof(events[0])))

static void record(int n_times)
{
	struct dfl_recording *rec;
	struct dfl_err err;

	assert_int_equal(dfl_recording_create(path, &rec, &err), 0);
	for (int n = 0; n < n_times; n++)
		for (int i = 0; i < N_EVENTS; i++)
			assert_int_equal(dfl_recording_write(rec, &events[i]), 0);
	assert_int_equal(dfl_recording_close(rec), 0);
}

struct seen {
	int n, losses;
	bool compare;
};

static void same_data(const struct dfl_ev_data *a, const struct dfl_ev_data *b)
{
	assert_true(a->chan == b->chan && a->call == b->call && a->pos == b->pos &&
		    a->ssl == b->ssl);
	assert_true(a->pid == b->pid && a->tid == b->tid && a->fd == b->fd && a->out == b->out);
	assert_true(a->layer == b->layer && a->flags == b->flags && a->len == b->len &&
		    a->copied == b->copied);
	assert_true(dfl_addr_eq(&a->peer, &b->peer));
	if (a->copied)
		assert_memory_equal(a->data, b->data, a->copied);
}

static void same(const struct dfl_event *a, const struct dfl_event *b)
{
	assert_int_equal(a->type, b->type);
	assert_true(a->ts_ns == b->ts_ns);
	if (a->type == DFL_EV_NODE) {
		assert_string_equal(a->node.boot_id, b->node.boot_id);
		assert_true(a->node.realtime_offset_ns == b->node.realtime_offset_ns);
	} else if (a->type == DFL_EV_PROC) {
		assert_string_equal(a->proc.cmdline, b->proc.cmdline);
		assert_string_equal(a->proc.task, b->proc.task);
		assert_true(a->proc.pid == b->proc.pid && a->proc.netns == b->proc.netns);
	} else if (a->type == DFL_EV_CHAN) {
		assert_true(dfl_addr_eq(&a->chan.local, &b->chan.local) &&
			    dfl_addr_eq(&a->chan.remote, &b->chan.remote));
		assert_true(a->chan.seq0_out == b->chan.seq0_out && a->chan.seq0_known &&
			    a->chan.existed && !a->chan.tap);
		assert_string_equal(a->chan.path, b->chan.path);
	} else if (a->type == DFL_EV_DATA) {
		same_data(&a->data, &b->data);
	} else if (a->type == DFL_EV_LOSS) {
		assert_true(a->loss.bytes == b->loss.bytes && a->loss.reason == b->loss.reason);
	} else if (a->type == DFL_EV_BLIND) {
		assert_true(a->blind.pid == b->blind.pid && a->blind.kind == b->blind.kind);
		assert_string_equal(a->blind.way, b->blind.way);
	} else if (a->type == DFL_EV_CHAN_CLOSE) {
		assert_true(a->closed_chan == b->closed_chan);
	} else if (a->type == DFL_EV_PROC_EXIT) {
		assert_true(a->exited_pid == b->exited_pid);
	}
}

static int take(void *ud, const struct dfl_event *ev)
{
	struct seen *seen = ud;

	if (ev->type == DFL_EV_LOSS && ev->loss.reason == DFL_LOSS_TRUNCATED_FILE)
		seen->losses++;
	else if (seen->compare)
		same(ev, &events[seen->n % N_EVENTS]);
	seen->n++;
	return 0;
}

/* Reads all, `at_once` events a call. Returns how it ended. */
static int replay(struct seen *seen, unsigned at_once)
{
	struct dfl_event_source *s;
	struct dfl_err err = { "" };
	int r = dfl_recording_open(path, &s, &err);

	if (r) {
		assert_int_not_equal(err.msg[0], 0);
		return r;
	}
	while ((r = s->ops->dispatch(s, take, seen, at_once)) > 0)
		assert_true((unsigned)r <= at_once);
	s->ops->free(s);
	return r;
}

static void round_trip(void **state)
{
	struct stat st;

	record(1000); /* several blocks */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (unsigned at_once = 1; at_once < 5000; at_once = at_once * 7 + 1) {
		struct seen seen = { .compare = true };

		assert_int_equal(replay(&seen, at_once), -ENODATA);
		assert_int_equal(seen.n, 1000 * N_EVENTS);
		assert_int_equal(seen.losses, 0);
	}
}

static size_t load(uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = fread(data, 1, size, f);

	fclose(f);
	return n;
}

static void store(const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void cut(void **state)
{
	static uint8_t data[1 << 16];
	size_t len;

	record(1);
	len = load(data, sizeof(data));
	for (size_t n = 0; n < len; n++) {
		struct seen seen = { .compare = true };
		int r;

		store(data, n);
		r = replay(&seen, 100);
		assert_int_equal(r, n < 64 ? -EBADMSG : -ENODATA);
		assert_int_equal(seen.losses, n >= 64);
	}
}

static void flipped(void **state)
{
	static uint8_t data[1 << 16];
	size_t len;

	record(1);
	len = load(data, sizeof(data));
	for (size_t i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct seen seen = { 0 };
			int r;

			data[i] ^= 1 << bit;
			store(data, len);
			data[i] ^= 1 << bit;
			r = replay(&seen, 100);
			/*
			 * Not noticed are the notice, compatible features, and bits that zstd does
			 * not use.
			 */
			assert_true(r == -EBADMSG || r == -EPROTO || r == -ENODATA || r == -ENOMEM);
			if (i < 8)
				assert_int_equal(r, -EBADMSG);
			if (i >= 12 && i < 16)
				assert_int_equal(r, -EPROTO);
		}
	}
}

/* Blocks that unpack well but hold nonsense. */
static void nonsense(void **state)
{
	struct dfl_event odd[] = {
		{ 77, 1 },
		{ DFL_EV_CHAN, 1, .chan = { .medium = DFL_N_MEDIUM } },
		{ DFL_EV_CHAN, 1, .chan = { .local.family = 3 } },
		{ DFL_EV_DATA, 1, .data = { .len = 1, .copied = 2, .data = bytes } },
		{ DFL_EV_LOSS, 1, .loss = { .reason = DFL_N_LOSS } },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct dfl_recording *rec;
		struct dfl_err err;
		struct seen seen = { 0 };

		assert_int_equal(dfl_recording_create(path, &rec, &err), 0);
		assert_int_equal(dfl_recording_write(rec, &odd[i]), 0);
		assert_int_equal(dfl_recording_close(rec), 0);
		assert_int_equal(replay(&seen, 100), -EBADMSG);
		assert_int_equal(seen.n, 0);
	}
}

static void cannot_write(void **state)
{
	struct dfl_recording *rec;
	struct dfl_err err = { "" };

	assert_int_equal(dfl_recording_create("/nonexistent/x.dfrec", &rec, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/x.dfrec"));
	assert_int_equal(dfl_recording_close(NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(round_trip), TEST(cut), TEST(flipped),
					    TEST(nonsense), TEST(cannot_write) };

	return cmocka_run_group_tests_name("dfrec", tests, NULL, NULL);
}
