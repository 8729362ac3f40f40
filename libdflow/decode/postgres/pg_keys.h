/* SPDX-License-Identifier: Apache-2.0 */
/* What tells the rows of a statement: values of columns, as hashes. */
#pragma once

#include <stdbool.h>

#include "decode/item.h"

/* What tells the rows of a statement. */
struct dfl_pg_keys {
	struct dfl_item_key at[DFL_ITEM_KEYS_MAX]; /* the primary key first, if there is one */
	uint8_t n;
	bool has_id; /* at[0] is one of a column "id" */
	bool cut;    /* there are more, or some could not be kept */
};

/* A value that is inserted: it is one of the keys when it is an id. */
void dfl_pg_keys_row(struct dfl_pg_keys *keys, const char *place, const char *value, size_t len);
/* A value that WHERE compares with. */
void dfl_pg_keys_condition(struct dfl_pg_keys *keys, const char *place, const char *value,
			   size_t len);
