// SPDX-License-Identifier: Apache-2.0
/* What tells the rows of a statement: values of columns, as hashes. */
#include "decode/postgres/pg_keys.h"

#include <string.h>

#include "decode/redact.h"

#define UUID_TEXT 36
#define UUID_BYTES 16 /* in binary form */

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n > k && !strcmp(text + n - k, end);
}

/* The primary key goes first. */
static void add_key(struct dfl_pg_keys *keys, const struct dfl_item_key *key, bool is_id)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->at[i].column == key->column && keys->at[i].value == key->value)
			return;
	if (keys->n == DFL_ITEM_KEYS_MAX) {
		keys->cut = true;
		return;
	}
	keys->at[keys->n++] = *key;
	if (!is_id || keys->has_id)
		return;
	keys->at[keys->n - 1] = keys->at[0];
	keys->at[0] = *key;
	keys->has_id = true;
}

/* Ids tell a row from others. Those of Dify are UUIDs. */
static bool is_telling(const char *place, const char *value, size_t len)
{
	return ends_with(place, ".id") || (len == UUID_TEXT && dfl_is_uuid(value, len)) ||
	       (len == UUID_BYTES && ends_with(place, "_id"));
}

void dfl_pg_keys_condition(struct dfl_pg_keys *keys, const char *place, const char *value,
			   size_t len)
{
	struct dfl_item_key key = dfl_item_key(place, value, len);

	add_key(keys, &key, ends_with(place, ".id"));
}

void dfl_pg_keys_row(struct dfl_pg_keys *keys, const char *place, const char *value, size_t len)
{
	if (is_telling(place, value, len))
		dfl_pg_keys_condition(keys, place, value, len);
}
