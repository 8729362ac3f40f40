// SPDX-License-Identifier: Apache-2.0
/*
 * A trace for people, after its hops: what the marks mean, who is who, where the text is now, and
 * which connections held nothing of it.
 */
#include "show/after.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/text.h"
#include "show/cell.h"
#include "show/table.h"

#define MAX_NAMED 6 /* so many ids or hops at most are named in one line */

/* What is still there is the normal case, and has no colour. */
static enum style style_of_now(const char *now)
{
	if (!strcmp(now, "removed") || !strcmp(now, "expired") || !strcmp(now, "not_kept"))
		return STYLE_GONE;
	return strcmp(now, "present") ? STYLE_NOTE : STYLE_NONE;
}

/* "Where is it now": the places of the document. */
static int show_places(const json_t *trace)
{
	static const struct column columns[] = {
		{ "STATION" },
		{ "PLACE", .least = 18, .comfort = 30 },
		{ "KEPT AS", .least = 10, .comfort = 11 },
		{ "NOW" },
		{ "TEXT", .least = 10, .comfort = 15 },
	};
	const json_t *places = json_object_get(trace, "places");
	struct table *t;
	json_t *place;
	size_t i;

	if (!json_array_size(places))
		return STATUS_OK;
	put_heading("Where is it now");
	t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(places, i, place)
	{
		const char *station = get_str(place, "station"), *name = get_str(place, "place");
		struct cell c[5] = { 0 };

		table_row(t);
		add(&c[0], "%s", *station ? station : "?");
		add(&c[1], "%s", *name ? name : "-");
		add_residency(&c[2], place);
		add_kept(&c[3], get_str(place, "now"));
		add_fields(&c[4], json_object_get(place, "fields"));
		for (size_t k = 0; k < 5; k++)
			table_set(t, k, &c[k],
				  k == 3 ? style_of_now(get_str(place, "now")) : STYLE_NONE);
	}
	return table_print(t, true);
}

/* A line that is to be printed once, with the numbers of all that have the same text. */
struct group {
	struct cell text;
	int64_t n, bytes, unread;
};

struct groups {
	struct group *g;
	size_t n;
};

/* The group of this text, made if there is none; NULL: out of memory. */
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

/* A process with its pod, or a name and address. */
static void add_identity(struct cell *c, const json_t *e, const char *region)
{
	const json_t *container = json_object_get(e, "container");
	const char *pod = *get_str(container, "pod") ? get_str(container, "pod") :
						       get_str(container, "task");

	if (!*pod)
		pod = get_str(container, "name");
	add(c, "  %-14s", *get_str(e, "station") ? get_str(e, "station") : "?");
	if (get_num(e, "pid", 0)) {
		add(c, "%s, process %" PRId64, get_str(e, "comm"), get_num(e, "pid", 0));
		if (*pod)
			add(c, ", in %s", pod);
	} else {
		add(c, "%s", *get_str(e, "name") ? get_str(e, "name") : get_str(e, "address"));
		if (*get_str(e, "name") && *get_str(e, "address"))
			add(c, " (%s)", get_str(e, "address"));
		if (*region)
			add(c, ", %s", region);
	}
}

/* "Who is who": every end of a hop once, with its process or its name and address. */
static void show_stations(const json_t *trace)
{
	struct groups seen = { 0 };
	json_t *hop;
	size_t i;

	json_array_foreach(json_object_get(trace, "hops"), i, hop)
	{
		bool reply = !strcmp(get_str(hop, "direction"), "response");

		for (int end = 0; end < 2; end++) {
			const json_t *e = json_object_get(hop, end ? "to" : "from");
			struct cell c = { "" };

			/*
			 * A client of which only the address is known has another port each time; a
			 * log has no name at all.
			 */
			if (!get_num(e, "pid", 0) && !*get_str(e, "name") &&
			    (end == reply || !*get_str(e, "address")))
				continue;
			add_identity(&c, e, end != reply ? get_str(hop, "region") : "");
			group_of(&seen, &c);
		}
	}
	if (seen.n)
		put_heading("Who is who");
	for (i = 0; i < seen.n; i++)
		put_folded(seen.g[i].text.text);
	free(seen.g);
}

/* One line of show_empty_connections(): how many connections, and how many bytes of them. */
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

/*
 * The connections with no match, so that one sees what was looked at in vain. Equal ones share a
 * line.
 */
static void show_empty_connections(const json_t *trace)
{
	struct groups groups = { 0 };
	json_t *conn;
	size_t i;

	json_array_foreach(json_object_get(trace, "connections"), i, conn)
	{
		const json_t *to = json_object_get(conn, "to");
		struct cell c = { "" };
		struct group *g;

		if (get_num(conn, "bytes_matched", 0))
			continue;
		add(&c, "  ");
		add_endpoint(&c, json_object_get(conn, "from"));
		add(&c, " %s ", arrow());
		add_endpoint(&c, to);
		if (*get_str(to, "name") || *get_str(to, "address"))
			add(&c, " (%s)",
			    *get_str(to, "name") ? get_str(to, "name") : get_str(to, "address"));
		g = group_of(&groups, &c);
		if (!g)
			break;
		g->n += get_num(conn, "count", 1);
		g->bytes += get_num(conn, "bytes_scanned", 0);
		g->unread += get_num(conn, "bytes_unread", 0);
	}
	if (groups.n)
		put_heading("Connections and files of this request in which none of the text was "
			    "found");
	for (i = 0; i < groups.n; i++)
		print_group(&groups.g[i]);
	free(groups.g);
}

/* Adds ids shortened, each once; of more than MAX_NAMED the number. */
static void add_others(struct cell *c, const json_t *ids)
{
	size_t n = json_object_size(ids), i = 0;
	const char *id;
	json_t *j;

	json_object_foreach((json_t *)ids, id, j)
	{
		if (i == MAX_NAMED && n > MAX_NAMED) {
			add(c, " and %zu more", n - i);
			return;
		}
		add(c, "%s%.12s", i ? ", " : "", id);
		i++;
	}
}

/* All candidates of the hops but this trace itself, as the keys of an object. */
static json_t *other_candidates(const json_t *trace)
{
	json_t *others = json_object(), *hop, *id;
	size_t i, k;

	json_array_foreach(json_object_get(trace, "hops"), i, hop)
	{
		json_array_foreach(json_object_get(hop, "candidates"), k, id)
		{
			if (json_is_string(id) &&
			    strcmp(json_string_value(id), get_str(trace, "trace_id")))
				json_object_set_new(others, json_string_value(id), json_true());
		}
	}
	return others;
}

static bool any_hop(const json_t *trace, bool (*is)(const json_t *hop))
{
	json_t *hop;
	size_t i;

	json_array_foreach(json_object_get(trace, "hops"), i, hop) if (is(hop)) return true;
	return false;
}

static bool is_ambiguous(const json_t *hop)
{
	return is_true(hop, "ambiguous");
}

/* The mark [common text] gives way to [ambiguous], which says more. */
static bool shown_common(const json_t *hop)
{
	return is_true(hop, "common") && !is_true(hop, "ambiguous");
}

/* Found by fingerprints: the share is an estimate (docs/canonical.md). */
static bool is_sampled(const json_t *hop)
{
	return !strcmp(get_str(hop, "coverage_basis"), "sampled");
}

/* Names the requests that the ambiguous hops may belong to. */
static void show_ambiguous(const json_t *trace)
{
	json_t *others = other_candidates(trace);
	struct cell c = { "" };

	add(&c, "  [ambiguous]: may be text of ");
	if (json_object_size(others)) {
		add(&c, "request%s ", json_object_size(others) > 1 ? "s" : "");
		add_others(&c, others);
	} else {
		add(&c, "another request");
	}
	add(&c, " instead; nothing that was seen shows which");
	put_folded(c.text);
	json_decref(others);
}

static void show_common(void)
{
	struct cell c = { "" };

	add(&c,
	    "  [common text]: other requests have the same text; an id, the order or other text "
	    "shows that it is this one's here");
	put_folded(c.text);
}

/* Explains only the marks that stand above. */
static void show_marks(const json_t *trace)
{
	bool ambiguous = any_hop(trace, is_ambiguous), common = any_hop(trace, shown_common),
	     sampled = any_hop(trace, is_sampled);

	if (ambiguous || common || sampled)
		put_heading("What the marks mean");
	if (ambiguous)
		show_ambiguous(trace);
	if (common)
		show_common();
	if (sampled)
		puts("  ~: an estimate; only fingerprints are left of that earlier text");
}

/* How often, and in which hops, another request brought the text along as history. */
static void show_return(const json_t *replays, const char *trace_id)
{
	struct cell c = { "" }, seqs = { "" };
	size_t i, n = 0;
	json_t *j;

	json_array_foreach(replays, i, j)
	{
		if (strcmp(get_str(j, "trace_id"), trace_id))
			continue;
		if (n < MAX_NAMED)
			add(&seqs, "%s %" PRId64, n ? "," : "", get_num(j, "seq", 0));
		n++;
	}
	if (n > MAX_NAMED)
		add(&seqs, " and %zu more", n - MAX_NAMED);
	add(&c, "Its text came back as history in request %.12s, hop%s%s", trace_id,
	    n > 1 ? "s" : "", seqs.text);
	put_folded(c.text);
}

/* One line a request. */
static void show_returns(const json_t *trace)
{
	const json_t *replays = json_object_get(trace, "replayed_in");
	json_t *shown = json_object(), *j;
	size_t i;

	if (json_array_size(replays))
		puts("");
	json_array_foreach(replays, i, j)
	{
		const char *id = get_str(j, "trace_id");

		if (json_object_get(shown, id))
			continue;
		show_return(replays, id);
		json_object_set_new(shown, id, json_true());
	}
	json_decref(shown);
}

/*
 * Other requests: those in which the text came back, and those that belong together with this one.
 *
 */
static void show_others(const json_t *trace)
{
	json_t *j;
	size_t i;

	show_returns(trace);
	json_array_foreach(json_object_get(trace, "links"), i, j)
		printf("%sBelongs together with request %.12s (same %s)\n", i ? "" : "\n",
		       get_str(j, "trace_id"), get_str(j, "why"));
	if (get_num(trace, "weak_matches", 0))
		printf("\n%" PRId64 " matches were too short to prove anything and are no hops.\n",
		       get_num(trace, "weak_matches", 0));
}

int show_after(const json_t *trace)
{
	int status;

	show_marks(trace);
	show_stations(trace);
	status = show_places(trace);
	show_empty_connections(trace);
	show_others(trace);
	return status;
}
