// SPDX-License-Identifier: Apache-2.0
/* dflow replay: a packet capture or a recording into a store. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "text.h"

static const char usage
	[] = "usage: dflow replay [OPTION]... FILE...\n"
	     "Reads packet captures (pcap, pcapng) or recordings (made by 'dflow record\n"
	     "--keep-payload') into a store, as if they had been recorded live.\n\n"
	     "  --config=FILE   rules and names (docs/configuration.md)\n"
	     "  -o json|text    how to print the summary (text)\n"
	     "  --store=FILE    the store ($DFLOW_STORE, else /var/lib/dflow/store.db); made\n"
	     "                  when there is none\n\n"
	     "Exit status: 0 done, 1 done, but no request was in it, 2 usage or configuration,\n"
	     "5 the store cannot be written, 6 FILE cannot be read.\n";

struct options {
	const char *store, *config;
	bool json;
};

static int set_option(void *ud, int c)
{
	struct options *o = ud;

	if (c == 'o')
		return set_output(optarg, &o->json);
	if (c == 'c')
		o->config = optarg;
	if (c == 'S')
		o->store = optarg;
	return STATUS_OK;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "store", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int status = read_options(&cmd_replay, argc, argv, "o:h", longs, set_option, o);

	if (!status && optind == argc) {
		complain(STATUS_USAGE, "replay needs a FILE");
		return complain_usage(&cmd_replay);
	}
	return status;
}

static void print_summary(const char *file, const struct dflow_stats *s, bool json)
{
	char text[256];

	if (json) {
		printf("{\"schema\":\"dflow.replay/1\",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
		       ",\"lost_events\":%" PRIu64 ",\"lost_bytes\":%" PRIu64
		       ",\"requests\":%" PRIu64 ",\"hops\":%" PRIu64 ",\"settled\":%" PRIu64
		       ",\"dropped\":%" PRIu64 ",\"limits\":[",
		       s->events, s->bytes, s->lost_events, s->lost_bytes, s->requests, s->hops,
		       s->settled, s->dropped);
		for (uint32_t i = 0; i < s->n_limits; i++)
			printf("%s{\"name\":\"%s\",\"hits\":%" PRIu64 "}", i ? "," : "",
			       s->limits[i].name, s->limits[i].hits);
		printf("]}\n");
		return;
	}
	snprintf(text, sizeof(text),
		 "%" PRIu64 " requests, %" PRIu64 " hops; %" PRIu64 " events, %" PRIu64
		 " bytes, %" PRIu64 " bytes missing",
		 s->requests, s->hops, s->events, s->bytes, s->lost_bytes);
	put_lines(stdout, text, printf("%s: ", file), terminal_columns(STDOUT_FILENO), "  ");
	if (s->lost_events)
		printf("lost events: %" PRIu64
		       " (while recording, or because the file is cut off)\n",
		       s->lost_events);
	for (uint32_t i = 0; i < s->n_limits; i++)
		printf("limit reached %" PRIu64 " times: %s\n", s->limits[i].hits,
		       s->limits[i].name);
}

static int run(int argc, char **argv)
{
	struct options o = { 0 };
	struct dflow_replay_opts opts = { .sz = sizeof(opts) };
	uint64_t requests = 0;
	int status = parse_options(argc, argv, &o);

	if (status)
		return status;
	opts.store = store_path(o.store);
	opts.config = o.config;
	for (; optind < argc; optind++) {
		struct dflow_stats stats = { .sz = sizeof(stats) };
		struct dflow_error error;

		if (dflow_replay(argv[optind], &opts, &stats, &error))
			return complain(status_of(&error), "%s", error.message);
		print_summary(argv[optind], &stats, o.json);
		say_unknown(&stats, opts.store);
		requests += stats.requests;
	}
	return requests ? STATUS_OK : STATUS_NOTHING;
}

const struct command cmd_replay = { "replay", "read a packet capture or a recording into a store",
				    usage, run };
