// SPDX-License-Identifier: Apache-2.0
/* Prints the events of a live source, without payload: watch CGROUP|PID [SECONDS]. For debugging. */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "capture/live.h"

static void print_chan(const struct dfl_ev_chan *c)
{
	char local[DFL_ADDR_STRLEN], remote[DFL_ADDR_STRLEN];

	printf("CHAN %lu %s role=%d %s -> %s ino=%lu peer=%lu seq0=%d/%u/%u existed=%d path=%s\n", c->chan,
	       dfl_medium_name(c->medium), c->role, dfl_addr_str(&c->local, local), dfl_addr_str(&c->remote, remote),
	       c->inode, c->peer, c->seq0_known, c->seq0_out, c->seq0_in, c->existed, c->path);
}

static int print_event(void *ud, const struct dfl_event *ev)
{
	const struct dfl_ev_data *d = &ev->data;

	printf("%lu.%06lu ", ev->ts_ns / 1000000000, ev->ts_ns / 1000 % 1000000);
	switch (ev->type) {
	case DFL_EV_NODE:
		printf("NODE %s %s\n", ev->node.id, ev->node.hostname);
		break;
	case DFL_EV_TICK:
		printf("TICK\r");
		break;
	case DFL_EV_PROC:
		printf("PROC %u ppid=%u %s exe=%s cgroup=%s container=%.12s %s pod=%s\n", ev->proc.pid, ev->proc.ppid,
		       ev->proc.comm, ev->proc.exe, ev->proc.cgroup, ev->proc.container_id, ev->proc.container_name,
		       ev->proc.pod);
		break;
	case DFL_EV_PROC_EXIT:
		printf("EXIT %u\n", ev->exited_pid);
		break;
	case DFL_EV_CHAN:
		print_chan(&ev->chan);
		break;
	case DFL_EV_CHAN_CLOSE:
		printf("CLOSE %lu\n", ev->closed_chan);
		break;
	case DFL_EV_DATA:
		printf("DATA chan=%lu %s %s pos=%lu len=%u copied=%u flags=%02x ssl=%lu pid=%u fd=%d hash=%08x\n", d->chan,
		       d->layer ? "tls" : "wire", d->out ? "out" : "in", d->pos, d->len, d->copied, d->flags, d->ssl,
		       d->pid, d->fd, d->copied ? XXH32(d->data, d->copied, 0) : 0);
		break;
	case DFL_EV_LOSS:
		printf("LOSS reason=%d events=%lu bytes=%lu\n", ev->loss.reason, ev->loss.events, ev->loss.bytes);
		break;
	case DFL_EV_BLIND:
		printf("BLIND pid=%u kind=%d\n", ev->blind.pid, ev->blind.kind);
		break;
	}
	return 0;
}

static int open_source(const char *target, struct dfl_source **ret_source, struct dfl_err *err)
{
	struct dfl_live_opts o = { .all = !strcmp(target, "all") };
	uint32_t pid = atoi(target);

	if (isdigit((unsigned char)*target)) {
		o.pids = &pid;
		o.n_pids = 1;
	} else if (!o.all) {
		o.cgroups = &target;
		o.n_cgroups = 1;
	}
	return dfl_live_open(&o, ret_source, err);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 10);
	struct dfl_source *s;
	struct dfl_err err;
	struct dfl_live_stats st;
	int r;

	if (argc < 2 || open_source(argv[1], &s, &err)) {
		fprintf(stderr, "%s\n", argc < 2 ? "usage: watch CGROUP|PID|all [SECONDS]" : err.msg);
		return 1;
	}
	fprintf(stderr, "ready\n");
	do {
		struct pollfd p = { .fd = s->ops->fd(s), .events = POLLIN };

		poll(&p, 1, s->ops->timeout_ns(s) / 1000000);
		r = s->ops->dispatch(s, print_event, NULL, 1024);
	} while (r >= 0 && time(NULL) < end);
	if (r >= 0)
		r = s->ops->finish(s, print_event, NULL);
	dfl_live_stats(s, &st);
	printf("records=%lu bytes=%lu lost=%lu/%lu faults=%lu nofd=%lu early=%lu late=%lu other=%lu tls: calls=%lu libs=%lu failed=%lu\n",
	       st.records, st.bytes, st.lost_events, st.lost_bytes, st.faults, st.no_fd, st.early, st.late, st.other_fds,
	       st.tls_calls, st.tls_libraries, st.tls_attach_failures);
	s->ops->free(s);
	return r < 0;
}
