/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as wide as the page: libsmartcols draws them, this decides how wide each column is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/terminal.h"
#include "show/cell.h"

#define MAX_TABLE_COLUMNS 12

struct column {
	const char *name;
	bool right; /* numbers stand at the right edge */
	/*
	 * Where the page is too narrow for all cells in full, cells of a column with `least` are
	 * folded, down to this many columns; 0: they never are. The column that is the farthest
	 * beyond its `comfort` is made narrower first.
	 */
	int least, comfort;
};

struct table;

/*
 * columns: at most MAX_TABLE_COLUMNS, borrowed until the table is printed. NULL: out of memory; the
 * others accept it.
 */
struct table *table_new(const struct column *columns, size_t n_columns);
/* Begins the next row. */
void table_row(struct table *t);
/* Sets a cell of the last row. What is not printable in it is made harmless. */
void table_set(struct table *t, size_t column, const struct cell *c, enum style style);
/*
 * Prints it, without blanks at the ends of lines, and frees it. heading: print the names of the
 * columns. Returns STATUS_OK, or STATUS_STORE after a complaint about memory.
 */
int table_print(struct table *t, bool heading);
