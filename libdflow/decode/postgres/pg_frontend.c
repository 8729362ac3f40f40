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

#include "decode/postgres/sql_lex.h"
#include "decode/postgres/sql_parse.h"

/* What the cursor expects next. */
enum state { PORTAL, STATEMENT, QUERY, N_FORMATS, FORMATS, N_PARAMS, PARAM_LEN, PARAM, REST, CODE };

/* Codes of messages without a type (libpq/pqcomm.h). */
#define SSL_REQUEST 80877103u
#define GSSENC_REQUEST 80877104u
#define CANCEL_REQUEST 80877102u

static void sql_named(void *ud, const char *operation)
{
	struct dfl_pg_side *s = ud;

	if (s->op)
		dfl_pg_op_name(s->conn, s->op, operation);
}

static void sql_text(void *ud, const struct dfl_slice *d)
{
	dfl_pg_put_own(ud, d);
}

static void lit_begin(void *ud, const char *place)
{
	dfl_pg_open_value(ud, place);
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
				      REST;
	if (!s->op)
		return;
	if (s->type == 'Q' || s->type == 'P')
		dfl_sql_init(&s->op->sql, &sql_ops, s);
	if (s->type == 'F')
		dfl_pg_op_name(s->conn, s->op, "FUNCTION");
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
	st = dfl_pg_stmt_find(s->conn, s->op->stmt);
	/* NULL: it was prepared before the connection was seen, or was forgotten */
	dfl_pg_op_name(s->conn, s->op, st ? st->operation : "EXECUTE");
}

/* The text of Parse is over: keep what it says about parameters and result. */
static void prepared(struct dfl_pg_side *s)
{
	struct dfl_pg_stmt *st;

	if (!s->op)
		return;
	dfl_sql_end(&s->op->sql);
	st = dfl_pg_stmt_new(s->conn, s->op->stmt);
	if (!st)
		return;
	dfl_sql_operation(&s->op->sql, st->operation);
	st->sql = s->op->sql;
	st->sql.ops = NULL;
	memset(&s->op->sql, 0, sizeof(s->op->sql));
}

static void begin_param(struct dfl_pg_side *s)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;

	dfl_pg_open_value(s, sql ? dfl_names_get(&sql->params, s->f.index) : "");
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
		dfl_sql_end(&s->op->sql);
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
	if (s->type != 'p') /* passwords and SASL are never shown */
		dfl_pg_fields(s, d, 1u << QUERY | 1u << PARAM | 1u << REST, run, field_byte);
}

void dfl_pg_frontend_lost(struct dfl_pg_side *s)
{
	if (s->f.state == QUERY && s->op)
		dfl_sql_end(&s->op->sql);
	dfl_pg_close_value(s);
	s->f.state = REST;
}

void dfl_pg_frontend_end(struct dfl_pg_side *s)
{
	if (s->f.state == QUERY && s->op) { /* no NUL at the end */
		if (s->type == 'P')
			prepared(s);
		else
			dfl_sql_end(&s->op->sql);
	}
	dfl_pg_close_value(s);
	if (s->type == 'Q' || s->type == 'S' || s->type == 'F')
		s->conn->unit++; /* ReadyForQuery will answer all up to here */
	s->op = NULL;
}
