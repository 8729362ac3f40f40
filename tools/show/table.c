// SPDX-License-Identifier: Apache-2.0
/* Tables as wide as the page. */
#include "show/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/text.h"

struct table_cell {
	struct cell text;
	enum style style;
};

struct table {
	const struct column *columns;
	size_t n_columns, n_rows, capacity; /* capacity: of rows */
	struct table_cell *cells;	    /* row by row */
	bool out_of_memory;
};

struct table *table_new(const struct column *columns, size_t n_columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t) {
		t->columns = columns;
		t->n_columns = n_columns;
	}
	return t;
}

void table_row(struct table *t)
{
	size_t capacity;
	struct table_cell *more;

	if (!t || t->out_of_memory)
		return;
	if (t->n_rows == t->capacity) {
		capacity = t->capacity ? 2 * t->capacity : 16;
		more = reallocarray(t->cells, capacity * t->n_columns, sizeof(*more));
		if (!more) {
			t->out_of_memory = true;
			return;
		}
		t->cells = more;
		t->capacity = capacity;
	}
	memset(&t->cells[t->n_rows++ * t->n_columns], 0, t->n_columns * sizeof(*t->cells));
}

void table_set(struct table *t, size_t column, const struct cell *c, enum style style)
{
	if (!t || t->out_of_memory)
		return;
	t->cells[(t->n_rows - 1) * t->n_columns + column] = (struct table_cell){ *c, style };
}

static struct cell *cell_at(const struct table *t, size_t row, size_t column)
{
	return &t->cells[row * t->n_columns + column].text;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

/* Columns that a column of the table takes when its cells are folded to `most`. */
static int folded_width(const struct table *t, size_t column, int most)
{
	int width = text_width(t->columns[column].name);

	for (size_t row = 0; row < t->n_rows; row++) {
		struct cell c = *cell_at(t, row, column);

		if (t->columns[column].least)
			wrap(&c, (size_t)most);
		for (char *line = strtok(c.text, "\n"); line; line = strtok(NULL, "\n"))
			width = max(width, text_width(line));
	}
	return width;
}

/* The next column that gives; -1: none can. */
static int most_beyond_comfort(const struct table *t, const int *widths)
{
	int best = -1;

	for (int i = 0; i < (int)t->n_columns; i++) {
		const struct column *c = &t->columns[i];

		if (!c->least || widths[i] <= c->least)
			continue;
		if (best < 0 || widths[i] - c->comfort > widths[best] - t->columns[best].comfort)
			best = i;
	}
	return best;
}

/*
 * Decides how wide each column is: as its cells need, then narrower by one column at a time until
 * the page holds the table. A step can win more than one column, because cells break at few places
 * only; `limits` are what was asked for, `widths` what came out.
 */
static void fit(const struct table *t, int *ret_limits)
{
	int widths[MAX_TABLE_COLUMNS], sum = (int)t->n_columns - 1, i;

	for (i = 0; i < (int)t->n_columns; i++) {
		ret_limits[i] = widths[i] = folded_width(t, (size_t)i, page_columns());
		sum += widths[i];
	}
	while (sum > page_columns() && (i = most_beyond_comfort(t, ret_limits)) >= 0) {
		ret_limits[i]--;
		sum -= widths[i];
		widths[i] = folded_width(t, (size_t)i, ret_limits[i]);
		sum += widths[i];
	}
}

/* The widths are decided already: libsmartcols only has to draw. */
static struct libscols_table *new_smartcols(const struct table *t, bool heading)
{
	struct libscols_table *st = scols_new_table();

	if (!st)
		return NULL;
	scols_table_set_termforce(st, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(st, (size_t)page_columns());
	scols_table_enable_noheadings(st, !heading);
	scols_table_enable_colors(st, is_colored());
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		struct libscols_column *sc = scols_table_new_column(
			st, c->name, 0,
			(c->right ? SCOLS_FL_RIGHT : 0) | (c->least ? SCOLS_FL_WRAP : 0));

		if (sc && c->least) { /* at the newlines that wrap() put into the cells */
			scols_column_set_safechars(sc, "\n");
			scols_column_set_wrapfunc(sc, scols_wrapnl_chunksize,
						  scols_wrapnl_nextchunk, NULL);
		}
		if (sc && is_colored())
			scols_cell_set_color(scols_column_get_header(sc), style_on(STYLE_HEAD));
	}
	return st;
}

/* Folds the cells of columns that may be folded, and hands all to libsmartcols. */
static void fill(const struct table *t, const int *limits, struct libscols_table *st)
{
	for (size_t row = 0; row < t->n_rows; row++) {
		struct libscols_line *line = scols_table_new_line(st, NULL);

		for (size_t i = 0; line && i < t->n_columns; i++) {
			struct table_cell *c = &t->cells[row * t->n_columns + i];

			make_printable(c->text.text);
			if (t->columns[i].least)
				wrap(&c->text, (size_t)limits[i]);
			scols_line_set_data(line, i, c->text.text);
			if (c->style != STYLE_NONE && is_colored())
				scols_cell_set_color(scols_line_get_cell(line, i),
						     style_on(c->style));
		}
	}
}

static void put_without_trailing_blanks(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), used = len;

		while (used && text[used - 1] == ' ')
			used--;
		printf("%.*s\n", (int)used, text);
		text += len + (text[len] != 0);
	}
}

int table_print(struct table *t, bool heading)
{
	struct libscols_table *st = NULL;
	char *text = NULL;
	int limits[MAX_TABLE_COLUMNS];

	if (t && !t->out_of_memory) {
		fit(t, limits);
		st = new_smartcols(t, heading);
	}
	if (st) {
		fill(t, limits, st);
		scols_print_table_to_string(st, &text);
		scols_unref_table(st);
	}
	if (t)
		free(t->cells);
	free(t);
	if (!text)
		return complain(STATUS_STORE, "out of memory for a table");
	put_without_trailing_blanks(text);
	free(text);
	return STATUS_OK;
}
