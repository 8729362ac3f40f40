/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items: rows, keys and objects of stores that hold text of requests, as far as decoders tell them
 * apart. They are found by their first key, or by their table.
 */
#pragma once

#include "base/hash.h"
#include "decode/sink.h"
#include "trace/stage.h"

enum {
	MAX_ITEM_KEYS = 16,
};

/* One row, key or object. */
struct item {
	UT_hash_handle hh; /* by table and first key */
	struct item *same; /* others with the same */
	struct item_at {   /* zeroed before it is filled in: it is hashed with its padding */
		const struct item_table *table;
		struct dfl_item_key key; /* zero: the item has none */
	} at;
	struct item *prev, *next; /* of its table */
	struct deposit *deposits; /* by next_of_item; deposit.c */
	unsigned items;		  /* it stands for so many, which cannot be told apart */
	bool cut;		  /* it has more keys */
	size_t n_keys;
	struct dfl_item_key keys[MAX_ITEM_KEYS];
};

/* All items of one table, key pattern or bucket. */
struct item_table {
	struct item_table *next;
	const char *protocol, *name; /* interned */
	struct item *items;
	uint64_t column; /* of the first keys */
	bool mixed;	 /* some have another column there, or several values, or no key */
};

/* Does an effect mean the item? */
enum item_hit { ITEM_NO, ITEM_MAYBE, ITEM_SURE };

/* The item with these keys (of DFL_WRITES), made if there is none. NULL: no memory. */
struct item *dfl_item_get(struct dfl_trace *t, const char *protocol, const struct dfl_effect *e);
/* Forgets and frees it. Nothing may be in it. */
void dfl_item_free(struct dfl_trace *t, struct item *it);
/*
 * Calls fn for all items that the effect means or may mean. fn may not free items. The effect's
 * strings are interned.
 */
void dfl_items_hit(struct dfl_trace *t, const char *protocol, const struct dfl_effect *e,
		   void (*fn)(void *ud, struct item *it, enum item_hit hit), void *ud);
/* Does the effect mean this one item? */
enum item_hit dfl_item_hit(const struct item *it, const char *protocol, const struct dfl_effect *e);
void dfl_item_tables_free(struct dfl_trace *t);
