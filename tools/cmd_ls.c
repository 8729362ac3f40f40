// SPDX-License-Identifier: Apache-2.0
/* dflow ls: the requests of a store, filtered. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/interrupt.h"
#include "cli/text.h"
#include "cli/value.h"
#include "command.h"
#include "output/format.h"
#include "show/cell.h"
#include "show/document.h"

#define SECOND_NS 1000000000ll
#define FOLLOW_EVERY_MS 500
#define LOOK_BACK_NS (60 * SECOND_NS)

static struct dflow_list_opts list = { .sz = sizeof(list) };
static bool follow;

static const struct option_row rows[] = {
	{ .name = "since",
	  .value = "TIME",
	  .type = &value_time,
	  .into = &list.since_ns,
	  .help = "only requests that started at this time or later: 2026-03-01T12:00:00Z, "
		  "2026-03-01, or 2h30m ago" },
	{ .name = "until",
	  .value = "TIME",
	  .type = &value_time,
	  .into = &list.until_ns,
	  .help = "only requests that started before this time" },
	{ .name = "id",
	  .value = "ID",
	  .type = &value_id,
	  .into = &list.id,
	  .help = "only requests with an id that is ID or begins with it; a conversation_id "
		  "lists its requests" },
	{ .letter = 'n',
	  .name = "limit",
	  .value = "N",
	  .type = &value_count,
	  .into = &list.limit,
	  .help = "only the newest N" },
	{ .letter = 'f',
	  .name = "follow",
	  .into = &follow,
	  .help = "then wait for more, until Ctrl-C: a request is listed when it begins and again "
		  "when it is settled" },
};
static const struct option_group own_group = { NULL, rows, sizeof(rows) / sizeof(rows[0]) };

/* ---- one request ---- */

static const char *whole_word(const struct dflow_trace *t)
{
	if (!dflow_trace_settled(t))
		return "open";
	return dflow_trace_complete(t) ? "yes" : "no";
}

static enum style whole_style(const struct dflow_trace *t)
{
	if (!dflow_trace_settled(t))
		return STYLE_NOTE;
	return dflow_trace_complete(t) ? STYLE_GOOD : STYLE_ALARM;
}

/* An element of "requests" (docs/formats.md). */
static char *to_json(const void *item)
{
	char *text;

	return dflow_trace_list_json(item, &text) ? NULL : text;
}

/* Only what the store knows without unpacking the whole trace. */
static json_t *to_object(const void *item)
{
	static const char *const kinds[] = { "message_id", "conversation_id", "task_id",
					     "workflow_run_id", "x_amzn_trace_id" };
	const struct dflow_trace *t = item;
	json_t *row = json_object();
	char second[32], started[64];

	format_time(dflow_trace_started_ns(t), "%Y-%m-%dT%H:%M:%S", second, sizeof(second));
	snprintf(started, sizeof(started), "%s.%09lldZ", second,
		 (long long)(dflow_trace_started_ns(t) % SECOND_NS));
	json_object_set_new(row, "started", json_string(started));
	json_object_set_new(row, "trace_id", json_string(dflow_trace_id(t)));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *id = dflow_trace_other_id(t, kinds[i]);

		json_object_set_new(row, kinds[i], id ? json_string(id) : json_null());
	}
	json_object_set_new(row, "hops", json_integer((json_int_t)dflow_trace_hop_count(t)));
	json_object_set_new(row, "settled", json_boolean(dflow_trace_settled(t)));
	json_object_set_new(row, "complete", json_boolean(dflow_trace_complete(t)));
	json_object_set_new(row, "operation", json_string(dflow_trace_operation(t)));
	return row;
}

static const struct field fields[] = {
	{ "started", "started" },
	{ "trace_id", "trace_id" },
	{ "message_id", "message_id" },
	{ "conversation_id", "conversation_id" },
	{ "task_id", "task_id" },
	{ "workflow_run_id", "workflow_run_id" },
	{ "x_amzn_trace_id", "x_amzn_trace_id" },
	{ "hops", "hops" },
	{ "settled", "settled" },
	{ "complete", "complete" },
	{ "operation", "operation" },
};

/* ---- for people ---- */

/*
 * Rows are printed as they come, so that a list of any length needs no memory and --follow looks
 * the same. So the widths are fixed: by the page, not by what the rows hold. The last column takes
 * the rest.
 */
struct layout {
	int least_page; /* columns that the page must have */
	const char *time_heading, *time_shape;
	int time, trace, message, conversation; /* widths; 0: no such column */
};

static const struct layout wide_layout = {
	0, "STARTED (UTC)", "%Y-%m-%d %H:%M:%S", 19, 32, 36, 36
};
static const struct layout layouts[] = {
	{ 99, "STARTED (UTC)", "%Y-%m-%d %H:%M:%S", 19, 8, 36, 0 },
	{ 76, "STARTED (UTC)", "%Y-%m-%d %H:%M:%S", 19, 8, 13, 0 },
	{ 0, "STARTED (UTC)", "%m-%d %H:%M:%S", 14, 0, 13, 0 },
};

/* The first layout that the page has room for. */
static const struct layout *layout_of_page(bool wide)
{
	const struct layout *l = layouts;

	while (page_columns() < l->least_page)
		l++;
	return wide ? &wide_layout : l;
}

/* Prints the first `width` characters of an ASCII text, and a blank. Returns the columns. */
static int put_column(const char *text, int width)
{
	return width ? printf("%-*.*s ", width, width, text) : 0;
}

static void put_heading_row(const struct layout *l)
{
	fputs(style_on(STYLE_HEAD), stdout);
	put_column(l->time_heading, l->time);
	put_column("TRACE", l->trace);
	put_column("MESSAGE", l->message);
	put_column("CONVERSATION", l->conversation);
	printf("HOPS WHOLE REQUEST%s\n", style_off(STYLE_HEAD));
}

/* The last column, folded. `column`: where it begins. */
static void put_request(const char *operation, int column)
{
	struct cell c = { "" };
	int before = 0;

	add(&c, "%s", operation ? operation : "-");
	make_printable(c.text);
	wrap(&c, (size_t)(page_columns() - column));
	for (char *line = strtok(c.text, "\n"); line; line = strtok(NULL, "\n")) {
		printf("%*s%s\n", before, "", line);
		before = column;
	}
}

static int show(const void *item, bool first, bool wide)
{
	const struct layout *l = layout_of_page(wide);
	const struct dflow_trace *t = item;
	const char *message = dflow_trace_other_id(t, "message_id"),
		   *conversation = dflow_trace_other_id(t, "conversation_id");
	char started[64];
	int column;

	if (first)
		put_heading_row(l);
	/* Without a column for it, the trace id stands where there is no message id. */
	if (!message)
		message = l->trace ? "-" : dflow_trace_id(t);
	format_time(dflow_trace_started_ns(t), l->time_shape, started, sizeof(started));
	column = put_column(started, l->time);
	column += put_column(dflow_trace_id(t), l->trace);
	column += put_column(message, l->message);
	column += put_column(conversation ? conversation : "-", l->conversation);
	column += printf("%4zu ", dflow_trace_hop_count(t));
	printf("%s%-5s%s ", style_on(whole_style(t)), whole_word(t), style_off(whole_style(t)));
	put_request(dflow_trace_operation(t), column + (int)strlen("WHOLE "));
	return STATUS_OK;
}

static const struct kind kind = {
	.schema = "dflow.ls/1",
	.list = "requests",
	.json = to_json,
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.object = to_object,
	.show = show,
};

/* ---- the list ---- */

/* Nothing fits, or nothing is there. */
static int explain_none(void)
{
	if (!is_for_people())
		return STATUS_NOTHING;
	if (list.id || list.since_ns || list.until_ns)
		return complain(STATUS_NOTHING,
				"no request in %s fits; 'dflow ls' without --id, --since and "
				"--until lists all",
				store_path());
	return complain(STATUS_NOTHING,
			"no request in %s; 'dflow record' adds some, 'dflow doctor' tells why "
			"there are none",
			store_path());
}

static json_t *losses; /* of the time that is listed */

static int add_loss(void *ud, const struct dflow_loss *loss)
{
	char from[64], to[64];

	format_time(loss->from_ns, "%Y-%m-%dT%H:%M:%SZ", from, sizeof(from));
	format_time(loss->to_ns, "%Y-%m-%dT%H:%M:%SZ", to, sizeof(to));
	json_array_append_new(losses, json_pack("{s:s, s:s, s:I, s:I, s:s}", "from", from, "to", to,
						"events", (json_int_t)loss->events, "bytes",
						(json_int_t)loss->bytes, "why", loss->why));
	return 0;
}

static int read_losses(struct dflow_store *store)
{
	struct dflow_error error;

	losses = json_array();
	if (dflow_store_losses(store, list.since_ns, list.until_ns, add_loss, NULL, &error))
		return complain(STATUS_STORE, "%s", error.message);
	return STATUS_OK;
}

/* What was sent then may be in no row. */
static void show_losses(void)
{
	json_t *loss;
	size_t i;

	json_array_foreach(losses, i, loss)
	{
		const char *from = json_string_value(json_object_get(loss, "from")),
			   *to = json_string_value(json_object_get(loss, "to"));
		json_int_t bytes = json_integer_value(json_object_get(loss, "bytes"));
		char size[32];

		format_bytes(size, sizeof(size), (unsigned long long)bytes);
		complain(STATUS_OK,
			 "from %s to %s %" JSON_INTEGER_FORMAT " events (%s) were not seen: %s; "
			 "requests of that time may be missing",
			 from, to, json_integer_value(json_object_get(loss, "events")), size,
			 json_string_value(json_object_get(loss, "why")));
	}
}

/*
 * What --follow remembers of the requests that it has printed. A request can reach the store after
 * one that began later, and an open one is looked at until it is settled. So each look begins
 * LOOK_BACK_NS before the newest request, or at the oldest open one; what settled before that is
 * forgotten.
 */
struct seen {
	json_t *open, *settled; /* trace ids as keys, with the starts of the requests */
	int64_t oldest_ns;	/* the start of the first one that was printed; 0: none was */
	int64_t newest_ns;	/* the latest start */
};

#define FORGET_EVERY 4096 /* so many settled requests: how much a long list needs at the most */

static void forget_old(struct seen *seen)
{
	const char *id;
	json_t *started;
	void *next;

	json_object_foreach_safe(seen->settled, next, id,
				 started) if (json_integer_value(started) <
					      seen->newest_ns - LOOK_BACK_NS)
		json_object_del(seen->settled, id);
}

/* True: it is new, or was open when it was printed and is settled now. */
static bool is_news(struct seen *seen, const struct dflow_trace *t)
{
	const char *id = dflow_trace_id(t);
	int64_t started_ns = dflow_trace_started_ns(t);

	if (json_object_get(seen->settled, id) ||
	    (json_object_get(seen->open, id) && !dflow_trace_settled(t)))
		return false;
	if (!seen->oldest_ns)
		seen->oldest_ns = started_ns;
	if (started_ns > seen->newest_ns)
		seen->newest_ns = started_ns;
	json_object_del(seen->open, id);
	json_object_set_new(dflow_trace_settled(t) ? seen->settled : seen->open, id,
			    json_integer(started_ns));
	if (json_object_size(seen->settled) % FORGET_EVERY == 0)
		forget_old(seen);
	return true;
}

/* Steps through the list, so that it may have any length. seen: NULL without --follow. */
static int print_requests(struct dflow_store *store, struct printer *printer, struct seen *seen)
{
	const struct dflow_trace *t;
	struct dflow_cursor *cursor;
	struct dflow_error error;
	int status = STATUS_OK, r;

	if (dflow_cursor_open(store, &list, &cursor, &error))
		return complain(STATUS_STORE, "%s", error.message);
	while (!status && (r = dflow_cursor_next(cursor, &t, &error)) > 0)
		if (!seen || is_news(seen, t))
			status = print_item(printer, t);
	if (!status && r < 0)
		status = complain(STATUS_STORE, "%s", error.message);
	dflow_cursor_close(cursor);
	return status;
}

/* Where the next look begins. */
static void move_on(struct seen *seen)
{
	int64_t since_ns = seen->newest_ns - LOOK_BACK_NS;
	const char *id;
	json_t *started;

	if (list.limit && seen->oldest_ns)
		list.since_ns = seen->oldest_ns; /* what --limit left out is no news */
	list.limit = 0;
	json_object_foreach(seen->open, id, started) if (json_integer_value(started) < since_ns)
		since_ns = json_integer_value(started);
	if (since_ns > list.since_ns)
		list.since_ns = since_ns;
	forget_old(seen);
}

/* The list, then a look every half second, until Ctrl-C or an error. */
static int follow_requests(struct dflow_store *store, struct printer *printer)
{
	struct seen seen = { .open = json_object(), .settled = json_object() };
	int status = print_requests(store, printer, &seen);

	while (!status) {
		move_on(&seen);
		status = sleep_or_interrupt(FOLLOW_EVERY_MS) ?
				 STATUS_INTERRUPTED :
				 print_requests(store, printer, &seen);
	}
	json_decref(seen.open);
	json_decref(seen.settled);
	return status;
}

static int run(int n_words, char **words)
{
	struct dflow_store *store;
	json_t *more = NULL;
	struct printer printer;
	int status = open_store(&store);

	if (status)
		return status;
	if (follow)
		watch_interrupt();
	status = read_losses(store);
	if (!status)
		status = print_begin(&printer, &kind, follow);
	if (!status && follow)
		show_losses();
	if (!status)
		status = follow ? follow_requests(store, &printer) :
				  print_requests(store, &printer, NULL);
	if (!status) {
		printer.more = more = json_pack("{s:O}", "losses", losses);
		status = print_end(&printer);
	}
	if (!status && !prints_more(&printer) && !follow)
		show_losses();
	if (!status && !printer.n)
		status = explain_none();
	json_decref(more);
	json_decref(losses);
	dflow_store_close(store);
	return status;
}

static const struct option_group *const groups[] = { &own_group, &output_group, &store_group,
						     &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "some were found" },
	{ STATUS_NOTHING, "none was found" },
	{ STATUS_USAGE, "the command line is wrong" },
	{ STATUS_STORE, "the store cannot be read, or standard output cannot be written" },
	{ STATUS_INTERRUPTED, "Ctrl-C ended --follow" },
	{ 0, NULL },
};

const struct command cmd_ls = {
	.name = "ls",
	.summary = "list requests",
	.synopsis = "[OPTION]...",
	.about = "Lists the requests of a store, oldest first.",
	.groups = groups,
	.statuses = statuses,
	.run = run,
};
