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
	if (is_list(p))
		puts("]}");
	return STATUS_OK;
}

const struct format format_json = { .name = "json", .begin = begin, .item = item, .end = end };
