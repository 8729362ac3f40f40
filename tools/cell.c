// SPDX-License-Identifier: Apache-2.0
/* What a trace is printed with: readers of the document, words, lines, tables. */
#include "cell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fold.h"
#include "text.h"

#define LABEL_WIDTH 17

/* ---- small readers; absent and null are "" or the value given ---- */

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

/* ---- text ---- */

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
	if (n < 10000)
		add(c, "%" PRId64 " bytes", n);
	else if (n < 10000000)
		add(c, "%.1f kB", n / 1e3);
	else
		add(c, "%.1f MB", n / 1e6);
}

void print_line(const char *label, const struct cell *c)
{
	struct cell text = *c;

	make_printable(text.text);
	wrap(&text, (size_t)page_columns() - LABEL_WIDTH - 1);
	for (char *line = strtok(text.text, "\n"); line; line = strtok(NULL, "\n")) {
		printf("%-*s %s\n", LABEL_WIDTH, label, line);
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

void add_residency(struct cell *c, const json_t *j)
{
	add(c, "%s", *get_str(j, "residency") ? get_str(j, "residency") : "-");
	if (get_num(j, "ttl_s", -1) >= 0)
		add(c, " %" PRId64 "s", get_num(j, "ttl_s", 0));
}

/* Where a name that is too long is cut: in front of its UUID or of a part of it, else after it. */
static char *later_break(char *line, size_t width)
{
	for (const char *mark = "{_"; *mark; mark++)
		for (char *at = line + width; at > line; at--)
			if (*at == *mark)
				return at;
	return line + width + strcspn(line + width, " .#/:[");
}

/* The last bracket that begins before `end`: a name in it stays whole. NULL: none. */
static char *bracket(char *line, const char *end)
{
	char *last = NULL;

	for (char *at = strstr(line, " ["); at && at < end; at = strstr(at + 1, " ["))
		last = at;
	return last;
}

void wrap(struct cell *c, size_t width)
{
	char *line = c->text;

	while (strlen(line) > width) {
		char *at = line + width, *name;

		while (at > line && !strchr(" .#/:[", *at))
			at--;
		name = bracket(line, at);
		if (name)
			at = name;
		if (at == line)
			at = later_break(line, width);
		if (!*at || strlen(c->text) + 2 > sizeof(c->text))
			return;
		if (*at != ' ')
			memmove(at + 1, at, strlen(at) + 1);
		*at = '\n';
		line = at + 1;
	}
}

/* ---- tables ---- */

struct libscols_table *new_table(const struct column *columns, size_t n)
{
	struct libscols_table *t = scols_new_table();

	scols_table_set_termforce(t, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(t, (size_t)page_columns());
	for (size_t i = 0; i < n; i++) {
		struct libscols_column *c = scols_table_new_column(t, columns[i].name, 0,
								   columns[i].flags);

		if (columns[i].flags & SCOLS_FL_WRAP) { /* at the newlines of the cells */
			scols_column_set_safechars(c, "\n");
			scols_column_set_wrapfunc(c, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
						  NULL);
		}
	}
	return t;
}

void set(struct libscols_line *line, int column, struct cell c)
{
	scols_line_set_data(line, column, c.text);
}

void print_table(struct libscols_table *t)
{
	char *text = NULL, *next;

	if (scols_print_table_to_string(t, &text))
		complain(STATUS_STORE, "out of memory for a table");
	for (char *line = text; line && *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] != 0);
		while (len && line[len - 1] == ' ')
			len--;
		printf("%.*s\n", (int)len, line);
	}
	free(text);
	scols_unref_table(t);
}
