// SPDX-License-Identifier: Apache-2.0
/* A trace for people: header and hops. */
#include "show/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/text.h"
#include "show/after.h"
#include "show/cell.h"
#include "show/fold.h"
#include "show/table.h"

#define NARROW 78 /* on a narrower page LINK and STAYS share one column */

/* ---- header ---- */

/* dflow's own id, then those that were seen, each with its kind. */
static void show_ids(const json_t *trace)
{
	struct cell own = { "" };
	const char *kind;
	json_t *id;

	add(&own, "%s", get_str(trace, "trace_id"));
	print_line("trace_id", &own, STYLE_NONE);
	json_object_foreach(json_object_get(trace, "ids"), kind, id)
	{
		struct cell c = { "" };

		if (!json_is_string(id))
			continue;
		add(&c, "%s", json_string_value(id));
		print_line(kind, &c, STYLE_NONE);
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
	else if (!strcmp(matchable, "binary"))
		add(c, ", binary: found by its bytes");
}

/* "answer, 170 bytes, derived from POST …" */
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

/* Who sent the request, and which texts are followed. */
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
	print_line("from", &from, STYLE_NONE);
	json_array_foreach(json_object_get(source, "fields"), i, field)
	{
		struct cell c = { "" };

		add_source_field(&c, field);
		print_line(i ? "" : "text", &c, STYLE_NONE);
	}
}

/* Bytes that passed in a form that could not be read. */
static void show_unread(const json_t *unread)
{
	struct cell c = { "unread: " };

	add_bytes(&c, get_num(unread, "bytes", 0));
	if (get_num(unread, "connection", 0))
		add(&c, " on connection %" PRId64, get_num(unread, "connection", 0));
	add(&c, "%s%s", *get_str(unread, "why") ? ", " : "", get_str(unread, "why"));
	if (json_is_true(json_object_get(unread, "idle")))
		add(&c, ", too few to hold text");
	add(&c, "%s%s", *get_str(unread, "library") ? ", " : "", get_str(unread, "library"));
	print_line("", &c, STYLE_NOTE);
}

/* One line for each word of the list. */
static void show_words(const json_t *list, const char *prefix)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j)
	{
		struct cell c = { "" };

		add(&c, "%s%s", prefix, json_is_string(j) ? json_string_value(j) : "?");
		print_line("", &c, STYLE_NOTE);
	}
}

/* "yes", or "NO" with all that was lost, unread or out of sight. */
static void show_completeness(const json_t *trace)
{
	const json_t *c = json_object_get(trace, "completeness");
	bool open = strcmp(get_str(trace, "state"), "settled");
	struct cell text = { "" };
	json_t *j;
	size_t i;

	if (is_true(c, "complete")) {
		add(&text, "yes: nothing of it was lost, unreadable or out of sight");
		print_line("complete", &text, STYLE_GOOD);
		return;
	}
	add(&text, "NO%s", open ? "; still open" : "");
	if (get_num(c, "lost_events", 0) || get_num(c, "lost_bytes", 0))
		add(&text, "; %" PRId64 " events and %" PRId64 " bytes lost",
		    get_num(c, "lost_events", 0), get_num(c, "lost_bytes", 0));
	print_line("complete", &text, open ? STYLE_NOTE : STYLE_ALARM);
	show_words(json_object_get(c, "reasons"), "");
	json_array_foreach(json_object_get(c, "unread"), i, j) show_unread(j);
	show_words(json_object_get(c, "blind"), "out of sight: ");
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

/* What a reader has to know of this hop, in brackets. show_marks() explains it. */
static void add_notes(struct cell *c, const json_t *hop)
{
	const json_t *evidence = json_object_get(hop, "evidence");
	const char *name = get_str(json_object_get(hop, "to"), "name");

	if (*name && !is_true(hop, "in_vpc")) /* the others stand under "Who is who" */
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

/* The field, and how much of it was in the hop: "query 100%". */
static void add_text(struct cell *c, const json_t *hop, unsigned n)
{
	double coverage = json_number_value(json_object_get(hop, "coverage")) * 100;

	/* 100% is only for all of it. */
	add_field(c, get_str(hop, "field"), n);
	add(c, " %s%.0f%%", strcmp(get_str(hop, "coverage_basis"), "sampled") ? "" : "~",
	    coverage < 100 && coverage > 99 ? 99 : coverage);
}

static bool is_network(const json_t *hop)
{
	return !strcmp(get_str(hop, "medium"), "tcp") || !strcmp(get_str(hop, "medium"), "udp");
}

/* "TLS1.3 vpc", "plain OUT", or the medium where there is no network. */
static void add_link(struct cell *c, const json_t *hop)
{
	const char *version = get_str(json_object_get(hop, "tls"), "version");

	if (!is_network(hop)) {
		add(c, "%s", get_str(hop, "medium"));
		return;
	}
	if (is_true(hop, "encrypted"))
		add(c, "TLS%s", !strncmp(version, "TLSv", 4) ? version + 4 : "");
	else
		add(c, "%s", is_known(hop, "encrypted") ? "plain" : "?");
	if (is_known(hop, "in_vpc"))
		add(c, " %s", is_true(hop, "in_vpc") ? "vpc" : "OUT");
}

/* Text that leaves the VPC is worth a look; unencrypted, it is an alarm. */
static enum style style_of_link(const json_t *hop)
{
	bool outside = is_known(hop, "in_vpc") && !is_true(hop, "in_vpc");

	if (!is_network(hop) || !outside)
		return STYLE_NONE;
	return is_true(hop, "encrypted") ? STYLE_NOTE : STYLE_ALARM;
}

/* -o wide: also which process, or which address. */
static void add_whole_endpoint(struct cell *c, const json_t *e)
{
	add_endpoint(c, e);
	if (get_num(e, "pid", 0))
		add(c, "[%" PRId64 "]", get_num(e, "pid", 0));
	else if (*get_str(e, "address"))
		add(c, "(%s)", get_str(e, "address"));
}

static void add_ends(struct cell *c, const json_t *hop, bool wide)
{
	void (*add_end)(struct cell * c, const json_t *e) = wide ? add_whole_endpoint :
								   add_endpoint;

	add_end(c, json_object_get(hop, "from"));
	add(c, " %s ", arrow());
	add_end(c, json_object_get(hop, "to"));
}

/* The columns of hops. The first six are on every page. */
enum { NUMBER, MS, ENDS, WHAT, TEXT, LINK, STAYS, PROTOCOL, BYTES, EVIDENCE };

static const struct column full_columns[] = {
	[NUMBER] = { "#", .right = true },
	[MS] = { "MS", .right = true },
	[ENDS] = { "FROM - TO", .least = 13, .comfort = 17 },
	[WHAT] = { "WHAT", .least = 14, .comfort = 24 },
	[TEXT] = { "TEXT", .least = 10, .comfort = 10 },
	[LINK] = { "LINK", .least = 6, .comfort = 10 },
	[STAYS] = { "STAYS", .least = 10, .comfort = 10 },
	/* -o wide */
	[PROTOCOL] = { "PROTOCOL" },
	[BYTES] = { "BYTES", .right = true },
	[EVIDENCE] = { "EVIDENCE" },
};
static const struct column narrow_columns[] = {
	[NUMBER] = { "#", .right = true },
	[MS] = { "MS", .right = true },
	[ENDS] = { "FROM - TO", .least = 13, .comfort = 15 },
	[WHAT] = { "WHAT", .least = 14, .comfort = 18 },
	[TEXT] = { "TEXT", .least = 10, .comfort = 10 },
	[LINK] = { "LINK STAYS", .least = 10, .comfort = 10 },
};

/* `n` hops of one kind that took the same way. */
static void set_hop(struct table *t, const json_t *hop, unsigned n, bool narrow)
{
	struct cell c[LINK + 2] = { 0 };

	add(&c[NUMBER], "%" PRId64, get_num(hop, "seq", 0));
	add(&c[MS], "%.0f", (double)get_num(hop, "first_ns", 0) / 1e6);
	add_what(&c[WHAT], hop);
	add_notes(&c[WHAT], hop);
	add_text(&c[TEXT], hop, n);
	add_link(&c[LINK], hop);
	if (narrow)
		add(&c[LINK], " ");
	add_residency(&c[narrow ? LINK : STAYS], hop);
	for (size_t i = 0; i < (narrow ? STAYS : PROTOCOL); i++)
		if (i != ENDS)
			table_set(t, i, &c[i],
				  i == LINK				 ? style_of_link(hop) :
				  i == WHAT && is_true(hop, "ambiguous") ? STYLE_NOTE :
									   STYLE_NONE);
}

/* The columns that -o wide adds. */
static void set_wide_hop(struct table *t, const json_t *hop)
{
	struct cell protocol = { "" }, bytes = { "" }, evidence = { "" };

	add(&protocol, "%s", *get_str(hop, "protocol") ? get_str(hop, "protocol") : "-");
	if (get_num(hop, "bytes", -1) >= 0)
		add(&bytes, "%" PRId64, get_num(hop, "bytes", 0));
	else
		add(&bytes, "-");
	add_list(&evidence, json_object_get(hop, "evidence"), "+");
	table_set(t, PROTOCOL, &protocol, STYLE_NONE);
	table_set(t, BYTES, &bytes, STYLE_NONE);
	table_set(t, EVIDENCE, &evidence, STYLE_NONE);
}

static void add_hop(struct table *t, const json_t *hop, unsigned n, bool wide)
{
	struct cell ends = { "" };

	table_row(t);
	set_hop(t, hop, n, page_columns() < NARROW);
	add_ends(&ends, hop, wide);
	table_set(t, ENDS, &ends, STYLE_NONE);
	if (wide)
		set_wide_hop(t, hop);
}

/* The table of hops. Hops of one kind that took the same way share a row. */
static int show_hops(const json_t *trace, bool wide)
{
	const json_t *hops = json_object_get(trace, "hops");
	struct table *t = page_columns() < NARROW ?
				  table_new(narrow_columns, STAYS) :
				  table_new(full_columns, wide ? EVIDENCE + 1 : PROTOCOL);
	json_t *hop;
	size_t i;

	put_heading(
		"Hops: each time the text was seen crossing (MS: milliseconds after the request "
		"began)");
	json_array_foreach(hops, i, hop)
	{
		unsigned n = fold_hop(hops, i);

		if (n)
			add_hop(t, hop, n, wide);
	}
	return table_print(t, true);
}

void show_new_hops(const json_t *trace, size_t from)
{
	const json_t *hops = json_object_get(trace, "hops");

	for (size_t i = from; i < json_array_size(hops); i++) {
		const json_t *hop = json_array_get(hops, i);
		struct cell c = { "" };

		add(&c, "%9.3f s  ", (double)get_num(hop, "first_ns", 0) / 1e9);
		add_ends(&c, hop, false);
		add(&c, "  ");
		add_what(&c, hop);
		add_notes(&c, hop);
		add(&c, "  ");
		add_text(&c, hop, 1);
		add(&c, "  ");
		add_link(&c, hop);
		add(&c, "  ");
		add_residency(&c, hop);
		put_folded(c.text);
	}
}

void show_title(const json_t *trace)
{
	struct cell title = { "" };
	const char *operation = get_str(json_object_get(trace, "source"), "operation");

	add(&title, "%s  %.19s UTC  %s", *operation ? operation : "request",
	    get_str(trace, "started"), get_str(trace, "state"));
	printf("%s%s%s\n", style_on(STYLE_HEAD), make_printable(title.text), style_off(STYLE_HEAD));
}

int show_trace(const json_t *trace, bool wide)
{
	int status = STATUS_OK;

	show_title(trace);
	show_ids(trace);
	show_source(trace);
	show_completeness(trace);
	if (json_array_size(json_object_get(trace, "hops")))
		status = show_hops(trace, wide);
	else
		puts(is_true(json_object_get(trace, "completeness"), "complete") ?
			     "\nNo hop: the text was not seen anywhere else." :
			     "\nNo hop was seen; it may have been missed, for the reasons above.");
	return status ? status : show_after(trace);
}
