// SPDX-License-Identifier: Apache-2.0
/*
 * Postgres: what the client sends (documentation, "Message Formats", those marked F).
 *
 * Simple:    Q "INSERT INTO t (a) VALUES ('text')"                 literals are values
 * Extended:  P name "INSERT INTO t (a) VALUES ($1)"  B name 'text'  E  S    parameters are values
 *
 * A prepared statement may have been parsed on the connection long before it is bound, or before
 * the connection was seen. Then its parameters have no place.
 */
#include "decode/postgres/pg_frontend.h"

#include <stdio.h>
#include <utlist.h>

#include "decode/postgres/pg_copy.h"
#include "decode/postgres/pg_rows.h"
#include "decode/postgres/sql_lex.h"
#include "decode/postgres/sql_parse.h"

/* What the cursor expects next. */
enum state {
	PORTAL,
	STATEMENT,
	QUERY,
	N_FORMATS,
	FORMATS,
	N_PARAMS,
	PARAM_LEN,
	PARAM,
	REST,
	CODE,
	COPY
};

/* Codes of messages without a type (libpq/pqcomm.h). */
#define SSL_REQUEST 80877103u
#define GSSENC_REQUEST 80877104u
#define CANCEL_REQUEST 80877102u

/* EXECUTE name: the statement that was prepared. NULL: it is no EXECUTE, or is not known. */
static struct dfl_pg_stmt *executed(const struct dfl_pg_side *s)
{
	const struct dfl_sql *q = &s->op->sql;

	return q->verb == DFL_SQL_EXECUTE ? dfl_pg_stmt_find(s->conn, q->named_thing) : NULL;
}

static void sql_named(void *ud, const char *operation)
{
	struct dfl_pg_side *s = ud;

	const struct dfl_pg_stmt *st;

	if (!s->op)
		return;
	st = executed(s);
	dfl_pg_op_name(s->conn, s->op, st ? st->operation : operation, st ? &st->sql : &s->op->sql);
}

static void sql_calls(void *ud)
{
	struct dfl_pg_side *s = ud;
	const struct dfl_op_desc d = { .ttl_s = -1, .dir = s->dir, .may_store = true };

	if (s->op)
		dfl_name_op(s->conn->ctx, s->op->op, &d);
}

/* Commands of transactions that have a name are kept until they are answered. */
static void keep_control(struct dfl_pg_op *op)
{
	struct dfl_pg_control *control = &op->controls[op->n_controls];
	bool is_rollback = op->sql.verb == DFL_SQL_OTHER && !strcmp(op->sql.item, "rollback");

	if ((!op->sql.control && !is_rollback) || op->n_controls == DFL_PG_CONTROLS_MAX)
		return;
	op->n_controls++;
	control->kind = op->sql.control;
	snprintf(control->name, sizeof(control->name), "%.*s", DFL_PG_NAME_MAX - 1,
		 op->sql.named_thing);
}

/* One of several statements of a text is over. */
static void sql_next(void *ud)
{
	struct dfl_pg_side *s = ud;

	if (!s->op || s->type != 'Q')
		return;
	s->op->writes |= dfl_sql_residency(&s->op->sql) == DFL_PERSISTENT;
	dfl_pg_rows_tell(s->conn, s->op, &s->op->sql);
	keep_control(s->op);
}

static void sql_text(void *ud, const struct dfl_slice *d)
{
	dfl_pg_put_own(ud, d);
}

/* entry: of dfl_sql.params; "" unknown. */
static void open_param(struct dfl_pg_side *s, const char *entry)
{
	dfl_pg_open_value(s, *entry ? entry + 1 : "",
			  *entry ? (enum dfl_sql_role) * entry : DFL_SQL_GIVEN);
}

static void lit_begin(void *ud, const char *place, enum dfl_sql_role role)
{
	struct dfl_pg_side *s = ud;
	const struct dfl_pg_stmt *st = s->op ? executed(s) : NULL;

	if (st)
		open_param(s, dfl_names_get(&st->sql.params, s->op->sql.value));
	else
		dfl_pg_open_value(s, place, role);
}

static void lit_data(void *ud, const struct dfl_slice *d)
{
	dfl_pg_put_value(ud, d);
}

static void lit_end(void *ud)
{
	dfl_pg_close_value(ud);
}

static const struct dfl_sql_ops sql_ops = { .named = sql_named,
					    .calls = sql_calls,
					    .next = sql_next,
					    .text = sql_text,
					    .lit_begin = lit_begin,
					    .lit_data = lit_data,
					    .lit_end = lit_end };

/* The statement that Bind, Execute and the like go on with. */
static struct dfl_pg_op *current(struct dfl_pg_conn *c)
{
	struct dfl_pg_op *last = c->ops ? c->ops->prev : NULL; /* utlist: head->prev is the tail */

	return last && last->unit == c->unit ? last : NULL;
}

/* The operation of a message; NULL: none, or no memory. */
static struct dfl_pg_op *op_of(struct dfl_pg_side *s)
{
	struct dfl_pg_op *op = current(s->conn);

	switch (s->type) {
	case 'Q':
	case 'F':
	case 'P':
		return dfl_pg_op_new(s->conn, s->chunk->ts_ns);
	case 'B':
		return op && op->parsed && !op->bound ? op :
							dfl_pg_op_new(s->conn, s->chunk->ts_ns);
	case 'd':
	case 'c':
	case 'f': /* what COPY … FROM STDIN asked for; the query itself was complete before */
		return s->conn->ops ? s->conn->ops->prev : NULL;
	default:
		return op;
	}
}

void dfl_pg_frontend_begin(struct dfl_pg_side *s)
{
	memset(&s->f, 0, sizeof(s->f));
	s->want_ids = true;
	s->op = s->type && s->type != 'p' ? op_of(s) : NULL;
	s->f.state = !s->type	    ? CODE :
		     s->type == 'Q' ? QUERY :
		     s->type == 'P' ? STATEMENT :
		     s->type == 'B' ? PORTAL :
		     s->type == 'd' ? COPY :
				      REST;
	if (!s->op)
		return;
	if (s->type == 'Q' || s->type == 'P')
		dfl_sql_init(&s->op->sql, &sql_ops, s);
	if (s->type == 'F')
		dfl_pg_op_name(s->conn, s->op, "FUNCTION", NULL);
	s->op->is_unknown |= s->type == 'F';
}

/* The name of the statement in Parse or Bind is complete. */
static void statement_named(struct dfl_pg_side *s)
{
	struct dfl_pg_stmt *st;

	if (!s->op)
		return;
	snprintf(s->op->stmt, sizeof(s->op->stmt), "%s", s->f.text);
	if (s->type == 'P') {
		s->op->parsed = true;
		return;
	}
	s->op->bound = true;
	if (!s->op->st || strcmp(s->op->st->name, s->op->stmt))
		dfl_pg_op_use(s->op, dfl_pg_stmt_find(s->conn, s->op->stmt));
	st = s->op->st;
	/* NULL: it was prepared before the connection was seen, or was forgotten */
	s->op->is_unknown = !st;
	dfl_pg_op_name(s->conn, s->op, st ? st->operation : "EXECUTE", st ? &st->sql : NULL);
}

/* Keeps what a text says about parameters and result, under a name. NULL: no memory. */
static struct dfl_pg_stmt *keep_stmt(struct dfl_pg_side *s, const char *name)
{
	struct dfl_pg_stmt *st = dfl_pg_stmt_new(s->conn, name);

	if (!st)
		return NULL;
	dfl_sql_operation(&s->op->sql, st->operation);
	st->sql = s->op->sql;
	st->sql.ops = NULL;
	st->sql.prepares = false;
	memset(&s->op->sql, 0, sizeof(s->op->sql));
	return st;
}

/* The text of Parse is over. */
static void prepared(struct dfl_pg_side *s)
{
	if (!s->op)
		return;
	dfl_sql_end(&s->op->sql);
	dfl_pg_op_use(s->op, keep_stmt(s, s->op->stmt));
}

/* How long what it is given stays is known now. */
static void describe(struct dfl_pg_side *s)
{
	enum dfl_residency residency = dfl_sql_residency(&s->op->sql);
	const struct dfl_op_desc d = { .residency = residency, .ttl_s = -1, .dir = s->dir };

	if (residency != DFL_RES_UNKNOWN && !s->op->writes)
		dfl_name_op(s->conn->ctx, s->op->op, &d);
}

/*
 * The text of a simple query is over. What it is named after may be known only now. A statement
 * that PREPARE names can be executed by EXECUTE and by Bind.
 */
static void asked(struct dfl_pg_side *s)
{
	struct dfl_pg_op *op = s->op;
	struct dfl_pg_stmt *st;
	char name[DFL_PG_NAME_MAX];

	dfl_sql_end(&op->sql);
	st = executed(s);
	op->is_unknown = op->sql.verb == DFL_SQL_EXECUTE && !st;
	if (op->n_controls)
		keep_control(op);
	if (op->sql.prepares) {
		snprintf(name, sizeof(name), "%.*s", DFL_PG_NAME_MAX - 1, op->sql.named_thing);
		keep_stmt(s, name);
	} else if (st) {
		dfl_pg_op_use(op, st); /* from here on it is like a Bind */
		op->bound = true;
	} else {
		describe(s);
	}
}

static void begin_param(struct dfl_pg_side *s)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;

	open_param(s, sql ? dfl_names_get(&sql->params, s->f.index) : "");
	s->f.index++;
}

/* A length before a parameter; 0xffffffff is NULL. */
static void param_len(struct dfl_pg_side *s)
{
	struct dfl_pg_field *f = &s->f;

	f->count--;
	f->left = f->number == UINT32_MAX ? 0 : f->number;
	if (f->left) {
		begin_param(s);
		f->state = PARAM;
		return;
	}
	f->index++;
	if (!f->count)
		f->state = REST;
}

/* One byte of the fields around statement names and parameters. */
static void field_byte(struct dfl_pg_side *s, uint8_t byte)
{
	struct dfl_pg_field *f = &s->f;

	switch (f->state) {
	case CODE:
		if (dfl_pg_number(f, byte, 4)) {
			s->conn->asked_tls = f->number == SSL_REQUEST ||
					     f->number == GSSENC_REQUEST;
			s->conn->starting = s->conn->asked_tls || f->number == CANCEL_REQUEST;
			f->state = REST;
		}
		break;
	case PORTAL:
		if (dfl_pg_string(f, byte))
			f->state = STATEMENT;
		break;
	case STATEMENT:
		if (dfl_pg_string(f, byte)) {
			statement_named(s);
			f->state = s->type == 'P' ? QUERY : N_FORMATS;
		}
		break;
	case N_FORMATS:
		if (dfl_pg_number(f, byte, 2)) {
			f->left = 2 * f->number;
			f->state = f->left ? FORMATS : N_PARAMS;
		}
		break;
	case FORMATS:
		if (!--f->left)
			f->state = N_PARAMS;
		break;
	case N_PARAMS:
		if (dfl_pg_number(f, byte, 2)) {
			f->count = f->number;
			f->state = f->count ? PARAM_LEN : REST;
		}
		break;
	case PARAM_LEN:
		if (dfl_pg_number(f, byte, 4))
			param_len(s);
		break;
	default:
		break;
	}
}

/* Query text up to its NUL. Returns the bytes consumed. */
static size_t query_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i)
{
	const uint8_t *nul = memchr(d->data + i, 0, d->len - i);
	struct dfl_slice run = dfl_slice_sub(d, i, (nul ? (size_t)(nul - d->data) : d->len) - i);

	if (s->op)
		dfl_sql_feed(&s->op->sql, &run);
	else
		dfl_pg_put_own(s, &run);
	if (!nul)
		return run.len;
	if (s->type == 'P')
		prepared(s);
	else if (s->op)
		asked(s);
	s->f.state = REST;
	return run.len;
}

/* For dfl_pg_fields: the text of a query, or a parameter. */
static size_t run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i)
{
	size_t n;

	if (s->f.state == QUERY)
		return query_run(s, d, i);
	if (s->f.state == REST)
		return dfl_pg_rest_run(s, d, i);
	n = dfl_pg_value_run(s, d, i);
	if (!s->f.left)
		s->f.state = s->f.count ? PARAM_LEN : REST;
	return n;
}

void dfl_pg_frontend_body(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	if (s->f.state == COPY)
		dfl_pg_copy_feed(s, d);
	else if (s->type == 'p') /* a password, or SASL */
		dfl_put_withheld(s->conn->ctx, d, s->chunk);
	else
		dfl_pg_fields(s, d, 1u << QUERY | 1u << PARAM | 1u << REST, run, field_byte);
}

void dfl_pg_frontend_lost(struct dfl_pg_side *s)
{
	if (s->f.state == QUERY && s->op)
		dfl_sql_end(&s->op->sql);
	if (s->type == 'd')
		dfl_pg_copy_lost(s);
	dfl_pg_close_value(s);
	s->f.state = REST;
}

void dfl_pg_frontend_end(struct dfl_pg_side *s)
{
	if (s->f.state == QUERY && s->op) { /* no NUL at the end */
		if (s->type == 'P')
			prepared(s);
		else
			asked(s);
	}
	if (s->type == 'c' || s->type == 'f')
		dfl_pg_copy_lost(s); /* the data are over */
	if (s->type != 'd')	     /* a value of COPY may go on in the next message */
		dfl_pg_close_value(s);
	if (s->type == 'Q' || s->type == 'S' || s->type == 'F')
		s->conn->unit++; /* ReadyForQuery will answer all up to here */
	s->conn->terminated |= s->type == 'X';
	s->conn->terminated |= s->type == 'X';
	s->op = NULL;
}
