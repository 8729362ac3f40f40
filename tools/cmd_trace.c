// SPDX-License-Identifier: Apache-2.0
/* dflow trace: the trace of any known id. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "show.h"

#define DEFAULT_WAIT_NS 60000000000ull
#define MAX_CANDIDATES 20

static const char usage
	[] = "usage: dflow trace [OPTION]... ID\n"
	     "Shows where the text of a request was seen.\n\n"
	     "ID is an X-Amzn-Trace-Id, X-Request-Id, traceparent, message_id, task_id,\n"
	     "conversation_id, workflow_run_id, upload_file_id, document_id, dflow's own trace\n"
	     "id, or the beginning of one (4 characters or more) that fits only one. A\n"
	     "conversation_id shows all its requests, in order.\n\n"
	     "  --wait[=TIME]   wait until the request is there and settled, at most so long\n"
	     "                  (60s)\n"
	     "  -o json|text    how to print (text); json is one object a line, schema\n"
	     "                  dflow.trace/1\n"
	     "  --store=FILE    the store ($DFLOW_STORE, else /var/lib/dflow/store.db)\n\n"
	     "Exit status: 0 shown, 1 no such request, 2 usage, 3 the beginning of an id fits\n"
	     "several, 5 the store cannot be read, 7 the time of --wait is over (what is known\n"
	     "was shown).\n";

struct options {
	const char *store, *id;
	bool json, wait;
	uint64_t wait_ns;
};

static int set_option(void *ud, int c)
{
	struct options *o = ud;

	switch (c) {
	case 'w':
		o->wait = true;
		if (optarg && parse_duration(optarg, &o->wait_ns))
			return complain(STATUS_USAGE, "'%s' is no time such as 30s or 5m", optarg);
		break;
	case 'o':
		return set_output(optarg, &o->json);
	case 'S':
		o->store = optarg;
	}
	return STATUS_OK;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "wait", optional_argument, NULL, 'w' },
		{ "store", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int status = read_options(&cmd_trace, argc, argv, "o:h", longs, set_option, o);

	if (status)
		return status;
	if (optind + 1 != argc) {
		complain(STATUS_USAGE, optind == argc ? "trace needs an ID" : "trace takes one ID");
		return complain_usage(&cmd_trace);
	}
	o->id = argv[optind];
	return STATUS_OK;
}

static int print_candidate(void *ud, const char *key, const char *kind, const char *trace_id)
{
	int *n = ud;

	if (++*n > MAX_CANDIDATES)
		fputs("  …\n", stderr);
	else
		fprintf(stderr, "  %-16s %s\n", kind, key);
	return 0;
}

static int explain(struct dflow_store *store, const struct options *o, int r,
		   const struct dflow_error *error)
{
	int n = 0;

	switch (r) {
	case -ENOENT:
		return complain(STATUS_NOTHING, "%s; 'dflow ls' lists what is there%s",
				error->message, o->wait ? "" : ", --wait waits for it");
	case -EINVAL:
		return complain(STATUS_USAGE, "%s", error->message);
	case -ENOTUNIQ:
		complain(STATUS_AMBIGUOUS, "'%s': %s", o->id, error->message);
		dflow_store_candidates(store, o->id, MAX_CANDIDATES + 1, print_candidate, &n, NULL);
		return STATUS_AMBIGUOUS;
	default:
		return complain(STATUS_STORE, "%s", error->message);
	}
}

static int print_one(const struct dflow_trace *trace, bool json)
{
	json_t *j;
	char *text;

	if (json) {
		if (dflow_trace_json(trace, &text))
			return complain(STATUS_STORE, "out of memory for a trace");
		puts(text);
		free(text);
		return STATUS_OK;
	}
	j = trace_to_json(trace);
	if (!j)
		return STATUS_STORE;
	show_trace(j);
	json_decref(j);
	return STATUS_OK;
}

static int print_all(const struct dflow_traces *traces, const struct options *o)
{
	int status = STATUS_OK;
	bool open = false;

	for (size_t i = 0; i < dflow_traces_count(traces) && !status; i++) {
		const struct dflow_trace *t = dflow_traces_at(traces, i);

		if (i && !o->json)
			puts("");
		status = print_one(t, o->json);
		open |= !dflow_trace_settled(t);
	}
	if (!status && o->wait && open)
		return complain(
			STATUS_NOT_SETTLED,
			"not settled within the time of --wait; shown is what is known so far");
	return status;
}

static int run(int argc, char **argv)
{
	struct options o = { .wait_ns = DEFAULT_WAIT_NS };
	struct dflow_traces *traces;
	struct dflow_store *store;
	struct dflow_error error;
	int status = parse_options(argc, argv, &o);
	int r;

	if (status)
		return status;
	status = open_store(o.store, &store);
	if (status)
		return status;
	r = o.wait ? dflow_store_wait(store, o.id, o.wait_ns, &traces, &error) :
		     dflow_store_find(store, o.id, &traces, &error);
	if (r) {
		status = explain(store, &o, r, &error);
	} else {
		status = print_all(traces, &o);
		dflow_traces_free(traces);
	}
	dflow_store_close(store);
	return status;
}

const struct command cmd_trace = { "trace", "show where the text of a request was seen", usage,
				   run };
