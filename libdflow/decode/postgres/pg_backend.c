// SPDX-License-Identifier: Apache-2.0
/*
 * Postgres: what the server sends (documentation, "Message Formats", those marked B).
 *
 *   T columns, D row, D row …, C "SELECT 2"      a statement's answer
 *   1, 2                                        Parse and Bind were taken
 *   Z                                           all of the unit is answered
 *
 * A column's place comes from the statement's SQL; its type says whether its values are text. For a
 * prepared statement T may come only once (Describe), so the columns are kept with the statement.
 */
#include "decode/postgres/pg_backend.h"

#include <stdio.h>
#include <utlist.h>

#include "decode/dify/postgres_places.h"
#include "decode/postgres/pg_txn.h"
#include "decode/postgres/sql_parse.h"

/* What the cursor expects next. */
enum state {
	N_COLUMNS,
	COLUMN_NAME,
	COLUMN_FACTS,
	N_VALUES,
	VALUE_LEN,
	VALUE,
	COPY_DATA,
	TAG,
	STATUS,
	REST
};

#define COLUMN_FACTS_LEN 18 /* table 4, number 2, type 4, size 2, modifier 4, format 2 */

/* OIDs of types whose values are no text (pg_type.dat): bool, ints, oid, floats, dates, numeric,
 * uuid … */
static const uint32_t opaque_types[] = { 16,   20,   21,   23,	 26,   28,   700,  701,
					 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2950 };

/* Messages that answer no statement: notices, notifications, parameters, start-up. */
static bool is_asynchronous(uint8_t type)
{
	return type && strchr("NSAKRv", type) != NULL;
}

/* The operation that a message answers: the oldest. Its next message ends the one that is done. */
static struct dfl_pg_op *op_of(struct dfl_pg_side *s)
{
	struct dfl_pg_op *op = s->conn->ops, *next = op ? op->next : NULL;

	if (is_asynchronous(s->type) || !op)
		return NULL;
	if (op->done && s->type != 'Z' && next && next->unit == op->unit) {
		dfl_pg_op_end(s->conn, op, s->chunk->ts_ns);
		op = next;
	}
	return op;
}

void dfl_pg_backend_begin(struct dfl_pg_side *s)
{
	memset(&s->f, 0, sizeof(s->f));
	s->op = op_of(s);
	s->f.state = s->type == 'T' ? N_COLUMNS :
		     s->type == 'D' ? N_VALUES :
		     s->type == 'd' ? COPY_DATA :
		     s->type == 'C' ? TAG :
		     s->type == 'Z' ? STATUS :
				      REST;
	if (s->type == 'T' && s->op)
		dfl_names_clear(&s->op->columns);
}

static bool is_opaque(uint32_t type)
{
	for (size_t i = 0; i < sizeof(opaque_types) / sizeof(opaque_types[0]); i++)
		if (opaque_types[i] == type)
			return true;
	return false;
}

/* The column "id" of any table. */
static bool is_primary(const char *place)
{
	const char *dot = strrchr(place, '.');

	return dot && !strcmp(dot, ".id");
}

/* One column of RowDescription is complete. f->count: columns of the row; f->number: its type. */
static void column_done(struct dfl_pg_side *s)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;
	char place[DFL_NAME_MAX] = "", entry[DFL_NAME_MAX + 1];
	char kind = is_opaque(s->f.number) ? 'x' : 't';
	enum dfl_id_kind id;

	if (!s->op)
		return;
	if (sql)
		dfl_sql_result_place(sql, s->f.index, s->f.count, s->f.text, place);
	if (kind == 'x' && (dfl_postgres_place_is_id(place, &id) || is_primary(place)))
		kind = 'i';
	snprintf(entry, sizeof(entry), "%c%s", kind, place);
	dfl_names_put(&s->op->columns, entry);
}

/*
 * The type's OID is the third of a column's facts: after table (4 bytes) and number (2), so it is
 * there while 12 to 9 of the 18 bytes are left.
 */
static void fact_byte(struct dfl_pg_side *s, uint8_t byte)
{
	struct dfl_pg_field *f = &s->f;

	if (f->left > 8 && f->left <= 12)
		f->number = f->number << 8 | byte;
	if (--f->left)
		return;
	column_done(s);
	f->text_len = 0;
	f->number = 0;
	f->state = ++f->index < f->count ? COLUMN_NAME : REST;
}

/* What is known of column f.index: as in dfl_pg_op.columns; "" nothing. */
static const char *column(struct dfl_pg_side *s)
{
	struct dfl_pg_stmt *st;

	if (!s->op)
		return "";
	if (s->op->columns.n || !s->op->bound)
		return dfl_names_get(&s->op->columns, s->f.index);
	st = s->op->st;
	return st ? dfl_names_get(&st->columns, s->f.index) : "";
}

/* Ids in rows that a statement read may be anybody's; those that an INSERT made are its own. */
static void begin_value(struct dfl_pg_side *s)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;
	const char *c = column(s);

	s->want_ids = sql && dfl_sql_is_insert(sql);
	if (c[0] == 'x' || c[0] == 'i')
		dfl_pg_note_value(s, c[0] == 'i' ? c + 1 : "");
	else
		dfl_pg_open_value(s, c[0] ? c + 1 : "", DFL_SQL_GIVEN);
}

static void value_len(struct dfl_pg_side *s)
{
	struct dfl_pg_field *f = &s->f;

	f->count--;
	f->left = f->number == UINT32_MAX ? 0 : f->number;
	if (f->left) {
		begin_value(s);
		f->state = VALUE;
	} else if (!f->count) {
		f->state = REST;
	}
	f->index++;
}

static void field_byte(struct dfl_pg_side *s, uint8_t byte)
{
	struct dfl_pg_field *f = &s->f;

	switch (f->state) {
	case N_COLUMNS:
		if (dfl_pg_number(f, byte, 2)) {
			f->count = f->number;
			f->state = f->count ? COLUMN_NAME : REST;
			f->number = 0;
		}
		break;
	case COLUMN_NAME:
		if (dfl_pg_string(f, byte)) {
			f->left = COLUMN_FACTS_LEN;
			f->state = COLUMN_FACTS;
			f->number = 0;
		}
		break;
	case COLUMN_FACTS:
		fact_byte(s, byte);
		break;
	case N_VALUES:
		if (dfl_pg_number(f, byte, 2)) {
			f->count = f->number;
			f->state = f->count ? VALUE_LEN : REST;
		}
		break;
	case VALUE_LEN:
		if (dfl_pg_number(f, byte, 4))
			value_len(s);
		break;
	case TAG:
		if (dfl_pg_string(f, byte))
			f->state = REST;
		break;
	case STATUS:
		f->number = byte;
		break;
	default:
		break;
	}
}

static size_t run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i)
{
	size_t n;

	if (s->f.state == REST)
		return dfl_pg_rest_run(s, d, i);
	n = dfl_pg_value_run(s, d, i);
	if (!s->f.left)
		s->f.state = s->f.count ? VALUE_LEN : REST;
	return n;
}

static void copy_data(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (!s->value)
		dfl_pg_open_value(s, "", DFL_SQL_GIVEN);
	dfl_pg_put_value(s, d);
}

void dfl_pg_backend_body(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (s->f.state == COPY_DATA)
		copy_data(s, d);
	else
		dfl_pg_fields(s, d, 1u << VALUE | 1u << REST, run, field_byte);
}

/* Described columns of a prepared statement hold for every Bind of it. */
static void keep_columns(struct dfl_pg_side *s)
{
	if (s->op && s->op->st)
		dfl_names_copy(&s->op->st->columns, &s->op->columns);
}

/* ReadyForQuery: every statement of the unit was answered. */
static void ready(struct dfl_pg_side *s)
{
	struct dfl_pg_conn *c = s->conn;
	uint64_t unit = c->ops ? c->ops->unit : 0;

	dfl_pg_txn_ready(c, s->f.state == STATUS ? (uint8_t)s->f.number : 0, s->chunk->ts_ns);
	while (c->ops && c->ops->unit == unit)
		dfl_pg_op_end(c, c->ops, s->chunk->ts_ns);
}

void dfl_pg_backend_lost(struct dfl_pg_side *s)
{
	dfl_pg_close_value(s);
	s->f.state = REST;
}

/* Of a tag that was not seen whole, nothing is known. */
static void answered(struct dfl_pg_side *s)
{
	if (s->type == 'C' && s->f.state == REST)
		dfl_pg_txn_complete(s->conn, s->op, s->f.text, s->chunk->ts_ns);
	else if (s->type == 'E')
		dfl_pg_txn_failed(s->conn, s->op, s->chunk->ts_ns);
	s->op->done = true;
}

void dfl_pg_backend_end(struct dfl_pg_side *s)
{
	dfl_pg_close_value(s);
	if (s->type == 'T')
		keep_columns(s);
	else if (s->op && s->type && strchr("CsIE", s->type))
		answered(s);
	else if (s->type == 'Z')
		ready(s);
	s->op = NULL;
}
