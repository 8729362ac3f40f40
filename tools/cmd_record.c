// SPDX-License-Identifier: Apache-2.0
/* dflow record: captures into a store until it is told to stop. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "targets.h"
#include "text.h"

#define DISPATCH_EVENTS 4096
#define STATUS_EVERY_MS 1000
#define LINGER_MS 10000 /* after COMMAND ended: for its requests to settle */

static const char usage
	[] = "usage: dflow record [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
	     "Records which of the targets' system calls carry the text of chat messages, and\n"
	     "where to, into a store, until SIGINT, SIGTERM or the end of COMMAND. Needs root,\n"
	     "or CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.\n\n"
	     "Targets, at least one; each can be given several times but --all:\n"
	     "  --cgroup=PATH        all processes in this cgroup and below, also later ones\n"
	     "  --pid=PID            this process and its children\n"
	     "  --all                every process\n"
	     "  -- COMMAND           runs it and records it and its children\n\n"
	     "  --config=FILE        rules and names (docs/configuration.md)\n"
	     "  --copy-cap=BYTES     payload looked at per system call (4194304)\n"
	     "  --host-root=DIR      where the host's root is mounted, when dflow runs in a\n"
	     "                       container\n"
	     "  --keep-payload=FILE  also keep all events WITH THE TEXT in FILE, for 'dflow\n"
	     "                       replay'\n"
	     "  --max-age=TIME       traces older than this are dropped (30d)\n"
	     "  --max-bytes=BYTES    the store is kept below this size (1073741824)\n"
	     "  --memory=BYTES       limit of the tables in memory (536870912)\n"
	     "  --ready-fd=FD        write a line to FD when recording has begun\n"
	     "  --status             print what was recorded, once a second, also without a\n"
	     "                       terminal\n"
	     "  --store=FILE         the store ($DFLOW_STORE, else /var/lib/dflow/store.db);\n"
	     "                       made if need be\n\n"
	     "Exit status: 0 stopped as told, 2 usage or configuration, 4 not allowed or not\n"
	     "possible here, 5 the store cannot be written or another recorder has it, 6 the\n"
	     "file of --keep-payload cannot be written.\n";

struct options {
	struct targets targets;
	const char *store, *config, *keep_payload, *host_root;
	uint64_t memory, copy_cap, max_age_s, max_bytes;
	bool all, status;
	int ready_fd;
	char **command; /* NULL: none */
};

struct session {
	const struct options *o;
	struct dflow_recorder *recorder;
	int signal_fd;
	pid_t child;	/* of COMMAND; 0: none, or it ended */
	int go_fd;	/* a byte in it lets COMMAND begin */
	bool tty, line; /* stderr is one; the status stands on it */
	bool stop;
	uint64_t linger_until_ms; /* 0: not yet */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static int parse_u64(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (end == text || *end || *text == '-' || errno || !*ret)
		return complain(STATUS_USAGE, "'%s' is no number of bytes", text);
	return 0;
}

static int set_option(void *ud, int c)
{
	struct options *o = ud;
	uint64_t age_ns;
	char *end;

	switch (c) {
	case 'c':
		return add_cgroup(&o->targets, optarg);
	case 'p':
		return add_pid(&o->targets, optarg);
	case 'a':
		o->all = true;
		return 0;
	case 'C':
		o->config = optarg;
		return 0;
	case 'y':
		return parse_u64(optarg, &o->copy_cap);
	case 'H':
		o->host_root = optarg;
		return 0;
	case 'k':
		o->keep_payload = optarg;
		return 0;
	case 'g':
		if (parse_duration(optarg, &age_ns) || age_ns < 1000000000)
			return complain(STATUS_USAGE, "'%s' is no time such as 12h or 30d", optarg);
		o->max_age_s = age_ns / 1000000000;
		return 0;
	case 'b':
		return parse_u64(optarg, &o->max_bytes);
	case 'm':
		return parse_u64(optarg, &o->memory);
	case 'r':
		o->ready_fd = strtol(optarg, &end, 10);
		if (end == optarg || *end || o->ready_fd < 0)
			return complain(STATUS_USAGE, "'%s' is no file descriptor", optarg);
		return 0;
	case 's':
		o->status = true;
		return 0;
	case 'S':
		o->store = optarg;
	}
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "cgroup", required_argument, NULL, 'c' },
		{ "pid", required_argument, NULL, 'p' },
		{ "all", no_argument, NULL, 'a' },
		{ "config", required_argument, NULL, 'C' },
		{ "copy-cap", required_argument, NULL, 'y' },
		{ "host-root", required_argument, NULL, 'H' },
		{ "keep-payload", required_argument, NULL, 'k' },
		{ "max-age", required_argument, NULL, 'g' },
		{ "max-bytes", required_argument, NULL, 'b' },
		{ "memory", required_argument, NULL, 'm' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "status", no_argument, NULL, 's' },
		{ "store", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int status = read_options(&cmd_record, argc, argv, "+h", longs, set_option, o);

	if (status)
		return status;
	if (optind < argc && strcmp(argv[optind - 1], "--")) {
		complain(STATUS_USAGE,
			 "record takes no argument '%s'; a command stands behind '--'",
			 argv[optind]);
		return complain_usage(&cmd_record);
	}
	if (optind < argc)
		o->command = argv + optind;
	if (!o->targets.n_cgroups && !o->targets.n_pids && !o->all && !o->command) {
		complain(STATUS_USAGE,
			 "nothing to record: give --cgroup, --pid, --all or -- COMMAND");
		return complain_usage(&cmd_record);
	}
	return STATUS_OK;
}

/*
 * Payload passes through this process: it leaves no core behind, also not through a core_pattern
 * pipe, and what is looked for stays out of swap (a refusal is no error: it is counted).
 */
static void keep_payload_in_memory(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	prctl(PR_SET_DUMPABLE, 0);
}

static int block_signals(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? complain(STATUS_ENVIRONMENT, "cannot watch signals: %m") : 0;
}

/* In the child: waits until recording has begun, then becomes COMMAND. */
static void become_command(int wait_fd, char **command)
{
	sigset_t none;
	char c;

	if (read(wait_fd, &c, 1) != 1) /* recording did not begin */
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	complain(STATUS_ENVIRONMENT, "cannot run '%s': %m", command[0]);
	_exit(127);
}

static int start_command(struct session *s, struct targets *targets)
{
	int fd[2];
	char pid[16];

	if (pipe(fd))
		return complain(STATUS_ENVIRONMENT, "cannot make a pipe: %m");
	s->child = fork();
	if (s->child < 0)
		return complain(STATUS_ENVIRONMENT, "cannot start a process: %m");
	if (!s->child) {
		close(fd[1]);
		become_command(fd[0], s->o->command);
	}
	close(fd[0]);
	s->go_fd = fd[1];
	snprintf(pid, sizeof(pid), "%d", s->child);
	return add_pid(targets, pid);
}

static int start_recorder(struct session *s, const struct targets *targets)
{
	const struct options *o = s->o;
	struct dflow_recorder_opts opts = {
		.sz = sizeof(opts),
		.cgroups = targets->cgroups,
		.n_cgroups = targets->n_cgroups,
		.pids = targets->pids,
		.n_pids = targets->n_pids,
		.all = o->all,
		.store = store_path(o->store),
		.config = o->config,
		.keep_payload = o->keep_payload,
		.memory_limit_bytes = o->memory,
		.copy_cap_bytes = o->copy_cap,
		.host_root = o->host_root,
		.store_max_age_s = o->max_age_s,
		.store_max_bytes = o->max_bytes,
		.drop_privileges = true,
	};
	struct dflow_error error;
	int r;

	if (!o->store && !getenv("DFLOW_STORE"))
		mkdir("/var/lib/dflow", 0700); /* if it fails, opening the store tells why */
	r = dflow_recorder_new(&opts, &s->recorder, &error);
	return r ? complain(status_of(&error), "%s", error.message) : 0;
}

/* Scripts wait for this. */
static void say_ready(const struct session *s)
{
	struct dflow_stats stats = { .sz = sizeof(stats) };

	if (s->o->keep_payload)
		complain(STATUS_OK,
			 "WARNING: %s will hold the users' text and every secret that passes; keep "
			 "it private and delete it",
			 s->o->keep_payload);
	dflow_recorder_stats(s->recorder, &stats);
	say_unknown(&stats, store_path(s->o->store));
	complain(STATUS_OK, "recording into %s; Ctrl-C or SIGTERM ends it",
		 store_path(s->o->store));
	if (s->o->ready_fd >= 0) {
		dprintf(s->o->ready_fd, "recording\n");
		close(s->o->ready_fd);
	}
}

/* On a terminal each takes the place of the one before, so it may not be longer than a line. */
static void put_status(struct session *s, const char *text, bool last)
{
	if (s->tty)
		fputs("\r\033[K", stderr);
	s->line = s->tty && !last;
	if (s->line)
		fprintf(stderr, "%.*s", terminal_columns(STDERR_FILENO) - 1, text);
	else
		complain(STATUS_OK, "%s", text);
}

static void print_status(struct session *s, bool last)
{
	struct dflow_stats stats = { .sz = sizeof(stats) };
	char text[256];

	if (!s->tty && !s->o->status && !last)
		return;
	dflow_recorder_stats(s->recorder, &stats);
	snprintf(text, sizeof(text),
		 "%" PRIu64 " requests (%" PRIu64 " open), %" PRIu64 " hops; %" PRIu64
		 " events, %" PRIu64 " bytes; lost %" PRIu64 " events, %" PRIu64 " bytes",
		 stats.requests, stats.open_requests, stats.hops, stats.events, stats.bytes,
		 stats.lost_events, stats.lost_bytes);
	put_status(s, text, last);
	for (uint32_t i = 0; last && i < stats.n_limits; i++)
		complain(STATUS_OK, "limit reached %" PRIu64 " times: %s", stats.limits[i].hits,
			 stats.limits[i].name);
}

static void child_ended(struct session *s)
{
	int how;

	if (!s->child || waitpid(s->child, &how, WNOHANG) != s->child)
		return;
	s->child = 0;
	s->linger_until_ms = now_ms() + LINGER_MS;
	if (s->line)
		fputc('\n', stderr);
	if (WIFSIGNALED(how))
		complain(STATUS_OK, "the command was ended by signal %d", WTERMSIG(how));
	else if (WEXITSTATUS(how))
		complain(STATUS_OK, "the command ended with status %d", WEXITSTATUS(how));
}

static void take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			child_ended(s);
		else
			s->stop = true;
	}
}

/* COMMAND ended, and so did its requests or our patience. */
static bool lingered_enough(const struct session *s)
{
	struct dflow_stats stats = { .sz = sizeof(stats) };

	if (!s->linger_until_ms)
		return false;
	dflow_recorder_stats(s->recorder, &stats);
	return !stats.open_requests || now_ms() >= s->linger_until_ms;
}

static int poll_timeout_ms(const struct session *s, uint64_t next_status_ms)
{
	uint64_t now = now_ms(), ms = next_status_ms > now ? next_status_ms - now : 0;
	uint64_t recorder_ms = dflow_recorder_timeout_ns(s->recorder) / 1000000;

	return ms < recorder_ms ? ms : recorder_ms;
}

static int loop(struct session *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN },
				{ dflow_recorder_fd(s->recorder), POLLIN } };
	uint64_t next_status_ms = now_ms() + STATUS_EVERY_MS;
	struct dflow_error error;
	int n = 0;

	while (!s->stop && !lingered_enough(s)) {
		/* After a full batch there is more to take at once. */
		poll(fds, 2, n == DISPATCH_EVENTS ? 0 : poll_timeout_ms(s, next_status_ms));
		take_signals(s);
		n = dflow_recorder_dispatch(s->recorder, DISPATCH_EVENTS, &error);
		if (n < 0)
			return complain(status_of(&error), "recording stopped: %s", error.message);
		if (now_ms() >= next_status_ms) {
			print_status(s, false);
			next_status_ms = now_ms() + STATUS_EVERY_MS;
		}
	}
	return STATUS_OK;
}

static int stop(struct session *s, int status)
{
	struct dflow_error error;
	int r = dflow_recorder_stop(s->recorder, &error);

	print_status(s, true);
	if (r && !status)
		status = complain(status_of(&error), "not everything could be written: %s",
				  error.message);
	return status;
}

static int run(int argc, char **argv)
{
	struct options o = { .ready_fd = -1 };
	struct session s = { .o = &o, .go_fd = -1, .tty = isatty(STDERR_FILENO) };
	int status = parse_options(argc, argv, &o);

	if (status)
		return status;
	keep_payload_in_memory();
	status = block_signals(&s);
	if (!status && o.command)
		status = start_command(&s, &o.targets);
	if (!status)
		status = start_recorder(&s, &o.targets);
	if (status) {
		if (s.child > 0)
			kill(s.child, SIGKILL); /* it has not begun */
		return status;
	}
	say_ready(&s);
	if (s.go_fd >= 0 && write(s.go_fd, "", 1) != 1)
		complain(STATUS_OK, "the command cannot begin: %m");
	status = stop(&s, loop(&s));
	if (s.child > 0)
		kill(s.child, SIGTERM);
	dflow_recorder_free(s.recorder);
	return status;
}

const struct command cmd_record = { "record",
				    "record chat messages of running processes into a store", usage,
				    run };
