// SPDX-License-Identifier: Apache-2.0
/* dflow replay: a packet capture or a recording into a store. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/status_line.h"
#include "cli/text.h"
#include "cli/value.h"
#include "command.h"
#include "output/format.h"
#include "show/cell.h"

#define DISPATCH_EVENTS 64 /* few, so that Ctrl-C is seen soon */

static const char *config;
static bool progress;

static const struct option_row rows[] = {
	{ .name = "config",
	  .value = "FILE",
	  .type = &value_file,
	  .into = &config,
	  .help = "rules and names (docs/configuration.md)" },
	{ .name = "progress",
	  .into = &progress,
	  .help = "show once a second how much was read and how long the rest takes, also when "
		  "standard error is no terminal" },
};
static const struct option_group own_group = { NULL, rows, sizeof(rows) / sizeof(rows[0]) };

/* ---- the summary of one file ---- */

struct summary {
	const char *file;
	const struct dflow_recorder *recorder;
	const struct dflow_stats *stats;
};

static int add_limit(void *limits, const char *name, uint64_t hits)
{
	return json_array_append_new(
		limits, json_pack("{s:s, s:I}", "name", name, "hits", (json_int_t)hits));
}

static void add_limits(json_t *summary, const struct dflow_recorder *recorder)
{
	json_t *limits = json_array();

	dflow_recorder_limits(recorder, add_limit, limits);
	json_object_set_new(summary, "limits", limits);
}

/* docs/formats.md: dflow.replay/1. */
static json_t *to_object(const void *item)
{
	const struct summary *summary = item;
	const struct dflow_stats *s = summary->stats;
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "schema",
			      "dflow.replay/1", "events", (json_int_t)s->events, "bytes",
			      (json_int_t)s->bytes, "lost_events", (json_int_t)s->lost_events,
			      "lost_bytes", (json_int_t)s->lost_bytes, "requests",
			      (json_int_t)s->requests, "hops", (json_int_t)s->hops, "settled",
			      (json_int_t)s->settled, "dropped", (json_int_t)s->dropped);

	if (!o)
		return NULL;
	add_limits(o, summary->recorder);
	json_object_set_new(o, "file", json_string(summary->file));
	return o;
}

static char *to_json(const void *item)
{
	json_t *o = to_object(item);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

static int print_limit(void *ud, const char *name, uint64_t hits)
{
	printf("limit reached %" PRIu64 " times: %s\n", hits, name);
	return 0;
}

static int show(const void *item, bool first, bool wide)
{
	const struct summary *summary = item;
	const struct dflow_stats *s = summary->stats;
	char text[256];

	snprintf(text, sizeof(text),
		 "%" PRIu64 " requests, %" PRIu64 " hops; %" PRIu64 " events, %" PRIu64
		 " bytes, %" PRIu64 " bytes missing",
		 s->requests, s->hops, s->events, s->bytes, s->lost_bytes);
	put_lines(stdout, text, printf("%s: ", summary->file), terminal_columns(STDOUT_FILENO),
		  "  ");
	if (s->lost_events)
		printf("lost events: %" PRIu64
		       " (while recording, or because the file is cut off)\n",
		       s->lost_events);
	dflow_recorder_limits(summary->recorder, print_limit, NULL);
	return STATUS_OK;
}

static const struct field fields[] = {
	{ "file", "file" },	  { "requests", "requests" },	    { "hops", "hops" },
	{ "settled", "settled" }, { "dropped", "dropped" },	    { "events", "events" },
	{ "bytes", "bytes" },	  { "lost_events", "lost_events" }, { "lost_bytes", "lost_bytes" },
};

static const struct kind kind = {
	.json = to_json,
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.object = to_object,
	.show = show,
};

/* ---- replaying ---- */

/*
 * Reads to the end of the file, or until Ctrl-C. The first error counts; what was read before it is
 * stored.
 */
static int read_to_end(struct dflow_recorder *recorder, const char *file,
		       struct dflow_error *ret_error)
{
	uint64_t done, total;
	struct progress p;
	int n, r;

	progress_begin(&p, file, progress);
	do {
		n = dflow_recorder_dispatch(recorder, DISPATCH_EVENTS, ret_error);
		if (!dflow_recorder_progress(recorder, &done, &total))
			progress_show(&p, done, total);
	} while (n > 0 && !interrupted());
	progress_end(&p);
	r = dflow_recorder_stop(recorder, n < 0 ? NULL : ret_error);
	return n < 0 ? n : r;
}

/* Adds the requests that were in it to *requests. */
static int replay_file(const char *file, struct printer *printer, uint64_t *requests)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts),
					  .store = store_path(),
					  .config = config };
	struct dflow_stats stats = { .sz = sizeof(stats) };
	struct dflow_recorder *recorder;
	struct dflow_error error;
	int status;

	if (dflow_recorder_open_file(file, &opts, &recorder, &error))
		return complain(status_of(&error), "%s", error.message);
	if (read_to_end(recorder, file, &error)) {
		dflow_recorder_free(recorder);
		return complain(status_of(&error), "%s", error.message);
	}
	dflow_recorder_stats(recorder, &stats);
	status = print_item(printer, &(struct summary){ file, recorder, &stats });
	dflow_recorder_free(recorder);
	say_unknown(&stats, opts.store);
	*requests += stats.requests;
	return status;
}

static int run(int n_words, char **words)
{
	struct printer printer;
	uint64_t requests = 0;
	int status = print_begin(&printer, &kind, true);

	watch_interrupt();
	for (int i = 0; i < n_words && !status && !interrupted(); i++)
		status = replay_file(words[i], &printer, &requests);
	if (!status)
		status = print_end(&printer);
	if (!status && interrupted())
		status = STATUS_INTERRUPTED;
	if (!status && !requests)
		status = STATUS_NOTHING;
	return status;
}

static const struct option_group *const groups[] = { &own_group, &output_group, &store_group,
						     &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "done" },
	{ STATUS_NOTHING, "done, but no request was in it" },
	{ STATUS_USAGE, "the command line or the configuration is wrong" },
	{ STATUS_STORE, "the store or standard output cannot be written" },
	{ STATUS_FILE, "FILE cannot be read" },
	{ STATUS_INTERRUPTED, "Ctrl-C ended it; what was read until then is in the store" },
	{ 0, NULL },
};

const struct command cmd_replay = {
	.name = "replay",
	.summary = "read a packet capture or a recording into a store",
	.synopsis = "[OPTION]... FILE...",
	.about = "Reads packet captures (pcap, pcapng) or recordings (made by 'dflow record "
		 "--keep-payload') into a store, as if they had been recorded live. The store is "
		 "made if there is none.",
	.groups = groups,
	.statuses = statuses,
	.word = "FILE",
	.word_type = &value_file,
	.min_words = 1,
	.run = run,
};
