// SPDX-License-Identifier: Apache-2.0
/*
 * -o csv: rows for spreadsheets and notebooks, as RFC 4180 says, but with lines that end in LF.
 * What is unknown is empty; lists have blanks between their elements.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/complain.h"
#include "output/format.h"

/*
 * Quotes are needed around commas, quotes and ends of lines; a quote in them is doubled (RFC
 * 4180, 2.6 and 2.7).
 */
static void put_text(const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* A cell. Objects do not occur: fields name what is in them. */
static void put_value(const json_t *j)
{
	json_t *element;
	size_t i;

	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_STRING:
		put_text(json_string_value(j));
		break;
	case JSON_INTEGER:
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(j));
		break;
	case JSON_REAL:
		printf("%.6g", json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		fputs(json_is_true(j) ? "true" : "false", stdout);
		break;
	case JSON_ARRAY:
		json_array_foreach(j, i, element)
		{
			if (i)
				putchar(' ');
			put_value(element);
		}
		break;
	default: /* null: unknown */
		break;
	}
}

/* NULL: there is none. */
static const json_t *find(const json_t *item, const json_t *row, const char *path)
{
	const json_t *at = *path == '/' ? item : row;

	path += *path == '/';
	while (at && *path) {
		size_t len = strcspn(path, ".");

		at = json_object_getn(at, path, len);
		path += len + (path[len] == '.');
	}
	return at;
}

static void put_row(const struct kind *kind, const json_t *item, const json_t *row)
{
	for (size_t i = 0; i < kind->n_fields; i++) {
		if (i)
			putchar(',');
		put_value(find(item, row, kind->fields[i].path));
	}
	putchar('\n');
}

static int begin(const struct printer *p)
{
	for (size_t i = 0; i < p->kind->n_fields; i++)
		printf("%s%s", i ? "," : "", p->kind->fields[i].name);
	putchar('\n');
	return STATUS_OK;
}

static int item(const struct printer *p, const void *it)
{
	json_t *object = p->kind->object(it), *row;
	size_t i;

	if (!object)
		return complain(STATUS_STORE, "out of memory for a trace");
	if (!p->kind->rows)
		put_row(p->kind, object, object);
	json_array_foreach(json_object_get(object, p->kind->rows ? p->kind->rows : ""), i, row)
		put_row(p->kind, object, row);
	json_decref(object);
	return STATUS_OK;
}

const struct format format_csv = { .name = "csv", .begin = begin, .item = item };
