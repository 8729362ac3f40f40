// SPDX-License-Identifier: Apache-2.0
/*
 * An agent: records a cgroup and prints each hop as soon as it is known.
 *
 *   cc agent.c -o agent $(pkg-config --cflags --libs dflow)
 *   sudo ./agent /sys/fs/cgroup/kubepods.slice
 *
 * The event loop is epoll; the recorder is one file descriptor and one timeout in it.
 */
#include <dflow.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#define MAX_EVENTS 1024 /* of one dispatch, so that other work gets its turn */

static const char *or_unknown(const char *s)
{
	return s ? s : "?";
}

static int on_hop(void *ud, const struct dflow_trace *trace, size_t i)
{
	struct dflow_hop hop = { .sz = sizeof(hop) };

	(void)ud;
	if (dflow_trace_hop(trace, i, &hop))
		return 0; /* out of memory: it is in the store all the same */
	printf("%.12s %s -> %s: %s, %s, %.0f%% of %s, %s\n", dflow_trace_id(trace),
	       or_unknown(hop.from_station), or_unknown(hop.to_station), or_unknown(hop.operation),
	       or_unknown(hop.place), hop.coverage * 100, or_unknown(hop.field),
	       hop.encrypted == 1 ? "encrypted" :
	       hop.encrypted == 0 ? "plain" :
				    "local");
	return fflush(stdout) ? -EIO : 0; /* nobody reads any more: stop */
}

static int on_settled(void *ud, const struct dflow_trace *trace)
{
	const char *message = dflow_trace_other_id(trace, "message_id");

	(void)ud;
	printf("%.12s settled: message %s, %zu hops, %s\n", dflow_trace_id(trace),
	       or_unknown(message), dflow_trace_hop_count(trace),
	       dflow_trace_complete(trace) ? "complete" : "incomplete");
	return fflush(stdout) ? -EIO : 0; /* nobody reads any more: stop */
}

/* SIGINT and SIGTERM become readable on the returned fd. */
static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int timeout_ms(const struct dflow_recorder *recorder)
{
	uint64_t ns = dflow_recorder_timeout_ns(recorder);

	return ns / 1000000 > 60000 ? 60000 : (int)(ns / 1000000);
}

static void watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

int main(int argc, char **argv)
{
	const struct dflow_callbacks callbacks = {
		.sz = sizeof(callbacks),
		.hop_new = on_hop,
		.trace_settled = on_settled,
	};
	const struct dflow_recorder_opts opts = {
		.sz = sizeof(opts),
		.cgroups = (const char *const *)argv + 1,
		.n_cgroups = argc - 1,
		.callbacks = &callbacks,
		.drop_privileges = true,
	};
	struct dflow_recorder *recorder;
	struct dflow_error error;
	int epoll = epoll_create1(EPOLL_CLOEXEC), stop = signals(), n = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: agent CGROUP...\n");
		return 2;
	}
	if (dflow_recorder_new(&opts, &recorder, &error)) {
		fprintf(stderr, "agent: %s\n", error.message);
		return 1;
	}
	watch(epoll, stop);
	watch(epoll, dflow_recorder_fd(recorder));
	fprintf(stderr, "agent: recording\n");
	while (n >= 0) {
		struct epoll_event ev = { .data.fd = -1 };

		epoll_wait(epoll, &ev, 1, n == MAX_EVENTS ? 0 : timeout_ms(recorder));
		if (ev.data.fd == stop)
			break;
		n = dflow_recorder_dispatch(recorder, MAX_EVENTS, &error);
	}
	if (n < 0)
		fprintf(stderr, "agent: %s\n", error.message);
	else if ((n = dflow_recorder_stop(recorder, &error)) < 0)
		fprintf(stderr, "agent: %s\n", error.message);
	dflow_recorder_free(recorder);
	return n < 0;
}
