// SPDX-License-Identifier: Apache-2.0
/*
 * What recording costs in the kernel: the time of system calls of a process without dflow, beside
 * dflow (not a target) and as a target, and the run time of each program as the kernel counts it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

#include "capture/live/live.h"

#define ROUNDS 7 /* each has all three ways in turn; the medians are told */
#define MAX_PROGS 32

/* ---- the measured process ---- */

static int tcp[2], pipes[2], file_fd;
static char buffer[64000];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void transfer(int out, int in, size_t n)
{
	if (write(out, buffer, n) != (ssize_t)n)
		die("write");
	for (size_t got = 0; got < n;) {
		ssize_t r = read(in, buffer, n - got);

		if (r <= 0)
			die("read");
		got += r;
	}
}

static void op_getppid(void)
{
	syscall(SYS_getppid);
}

static void op_tcp_1(void)
{
	transfer(tcp[0], tcp[1], 1);
}

static void op_tcp_1000(void)
{
	transfer(tcp[0], tcp[1], 1000);
}

static void op_tcp_64000(void)
{
	transfer(tcp[0], tcp[1], 64000);
}

static void op_pipe_1000(void)
{
	transfer(pipes[1], pipes[0], 1000);
}

static void op_file_1000(void)
{
	if (pwrite(file_fd, buffer, 1000, 0) != 1000)
		die("pwrite");
}

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned count;	 /* a round */
	unsigned events; /* of a target */
} ops[] = {
	{ "getppid", op_getppid, 200000, 0 },	 { "tcp-1", op_tcp_1, 20000, 2 },
	{ "tcp-1000", op_tcp_1000, 20000, 2 },	 { "tcp-64000", op_tcp_64000, 3000, 2 },
	{ "pipe-1000", op_pipe_1000, 20000, 2 }, { "file-1000", op_file_1000, 20000, 1 },
};
#define N_OPS (sizeof(ops) / sizeof(*ops))

static void make_fds(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0), big = 1 << 20;

	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(tcp[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
	if (bind(s, (struct sockaddr *)&a, len) || listen(s, 1) ||
	    getsockname(s, (struct sockaddr *)&a, &len) ||
	    connect(tcp[0], (struct sockaddr *)&a, len))
		die("connect");
	tcp[1] = accept(s, NULL, NULL);
	close(s);
	file_fd = fileno(tmpfile());
	if (tcp[1] < 0 || pipe(pipes) || file_fd < 0)
		die("files");
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Measures an operation whenever its number comes; answers with the ns of one. */
static void serve(int commands, int answers)
{
	unsigned char op;
	double begin, ns;

	make_fds();
	for (unsigned i = 0; i < N_OPS; i++) /* warm */
		ops[i].fn();
	while (read(commands, &op, 1) == 1) {
		begin = now_ns();
		for (unsigned i = 0; i < ops[op].count; i++)
			ops[op].fn();
		ns = (now_ns() - begin) / ops[op].count;
		if (write(answers, &ns, sizeof(ns)) != sizeof(ns))
			die("answer");
	}
	_exit(0);
}

struct worker {
	pid_t pid;
	int commands, answers;
};

static struct worker start_worker(void)
{
	struct worker w;
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		die("pipe");
	w.pid = fork();
	if (w.pid < 0)
		die("fork");
	if (!w.pid) {
		close(to[1]);
		close(from[0]);
		serve(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	w.commands = to[1];
	w.answers = from[0];
	return w;
}

/* ---- the measuring process ---- */

static int count_event(void *ud, const struct dfl_event *ev)
{
	*(uint64_t *)ud += ev->type == DFL_EV_DATA;
	return 0;
}

/* Runs the source, if any, until the worker answers. */
static double measure(struct worker *w, unsigned char op, struct dfl_event_source *s,
		      uint64_t *events)
{
	struct pollfd p[2] = { { .fd = w->answers, .events = POLLIN },
			       { .fd = s ? s->ops->fd(s) : -1, .events = POLLIN } };
	double ns;

	if (write(w->commands, &op, 1) != 1)
		die("command");
	do {
		poll(p, 2, s ? (int)(s->ops->timeout_ns(s) / 1000000) : -1);
		if (s && s->ops->dispatch(s, count_event, events, 4096) < 0)
			die("dispatch");
	} while (!(p[0].revents & POLLIN));
	if (read(w->answers, &ns, sizeof(ns)) != sizeof(ns))
		die("answer");
	return ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure_all(struct worker *w, struct dfl_event_source *s, double *ret_ns,
			uint64_t *events)
{
	for (unsigned op = 0; op < N_OPS; op++)
		ret_ns[op] = measure(w, op, s, events);
}

struct prog {
	char name[BPF_OBJ_NAME_LEN];
	uint64_t runs, ns;
};

static uint32_t newest_prog(void)
{
	uint32_t id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	return id;
}

/*
 * Run counts of the programs younger than id, which the kernel keeps while BPF_ENABLE_STATS is
 * held.
 */
static unsigned read_progs(uint32_t id, struct prog *ret)
{
	uint32_t n = 0;

	while (n < MAX_PROGS && !bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
		    !strncmp(info.name, "dfl_", 4)) {
			memcpy(ret[n].name, info.name, sizeof(ret[n].name));
			ret[n].runs = info.run_cnt;
			ret[n++].ns = info.run_time_ns;
		}
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static json_t *progs_json(uint32_t after_id)
{
	struct prog progs[MAX_PROGS];
	unsigned n = read_progs(after_id, progs);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		if (progs[i].runs)
			json_array_append_new(
				list, json_pack("{ss sI sf}", "program", progs[i].name + 4, "runs",
						(json_int_t)progs[i].runs, "ns_per_run",
						(double)progs[i].ns / progs[i].runs));
	return list;
}

struct totals {
	uint64_t events, lost_events;
};

/* One way of running: opens a source on `target`, measures `w`. Returns what the kernel counted. */
static json_t *measure_with(struct worker *w, pid_t target, double *ret_ns, struct totals *t)
{
	uint32_t pid = target, before = newest_prog();
	struct dfl_live_stats st;
	struct dfl_event_source *s;
	struct dfl_err err;
	json_t *progs;

	if (dfl_live_open(&(struct dfl_live_opts){ .pids = &pid, .n_pids = 1 }, &s, &err)) {
		fprintf(stderr, "kernel_cost: %s\n", err.msg);
		exit(4);
	}
	measure_all(w, s, ret_ns, &t->events);
	progs = progs_json(before);
	s->ops->finish(s, count_event, &t->events);
	dfl_live_stats(s, &st);
	t->lost_events += st.lost_events;
	s->ops->free(s);
	return progs;
}

/*
 * The times are taken without the kernel's statistics, which cost themselves; another pass has
 * them.
 */
static json_t *measure_counted(struct worker *w, pid_t target)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME); /* ends when it is closed */
	double ignored[N_OPS];
	struct totals t = { 0 };
	json_t *progs;

	if (fd < 0)
		die("cannot switch on the statistics of BPF programs");
	progs = measure_with(w, target, ignored, &t);
	close(fd);
	return progs;
}

enum way { WITHOUT, OTHER, TARGET, N_WAYS };

static void measure_rounds(struct worker *w, pid_t idle, double ret_ns[N_WAYS][N_OPS],
			   struct totals *t)
{
	double ns[N_WAYS][ROUNDS][N_OPS], one[ROUNDS];
	struct totals ignored = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		measure_all(w, NULL, ns[WITHOUT][i], NULL);
		json_decref(measure_with(w, idle, ns[OTHER][i], &ignored));
		json_decref(measure_with(w, w->pid, ns[TARGET][i], t));
	}
	for (int way = 0; way < N_WAYS; way++)
		for (unsigned op = 0; op < N_OPS; op++) {
			for (int i = 0; i < ROUNDS; i++)
				one[i] = ns[way][i][op];
			qsort(one, ROUNDS, sizeof(*one), by_value);
			ret_ns[way][op] = one[ROUNDS / 2];
		}
}

static json_t *ops_json(double (*ns)[N_OPS])
{
	json_t *list = json_array();

	for (unsigned i = 0; i < N_OPS; i++) {
		json_t *one = json_pack("{ss sf sf sf}", "op", ops[i].name, "none_ns",
					ns[WITHOUT][i], "other_ns", ns[OTHER][i], "target_ns",
					ns[TARGET][i]);

		if (ops[i].events)
			json_object_set_new(
				one, "target_ns_per_event",
				json_real((ns[TARGET][i] - ns[WITHOUT][i]) / ops[i].events));
		json_array_append_new(list, one);
	}
	return list;
}

static void print_text(json_t *report)
{
	json_t *one;
	size_t i;

	printf("%-10s %10s %10s %10s %14s\n", "ns", "without", "other", "target", "an event");
	json_array_foreach(json_object_get(report, "ops"), i, one)
		printf("%-10s %10.0f %10.0f %10.0f %14.0f\n",
		       json_string_value(json_object_get(one, "op")),
		       json_number_value(json_object_get(one, "none_ns")),
		       json_number_value(json_object_get(one, "other_ns")),
		       json_number_value(json_object_get(one, "target_ns")),
		       json_number_value(json_object_get(one, "target_ns_per_event")));
}

int main(int argc, char **argv)
{
	bool as_json = argc == 3 && !strcmp(argv[1], "-o") && !strcmp(argv[2], "json");
	struct worker w = start_worker(), idle = start_worker();
	struct totals t = { 0 };
	double ns[N_WAYS][N_OPS];
	struct utsname u;
	json_t *report;

	uname(&u);
	measure_rounds(&w, idle.pid, ns, &t);
	report = json_pack("{ss ss so sI sI so so}", "bench", "kernel-cost", "kernel", u.release,
			   "ops", ops_json(ns), "events", (json_int_t)t.events, "lost_events",
			   (json_int_t)t.lost_events, "other_programs",
			   measure_counted(&w, idle.pid), "target_programs",
			   measure_counted(&w, w.pid));
	if (!as_json)
		print_text(report);
	json_dumpf(report, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(report);
	kill(w.pid, SIGKILL);
	kill(idle.pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
