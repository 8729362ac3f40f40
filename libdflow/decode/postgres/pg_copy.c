// SPDX-License-Identifier: Apache-2.0
/*
 * The data of COPY … FROM STDIN (documentation, "COPY", "File Formats").
 *
 * Text:    value TAB value NEWLINE                 special bytes are written with a backslash
 * Binary:  a head of 19 bytes or more, then for each row: a number of fields (2 bytes), and for
 *          each of these a length (4 bytes) and the value
 *
 * Other forms (CSV, another delimiter) are one value, of which only the table is told.
 */
#include "decode/postgres/pg_copy.h"

#include <stdlib.h>

#include "decode/postgres/sql_parse.h"

enum state { SIGNATURE, EXTENSION_LEN, EXTENSION, N_FIELDS, FIELD_LEN, FIELD, OVER };

#define HEAD_LEN 15 /* the signature and the flags, before the length of the extension */

struct dfl_pg_copy {
	uint8_t state; /* binary */
	uint32_t left; /* bytes, or fields, that are still to come */
	uint32_t fields;
	uint32_t number; /* that is being read … */
	uint8_t n;	 /* … so many bytes of it */
	size_t column;	 /* of the value */
	bool open;	 /* a value of text is being read */
	bool lost;	 /* bytes were missing: nobody knows which column this is */
};

static void open_value(struct dfl_pg_side *s, struct dfl_pg_copy *c)
{
	const struct dfl_sql *sql = dfl_pg_op_sql(s->conn, s->op);
	char place[DFL_NAME_MAX] = "";

	if (sql)
		dfl_sql_copy_place(sql, c->lost ? SIZE_MAX : c->column, place);
	dfl_pg_open_value(s, place, DFL_SQL_GIVEN);
	c->open = true;
}

static void close_value(struct dfl_pg_side *s, struct dfl_pg_copy *c)
{
	if (c->open)
		dfl_pg_close_value(s);
	c->open = false;
}

/* Bytes up to a tab or the end of the line, from i on. Returns how many. */
static size_t text_run(struct dfl_pg_side *s, struct dfl_pg_copy *c, const struct dfl_slice *d,
		       size_t i)
{
	size_t n = 0;
	struct dfl_slice run;

	while (i + n < d->len && d->data[i + n] != '\t' && d->data[i + n] != '\n')
		n++;
	run = dfl_slice_sub(d, i, n ? n : 1);
	if (n) {
		if (!c->open)
			open_value(s, c);
		dfl_pg_put_value(s, &run);
		return n;
	}
	close_value(s, c);
	dfl_pg_put_framing(s, &run);
	c->column = d->data[i] == '\t' ? c->column + 1 : 0;
	c->lost &= d->data[i] == '\t';
	return 1;
}

/* One byte of a number; true: it is complete. */
static bool number(struct dfl_pg_copy *c, uint8_t byte, uint8_t size)
{
	c->number = c->n ? c->number << 8 | byte : byte;
	if (++c->n < size)
		return false;
	c->n = 0;
	return true;
}

static void next_field(struct dfl_pg_copy *c)
{
	c->column++;
	c->state = --c->fields ? FIELD_LEN : N_FIELDS;
}

/* A byte between values. */
static void binary_byte(struct dfl_pg_side *s, struct dfl_pg_copy *c, uint8_t byte)
{
	switch (c->state) {
	case SIGNATURE:
		c->state = ++c->left == HEAD_LEN ? EXTENSION_LEN : SIGNATURE;
		break;
	case EXTENSION_LEN:
		if (number(c, byte, 4)) {
			c->left = c->number;
			c->state = c->left ? EXTENSION : N_FIELDS;
		}
		break;
	case EXTENSION:
		c->state = --c->left ? EXTENSION : N_FIELDS;
		break;
	case N_FIELDS:
		if (number(c, byte, 2)) {
			c->fields = c->number;
			c->column = 0;
			c->state = !c->fields		   ? N_FIELDS :
				   c->fields == UINT16_MAX ? OVER :
							     FIELD_LEN;
		}
		break;
	case FIELD_LEN:
		if (!number(c, byte, 4))
			break;
		c->left = c->number;
		if (!c->left || c->left == UINT32_MAX) { /* empty, or NULL */
			next_field(c);
			break;
		}
		open_value(s, c);
		c->state = FIELD;
		break;
	}
}

static size_t binary_run(struct dfl_pg_side *s, struct dfl_pg_copy *c, const struct dfl_slice *d,
			 size_t i)
{
	size_t n = d->len - i < c->left ? d->len - i : c->left;
	struct dfl_slice run = dfl_slice_sub(d, i, c->state == FIELD ? n : 1);

	if (c->state != FIELD) {
		if (c->lost || c->state == OVER)
			dfl_pg_put_own(s, &run);
		else
			dfl_pg_put_framing(s, &run);
		if (!c->lost)
			binary_byte(s, c, d->data[i]);
		return 1;
	}
	dfl_pg_put_value(s, &run);
	c->left -= (uint32_t)n;
	if (!c->left) {
		close_value(s, c);
		next_field(c);
	}
	return n;
}

void dfl_pg_copy_feed(struct dfl_pg_side *s, const struct dfl_slice *d)
{
	const struct dfl_sql *sql = s->op ? dfl_pg_op_sql(s->conn, s->op) : NULL;
	struct dfl_pg_copy *c;
	size_t i = 0;

	if (s->op && !s->op->copy)
		s->op->copy = calloc(1, sizeof(*c));
	c = s->op ? s->op->copy : NULL;
	if (!c || !sql) {
		dfl_pg_put_own(s, d);
		return;
	}
	while (i < d->len)
		if (sql->copy_format == DFL_SQL_COPY_TEXT) {
			i += text_run(s, c, d, i);
		} else if (sql->copy_format == DFL_SQL_COPY_BINARY) {
			i += binary_run(s, c, d, i);
		} else {
			c->column = SIZE_MAX;
			if (!c->open)
				open_value(s, c);
			dfl_pg_put_value(s, d);
			i = d->len;
		}
}

void dfl_pg_copy_lost(struct dfl_pg_side *s)
{
	if (!s->op || !s->op->copy)
		return;
	close_value(s, s->op->copy);
	s->op->copy->lost = true;
}
