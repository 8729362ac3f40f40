// SPDX-License-Identifier: Apache-2.0
/* -o json: one object, or one a line; docs/formats.md has the schemas. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/complain.h"
#include "output/format.h"

static bool is_list(const struct printer *p)
{
	return p->kind->list && !p->endless;
}

static int begin(const struct printer *p)
{
	if (is_list(p))
		printf("{\"schema\":\"%s\",\"%s\":[", p->kind->schema, p->kind->list);
	return STATUS_OK;
}

static int item(const struct printer *p, const void *it)
{
	char *text = p->kind->json(it);

	if (!text)
		return complain(STATUS_STORE, "out of memory for a trace");
	printf("%s%s%s", is_list(p) && p->n ? "," : "", text, is_list(p) ? "" : "\n");
	free(text);
	return STATUS_OK;
}

static int end(const struct printer *p)
{
	const char *key;
	json_t *value;

	if (!is_list(p))
		return STATUS_OK;
	putchar(']');
	json_object_foreach(p->more, key, value)
	{
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		printf(",\"%s\":%s", key, text ? text : "null");
		free(text);
	}
	puts("}");
	return STATUS_OK;
}

const struct format format_json = {
	.name = "json",
	.has_more = true,
	.begin = begin,
	.item = item,
	.end = end,
};
