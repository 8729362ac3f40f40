// SPDX-License-Identifier: Apache-2.0
/* Which hops and fields one line shows together. */
#include "show/fold.h"

#include <stdbool.h>
#include <string.h>

/* Kinds of which one operation can carry several. Answers come one by one. */
static const struct {
	const char *kind, *plural;
} kinds[] = { { "chunk", "chunks" }, { "tool_result", "results" } };

/* Index in kinds; -1: it always has a line of its own. */
static int kind_of(const char *field)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].kind);

		if (!strncmp(field, kinds[i].kind, n) && (!field[n] || field[n] == '.'))
			return (int)i;
	}
	return -1;
}

static bool same_kind(const char *a, const char *b)
{
	return kind_of(a) >= 0 && kind_of(a) == kind_of(b);
}

const char *fold_plural(const char *field)
{
	return kind_of(field) < 0 ? field : kinds[kind_of(field)].plural;
}

static const char *field_of(const json_t *hop)
{
	const char *field = json_string_value(json_object_get(hop, "field"));

	return field ? field : "";
}

static bool same_way(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "connection", "operation",	   "place",  "direction",
					    "coverage",	  "occurrences",   "common", "ambiguous",
					    "candidates", "replayed_from", "kept" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	return same_kind(field_of(a), field_of(b));
}

static bool same_field(const json_t *a, const json_t *b)
{
	return json_is_string(a) && json_is_string(b) &&
	       same_kind(json_string_value(a), json_string_value(b));
}

static unsigned fold(const json_t *list, size_t i, bool (*same)(const json_t *a, const json_t *b))
{
	const json_t *one = json_array_get(list, i);
	unsigned n = 0;

	for (size_t j = 0; j < json_array_size(list); j++) {
		if (j != i && !same(json_array_get(list, j), one))
			continue;
		if (j < i)
			return 0;
		n++;
	}
	return n;
}

unsigned fold_hop(const json_t *hops, size_t i)
{
	return fold(hops, i, same_way);
}

unsigned fold_field(const json_t *fields, size_t i)
{
	return fold(fields, i, same_field);
}
