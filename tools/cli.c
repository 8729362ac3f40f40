// SPDX-License-Identifier: Apache-2.0
/* Helpers of the subcommands. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define DEFAULT_STORE "/var/lib/dflow/store.db"
#define SECOND_NS 1000000000ll
#define PREFIX "dflow: "
#define CONTINUED "       "

int complain(enum exit_status status, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	fputs(PREFIX, stderr);
	put_lines(stderr, n < 0 ? "out of memory" : text, (int)strlen(PREFIX),
		  terminal_columns(STDERR_FILENO), CONTINUED);
	if (n >= 0)
		free(text);
	return status;
}

enum exit_status status_of(const struct dflow_error *error)
{
	switch (error->about) {
	case DFLOW_ABOUT_STORE:
		return STATUS_STORE;
	case DFLOW_ABOUT_FILE:
		return STATUS_FILE;
	case DFLOW_ABOUT_HOST:
		return STATUS_ENVIRONMENT;
	default:
		return STATUS_USAGE;
	}
}

int complain_usage(const struct command *command)
{
	fprintf(stderr, "Try 'dflow %s --help'.\n", command->name);
	return STATUS_USAGE;
}

int read_options(const struct command *command, int argc, char **argv, const char *shorts,
		 const struct option *longs, int (*set)(void *ud, int c), void *ud)
{
	int c, status;

	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h')
			return WANTS_HELP;
		status = c == '?' ? complain_usage(command) : set(ud, c);
		if (status)
			return status;
	}
	return STATUS_OK;
}

void say_unknown(const struct dflow_stats *stats, const char *store)
{
	if (stats->old_texts_unusable)
		complain(STATUS_OK,
			 "%" PRIu64 " earlier texts are not known again: their fingerprints were "
			 "made with another %s.key, or "
			 "are damaged",
			 stats->old_texts_unusable, store);
	if (stats->old_texts_left_out)
		complain(STATUS_OK,
			 "%" PRIu64 " earlier texts are not known again: no room in memory",
			 stats->old_texts_left_out);
}

const char *store_path(const char *option)
{
	const char *env = getenv("DFLOW_STORE");

	return option ? option : env && *env ? env : DEFAULT_STORE;
}

int open_store(const char *option, struct dflow_store **ret_store)
{
	struct dflow_error error;

	if (dflow_store_open(store_path(option), ret_store, &error))
		return complain(STATUS_STORE, "%s", error.message);
	return STATUS_OK;
}

int set_output(const char *word, bool *ret_json)
{
	if (strcmp(word, "json") && strcmp(word, "text"))
		return complain(STATUS_USAGE, "-o needs json or text");
	*ret_json = !strcmp(word, "json");
	return STATUS_OK;
}

int parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	double n = strtod(text, &end);

	if (end == text || !isfinite(n) || n < 0)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double s = n * units[i].seconds;

		if (strcmp(end, units[i].unit) || s > 1e9)
			continue;
		*ret_ns = s * SECOND_NS;
		return 0;
	}
	return -1;
}

int parse_time(const char *text, int64_t *ret_ns)
{
	static const char *const shapes[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d" };
	uint64_t ago;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, shapes[i], &tm);

		if (end && !*end) {
			*ret_ns = timegm(&tm) * SECOND_NS;
			return 0;
		}
	}
	if (parse_duration(text, &ago))
		return -1;
	*ret_ns = time(NULL) * SECOND_NS - (int64_t)ago;
	return 0;
}

json_t *trace_to_json(const struct dflow_trace *trace)
{
	json_t *j = NULL;
	char *text;

	if (!dflow_trace_json(trace, &text)) {
		j = json_loads(text, 0, NULL);
		free(text);
	}
	if (!j)
		complain(STATUS_STORE, "out of memory for a trace");
	return j;
}
