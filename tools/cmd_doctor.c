// SPDX-License-Identifier: Apache-2.0
/* dflow doctor: what this kernel and host allow, and why not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/targets.h"
#include "cli/text.h"
#include "command.h"
#include "output/format.h"
#include "show/cell.h"

#define FOUND_COLUMN 34 /* where what was found begins */
#define LONG_COLUMN 11	/* the same, when there is not room enough */
#define CONTINUED "           "

static struct targets targets;

static const struct option_row rows[] = {
	{ .name = "cgroup",
	  .value = "PATH",
	  .type = &value_cgroup,
	  .into = &targets,
	  .help = "look into this cgroup and all below it; may be given several times" },
	{ .name = "pid",
	  .value = "PID",
	  .type = &value_pid,
	  .into = &targets,
	  .help = "look into this process; may be given several times" },
};
static const struct option_group own_group = { NULL, rows, sizeof(rows) / sizeof(rows[0]) };

/* In the order of enum dflow_check_result. */
static const char *const result_words[] = { "ok", "limited", "missing" };

/* ---- for people ---- */

static enum style style_of(const char *result)
{
	if (!strcmp(result, result_words[DFLOW_CHECK_OK]))
		return STYLE_GOOD;
	return strcmp(result, result_words[DFLOW_CHECK_MISSING]) ? STYLE_NOTE : STYLE_ALARM;
}

/* At its column, or on a line of its own. `column`: how much of the line is used. */
static void put_found(int column, const char *text)
{
	int at = column < FOUND_COLUMN ? FOUND_COLUMN : column + 1;

	if (at + text_width(text) > page_columns()) {
		if (column)
			putchar('\n');
		column = 0;
		at = LONG_COLUMN;
	}
	printf("%*s", at - column, "");
	put_lines(stdout, text, at, page_columns(), CONTINUED);
}

/* "ok       kernel BTF                there", and an arrow with what to do. */
static void show_check(const json_t *check)
{
	const char *result = get_str(check, "result"), *name = get_str(check, "name");
	struct cell advice = { "" };

	printf("%s%-8s%s %s", style_on(style_of(result)), result, style_off(style_of(result)),
	       name);
	put_found((int)strlen("limited  ") + text_width(name), get_str(check, "found"));
	if (!*get_str(check, "advice"))
		return;
	add(&advice, "%s %s", arrow(), get_str(check, "advice"));
	put_found(0, advice.text);
}

static int show(const void *item, bool first, bool wide)
{
	const json_t *report = item;
	json_t *check;
	size_t i;

	json_array_foreach(json_object_get(report, "checks"), i, check) show_check(check);
	if (is_true(report, "possible"))
		puts("Recording is possible here.");
	return STATUS_OK;
}

/* ---- for programs ---- */

static char *to_json(const void *item)
{
	return json_dumps(item, JSON_COMPACT);
}

static json_t *to_object(const void *item)
{
	return json_incref((json_t *)item);
}

static const struct field fields[] = {
	{ "name", "name" },
	{ "result", "result" },
	{ "found", "found" },
	{ "advice", "advice" },
};

static const struct kind kind = {
	.json = to_json,
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.object = to_object,
	.rows = "checks",
	.show = show,
};

/* ---- the checks ---- */

static int on_check(void *ud, const struct dflow_check *c)
{
	json_array_append_new(ud, json_pack("{s:s, s:s, s:s?, s:s?}", "name", c->name, "result",
					    result_words[c->result], "found", c->found, "advice",
					    c->advice));
	return 0;
}

static int run(int n_words, char **words)
{
	struct dflow_host_opts opts = { .sz = sizeof(opts),
					.cgroups = targets.cgroups,
					.n_cgroups = targets.n_cgroups,
					.pids = targets.pids,
					.n_pids = targets.n_pids };
	json_t *checks = json_array(), *report;
	struct dflow_error error;
	struct printer printer;
	int r = dflow_host_check(&opts, on_check, checks, &error), status;

	report = json_pack("{s:s, s:b, s:o}", "schema", "dflow.doctor/1", "possible", !r, "checks",
			   checks);
	if (!report)
		return complain(STATUS_ENVIRONMENT, "out of memory");
	status = print_begin(&printer, &kind, false);
	if (!status)
		status = print_item(&printer, report);
	if (!status)
		status = print_end(&printer);
	json_decref(report);
	if (status)
		return status;
	return r ? complain(STATUS_ENVIRONMENT, "%s", error.message) : STATUS_OK;
}

static const struct option_group *const groups[] = { &own_group, &output_group, &common_group,
						     NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "recording is possible" },
	{ STATUS_USAGE, "the command line is wrong" },
	{ STATUS_ENVIRONMENT, "recording is not possible; the last line says why" },
	{ STATUS_STORE, "standard output cannot be written" },
	{ 0, NULL },
};

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "tell what this host allows, and why not",
	.synopsis = "[OPTION]...",
	.about = "Tells whether this kernel and host allow recording, and what to do where they do "
		 "not. With targets, it also tells what is found in them: processes, containers, "
		 "TLS libraries.",
	.groups = groups,
	.statuses = statuses,
	.run = run,
};
