// SPDX-License-Identifier: Apache-2.0
/* What both directions of a Postgres connection share: statements, values, the cursor. */
#include "decode/postgres/pg_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "decode/dify/postgres_places.h"
#include "decode/postgres/sql_lex.h"
#include "decode/postgres/sql_parse.h"

static struct dfl_view *own_view(struct dfl_pg_side *s)
{
	struct dfl_view **v = s->op ? &s->op->own[s->dir] : &s->raw;

	if (!*v)
		*v = dfl_open_view(s->conn->ctx, s->op ? s->op->op : NULL, s->dir, NULL);
	return *v;
}

void dfl_pg_put_own(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (d->len)
		dfl_put_view(s->conn->ctx, own_view(s), d, s->chunk);
}

void dfl_pg_put_framing(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (d->len)
		dfl_put_framing(s->conn->ctx, own_view(s), d, s->chunk);
}

void dfl_pg_note_value(struct dfl_pg_side *s, const char *place)
{
	snprintf(s->lit_place, sizeof(s->lit_place), "%s", place ? place : "");
	s->lit_len = 0;
	s->role = DFL_SQL_GIVEN;
}

/* The place is s->lit_place. */
static struct dfl_view *open_value(struct dfl_pg_side *s, const char *holds, const char *derives)
{
	const struct dfl_decoder_ctx *c = s->conn->ctx;
	const struct dfl_view_desc d = { .place = s->lit_place[0] ? s->lit_place : NULL,
					 .dir = s->dir,
					 .layer = c->layer,
					 .derives = derives,
					 .holds = holds,
					 .residency = s->role == DFL_SQL_GIVEN ? DFL_RES_UNKNOWN :
										 DFL_MEMORY };

	return c->sink->view_open(c->sink->ud, c->conn, s->op ? s->op->op : NULL, &d);
}

void dfl_pg_open_value(struct dfl_pg_side *s, const char *place, enum dfl_sql_role role)
{
	struct dfl_op *op = s->op ? s->op->op : NULL;
	const char *holds;

	dfl_pg_note_value(s, place);
	s->role = role;
	holds = dfl_postgres_place_holds(s->lit_place, s->dir);
	s->value = open_value(s, holds, NULL);
	/* What a search found is a derived payload too: its text goes into two views. */
	if (s->dir == DFL_RESPONSE && dfl_postgres_place_is_found(s->lit_place))
		s->retrieved = open_value(s, holds, holds);
	s->is_vector = dfl_postgres_place_is_vector(s->lit_place);
	if (s->is_vector)
		dfl_vector_init(&s->vector, s->conn->ctx, op, s->dir, s->lit_place, sizeof(double));
}

void dfl_pg_put_value(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	/* lit keeps the beginning, for ids; a longer value fails dfl_is_id because it is full */
	size_t room = sizeof(s->lit) - s->lit_len, n = d->len < room ? d->len : room;

	if (s->lit_place[0]) {
		memcpy(s->lit + s->lit_len, d->data, n);
		s->lit_len += n;
	}
	if (s->value)
		dfl_put_view(s->conn->ctx, s->value, d, s->chunk);
	if (s->retrieved)
		dfl_put_view(s->conn->ctx, s->retrieved, d, s->chunk);
	if (s->is_vector)
		dfl_vector_text(&s->vector, d);
	if (!s->value)
		dfl_pg_put_own(s, d);
}

/* The value may tell which row the statement means. One that is too long to be kept does not. */
static void note_row(struct dfl_pg_side *s)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;
	bool is_long = s->lit_len == sizeof(s->lit);

	if (!sql || !s->lit_place[0])
		return;
	if (s->role == DFL_SQL_CONDITION && is_long)
		s->op->conditions.cut = true;
	else if (s->role == DFL_SQL_CONDITION)
		dfl_pg_keys_condition(&s->op->conditions, s->lit_place, s->lit, s->lit_len);
	else if (s->role == DFL_SQL_GIVEN && s->want_ids && dfl_sql_is_insert(sql) && !is_long)
		dfl_pg_keys_row(&s->op->rows, s->lit_place, s->lit, s->lit_len);
}

void dfl_pg_close_value(struct dfl_pg_side *s)
{
	enum dfl_id_kind kind;

	if (s->want_ids && s->op && dfl_postgres_place_is_id(s->lit_place, &kind) &&
	    dfl_is_id(kind, s->lit, s->lit_len))
		dfl_put_id(s->conn->ctx, s->op->op, kind, s->lit, s->lit_len);
	note_row(s);
	if (s->is_vector && s->chunk)
		dfl_vector_done(&s->vector, s->chunk);
	s->is_vector = false;
	explicit_bzero(s->lit, s->lit_len); /* it may be a piece of a message */
	s->lit_len = 0;
	s->lit_place[0] = 0;
	dfl_close_view(s->conn->ctx, &s->value);
	dfl_close_view(s->conn->ctx, &s->retrieved);
}

struct dfl_pg_op *dfl_pg_op_new(struct dfl_pg_conn *c, uint64_t ts_ns)
{
	const struct dfl_op_desc d = {
		.protocol = "postgres", .operation = "*", .ttl_s = -1, .dir = c->front.dir
	};
	struct dfl_pg_op *op;

	if (c->n_ops == DFL_PG_OPS_MAX) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_UNANSWERED);
		dfl_pg_op_end(c, c->ops, ts_ns);
	}
	op = calloc(1, sizeof(*op));
	if (!op)
		return NULL;
	op->unit = c->unit;
	op->op = dfl_begin_op(c->ctx, &d, ts_ns);
	DL_APPEND(c->ops, op);
	c->n_ops++;
	return op;
}

void dfl_pg_op_name(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *operation,
		    const struct dfl_sql *sql)
{
	enum dfl_residency residency = sql ? dfl_sql_residency(sql) : DFL_RES_UNKNOWN;
	const struct dfl_op_desc d = { .operation = operation,
				       .residency = residency,
				       .ttl_s = -1,
				       .dir = c->front.dir,
				       .may_store = residency == DFL_RES_UNKNOWN };

	dfl_name_op(c->ctx, op->op, &d);
}

const struct dfl_sql *dfl_pg_op_sql(struct dfl_pg_conn *c, struct dfl_pg_op *op)
{
	struct dfl_pg_stmt *st;

	if (op->st || op->bound)
		return op->st ? &op->st->sql : NULL;
	/* a simple query, or Parse is not complete */
	st = op->sql.verb == DFL_SQL_EXECUTE ? dfl_pg_stmt_find(c, op->sql.named_thing) : NULL;
	return st ? &st->sql : &op->sql;
}

static void unref(struct dfl_pg_stmt *st)
{
	if (!st || --st->refs)
		return;
	dfl_sql_fini(&st->sql);
	dfl_names_fini(&st->columns);
	free(st);
}

void dfl_pg_op_end(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns)
{
	struct dfl_pg_side *side[] = { &c->front, &c->back };

	for (int i = 0; i < 2; i++)
		if (side[i]->op == op) {
			dfl_pg_close_value(side[i]);
			side[i]->op = NULL;
		}
	DL_DELETE(c->ops, op);
	c->n_ops--;
	dfl_close_view(c->ctx, &op->own[0]);
	dfl_close_view(c->ctx, &op->own[1]);
	dfl_sql_fini(&op->sql);
	dfl_names_fini(&op->columns);
	free(op->copy);
	unref(op->st);
	dfl_end_op(c->ctx, &op->op, ts_ns);
	free(op);
}

struct dfl_pg_stmt *dfl_pg_stmt_find(struct dfl_pg_conn *c, const char *name)
{
	struct dfl_pg_stmt *st;

	DL_FOREACH(c->stmts, st)
	{
		if (strcmp(st->name, name))
			continue;
		DL_DELETE(c->stmts, st);
		DL_APPEND(c->stmts, st);
		return st;
	}
	return NULL;
}

/* Forgets a prepared statement. Operations may still use it. */
static void stmt_drop(struct dfl_pg_conn *c, struct dfl_pg_stmt *st)
{
	DL_DELETE(c->stmts, st);
	c->n_stmts--;
	unref(st);
}

void dfl_pg_op_use(struct dfl_pg_op *op, struct dfl_pg_stmt *st)
{
	if (st)
		st->refs++;
	unref(op->st);
	op->st = st;
}

struct dfl_pg_stmt *dfl_pg_stmt_new(struct dfl_pg_conn *c, const char *name)
{
	struct dfl_pg_stmt *st = dfl_pg_stmt_find(c, name);

	if (st)
		stmt_drop(c, st);
	if (c->n_stmts == DFL_PG_STATEMENTS_MAX) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_STATEMENTS);
		stmt_drop(c, c->stmts);
	}
	st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->refs = 1;
	snprintf(st->name, sizeof(st->name), "%s", name);
	DL_APPEND(c->stmts, st);
	c->n_stmts++;
	return st;
}

void dfl_pg_stmts_fini(struct dfl_pg_conn *c)
{
	while (c->stmts)
		stmt_drop(c, c->stmts);
}

bool dfl_pg_number(struct dfl_pg_field *f, uint8_t byte, uint8_t size)
{
	f->number = f->n ? f->number << 8 | byte : byte; /* the first byte forgets the number before
							  */
	if (++f->n < size)
		return false;
	f->n = 0;
	return true;
}

bool dfl_pg_string(struct dfl_pg_field *f, uint8_t byte)
{
	if (byte) {
		if (f->text_len < sizeof(f->text) - 1)
			f->text[f->text_len++] = (char)byte;
		return false;
	}
	f->text[f->text_len] = 0;
	f->text_len = 0;
	return true;
}

size_t dfl_pg_value_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i)
{
	size_t n = d->len - i < s->f.left ? d->len - i : s->f.left;
	struct dfl_slice run = dfl_slice_sub(d, i, n);

	dfl_pg_put_value(s, &run);
	s->f.left -= (uint32_t)n;
	if (!s->f.left)
		dfl_pg_close_value(s);
	return n;
}

size_t dfl_pg_rest_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i)
{
	struct dfl_slice rest = dfl_slice_sub(d, i, d->len - i);

	dfl_pg_put_own(s, &rest);
	return rest.len;
}

/* Bytes [from, to) of a piece of a body: all but values and rest. */
static void put_framing(struct dfl_pg_side *s, const struct dfl_slice *d, size_t from, size_t to)
{
	struct dfl_slice framing = dfl_slice_sub(d, from, to - from);

	dfl_pg_put_framing(s, &framing);
}

void dfl_pg_fields(struct dfl_pg_side *s, const struct dfl_slice *d, unsigned runs,
		   size_t (*run)(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i),
		   void (*field)(struct dfl_pg_side *s, uint8_t byte))
{
	size_t i = 0, from = 0;

	while (i < d->len) {
		if (!(runs >> s->f.state & 1)) {
			field(s, d->data[i++]);
			continue;
		}
		put_framing(s, d, from, i);
		i += run(s, d, i);
		from = i;
	}
	put_framing(s, d, from, i);
}
