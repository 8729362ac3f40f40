// SPDX-License-Identifier: Apache-2.0
/* dflow doctor: what this kernel and host allow, and why not. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "targets.h"
#include "text.h"

#define FOUND_COLUMN 34 /* where what was found begins */
#define LONG_COLUMN 11	/* the same, when there is not room enough */
#define CONTINUED "           "

static const char usage
	[] = "usage: dflow doctor [OPTION]...\n"
	     "Tells whether this kernel and host allow recording, and what to do where they do\n"
	     "not. With targets, also what is found in them: processes, containers, TLS\n"
	     "libraries.\n\n"
	     "  --cgroup=PATH   look into this cgroup and all below it; may be given several\n"
	     "                  times\n"
	     "  --pid=PID       look into this process; may be given several times\n"
	     "  -o json|text    how to print (text)\n\n"
	     "Exit status: 0 recording is possible, 2 usage, 4 it is not.\n";

struct options {
	struct targets targets;
	bool json;
};

struct report {
	json_t *checks; /* NULL: print as text */
};

static const char *const result_words[] = { "ok", "limited", "missing" };

/* At its column, or on a line of its own. `column`: so many of the line are used. */
static void print_found(int column, const char *text)
{
	int at = column < FOUND_COLUMN ? FOUND_COLUMN : column + 1;

	if (at + (int)strlen(text) > page_columns()) {
		if (column)
			putchar('\n');
		column = 0;
		at = LONG_COLUMN;
	}
	printf("%*s", at - column, "");
	put_lines(stdout, text, at, page_columns(), CONTINUED);
}

static void print_check(const struct dflow_check *c)
{
	char advice[256];

	print_found(printf("%-8s %s", result_words[c->result], c->name), c->found ? c->found : "");
	if (!c->advice)
		return;
	snprintf(advice, sizeof(advice), "%s %s", has_utf8() ? "→" : "->", c->advice);
	print_found(0, advice);
}

static void on_check(void *ud, const struct dflow_check *c)
{
	struct report *report = ud;

	if (report->checks)
		json_array_append_new(report->checks,
				      json_pack("{s:s, s:s, s:s?, s:s?}", "name", c->name, "result",
						result_words[c->result], "found", c->found,
						"advice", c->advice));
	else
		print_check(c);
}

static int set_option(void *ud, int c)
{
	struct options *o = ud;

	switch (c) {
	case 'c':
		return add_cgroup(&o->targets, optarg);
	case 'p':
		return add_pid(&o->targets, optarg);
	default:
		return set_output(optarg, &o->json);
	}
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "cgroup", required_argument, NULL, 'c' },
		{ "pid", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int status = read_options(&cmd_doctor, argc, argv, "o:h", longs, set_option, o);

	if (!status && optind < argc) {
		complain(STATUS_USAGE, "doctor takes no argument '%s'", argv[optind]);
		return complain_usage(&cmd_doctor);
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct options o = { .json = false };
	struct report report = { NULL };
	struct dflow_error error;
	int status = parse_options(argc, argv, &o);
	int r;

	if (status)
		return status;
	if (o.json)
		report.checks = json_array();
	r = dflow_host_check(&(struct dflow_host_opts){ .sz = sizeof(struct dflow_host_opts),
							.cgroups = o.targets.cgroups,
							.n_cgroups = o.targets.n_cgroups,
							.pids = o.targets.pids,
							.n_pids = o.targets.n_pids },
			     on_check, &report, &error);
	if (o.json) {
		json_t *all = json_pack("{s:s, s:b, s:o}", "schema", "dflow.doctor/1", "possible",
					!r, "checks", report.checks);

		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	}
	if (r)
		return complain(STATUS_ENVIRONMENT, "%s", error.message);
	if (!o.json)
		puts("Recording is possible here.");
	return STATUS_OK;
}

const struct command cmd_doctor = { "doctor", "tell what this host allows, and why not", usage,
				    run };
