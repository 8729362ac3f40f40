// SPDX-License-Identifier: Apache-2.0
/* Items of stores: found by their first key, or by their table. */
#include "trace/item.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct item_table *find_table(struct dfl_trace *t, const char *protocol, const char *name)
{
	struct item_table *table;

	LL_FOREACH(t->item_tables, table)
	if (table->name == name && table->protocol == protocol)
		return table;
	return NULL;
}

static struct item_table *get_table(struct dfl_trace *t, const char *protocol, const char *name)
{
	struct item_table *table = find_table(t, protocol, name);

	if (table)
		return table;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->protocol = protocol;
	table->name = name;
	LL_PREPEND(t->item_tables, table);
	return table;
}

static struct item *find(struct dfl_trace *t, const struct item_table *table,
			 const struct dfl_item_key *key)
{
	struct item_at at;
	struct item *it;

	memset(&at, 0, sizeof(at));
	at.table = table;
	at.key = *key;
	HASH_FIND(hh, t->items, &at, sizeof(at), it);
	return it;
}

static bool has_key(const struct item *it, const struct dfl_item_key *key)
{
	for (size_t i = 0; i < it->n_keys; i++)
		if (it->keys[i].column == key->column && it->keys[i].value == key->value)
			return true;
	return false;
}

static void learn_keys(struct item *it, const struct dfl_effect *e)
{
	it->cut |= e->more;
	for (size_t i = 0; i < e->n_keys; i++) {
		if (has_key(it, &e->keys[i]))
			continue;
		it->cut |= it->n_keys == MAX_ITEM_KEYS;
		if (it->n_keys < MAX_ITEM_KEYS)
			it->keys[it->n_keys++] = e->keys[i];
	}
}

/* Notes whether all items of the table can be found by a key of one column. */
static void note_column(struct item_table *table, const struct item *it)
{
	if (!it->n_keys || it->items > 1 || (table->column && table->column != it->keys[0].column))
		table->mixed = true;
	else
		table->column = it->keys[0].column;
}

static struct item *new_item(struct dfl_trace *t, struct item_table *table,
			     const struct dfl_effect *e)
{
	struct item *it = calloc(1, sizeof(*it)), *first;

	if (!it)
		return NULL;
	it->at.table = table;
	it->items = e->items ? e->items : 1;
	learn_keys(it, e);
	if (it->n_keys)
		it->at.key = it->keys[0];
	first = it->n_keys ? find(t, table, &it->at.key) : NULL;
	if (first) {
		it->same = first->same;
		first->same = it;
	} else if (it->n_keys) {
		HASH_ADD(hh, t->items, at, sizeof(it->at), it);
		if (!DFL_HASHED(hh, it)) {
			free(it);
			return NULL;
		}
	}
	note_column(table, it);
	DL_APPEND(table->items, it);
	return it;
}

struct item *dfl_item_get(struct dfl_trace *t, const char *protocol, const struct dfl_effect *e)
{
	struct item_table *table = get_table(t, protocol, e->table);
	struct item *it = table && e->n_keys && e->items < 2 ? find(t, table, &e->keys[0]) : NULL;

	if (!table)
		return NULL;
	while (it && it->items > 1)
		it = it->same;
	if (!it)
		return new_item(t, table, e);
	learn_keys(it, e);
	return it;
}

void dfl_item_free(struct dfl_trace *t, struct item *it)
{
	struct item_table *table = (struct item_table *)it->at.table;
	struct item *first = it->n_keys ? find(t, table, &it->at.key) : NULL, *heir = it->same;

	DL_DELETE(table->items, it);
	if (first == it) {
		HASH_DEL(t->items, it);
		if (heir)
			HASH_ADD(hh, t->items, at, sizeof(heir->at), heir);
		table->mixed |= heir && !DFL_HASHED(hh, heir);
	} else if (first) {
		while (first->same != it)
			first = first->same;
		first->same = it->same;
	}
	free(it);
}

/* Has the item one of the values that the effect names for this column? */
static enum item_hit hit_column(const struct item *it, const struct dfl_effect *e, uint64_t column)
{
	bool known = false;

	for (size_t i = 0; i < it->n_keys; i++)
		for (size_t k = 0; it->keys[i].column == column && k < e->n_keys; k++) {
			known = true;
			if (e->keys[k].column == column && e->keys[k].value == it->keys[i].value)
				return ITEM_SURE;
		}
	return known && !it->cut ? ITEM_NO : ITEM_MAYBE;
}

static enum item_hit hit(const struct item *it, const struct dfl_effect *e)
{
	enum item_hit all = e->more || (it->items > 1 && e->n_keys) ? ITEM_MAYBE : ITEM_SURE;

	for (size_t i = 0; i < e->n_keys; i++) {
		enum item_hit h = hit_column(it, e, e->keys[i].column);

		if (h == ITEM_NO)
			return ITEM_NO;
		if (h == ITEM_MAYBE)
			all = ITEM_MAYBE;
	}
	return all;
}

/* Do all conditions name one column, by which all items of the table can be found? */
static bool is_by_first_key(const struct item_table *table, const struct dfl_effect *e)
{
	for (size_t i = 0; i < e->n_keys; i++)
		if (e->keys[i].column == table->column)
			return !table->mixed;
	return false;
}

static void hit_table(struct dfl_trace *t, const struct item_table *table,
		      const struct dfl_effect *e,
		      void (*fn)(void *ud, struct item *it, enum item_hit hit), void *ud)
{
	bool by_key = is_by_first_key(table, e);
	struct item *it = by_key ? NULL : table->items;

	for (; it; it = it->next)
		if (hit(it, e))
			fn(ud, it, hit(it, e));
	for (size_t i = 0; by_key && i < e->n_keys; i++)
		for (it = find(t, table, &e->keys[i]); it; it = it->same)
			if (hit(it, e))
				fn(ud, it, hit(it, e));
}

static bool is_of(const struct item_table *table, const char *protocol, const struct dfl_effect *e)
{
	return table->protocol == protocol && (!e->table || table->name == e->table);
}

void dfl_items_hit(struct dfl_trace *t, const char *protocol, const struct dfl_effect *e,
		   void (*fn)(void *ud, struct item *it, enum item_hit hit), void *ud)
{
	const struct item_table *table;

	LL_FOREACH(t->item_tables, table)
	if (is_of(table, protocol, e))
		hit_table(t, table, e, fn, ud);
}

enum item_hit dfl_item_hit(const struct item *it, const char *protocol, const struct dfl_effect *e)
{
	return is_of(it->at.table, protocol, e) ? hit(it, e) : ITEM_NO;
}

void dfl_item_tables_free(struct dfl_trace *t)
{
	struct item_table *table, *next;

	LL_FOREACH_SAFE(t->item_tables, table, next)
	free(table);
	t->item_tables = NULL;
}
