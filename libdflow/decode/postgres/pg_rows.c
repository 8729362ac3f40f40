// SPDX-License-Identifier: Apache-2.0
/* Which rows a statement of a connection means, and what it does to them. */
#include "decode/postgres/pg_rows.h"

#include <stdio.h>

#include "decode/dify/postgres_places.h"
#include "decode/postgres/sql_parse.h"

/* The table of an effect: a name that several tables share gets a key by which they differ. */
static void put(struct dfl_pg_conn *c, struct dfl_pg_op *op, struct dfl_effect *e,
		const char *table)
{
	struct dfl_item_key keys[DFL_ITEM_KEYS_MAX + 1];
	char name[DFL_NAME_MAX];

	if (!dfl_postgres_table_name(table, name))
		return;
	for (unsigned i = 0; i < e->n_keys; i++)
		keys[i] = e->keys[i];
	if (strchr(name, '{'))
		keys[e->n_keys++] = dfl_item_key("", table, strlen(table));
	e->table = name;
	e->keys = keys;
	dfl_put_effect(c->ctx, op->op, e);
}

/* The columns that are set: what stood there is overwritten. */
static void put_replaced(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql,
			 const struct dfl_effect *rows)
{
	char name[DFL_NAME_MAX], place[DFL_NAME_MAX];

	if (!dfl_postgres_table_name(sql->table, name))
		return;
	for (size_t i = 0; i < sql->rows.set.n + (size_t)sql->rows.sets_unknown; i++) {
		const char *column = dfl_names_get(&sql->rows.set, i);
		struct dfl_effect e = *rows;

		e.kind = DFL_REPLACES;
		e.more |= !*column;
		snprintf(place, sizeof(place), "%.*s.%.*s", DFL_SQL_WORD_MAX - 1, name,
			 DFL_SQL_WORD_MAX - 2, column);
		e.place = *column ? place : NULL;
		put(c, op, &e, sql->table);
	}
}

/* The rows that WHERE means. */
static struct dfl_effect conditions(const struct dfl_pg_op *op, const struct dfl_sql *sql)
{
	const struct dfl_sql_rows *r = &sql->rows;

	return (struct dfl_effect){ .kind = DFL_REMOVES,
				    .keys = op->conditions.at,
				    .n_keys = r->vague ? 0 : op->conditions.n,
				    .more = r->vague || r->more || op->conditions.cut,
				    .ttl_s = -1 };
}

static void put_update(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql)
{
	struct dfl_effect where = conditions(op, sql), writes = where;

	writes.kind = DFL_WRITES;
	/* without its primary key it may be many rows */
	writes.items = op->conditions.has_id && !sql->rows.vague ? 1 : 2;
	put(c, op, &writes, sql->table);
	put_replaced(c, op, sql, &where);
}

static void put_insert(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql)
{
	struct dfl_effect e = { .kind = DFL_WRITES,
				.keys = op->rows.at,
				.n_keys = op->rows.n,
				.more = op->rows.cut,
				.items = sql->rows.tuples,
				.ttl_s = -1 },
			  same = e;

	put(c, op, &e, sql->table);
	put_replaced(c, op, sql, &same); /* ON CONFLICT … DO UPDATE */
}

static void put_tables(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql)
{
	struct dfl_effect all = { .kind = DFL_REMOVES, .more = true, .ttl_s = -1 };

	for (size_t i = 0; sql->rows.of_table && i < sql->rows.set.n; i++) {
		struct dfl_effect e = { .kind = DFL_REMOVES, .ttl_s = -1 };

		put(c, op, &e, dfl_names_get(&sql->rows.set, i));
	}
	if (sql->rows.of_all)
		dfl_put_effect(c->ctx, op->op, &all);
}

void dfl_pg_rows_tell(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql)
{
	struct dfl_effect e = { .kind = DFL_WRITES, .ttl_s = -1 };

	switch (sql->verb == DFL_SQL_COPY && sql->copy_from ? DFL_SQL_COPY : sql->rows.verb) {
	case DFL_SQL_INSERT:
		put_insert(c, op, sql);
		break;
	case DFL_SQL_UPDATE:
		put_update(c, op, sql);
		break;
	case DFL_SQL_DELETE:
		e = conditions(op, sql);
		put(c, op, &e, sql->table);
		break;
	case DFL_SQL_MERGE:
		put(c, op, &e, sql->table);
		e = (struct dfl_effect){ .kind = DFL_REPLACES, .more = true, .ttl_s = -1 };
		if (sql->rows.sets_unknown)
			put(c, op, &e, sql->table);
		break;
	case DFL_SQL_COPY:
		put(c, op, &e, sql->table);
		break;
	case DFL_SQL_TRUNCATE:
	case DFL_SQL_DROP:
		put_tables(c, op, sql);
		break;
	}
	op->rows = op->conditions = (struct dfl_pg_keys){ 0 };
}
