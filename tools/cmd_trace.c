// SPDX-License-Identifier: Apache-2.0
/* dflow trace: the trace of any known id. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/standard_output.h"
#include "cli/status_line.h"
#include "cli/value.h"
#include "command.h"
#include "output/format.h"
#include "show/document.h"
#include "show/trace.h"

#define NO_WAIT UINT64_MAX
#define MAX_CANDIDATES 20
#define LOOK_EVERY_MS 200

static uint64_t wait_ns = NO_WAIT;
static bool follow;

static const struct option_row rows[] = {
	{ .name = "wait",
	  .value = "TIME",
	  .type = &value_duration,
	  .into = &wait_ns,
	  .if_bare = "60s",
	  .help = "wait until the request is there and settled, but at most so long (60s); "
		  "'--wait 5 ID' is '--wait=5 ID'" },
	{ .letter = 'f',
	  .name = "follow",
	  .into = &follow,
	  .help = "wait as --wait does, without end unless --wait sets one; meanwhile show each "
		  "hop when it is seen" },
};
static const struct option_group own_group = { NULL, rows, sizeof(rows) / sizeof(rows[0]) };

static char *to_json(const void *item)
{
	return document_text(item);
}

static json_t *to_object(const void *item)
{
	return document_object(item);
}

static int show(const void *item, bool first, bool wide)
{
	json_t *trace = document_object(item);
	int status;

	if (!trace)
		return complain(STATUS_STORE, "out of memory for a trace");
	if (!first)
		puts("");
	status = show_trace(trace, wide);
	json_decref(trace);
	return status;
}

static const struct kind kind = {
	.json = to_json,
	.fields = hop_fields,
	.n_fields = N_HOP_FIELDS,
	.object = to_object,
	.rows = "hops",
	.show = show,
};

/* ---- an id that is not there, or not clear ---- */

static int print_candidate(void *ud, const char *key, const char *id_kind, const char *trace_id)
{
	int *n = ud;

	if (++*n > MAX_CANDIDATES)
		fputs("  …\n", stderr);
	else
		fprintf(stderr, "  %-16s %s\n", id_kind, key);
	return 0;
}

/* r: what dflow_store_find() returned. Says what can be done about it. */
static int explain(struct dflow_store *store, const char *id, int r,
		   const struct dflow_error *error)
{
	int n = 0;

	switch (r) {
	case -ENOENT:
		return complain(STATUS_NOTHING, "%s; 'dflow ls' lists what is there%s",
				error->message, wait_ns == NO_WAIT ? ", --wait waits for it" : "");
	case -EINVAL:
		return complain(STATUS_USAGE, "%s", error->message);
	case -ENOTUNIQ:
		complain(STATUS_AMBIGUOUS, "'%s': %s", id, error->message);
		dflow_store_candidates(store, id, MAX_CANDIDATES + 1, print_candidate, &n, NULL);
		return STATUS_AMBIGUOUS;
	default:
		return complain(STATUS_STORE, "%s", error->message);
	}
}

/* ---- one look ---- */

static bool all_settled(const struct dflow_traces *traces)
{
	for (size_t i = 0; i < dflow_traces_count(traces); i++)
		if (!dflow_trace_settled(dflow_traces_at(traces, i)))
			return false;
	return true;
}

static int print_all(const struct dflow_traces *traces, struct printer *printer)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < dflow_traces_count(traces) && !status; i++)
		status = print_item(printer, dflow_traces_at(traces, i));
	return status;
}

static int not_settled(void)
{
	return complain(STATUS_NOT_SETTLED,
			"not settled within the time of --wait; shown is what is known so far");
}

/* When the time of --wait is over. */
static uint64_t deadline_ms(void)
{
	return wait_ns == NO_WAIT ? UINT64_MAX : now_ms() + wait_ns / 1000000;
}

/* Looks, or waits as --wait says. Returns what dflow_store_find() does, or -ECANCELED. */
static int find_or_wait(struct dflow_store *store, const char *id, struct dflow_traces **ret_traces,
			struct dflow_error *error)
{
	struct dflow_wait_opts opts = { .sz = sizeof(opts),
					.timeout_ns = wait_ns ? wait_ns : 1,
					.cancel_fd = interrupt_fd() };

	if (wait_ns == NO_WAIT)
		return dflow_store_find(store, id, ret_traces, error);
	return dflow_store_wait(store, id, &opts, ret_traces, error);
}

/* Without --follow: prints everything in one go. */
static int print_once(struct dflow_store *store, const char *id)
{
	struct dflow_traces *traces;
	struct dflow_error error;
	struct printer printer;
	int status, r = find_or_wait(store, id, &traces, &error);

	if (r == -ECANCELED)
		return STATUS_INTERRUPTED;
	if (r)
		return explain(store, id, r, &error);
	status = print_begin(&printer, &kind, false);
	if (!status)
		status = print_all(traces, &printer);
	if (!status)
		status = print_end(&printer);
	if (!status && wait_ns != NO_WAIT && !all_settled(traces))
		status = not_settled();
	dflow_traces_free(traces);
	return status;
}

/* ---- --follow ---- */

/* Prints the hops that were not seen at the last look. shown: trace ids with a number of hops. */
static int show_news(const struct dflow_trace *t, json_t *shown)
{
	size_t n = (size_t)json_integer_value(json_object_get(shown, dflow_trace_id(t)));
	json_t *trace;

	if (json_object_get(shown, dflow_trace_id(t)) && n == dflow_trace_hop_count(t))
		return STATUS_OK;
	trace = document_object(t);
	if (!trace)
		return complain(STATUS_STORE, "out of memory for a trace");
	if (!json_object_get(shown, dflow_trace_id(t)))
		show_title(trace);
	show_new_hops(trace, n);
	json_decref(trace);
	json_object_set_new(shown, dflow_trace_id(t),
			    json_integer((json_int_t)dflow_trace_hop_count(t)));
	return flush_output();
}

/* Prints the whole trace if it has changed since the last look. shown: trace ids with documents. */
static int print_if_changed(const struct dflow_trace *t, json_t *shown, struct printer *printer)
{
	char *text = document_text(t);
	const char *old = json_string_value(json_object_get(shown, dflow_trace_id(t)));
	bool same = text && old && !strcmp(text, old);

	if (text && !same)
		json_object_set_new(shown, dflow_trace_id(t), json_string(text));
	free(text);
	return same ? STATUS_OK : print_item(printer, t);
}

/* One look. Sets ret_over when all is settled. */
static int follow_once(const struct dflow_traces *traces, json_t *shown, struct printer *printer,
		       bool *ret_over)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < dflow_traces_count(traces) && !status; i++) {
		const struct dflow_trace *t = dflow_traces_at(traces, i);

		status = is_for_people() ? show_news(t, shown) :
					   print_if_changed(t, shown, printer);
	}
	*ret_over = all_settled(traces);
	if (!status && *ret_over && is_for_people()) {
		puts("");
		status = print_all(traces, printer);
	}
	return status;
}

/* Looks five times a second, until all is settled, the time of --wait is over, or Ctrl-C. */
static int follow_until_settled(struct dflow_store *store, const char *id, struct printer *printer,
				json_t *shown)
{
	uint64_t end_ms = deadline_ms();

	for (;;) {
		struct dflow_traces *traces;
		struct dflow_error error;
		bool over = false;
		int status = STATUS_OK, r = dflow_store_find(store, id, &traces, &error);

		if (!r) {
			status = follow_once(traces, shown, printer, &over);
			dflow_traces_free(traces);
		}
		if (status || over)
			return status;
		if ((r && r != -ENOENT) || (r && now_ms() >= end_ms))
			return explain(store, id, r, &error);
		if (now_ms() >= end_ms)
			return not_settled();
		if (sleep_or_interrupt(LOOK_EVERY_MS))
			return STATUS_INTERRUPTED;
	}
}

static int follow_trace(struct dflow_store *store, const char *id)
{
	json_t *shown = json_object();
	struct printer printer;
	int status = print_begin(&printer, &kind, true);

	if (!status)
		status = follow_until_settled(store, id, &printer, shown);
	json_decref(shown);
	return status;
}

static int run(int n_words, char **words)
{
	struct dflow_store *store;
	int status = open_store(&store);

	if (status)
		return status;
	if (follow || wait_ns != NO_WAIT)
		watch_interrupt();
	status = follow ? follow_trace(store, words[0]) : print_once(store, words[0]);
	dflow_store_close(store);
	return status;
}

static const struct option_group *const groups[] = { &own_group, &output_group, &store_group,
						     &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "the trace was shown" },
	{ STATUS_NOTHING, "there is no such request" },
	{ STATUS_USAGE, "the command line is wrong, or ID is too short" },
	{ STATUS_AMBIGUOUS, "the beginning of an id fits several" },
	{ STATUS_STORE, "the store cannot be read, or standard output cannot be written" },
	{ STATUS_NOT_SETTLED, "the time of --wait is over; what is known was shown" },
	{ STATUS_INTERRUPTED, "Ctrl-C ended --wait or --follow" },
	{ 0, NULL },
};

const struct command cmd_trace = {
	.name = "trace",
	.summary = "show where the text of a request was seen",
	.synopsis = "[OPTION]... ID",
	.about = "Shows where the text of a request was seen.\n\n"
		 "ID is an X-Amzn-Trace-Id, X-Request-Id, traceparent, message_id, task_id, "
		 "conversation_id, workflow_run_id, upload_file_id, document_id, dflow's own trace "
		 "id, or the beginning of one: 4 characters or more that fit only one. A "
		 "conversation_id shows all its requests, in order.",
	.groups = groups,
	.statuses = statuses,
	.word = "ID",
	.word_type = &value_id,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
