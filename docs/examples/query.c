// SPDX-License-Identifier: Apache-2.0
/*
 * A query: which requests of the last hour are not complete, and why?
 *
 *   cc query.c -o query $(pkg-config --cflags --libs dflow)
 *   ./query /var/lib/dflow/store.db [SECONDS]
 *
 * It walks with a cursor, so it takes as much memory for a million requests as for one.
 * Exit status: 0 none was found, 1 some were, 2 usage, 3 the store cannot be read.
 */
#include <dflow.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void print_start(const struct dflow_trace *trace)
{
	time_t s = dflow_trace_started_ns(trace) / 1000000000;
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&s));
	printf("%s %.12s %s\n", text, dflow_trace_id(trace),
	       dflow_trace_operation(trace) ? dflow_trace_operation(trace) : "?");
}

static void print_why(const struct dflow_trace *trace)
{
	struct dflow_completeness c = { .sz = sizeof(c) };

	if (dflow_trace_completeness(trace, &c)) /* it just went: too old */
		return;
	printf("  lost %" PRIu64 " bytes, unread %" PRIu64 " bytes\n", c.lost_bytes,
	       c.unread_bytes);
	for (size_t i = 0; i < c.n_reasons; i++)
		printf("  %s\n", dflow_trace_reason(trace, i));
	for (size_t i = 0; i < c.n_blind; i++)
		printf("  cannot watch %s\n", dflow_trace_blind(trace, i));
}

int main(int argc, char **argv)
{
	long seconds = argc == 3 ? strtol(argv[2], NULL, 10) : 3600;
	struct dflow_list_opts opts = {
		.sz = sizeof(opts),
		.since_ns = ((int64_t)time(NULL) - seconds) * 1000000000,
		.settled = DFLOW_YES,
		.complete = DFLOW_NO,
	};
	const struct dflow_trace *trace;
	struct dflow_cursor *cursor;
	struct dflow_store *store;
	struct dflow_error error;
	int r, found = 0;

	if (argc < 2 || argc > 3 || seconds <= 0) {
		fprintf(stderr, "usage: query STORE [SECONDS]\n");
		return 2;
	}
	if (dflow_store_open(argv[1], &store, &error)) {
		fprintf(stderr, "query: %s\n", error.message);
		return 3;
	}
	r = dflow_cursor_open(store, &opts, &cursor, &error);
	if (!r) {
		while ((r = dflow_cursor_next(cursor, &trace, &error)) == 1) {
			print_start(trace);
			print_why(trace);
			found = 1;
		}
		dflow_cursor_close(cursor);
	}
	dflow_store_close(store);
	if (r < 0)
		fprintf(stderr, "query: %s\n", error.message);
	return r < 0 ? 3 : found;
}
