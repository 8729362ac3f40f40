// SPDX-License-Identifier: Apache-2.0
/* Messages on standard error. */
#include "cli/complain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "cli/text.h"

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
	fflush(stdout); /* so that both streams stand in the order in which they were written */
	fputs(PREFIX, stderr);
	put_lines(stderr, n < 0 ? "out of memory" : make_printable(text), (int)strlen(PREFIX),
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

void say_unknown(const struct dflow_stats *stats, const char *store)
{
	if (stats->old_texts_unusable)
		complain(STATUS_OK,
			 "%" PRIu64 " earlier texts cannot be recognised again: their fingerprints "
			 "were made with another %s.key, or are damaged",
			 stats->old_texts_unusable, store);
	if (stats->old_texts_left_out)
		complain(STATUS_OK,
			 "%" PRIu64 " earlier texts cannot be recognised again: no room in memory",
			 stats->old_texts_left_out);
}
