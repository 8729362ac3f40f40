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
#include <unistd.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/status_line.h"
#include "cli/targets.h"
#include "cli/value.h"
#include "command.h"

#define STATUS_EVERY_MS 1000
#define LINGER_MS 10000 /* after COMMAND ended: for its requests to settle */

static struct options {
	struct targets targets;
	const char *config, *keep_payload, *host_root;
	uint64_t memory, copy_cap, max_age_s, max_bytes, stop_within_s;
	bool all, status;
	int ready_fd;	/* -1: none */
	char **command; /* NULL: none */
} options = { .ready_fd = -1 };

static const struct option_row target_rows[] = {
	{ .name = "cgroup",
	  .value = "PATH",
	  .type = &value_cgroup,
	  .into = &options.targets,
	  .help = "all processes in this cgroup and below, also later ones" },
	{ .name = "pid",
	  .value = "PID",
	  .type = &value_pid,
	  .into = &options.targets,
	  .help = "this process and its children" },
	{ .name = "all", .into = &options.all, .help = "every process" },
};
static const struct option_row rows[] = {
	{ .name = "config",
	  .value = "FILE",
	  .type = &value_file,
	  .into = &options.config,
	  .help = "rules and names (docs/configuration.md)" },
	{ .name = "copy-cap",
	  .value = "SIZE",
	  .type = &value_size,
	  .into = &options.copy_cap,
	  .help = "payload looked at per system call (4M)" },
	{ .name = "host-root",
	  .value = "DIR",
	  .type = &value_folder,
	  .into = &options.host_root,
	  .help = "where the host's root is mounted, when dflow runs in a container" },
	{ .name = "keep-payload",
	  .value = "FILE",
	  .type = &value_file,
	  .into = &options.keep_payload,
	  .help = "also keep all events WITH THE TEXT in FILE, for 'dflow replay'" },
	{ .name = "max-age",
	  .value = "TIME",
	  .type = &value_age,
	  .into = &options.max_age_s,
	  .help = "drop traces that are older than this (30d)" },
	{ .name = "max-bytes",
	  .value = "SIZE",
	  .type = &value_size,
	  .into = &options.max_bytes,
	  .help = "keep the store below this size (1G)" },
	{ .name = "memory",
	  .value = "SIZE",
	  .type = &value_size,
	  .into = &options.memory,
	  .help = "limit of the tables in memory (512M)" },
	{ .name = "ready-fd",
	  .value = "FD",
	  .type = &value_fd,
	  .into = &options.ready_fd,
	  .help = "write a line to FD when recording has begun" },
	{ .name = "stop-within",
	  .value = "TIME",
	  .type = &value_age,
	  .into = &options.stop_within_s,
	  .help = "how long to go on at the end with what is under way; the rest counts as lost "
		  "(10s)" },
	{ .name = "status",
	  .into = &options.status,
	  .help = "print what was recorded once a second, also when standard error is no "
		  "terminal" },
};
static const struct option_group target_group = {
	"Whom to record (at least one; --cgroup and --pid may be given several times)", target_rows,
	sizeof(target_rows) / sizeof(target_rows[0])
};
static const struct option_group own_group = { "Options", rows, sizeof(rows) / sizeof(rows[0]) };

struct session {
	struct dflow_recorder *recorder;
	int signal_fd;
	pid_t child; /* of COMMAND; 0: none, or it ended */
	int go_fd;   /* a byte in it lets COMMAND begin */
	struct status_line line;
	bool stop;		  /* SIGINT or SIGTERM came */
	uint64_t linger_until_ms; /* 0: not yet */
};

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

/* Signals come through a file descriptor, between two dispatches, not in the middle of one. */
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

/* Makes the process of COMMAND; it waits for a byte in go_fd, so that nothing it does is missed. */
static int start_command(struct session *s)
{
	int fd[2];

	if (pipe(fd))
		return complain(STATUS_ENVIRONMENT, "cannot make a pipe: %m");
	s->child = fork();
	if (s->child < 0)
		return complain(STATUS_ENVIRONMENT, "cannot start a process: %m");
	if (!s->child) {
		close(fd[1]);
		become_command(fd[0], options.command);
	}
	close(fd[0]);
	s->go_fd = fd[1];
	if (options.targets.n_pids == MAX_TARGETS)
		return complain(STATUS_USAGE, "at most %d processes; give their cgroup",
				MAX_TARGETS);
	options.targets.pids[options.targets.n_pids++] = (uint32_t)s->child;
	return STATUS_OK;
}

/*
 * What the library remarks while it records: the first loss, a recovery, what a stop gave up.
 * libbpf's lines are for developers.
 */
static void say_line(void *ud, enum dflow_log_level level, const char *line)
{
	struct session *s = ud;

	if (level > DFLOW_LOG_INFO || !strncmp(line, "libbpf", strlen("libbpf")))
		return;
	status_line_clear(&s->line);
	complain(STATUS_OK, "%s", line);
}

static int start_recorder(struct session *s)
{
	const struct options *o = &options;
	struct dflow_recorder_opts opts = {
		.sz = sizeof(opts),
		.cgroups = o->targets.cgroups,
		.n_cgroups = o->targets.n_cgroups,
		.pids = o->targets.pids,
		.n_pids = o->targets.n_pids,
		.all = o->all,
		.store = store_path(),
		.config = o->config,
		.keep_payload = o->keep_payload,
		.memory_limit_bytes = o->memory,
		.copy_cap_bytes = o->copy_cap,
		.host_root = o->host_root,
		.store_max_age_s = o->max_age_s,
		.store_max_bytes = o->max_bytes,
		.stop_deadline_ns = o->stop_within_s * 1000000000,
		.drop_privileges = true,
		.log = say_line,
		.log_ud = s,
	};
	struct dflow_error error;
	int r;

	if (is_default_store())
		mkdir("/var/lib/dflow", 0700); /* if it fails, opening the store tells why */
	r = dflow_recorder_new(&opts, &s->recorder, &error);
	return r ? complain(status_of(&error), "%s", error.message) : 0;
}

/* Scripts wait for this. */
static void say_ready(const struct session *s)
{
	struct dflow_stats stats = { .sz = sizeof(stats) };

	if (options.keep_payload)
		complain(STATUS_OK,
			 "WARNING: %s will hold the users' text and every secret that passes; keep "
			 "it private and delete it",
			 options.keep_payload);
	dflow_recorder_stats(s->recorder, &stats);
	say_unknown(&stats, store_path());
	complain(STATUS_OK, "recording into %s; Ctrl-C or SIGTERM ends it", store_path());
	if (options.ready_fd >= 0) {
		dprintf(options.ready_fd, "recording\n");
		close(options.ready_fd);
	}
}

static int print_limit(void *ud, const char *name, uint64_t hits)
{
	complain(STATUS_OK, "limit reached %" PRIu64 " times: %s", hits, name);
	return 0;
}

/* last: at the end, with the limits that were reached. */
static void print_status(struct session *s, bool last)
{
	struct dflow_stats stats = { .sz = sizeof(stats) };
	char text[256];

	if (!s->line.tty && !options.status && !last)
		return;
	dflow_recorder_stats(s->recorder, &stats);
	snprintf(text, sizeof(text),
		 "%" PRIu64 " requests (%" PRIu64 " open), %" PRIu64 " hops; %" PRIu64
		 " events, %" PRIu64 " bytes; lost %" PRIu64 " events, %" PRIu64 " bytes",
		 stats.requests, stats.open_requests, stats.hops, stats.events, stats.bytes,
		 stats.lost_events, stats.lost_bytes);
	if (!last) {
		status_line_put(&s->line, text);
		return;
	}
	status_line_clear(&s->line);
	complain(STATUS_OK, "%s", text);
	dflow_recorder_limits(s->recorder, print_limit, NULL);
}

/* COMMAND has ended: its requests get LINGER_MS to settle. */
static void child_ended(struct session *s)
{
	int how;

	if (!s->child || waitpid(s->child, &how, WNOHANG) != s->child)
		return;
	s->child = 0;
	s->linger_until_ms = now_ms() + LINGER_MS;
	status_line_clear(&s->line);
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

/* Until the next status, or until the recorder wants to look after its clocks. */
static int poll_timeout_ms(const struct session *s, uint64_t next_status_ms)
{
	uint64_t now = now_ms(), ms = next_status_ms > now ? next_status_ms - now : 0;
	uint64_t recorder_ms = dflow_recorder_timeout_ns(s->recorder) / 1000000;

	return ms < recorder_ms ? ms : recorder_ms;
}

/* Until a signal, the end of COMMAND, or an error. */
static int loop(struct session *s)
{
	struct pollfd fds[] = { { s->signal_fd, POLLIN },
				{ dflow_recorder_fd(s->recorder), POLLIN } };
	uint64_t next_status_ms = now_ms() + STATUS_EVERY_MS;
	struct dflow_error error;

	while (!s->stop && !lingered_enough(s)) {
		poll(fds, 2, poll_timeout_ms(s, next_status_ms));
		take_signals(s);
		if (dflow_recorder_dispatch(s->recorder, 0, &error) < 0)
			return complain(status_of(&error), "recording stopped: %s", error.message);
		if (now_ms() >= next_status_ms) {
			print_status(s, false);
			next_status_ms = now_ms() + STATUS_EVERY_MS;
		}
	}
	return STATUS_OK;
}

/* Stores what is known. The first error is the one that counts. */
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

static int check_targets(void)
{
	const struct options *o = &options;

	if (o->targets.n_cgroups || o->targets.n_pids || o->all || o->command)
		return STATUS_OK;
	return complain_usage(&cmd_record,
			      "nothing to record: give --cgroup, --pid, --all or -- COMMAND");
}

static int start(struct session *s)
{
	int status = block_signals(s);

	if (!status && options.command)
		status = start_command(s);
	if (!status)
		status = start_recorder(s);
	if (status && s->child > 0)
		kill(s->child, SIGKILL); /* it has not begun */
	return status;
}

static int run(int n_words, char **words)
{
	struct session s = { .go_fd = -1 };
	int status;

	options.command = n_words ? words : NULL;
	status = check_targets();
	if (status)
		return status;
	status_line_init(&s.line);
	keep_payload_in_memory();
	status = start(&s);
	if (status)
		return status;
	say_ready(&s);
	if (s.go_fd >= 0 && write(s.go_fd, "", 1) != 1)
		complain(STATUS_OK, "the command cannot begin: %m");
	status = stop(&s, loop(&s));
	if (s.child > 0)
		kill(s.child, SIGTERM);
	dflow_recorder_free(s.recorder);
	return status;
}

static const struct option_group *const groups[] = { &target_group, &own_group, &store_group,
						     &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "stopped as told: by SIGINT (Ctrl-C), SIGTERM or the end of COMMAND" },
	{ STATUS_USAGE, "the command line or the configuration is wrong" },
	{ STATUS_ENVIRONMENT, "not allowed or not possible here; 'dflow doctor' tells more" },
	{ STATUS_STORE, "the store cannot be written, its key is not private, or another recorder "
			"has it" },
	{ STATUS_FILE, "the file of --keep-payload cannot be written" },
	{ 0, NULL },
};

const struct command cmd_record = {
	.name = "record",
	.summary = "record chat messages of running processes into a store",
	.synopsis = "[OPTION]... [-- COMMAND [ARGUMENT]...]",
	.about = "Records which system calls of the targets carry the text of chat messages, and "
		 "where to, into a store. It ends by SIGINT (Ctrl-C), SIGTERM or the end of "
		 "COMMAND.\n\n"
		 "With -- COMMAND it runs COMMAND, and records it and its children. The store is "
		 "made if there is none. Recording needs root, or CAP_BPF, CAP_PERFMON, "
		 "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.",
	.groups = groups,
	.statuses = statuses,
	.runs_command = true,
	.run = run,
};
