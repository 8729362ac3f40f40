/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats of output (-o). A command prints items of one kind; a format says how items look. Formats
 * know nothing of commands, and commands nothing of formats: adding one is one file here and one
 * row in format.c.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/value.h"

/* One column of a format that has rows. */
struct field {
	const char *name; /* "from_station" */
	/*
	 * Where it is in a row: keys with points between them ("from.station"). A '/' first: in the
	 * item itself, not in the row ("/trace_id").
	 */
	const char *path;
};

/* What a command prints. Items are handed to these functions as the command gave them. */
struct kind {
	/* For JSON: the items are elements of the array `list` of one object; NULL: each is one. */
	const char *schema, *list;
	/* The item as one line of JSON; NULL: out of memory. free() it. */
	char *(*json)(const void *item);

	/* For formats with rows. */
	const struct field *fields;
	size_t n_fields;
	/* The item as an object; NULL: out of memory. */
	json_t *(*object)(const void *item);
	/* The key of the array in it whose elements are the rows; NULL: the item is one row. */
	const char *rows;

	/*
	 * Prints it for people. `first`: nothing was printed before. `wide`: without a limit to the
	 * width, and with more columns. Returns STATUS_OK, or a status after a complaint.
	 */
	int (*show)(const void *item, bool first, bool wide);
};

/* Items on their way to standard output. */
struct printer {
	const struct kind *kind;
	bool endless; /* --follow: each item has to be readable without those that follow */
	size_t n;     /* items printed so far */
	json_t *more; /* what JSON adds to the object of a list; NULL: nothing. Borrowed */
};

/* A format. Each function returns STATUS_OK, or a status after a complaint. NULL: nothing to do. */
struct format {
	const char *name;
	bool for_people; /* --follow and messages are for people, too */
	bool wide;	 /* without a limit to the width */
	bool has_more;	 /* end() prints what stands in `more` of the printer, after a list */
	int (*begin)(const struct printer *p);
	int (*item)(const struct printer *p, const void *item);
	int (*end)(const struct printer *p);
};

/*
 * The table of formats: each NAME here is a `const struct format format_NAME` in a file of this
 * folder. The first one is the default.
 */
#define FORMATS(row) row(table) row(wide) row(json) row(csv)

#define DECLARE_FORMAT(name) extern const struct format format_##name;
FORMATS(DECLARE_FORMAT)
#undef DECLARE_FORMAT

/* The value of -o. */
extern const struct value_type value_format;

/* Begins the output in the format of -o, and starts the pager if one is to be used. */
int print_begin(struct printer *p, const struct kind *kind, bool endless);
/* Prints one item. When the output is endless, it is written out at once. */
int print_item(struct printer *p, const void *item);
/* Ends the output. */
int print_end(struct printer *p);
/* True: what `more` holds is part of the output. */
bool prints_more(const struct printer *p);
/* True: the output is for people, not for programs. */
bool is_for_people(void);
