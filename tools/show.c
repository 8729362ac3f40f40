// SPDX-License-Identifier: Apache-2.0
/* A trace for people: header and hops. */
#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "cli.h"
#include "fold.h"
#include "show_after.h"
#include "text.h"

/* Of columns of the hops. */
struct widths {
	size_t ends, what, text;
};

/* ---- header ---- */

static void show_ids(const json_t *trace)
{
	struct cell own = { "" };
	const char *kind;
	json_t *id;

	add(&own, "%s", get_str(trace, "trace_id"));
	print_line("trace_id", &own);
	json_object_foreach(json_object_get(trace, "ids"), kind, id)
	{
		struct cell c = { "" };

		if (!json_is_string(id))
			continue;
		add(&c, "%s", json_string_value(id));
		print_line(kind, &c);
	}
}

/* How much there is to look for. */
static void add_length(struct cell *c, const json_t *field)
{
	bool cut = get_num(field, "bytes", -1) < 0 && !*get_str(field, "from_trace");
	const char *matchable = get_str(field, "matchable");

	if (cut) {
		add(c, "%s",
		    strcmp(matchable, "none") ? ", cut short: a limit was reached" :
						", not looked for: a limit was reached");
	} else if (get_num(field, "bytes", -1) >= 0) {
		add(c, ", ");
		add_bytes(c, get_num(field, "bytes", 0));
	}
	if (!strcmp(matchable, "none") && !cut)
		add(c, ", has nothing that can be looked for");
	else if (!strcmp(matchable, "whole-leaf"))
		add(c, ", short: found as a whole value only");
}

static void add_source_field(struct cell *c, const json_t *field)
{
	add(c, "%s", get_str(field, "field"));
	add_length(c, field);
	if (!strcmp(get_str(field, "kind"), "derived"))
		add(c, ", derived%s%s", *get_str(field, "derived_from") ? " from " : "",
		    get_str(field, "derived_from"));
	if (*get_str(field, "from_trace"))
		add(c, ", first sent in %.12s", get_str(field, "from_trace"));
}

static void show_source(const json_t *trace)
{
	const json_t *source = json_object_get(trace, "source"),
		     *client = json_object_get(source, "client");
	const json_t *via = json_object_get(client, "via");
	struct cell from = { "" };
	json_t *field;
	size_t i;

	add(&from, "%s",
	    *get_str(client, "address") ? get_str(client, "address") : "unknown client");
	if (json_array_size(via)) {
		add(&from, " via ");
		add_list(&from, via, ", ");
	}
	print_line("from", &from);
	json_array_foreach(json_object_get(source, "fields"), i, field)
	{
		struct cell c = { "" };

		add_source_field(&c, field);
		print_line(i ? "" : "text", &c);
	}
}

static void show_completeness(const json_t *trace)
{
	const json_t *c = json_object_get(trace, "completeness");
	struct cell text = { "" };
	json_t *j;
	size_t i;

	if (is_true(c, "complete")) {
		add(&text, "yes: nothing of it was lost, unreadable or out of sight");
		print_line("complete", &text);
		return;
	}
	add(&text, "NO");
	if (strcmp(get_str(trace, "state"), "settled"))
		add(&text, "; still open");
	if (get_num(c, "lost_events", 0) || get_num(c, "lost_bytes", 0))
		add(&text, "; %" PRId64 " events and %" PRId64 " bytes lost",
		    get_num(c, "lost_events", 0), get_num(c, "lost_bytes", 0));
	print_line("complete", &text);
	json_array_foreach(json_object_get(c, "reasons"), i, j)
	{
		struct cell line = { "" };

		add(&line, "%s", json_is_string(j) ? json_string_value(j) : "?");
		print_line("", &line);
	}
	json_array_foreach(json_object_get(c, "unread"), i, j)
	{
		struct cell line = { "" };

		add(&line, "unread: ");
		add_bytes(&line, get_num(j, "bytes", 0));
		if (get_num(j, "connection", 0))
			add(&line, " on connection %" PRId64, get_num(j, "connection", 0));
		add(&line, "%s%s", *get_str(j, "why") ? ", " : "", get_str(j, "why"));
		add(&line, "%s%s", *get_str(j, "library") ? ", " : "", get_str(j, "library"));
		print_line("", &line);
	}
	json_array_foreach(json_object_get(c, "blind"), i, j)
	{
		struct cell line = { "" };

		add(&line, "out of sight: %s", json_is_string(j) ? json_string_value(j) : "?");
		print_line("", &line);
	}
}

/* ---- hops ---- */

/* "INSERT messages" into messages.query is "INSERT messages.query". */
static void add_what(struct cell *c, const json_t *hop)
{
	const char *operation = get_str(hop, "operation"), *place = get_str(hop, "place");
	const char *object = strrchr(operation, ' ');
	size_t len = object ? strlen(object + 1) : 0;

	if (len && !strncmp(place, object + 1, len) && (place[len] == '.' || !place[len]))
		add(c, "%.*s %s", (int)(object - operation), operation, place);
	else if (*operation || *place)
		add(c, "%s%s%s", operation, *operation && *place ? " " : "", place);
	else
		add(c, "%s", get_str(hop, "protocol"));
	if (get_num(hop, "occurrences", 1) > 1)
		add(c, " %s%" PRId64, has_utf8() ? "×" : "x", get_num(hop, "occurrences", 1));
}

static void add_notes(struct cell *c, const json_t *hop)
{
	const json_t *evidence = json_object_get(hop, "evidence");
	const char *name = get_str(json_object_get(hop, "to"), "name");

	if (*name && !is_true(hop, "in_vpc")) /* the others are told below */
		add(c, " [%s]", name);
	if (!list_has(evidence, "content"))
		add(c, " [no content seen]");
	if (is_true(hop, "ambiguous"))
		add(c, " [ambiguous]");
	else if (is_true(hop, "common"))
		add(c, " [common text]");
	if (*get_str(hop, "replayed_from"))
		add(c, " [history of %.12s]", get_str(hop, "replayed_from"));
}

static void add_text(struct cell *c, const json_t *hop, unsigned n)
{
	double coverage = json_number_value(json_object_get(hop, "coverage")) * 100;

	/* 100% is said only of all of it. */
	add_field(c, get_str(hop, "field"), n);
	add(c, " %s%.0f%%", strcmp(get_str(hop, "coverage_basis"), "sampled") ? "" : "~",
	    coverage < 100 && coverage > 99 ? 99 : coverage);
}

static void add_link(struct cell *c, const json_t *hop)
{
	const char *version = get_str(json_object_get(hop, "tls"), "version"),
		   *medium = get_str(hop, "medium");

	if (strcmp(medium, "tcp") && strcmp(medium, "udp")) {
		add(c, "%s", medium);
		return;
	}
	if (is_true(hop, "encrypted"))
		add(c, "TLS%s", !strncmp(version, "TLSv", 4) ? version + 4 : "");
	else
		add(c, "%s", is_known(hop, "encrypted") ? "plain" : "?");
	if (is_known(hop, "in_vpc"))
		add(c, " %s", is_true(hop, "in_vpc") ? "vpc" : "OUT");
}

/* n: of its kind that went the same way. */
static void add_hop(struct libscols_table *t, const json_t *hop, unsigned n, const struct widths *w)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	struct cell c[7] = { 0 };

	add(&c[0], "%" PRId64, get_num(hop, "seq", 0));
	add(&c[1], "%.0f", get_num(hop, "first_ns", 0) / 1e6);
	add_endpoint(&c[2], json_object_get(hop, "from"));
	add(&c[2], " %s ", arrow());
	add_endpoint(&c[2], json_object_get(hop, "to"));
	wrap(&c[2], w->ends);
	add_what(&c[3], hop);
	add_notes(&c[3], hop);
	wrap(&c[3], w->what);
	add_text(&c[4], hop, n);
	wrap(&c[4], w->text);
	add_link(&c[5], hop);
	add_residency(&c[6], hop);
	wrap(&c[6], 10);
	for (int i = 0; i < 7; i++)
		set(line, i, c[i]);
}

static void show_hops(const json_t *trace)
{
	static const struct widths wide = { CELL, 32, 13 }, narrow = { 17, 24, 10 };
	static const struct column columns[] = {
		{ "#", SCOLS_FL_RIGHT },	{ "MS", SCOLS_FL_RIGHT },
		{ "FROM - TO", SCOLS_FL_WRAP }, { "WHAT", SCOLS_FL_WRAP },
		{ "TEXT", SCOLS_FL_WRAP },	{ "LINK", SCOLS_FL_WRAP },
		{ "STAYS", SCOLS_FL_WRAP },
	};
	const json_t *hops = json_object_get(trace, "hops");
	struct libscols_table *t;
	json_t *hop;
	size_t i;

	if (!json_array_size(hops)) {
		puts(is_true(json_object_get(trace, "completeness"), "complete") ?
			     "\nNo hop: the text was not seen anywhere else." :
			     "\nNo hop was seen; it may have been missed, for the reasons above.");
		return;
	}
	puts("");
	put_lines(stdout,
		  "Hops: each time the text was seen crossing (MS: milliseconds after the request "
		  "began)",
		  0, page_columns(), "");
	t = new_table(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(hops, i, hop)
	{
		unsigned n = fold_hop(hops, i);

		if (n)
			add_hop(t, hop, n, page_columns() < MAX_COLUMNS ? &narrow : &wide);
	}
	print_table(t);
}

void show_trace(const json_t *trace)
{
	struct cell title = { "" };

	add(&title, "%s  %.19s UTC  %s",
	    *get_str(json_object_get(trace, "source"), "operation") ?
		    get_str(json_object_get(trace, "source"), "operation") :
		    "request",
	    get_str(trace, "started"), get_str(trace, "state"));
	puts(make_printable(title.text));
	show_ids(trace);
	show_source(trace);
	show_completeness(trace);
	show_hops(trace);
	show_after(trace);
}
