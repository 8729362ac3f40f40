// SPDX-License-Identifier: Apache-2.0
/* A trace for people: header, hops, where the text is now, and what was looked at in vain. */
#include "show.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fold.h"

#define WIDTH 99
#define CELL 256 /* bytes; what is longer is cut */
#define WHAT_WIDTH 32
#define TEXT_WIDTH 13

/* ---- small readers; absent and null are "" or the value given ---- */

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t num(const json_t *o, const char *key, int64_t if_null)
{
	const json_t *j = json_object_get(o, key);

	return json_is_integer(j) ? json_integer_value(j) : if_null;
}

static bool is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static bool is_known(const json_t *o, const char *key)
{
	return json_is_boolean(json_object_get(o, key));
}

static bool list_has(const json_t *list, const char *word)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j)
		if (json_is_string(j) && !strcmp(json_string_value(j), word))
			return true;
	return false;
}

/* ---- text ---- */

struct cell {
	char text[CELL];
};

static void add(struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct cell *c, const char *fmt, ...)
{
	size_t len = strlen(c->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text + len, sizeof(c->text) - len, fmt, ap);
	va_end(ap);
}

static void add_list(struct cell *c, const json_t *list, const char *separator)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j)
		add(c, "%s%s", i ? separator : "", json_is_string(j) ? json_string_value(j) : "?");
}

/* "answer", or how many of a kind: "4 chunks". */
static void add_field(struct cell *c, const char *field, unsigned n)
{
	if (n > 1)
		add(c, "%u %s", n, fold_plural(field));
	else
		add(c, "%s", field);
}

static void add_fields(struct cell *c, const json_t *fields)
{
	const char *separator = "";
	size_t i;
	json_t *j;

	json_array_foreach(fields, i, j) {
		unsigned n = fold_field(fields, i);

		if (!n)
			continue;
		add(c, "%s", separator);
		add_field(c, json_is_string(j) ? json_string_value(j) : "?", n);
		separator = ", ";
	}
}

static const char *arrow(void)
{
	return has_utf8() ? "→" : "->";
}

/* "376 bytes", "12.3 MB" */
static void add_bytes(struct cell *c, int64_t n)
{
	if (n < 10000)
		add(c, "%" PRId64 " bytes", n);
	else if (n < 10000000)
		add(c, "%.1f kB", n / 1e3);
	else
		add(c, "%.1f MB", n / 1e6);
}

static void print_line(const char *label, const struct cell *c)
{
	char text[CELL];

	snprintf(text, sizeof(text), "%s", c->text);
	printf("%-17s %s\n", label, make_printable(text));
}

/* A station, or the process that is none. */
static void add_endpoint(struct cell *c, const json_t *e)
{
	if (*str(e, "station"))
		add(c, "%s", str(e, "station"));
	else
		add(c, "?%s%s", *str(e, "comm") ? " " : "", str(e, "comm"));
}

/* Where a name that is too long is cut: in front of its UUID, else after it. */
static char *later_break(char *line, size_t width)
{
	for (char *at = line + width; at > line; at--)
		if (*at == '{')
			return at;
	return line + width + strcspn(line + width, " .#/:[");
}

/*
 * Breaks the text into lines of at most `width` where it can: at a blank, or in front of what joins
 * the parts of a place.
 */
static void wrap(struct cell *c, size_t width)
{
	char *line = c->text;

	while (strlen(line) > width) {
		char *at = line + width;

		char *name = strstr(line, " [");

		while (at > line && !strchr(" .#/:[", *at))
			at--;
		if (name && name < at)
			at = name; /* a host's name stays whole */
		if (at == line)
			at = later_break(line, width);
		if (!*at || strlen(c->text) + 2 > sizeof(c->text))
			return;
		if (*at == ' ') {
			*at = '\n';
		} else {
			memmove(at + 1, at, strlen(at) + 1);
			*at = '\n';
		}
		line = at + 1;
	}
}

/* ---- tables ---- */

struct column {
	const char *name;
	int flags;
};

static struct libscols_table *new_table(const struct column *columns, size_t n)
{
	struct libscols_table *t = scols_new_table();

	scols_table_set_termforce(t, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(t, WIDTH);
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *c =
			scols_table_new_column(t, columns[i].name, 0, columns[i].flags);

		if (columns[i].flags & SCOLS_FL_WRAP) { /* at the newlines of the cells */
			scols_column_set_safechars(c, "\n");
			scols_column_set_wrapfunc(c, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
						  NULL);
		}
	}
	return t;
}

/* What is no letter is made harmless by libsmartcols. */
static void set(struct libscols_line *line, int column, struct cell c)
{
	scols_line_set_data(line, column, c.text);
}

static void print_table(struct libscols_table *t)
{
	scols_print_table(t);
	scols_unref_table(t);
}

/* ---- header ---- */

static void show_ids(const json_t *trace)
{
	struct cell own = { "" };
	const char *kind;
	json_t *id;

	add(&own, "%s", str(trace, "trace_id"));
	print_line("trace_id", &own);
	json_object_foreach(json_object_get(trace, "ids"), kind, id) {
		struct cell c = { "" };

		if (!json_is_string(id))
			continue;
		add(&c, "%s", json_string_value(id));
		print_line(kind, &c);
	}
}

static void show_source(const json_t *trace)
{
	const json_t *source = json_object_get(trace, "source"),
		     *client = json_object_get(source, "client");
	const json_t *via = json_object_get(client, "via");
	struct cell from = { "" };
	json_t *field;
	size_t i;

	add(&from, "%s", *str(client, "address") ? str(client, "address") : "unknown client");
	if (json_array_size(via)) {
		add(&from, " via ");
		add_list(&from, via, ", ");
	}
	print_line("from", &from);
	json_array_foreach(json_object_get(source, "fields"), i, field) {
		struct cell c = { "" };

		add(&c, "%s", str(field, "field"));
		if (num(field, "bytes", -1) >= 0) {
			add(&c, ", ");
			add_bytes(&c, num(field, "bytes", 0));
		}
		if (!strcmp(str(field, "kind"), "derived"))
			add(&c, ", derived%s%s", *str(field, "derived_from") ? " from " : "",
			    str(field, "derived_from"));
		if (!strcmp(str(field, "matchable"), "none"))
			add(&c, ", has nothing that can be looked for");
		else if (!strcmp(str(field, "matchable"), "whole-leaf"))
			add(&c, ", short: found as a whole value only");
		if (*str(field, "from_trace"))
			add(&c, ", first sent in %.12s", str(field, "from_trace"));
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
	if (strcmp(str(trace, "state"), "settled"))
		add(&text, "; still open");
	if (num(c, "lost_events", 0) || num(c, "lost_bytes", 0))
		add(&text, "; %" PRId64 " events and %" PRId64 " bytes lost",
		    num(c, "lost_events", 0), num(c, "lost_bytes", 0));
	print_line("complete", &text);
	json_array_foreach(json_object_get(c, "reasons"), i, j) {
		struct cell line = { "" };

		add(&line, "%s", json_is_string(j) ? json_string_value(j) : "?");
		print_line("", &line);
	}
	json_array_foreach(json_object_get(c, "unread"), i, j) {
		struct cell line = { "" };

		add(&line, "unread: ");
		add_bytes(&line, num(j, "bytes", 0));
		if (num(j, "connection", 0))
			add(&line, " on connection %" PRId64, num(j, "connection", 0));
		add(&line, "%s%s", *str(j, "why") ? ", " : "", str(j, "why"));
		add(&line, "%s%s", *str(j, "library") ? ", " : "", str(j, "library"));
		print_line("", &line);
	}
	json_array_foreach(json_object_get(c, "blind"), i, j) {
		struct cell line = { "" };

		add(&line, "out of sight: %s", json_is_string(j) ? json_string_value(j) : "?");
		print_line("", &line);
	}
}

/* ---- hops ---- */

/* "INSERT messages" into messages.query is "INSERT messages.query". */
static void add_what(struct cell *c, const json_t *hop)
{
	const char *operation = str(hop, "operation"), *place = str(hop, "place");
	const char *object = strrchr(operation, ' ');
	size_t len = object ? strlen(object + 1) : 0;

	if (len && !strncmp(place, object + 1, len) && (place[len] == '.' || !place[len]))
		add(c, "%.*s %s", (int)(object - operation), operation, place);
	else if (*operation || *place)
		add(c, "%s%s%s", operation, *operation && *place ? " " : "", place);
	else
		add(c, "%s", str(hop, "protocol"));
	if (num(hop, "occurrences", 1) > 1)
		add(c, " %s%" PRId64, has_utf8() ? "×" : "x", num(hop, "occurrences", 1));
}

static void add_notes(struct cell *c, const json_t *hop)
{
	const json_t *evidence = json_object_get(hop, "evidence");

	const char *name = str(json_object_get(hop, "to"), "name");

	if (*name && !is_true(hop, "in_vpc")) /* the others are told below */
		add(c, " [%s]", name);
	if (!list_has(evidence, "content"))
		add(c, " [no content seen]");
	if (is_true(hop, "ambiguous"))
		add(c, " [ambiguous]");
	if (is_true(hop, "common"))
		add(c, " [common text]");
	if (*str(hop, "replayed_from"))
		add(c, " [history of %.12s]", str(hop, "replayed_from"));
}

static void add_text(struct cell *c, const json_t *hop, unsigned n)
{
	double coverage = json_number_value(json_object_get(hop, "coverage")) * 100;

	/* 100% is said only of all of it. */
	add_field(c, str(hop, "field"), n);
	add(c, " %s%.0f%%", strcmp(str(hop, "coverage_basis"), "sampled") ? "" : "~",
	    coverage < 100 && coverage > 99 ? 99 : coverage);
}

static void add_link(struct cell *c, const json_t *hop)
{
	const char *version = str(json_object_get(hop, "tls"), "version"),
		   *medium = str(hop, "medium");

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

static void add_residency(struct cell *c, const json_t *j)
{
	add(c, "%s", *str(j, "residency") ? str(j, "residency") : "-");
	if (num(j, "ttl_s", -1) >= 0)
		add(c, " %" PRId64 "s", num(j, "ttl_s", 0));
}

/* n: of its kind that went the same way. */
static void add_hop(struct libscols_table *t, const json_t *hop, unsigned n)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	struct cell c[7] = { 0 };

	add(&c[0], "%" PRId64, num(hop, "seq", 0));
	add(&c[1], "%.0f", num(hop, "first_ns", 0) / 1e6);
	add_endpoint(&c[2], json_object_get(hop, "from"));
	add(&c[2], " %s ", arrow());
	add_endpoint(&c[2], json_object_get(hop, "to"));
	add_what(&c[3], hop);
	add_notes(&c[3], hop);
	wrap(&c[3], WHAT_WIDTH);
	add_text(&c[4], hop, n);
	wrap(&c[4], TEXT_WIDTH);
	add_link(&c[5], hop);
	add_residency(&c[6], hop);
	wrap(&c[6], 10);
	for (int i = 0; i < 7; i++)
		set(line, i, c[i]);
}

static void show_hops(const json_t *trace)
{
	static const struct column columns[] = {
		{ "#", SCOLS_FL_RIGHT },
		{ "MS", SCOLS_FL_RIGHT },
		{ "FROM - TO", 0 },
		{ "WHAT", SCOLS_FL_WRAP },
		{ "TEXT", SCOLS_FL_WRAP },
		{ "LINK", SCOLS_FL_WRAP },
		{ "STAYS", SCOLS_FL_WRAP },
	};
	const json_t *hops = json_object_get(trace, "hops");
	struct libscols_table *t;
	json_t *hop;
	size_t i;

	if (!json_array_size(hops)) {
		puts("\nNo hop: the text was not seen anywhere else.");
		return;
	}
	printf("\nHops: each time the text was seen crossing (MS: milliseconds after the request "
	       "began)\n");
	t = new_table(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(hops, i, hop) {
		unsigned n = fold_hop(hops, i);

		if (n)
			add_hop(t, hop, n);
	}
	print_table(t);
}

/* ---- after the hops ---- */

static void show_places(const json_t *trace)
{
	static const struct column columns[] = {
		{ "STATION", 0 },          { "PLACE", 0 }, { "KEPT AS", 0 }, { "NOW", 0 },
		{ "TEXT", SCOLS_FL_WRAP },
	};
	const json_t *places = json_object_get(trace, "places");
	struct libscols_table *t;
	json_t *place;
	size_t i;

	if (!json_array_size(places))
		return;
	puts("\nWhere is it now");
	t = new_table(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(places, i, place) {
		struct libscols_line *line = scols_table_new_line(t, NULL);
		struct cell c[5] = { 0 };

		add(&c[0], "%s", *str(place, "station") ? str(place, "station") : "?");
		add(&c[1], "%s", *str(place, "place") ? str(place, "place") : "-");
		add_residency(&c[2], place);
		add(&c[3], "%s", str(place, "now"));
		add_fields(&c[4], json_object_get(place, "fields"));
		for (int k = 0; k < 5; k++)
			set(line, k, c[k]);
	}
	print_table(t);
}

/* Lines that were printed already, or numbers that add up under one text. */
struct group {
	struct cell text;
	int64_t n, bytes, unread;
};

struct groups {
	struct group *g;
	size_t n;
};

/* Finds or adds; NULL: no memory. */
static struct group *group_of(struct groups *groups, const struct cell *text)
{
	struct group *more;

	for (size_t i = 0; i < groups->n; i++)
		if (!strcmp(groups->g[i].text.text, text->text))
			return &groups->g[i];
	more = realloc(groups->g, (groups->n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	groups->g = more;
	more[groups->n] = (struct group){ .text = *text };
	return &more[groups->n++];
}

/* Who it is: a process with its pod, or a name and address. Ports of clients say nothing. */
static void add_identity(struct cell *c, const json_t *e, const char *region)
{
	const json_t *container = json_object_get(e, "container");
	const char *pod = *str(container, "pod") ? str(container, "pod") : str(container, "task");

	if (!*pod)
		pod = str(container, "name");
	add(c, "  %-14s", *str(e, "station") ? str(e, "station") : "?");
	if (num(e, "pid", 0)) {
		add(c, "%s, process %" PRId64, str(e, "comm"), num(e, "pid", 0));
		if (*pod)
			add(c, ", in %s", pod);
	} else {
		add(c, "%s", *str(e, "name") ? str(e, "name") : str(e, "address"));
		if (*str(e, "name") && *str(e, "address"))
			add(c, " (%s)", str(e, "address"));
		if (*region)
			add(c, ", %s", region);
	}
}

static void show_stations(const json_t *trace)
{
	struct groups seen = { 0 };
	json_t *hop;
	size_t i;

	json_array_foreach(json_object_get(trace, "hops"), i, hop) {
		bool reply = !strcmp(str(hop, "direction"), "response");

		for (int end = 0; end < 2; end++) {
			const json_t *e = json_object_get(hop, end ? "to" : "from");
			struct cell c = { "" };

			/* Of an unknown client only its port differs; of a log there is nothing to
			 * tell. */
			if (!num(e, "pid", 0) && !*str(e, "name") &&
			    (end == reply || !*str(e, "address")))
				continue;
			add_identity(&c, e, end != reply ? str(hop, "region") : "");
			group_of(&seen, &c);
		}
	}
	if (seen.n)
		puts("\nWho is who");
	for (i = 0; i < seen.n; i++)
		put_folded(seen.g[i].text.text);
	free(seen.g);
}

static void print_group(const struct group *g)
{
	struct cell c = g->text;

	if (g->n > 1)
		add(&c, " %s%" PRId64, has_utf8() ? "×" : "x", g->n);
	add(&c, ": ");
	add_bytes(&c, g->bytes);
	add(&c, " read");
	if (g->unread) {
		add(&c, ", ");
		add_bytes(&c, g->unread);
		add(&c, " could NOT be read");
	}
	put_folded(c.text);
}

static void show_empty_connections(const json_t *trace)
{
	struct groups groups = { 0 };
	json_t *conn;
	size_t i;

	json_array_foreach(json_object_get(trace, "connections"), i, conn) {
		const json_t *to = json_object_get(conn, "to");
		struct cell c = { "" };
		struct group *g;

		if (num(conn, "bytes_matched", 0))
			continue;
		add(&c, "  ");
		add_endpoint(&c, json_object_get(conn, "from"));
		add(&c, " %s ", arrow());
		add_endpoint(&c, to);
		if (*str(to, "name") || *str(to, "address"))
			add(&c, " (%s)", *str(to, "name") ? str(to, "name") : str(to, "address"));
		g = group_of(&groups, &c);
		if (!g)
			break;
		g->n++;
		g->bytes += num(conn, "bytes_scanned", 0);
		g->unread += num(conn, "bytes_unread", 0);
	}
	if (groups.n)
		puts("\nConnections and files of this request in which none of the text was found");
	for (i = 0; i < groups.n; i++)
		print_group(&groups.g[i]);
	free(groups.g);
}

static void show_others(const json_t *trace)
{
	json_t *j;
	size_t i;

	json_array_foreach(json_object_get(trace, "replayed_in"), i, j)
		printf("%sIts text came back as history in request %.12s, hop %" PRId64 "\n",
		       i ? "" : "\n", str(j, "trace_id"), num(j, "seq", 0));
	json_array_foreach(json_object_get(trace, "links"), i, j)
		printf("%sBelongs together with request %.12s (same %s)\n", i ? "" : "\n",
		       str(j, "trace_id"), str(j, "why"));
	if (num(trace, "weak_matches", 0))
		printf("\n%" PRId64 " matches were too short to prove anything and are no hops.\n",
		       num(trace, "weak_matches", 0));
}

void show_trace(const json_t *trace)
{
	struct cell title = { "" };

	add(&title, "%s  %.19s UTC  %s",
	    *str(json_object_get(trace, "source"), "operation")
		    ? str(json_object_get(trace, "source"), "operation")
		    : "request",
	    str(trace, "started"), str(trace, "state"));
	puts(make_printable(title.text));
	show_ids(trace);
	show_source(trace);
	show_completeness(trace);
	show_hops(trace);
	show_stations(trace);
	show_places(trace);
	show_empty_connections(trace);
	show_others(trace);
}
