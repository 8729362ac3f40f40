// SPDX-License-Identifier: Apache-2.0
/*
 * The parts that a trace is shown with: readers of the JSON document, and short texts made of it.
 *
 */
#include "show/cell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "show/fold.h"

#define LABEL_WIDTH 17

const char *get_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int64_t get_num(const json_t *o, const char *key, int64_t if_null)
{
	const json_t *j = json_object_get(o, key);

	return json_is_integer(j) ? json_integer_value(j) : if_null;
}

bool is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

bool is_known(const json_t *o, const char *key)
{
	return json_is_boolean(json_object_get(o, key));
}

bool list_has(const json_t *list, const char *word)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j) if (json_is_string(j) &&
					   !strcmp(json_string_value(j), word)) return true;
	return false;
}

void add(struct cell *c, const char *fmt, ...)
{
	size_t len = strlen(c->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text + len, sizeof(c->text) - len, fmt, ap);
	va_end(ap);
}

void add_list(struct cell *c, const json_t *list, const char *separator)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j)
		add(c, "%s%s", i ? separator : "", json_is_string(j) ? json_string_value(j) : "?");
}

void add_field(struct cell *c, const char *field, unsigned n)
{
	if (n > 1)
		add(c, "%u %s", n, fold_plural(field));
	else
		add(c, "%s", field);
}

void add_fields(struct cell *c, const json_t *fields)
{
	const char *separator = "";
	size_t i;
	json_t *j;

	json_array_foreach(fields, i, j)
	{
		unsigned n = fold_field(fields, i);

		if (!n)
			continue;
		add(c, "%s", separator);
		add_field(c, json_is_string(j) ? json_string_value(j) : "?", n);
		separator = ", ";
	}
}

const char *arrow(void)
{
	return has_utf8() ? "→" : "->";
}

void add_bytes(struct cell *c, int64_t n)
{
	char text[32];

	format_bytes(text, sizeof(text), (unsigned long long)n);
	add(c, "%s", text);
}

int text_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80; /* UTF-8 continuation bytes take no column */
	return n;
}

void print_line(const char *label, const struct cell *c, enum style style)
{
	struct cell text = *c;

	make_printable(text.text);
	wrap(&text, (size_t)page_columns() - LABEL_WIDTH - 1);
	for (char *line = strtok(text.text, "\n"); line; line = strtok(NULL, "\n")) {
		printf("%-*s %s%s%s\n", LABEL_WIDTH, label, style_on(style), line,
		       style_off(style));
		label = "";
	}
}

void add_endpoint(struct cell *c, const json_t *e)
{
	if (*get_str(e, "station"))
		add(c, "%s", get_str(e, "station"));
	else
		add(c, "?%s%s", *get_str(e, "comm") ? " " : "", get_str(e, "comm"));
}

void add_kept(struct cell *c, const char *kept)
{
	add(c, "%s", strcmp(kept, "not_kept") ? kept : "not kept");
}

void add_residency(struct cell *c, const json_t *j)
{
	add(c, "%s", *get_str(j, "residency") ? get_str(j, "residency") : "-");
	if (get_num(j, "ttl_s", -1) >= 0)
		add(c, " %" PRId64 "s", get_num(j, "ttl_s", 0));
	if (!strcmp(get_str(j, "kept"), "not_kept") || !strcmp(get_str(j, "kept"), "attempted")) {
		add(c, ", ");
		add_kept(c, get_str(j, "kept"));
	}
}

#define JOINTS " .#/:[" /* a line may be broken before these */

/* The first character that does not fit into `width` columns. */
static char *edge_of(char *line, size_t width)
{
	size_t column = 0;

	for (; *line; line++) {
		column += (*line & 0xc0) != 0x80;
		if (column > width)
			break;
	}
	return line;
}

/*
 * Where a part that is too long for a line is broken: before a UUID or a part of a name in it, else
 * behind it.
 */
static char *later_break(char *line, char *edge)
{
	for (const char *mark = "{_"; *mark; mark++)
		for (char *at = edge; at > line; at--)
			if (*at == *mark)
				return at;
	return edge + strcspn(edge, JOINTS);
}

/* The last bracket that begins before `end`. NULL: none. */
static char *bracket(char *line, const char *end)
{
	char *last = NULL;

	for (char *at = strstr(line, " ["); at && at < end; at = strstr(at + 1, " ["))
		last = at;
	return last;
}

void wrap(struct cell *c, size_t width)
{
	char *line = c->text, *edge;

	while (*(edge = edge_of(line, width))) {
		char *at = edge, *name;

		while (at > line && !strchr(JOINTS, *at))
			at--;
		name = bracket(line, at);
		if (name)
			at = name;
		if (at == line)
			at = later_break(line, edge);
		if (!*at || strlen(c->text) + 2 > sizeof(c->text))
			return;
		if (*at != ' ')
			memmove(at + 1, at, strlen(at) + 1);
		*at = '\n';
		line = at + 1;
	}
}
