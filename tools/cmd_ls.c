// SPDX-License-Identifier: Apache-2.0
/* dflow ls: the requests of a store, filtered. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cell.h"
#include "cli.h"
#include "text.h"

#define REQUEST_WIDTH 22 /* all columns: under 100 */
#define SHORT_ID 13	 /* of a UUID, in a narrow terminal; enough for 'dflow trace' */

struct options {
	const char *store;
	struct dflow_list_opts list;
	bool json;
};

static const char
	usage[] = "usage: dflow ls [OPTION]...\n"
		  "Lists the requests of a store, oldest first.\n\n"
		  "  --since=TIME    started at this time or later: 2026-03-01T12:00:00Z,\n"
		  "                  2026-03-01, 2h (ago)\n"
		  "  --until=TIME    started before this time\n"
		  "  --id=ID         has an id that is or begins so (a conversation_id: its\n"
		  "                  requests)\n"
		  "  -n, --limit=N   only the newest N\n"
		  "  -o json|text    how to print (text)\n"
		  "  --store=FILE    the store ($DFLOW_STORE, else /var/lib/dflow/store.db)\n\n"
		  "Exit status: 0 some were found, 1 none, 2 usage, 5 the store cannot be read.\n";

static int parse_limit(const char *text, uint32_t *ret_limit)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > INT32_MAX)
		return -1;
	*ret_limit = n;
	return 0;
}

static int set_time(const char *text, int64_t *ret_ns)
{
	if (!parse_time(text, ret_ns))
		return STATUS_OK;
	return complain(STATUS_USAGE, "'%s' is no time such as 2026-03-01T12:00:00Z or 30m", text);
}

static int set_option(void *ud, int c)
{
	struct options *o = ud;

	switch (c) {
	case 's':
		return set_time(optarg, &o->list.since_ns);
	case 'u':
		return set_time(optarg, &o->list.until_ns);
	case 'i':
		o->list.id = optarg;
		break;
	case 'n':
		if (parse_limit(optarg, &o->list.limit))
			return complain(STATUS_USAGE, "--limit needs a number from 1 on");
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
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "id", required_argument, NULL, 'i' },
		{ "limit", required_argument, NULL, 'n' },
		{ "store", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int status = read_options(&cmd_ls, argc, argv, "n:o:h", longs, set_option, o);

	if (!status && optind < argc) {
		complain(STATUS_USAGE, "ls takes no argument '%s'", argv[optind]);
		return complain_usage(&cmd_ls);
	}
	return status;
}

static int print_json(const struct dflow_traces *traces)
{
	static const char *const keys[] = { "trace_id", "ids", "started", "source",
					    "completeness" };
	json_t *requests = json_array(), *all;

	for (size_t i = 0; i < dflow_traces_count(traces); i++) {
		const struct dflow_trace *t = dflow_traces_at(traces, i);
		json_t *trace = trace_to_json(t), *row = json_object();

		if (!trace)
			return STATUS_STORE;
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			json_object_set(row, keys[k], json_object_get(trace, keys[k]));
		json_object_set_new(row, "hops", json_integer(dflow_trace_hop_count(t)));
		json_array_append_new(requests, row);
		json_decref(trace);
	}
	all = json_pack("{s:s, s:o}", "schema", "dflow.ls/1", "requests", requests);
	json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(all);
	return STATUS_OK;
}

static void add_row(struct libscols_table *table, const struct dflow_trace *t)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	time_t sec = dflow_trace_started_ns(t) / 1000000000;
	const char *message = dflow_trace_other_id(t, "message_id");
	const char *whole = dflow_trace_complete(t) ? "yes" :
			    dflow_trace_settled(t)  ? "no" :
						      "open";
	const char *operation = dflow_trace_operation(t);
	bool narrow = page_columns() < MAX_COLUMNS;
	struct cell c[6] = { 0 };
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(c[0].text, sizeof(c[0].text), "%Y-%m-%d %H:%M:%S", &tm);
	add(&c[1], "%.8s", dflow_trace_id(t));
	add(&c[2], "%.*s", narrow ? SHORT_ID : INT_MAX, message ? message : "-");
	add(&c[3], "%zu", dflow_trace_hop_count(t));
	add(&c[4], "%s", whole);
	add(&c[5], "%s", operation ? operation : "-");
	wrap(&c[5], REQUEST_WIDTH);
	for (int i = 0; i < 6; i++)
		set(line, i, c[i]);
}

static int print_requests(const struct dflow_traces *traces)
{
	static const struct column columns[] = {
		{ "STARTED (UTC)", 0 },	    { "TRACE", 0 }, { "MESSAGE", 0 },
		{ "HOPS", SCOLS_FL_RIGHT }, { "WHOLE", 0 }, { "REQUEST", SCOLS_FL_WRAP },
	};
	struct libscols_table *table;

	if (!dflow_traces_count(traces))
		return STATUS_OK;
	table = new_table(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < dflow_traces_count(traces); i++)
		add_row(table, dflow_traces_at(traces, i));
	print_table(table);
	return STATUS_OK;
}

/* Nothing fits, or nothing is there. */
static int explain_none(const struct options *o)
{
	if (o->json)
		return STATUS_NOTHING;
	if (o->list.id || o->list.since_ns || o->list.until_ns)
		return complain(STATUS_NOTHING,
				"no request in %s fits; 'dflow ls' without --id, --since and "
				"--until lists all",
				store_path(o->store));
	return complain(STATUS_NOTHING,
			"no request in %s; 'dflow record' adds some, 'dflow doctor' tells why "
			"there are none",
			store_path(o->store));
}

static int run(int argc, char **argv)
{
	struct options o = { .list.sz = sizeof(o.list) };
	struct dflow_traces *traces;
	struct dflow_store *store;
	struct dflow_error error;
	int status = parse_options(argc, argv, &o);

	if (status)
		return status;
	status = open_store(o.store, &store);
	if (status)
		return status;
	if (dflow_store_list(store, &o.list, &traces, &error)) {
		status = complain(STATUS_STORE, "%s", error.message);
	} else {
		status = o.json ? print_json(traces) : print_requests(traces);
		if (!status && !dflow_traces_count(traces))
			status = explain_none(&o);
		dflow_traces_free(traces);
	}
	dflow_store_close(store);
	return status;
}

const struct command cmd_ls = { "ls", "list requests", usage, run };
