// SPDX-License-Identifier: Apache-2.0
/*
 * Packet captures: the recorded chats, cut and corrupted files, and what a flow's packets become.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/pcap.h"

struct count {
	unsigned nodes, ticks, chans, closes, datas, losses, syn_known;
	uint64_t bytes, last_ns;
	bool back_in_time;
	enum dfl_loss_reason last_loss;
};

static int count(void *ud, const struct dfl_event *ev)
{
	struct count *c = ud;

	c->back_in_time |= ev->ts_ns < c->last_ns;
	c->last_ns = ev->ts_ns;
	switch (ev->type) {
	case DFL_EV_NODE:
		c->nodes++;
		break;
	case DFL_EV_TICK:
		c->ticks++;
		break;
	case DFL_EV_CHAN:
		c->chans++;
		c->syn_known += ev->chan.seq0_known;
		break;
	case DFL_EV_CHAN_CLOSE:
		c->closes++;
		break;
	case DFL_EV_DATA:
		c->datas++;
		c->bytes += ev->data.len;
		assert_true(ev->data.copied <= ev->data.len);
		break;
	case DFL_EV_LOSS:
		c->losses++;
		c->last_loss = ev->loss.reason;
		break;
	default:
		fail_msg("unexpected event %d", ev->type);
	}
	return 0;
}

static int read_all(const char *path, struct count *c)
{
	struct dfl_event_source *s;
	struct dfl_err err = { 0 };
	int r = dfl_pcap_open(path, &s, &err);

	memset(c, 0, sizeof(*c));
	if (r) {
		assert_true(err.msg[0]);
		return r;
	}
	do
		r = s->ops->dispatch(s, count, c, 7);
	while (r > 0);
	assert_int_equal(r, -ENODATA);
	assert_int_equal(s->ops->dispatch(s, count, c, 7), -ENODATA);
	assert_int_equal(s->ops->finish(s, count, c), 0);
	s->ops->free(s);
	return 0;
}

static const char *golden(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", getenv("DFLOW_GOLDEN") ?: "tests/golden", name);
	return path;
}

static void test_recorded_chat(void **state)
{
	struct count c;

	assert_int_equal(read_all(golden("chat-block-en.pcap"), &c), 0);
	assert_int_equal(c.nodes, 1);
	assert_int_equal(c.losses, 0);
	assert_false(c.back_in_time);
	assert_true(c.ticks > 5);
	/*
	 * 16 connections; those with a handshake are told three times (SYN, SYN-ACK, first sight)
	 */
	assert_true(c.chans >= 16);
	assert_true(c.syn_known > 0);
	assert_true(c.bytes > 150000 && c.bytes < 202329);
}

static char *load(const char *name, size_t *ret_len)
{
	FILE *f = fopen(golden(name), "rb");
	char *data;
	long len;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	data = malloc(len);
	assert_int_equal(fread(data, 1, len, f), len);
	fclose(f);
	*ret_len = len;
	return data;
}

static int read_bytes(const char *data, size_t len, struct count *c)
{
	char path[] = "/tmp/dflow-test-pcap-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
	r = read_all(path, c);
	unlink(path);
	return r;
}

static void test_cut_anywhere(void **state)
{
	struct count c;
	size_t len;
	char *data = load("chat-block-en.pcap", &len);

	for (size_t n = 0; n < 24; n++)
		assert_int_equal(read_bytes(data, n, &c), -EBADMSG);
	assert_int_equal(read_bytes(data, 24, &c), 0);
	for (size_t n = 25; n < 3000; n += 13) {
		assert_int_equal(read_bytes(data, n, &c), 0);
		assert_true(c.losses <= 1);
		if (c.losses)
			assert_int_equal(c.last_loss, DFL_LOSS_TRUNCATED_FILE);
	}
	free(data);
}

static void test_corrupted(void **state)
{
	struct count c;
	size_t len;
	char *data = load("chat-block-en.pcap", &len);
	uint32_t x = 12345;

	if (len > 20000)
		len = 20000;
	for (int round = 0; round < 300; round++) {
		char *copy = malloc(len);

		memcpy(copy, data, len);
		for (int i = 0; i < 8; i++) {
			x = x * 1664525 + 1013904223;
			copy[24 + x % (len - 24)] ^= x >> 24;
		}
		read_bytes(copy, len, &c);
		free(copy);
	}
	free(data);
}

static void test_unknown_link_type(void **state)
{
	struct dfl_event_source *s;
	struct dfl_err err = { 0 };
	char path[] = "/tmp/dflow-test-pcap-XXXXXX";
	int fd = mkstemp(path);
	size_t len;
	char *data = load("chat-block-en.pcap", &len);

	data[20] = 105; /* DLT_IEEE802_11 */
	assert_int_equal(write(fd, data, 24), 24);
	close(fd);
	free(data);
	assert_int_equal(dfl_pcap_open(path, &s, &err), -EPROTONOSUPPORT);
	unlink(path);
	assert_non_null(strstr(err.msg, "IEEE802_11"));
}

static void test_not_a_pcap(void **state)
{
	struct dfl_event_source *s;
	struct dfl_err err = { 0 };

	assert_int_equal(dfl_pcap_open("/nonexistent/x.pcap", &s, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/x.pcap"));
	assert_int_equal(dfl_pcap_open("/proc/self/status", &s, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_chat), cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_corrupted),     cmocka_unit_test(test_unknown_link_type),
		cmocka_unit_test(test_not_a_pcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
