// SPDX-License-Identifier: Apache-2.0
/*
 * The transactions of a Postgres connection (documentation, "Message Flow", and the commands BEGIN,
 * COMMIT, ROLLBACK, SAVEPOINT).
 *
 * What a statement did is kept when the transaction is committed. Without BEGIN that is when the
 * unit is answered: ReadyForQuery 'I'. The tags of CommandComplete tell what was done, in the order
 * of the server, so that pipelines and texts of several statements need nothing of their own.
 * COMMIT of a transaction that failed is answered with the tag ROLLBACK.
 */
#include "decode/postgres/pg_txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "decode/postgres/pg_rows.h"
#include "decode/postgres/sql_parse.h"

/* All levels from this one on end. */
static void end_from(struct dfl_pg_conn *c, struct dfl_pg_level *from, enum dfl_kept kept,
		     uint64_t ts_ns)
{
	struct dfl_pg_level *l, *next;

	for (l = from; l; l = next) {
		next = l->next;
		dfl_end_txn(c->ctx, &l->txn, kept, ts_ns);
		DL_DELETE(c->levels, l);
		c->n_levels--;
		free(l);
	}
}

/* Opens a level; NULL: no memory, or too many. Then it is not known what goes back to where. */
static struct dfl_pg_level *push(struct dfl_pg_conn *c, const char *name, uint64_t ts_ns)
{
	struct dfl_pg_level *l = c->n_levels < DFL_PG_LEVELS_MAX ?
					 calloc(1, sizeof(*l) + strlen(name) + 1) :
					 NULL;

	if (!l) {
		dfl_limit_hit(c->ctx, DFL_LIMIT_UNANSWERED);
		end_from(c, c->levels, DFL_KEPT_UNKNOWN, ts_ns);
		return NULL;
	}
	strcpy(l->name, name);
	DL_APPEND(c->levels, l);
	c->n_levels++;
	return l;
}

/* The newest savepoint of that name. */
static struct dfl_pg_level *find(struct dfl_pg_conn *c, const char *name)
{
	struct dfl_pg_level *l;

	if (!c->levels || !*name)
		return NULL;
	for (l = c->levels->prev; strcmp(l->name, name); l = l->prev)
		if (l == c->levels)
			return NULL;
	return l;
}

static void savepoint(struct dfl_pg_conn *c, const char *name, uint64_t ts_ns)
{
	if (c->levels || push(c, "", ts_ns))
		push(c, name, ts_ns);
}

/* Its level stays, but nobody can go back to it alone. */
static void release(struct dfl_pg_conn *c, const char *name)
{
	struct dfl_pg_level *l = find(c, name);

	for (; l; l = l->next)
		l->name[0] = 0;
}

/* The savepoint stays. One that was not seen: then it is not known what was undone. */
static void rollback_to(struct dfl_pg_conn *c, const char *name, uint64_t ts_ns)
{
	struct dfl_pg_level *l = find(c, name);

	if (!l) {
		end_from(c, c->levels, DFL_KEPT_UNKNOWN, ts_ns);
		return;
	}
	end_from(c, l->next, DFL_KEPT_NOT, ts_ns);
	dfl_end_txn(c->ctx, &l->txn, DFL_KEPT_NOT, ts_ns);
}

static bool begins(const char *tag, const char *word)
{
	return !strncmp(tag, word, strlen(word));
}

/* Statements that write, whose tag ends with the number of rows. */
static bool is_of_rows(const char *tag)
{
	return begins(tag, "INSERT") || begins(tag, "UPDATE") || begins(tag, "DELETE") ||
	       begins(tag, "MERGE") || begins(tag, "COPY");
}

/* "UPDATE 0": it was carried out, and there was nothing to do. */
static bool is_of_no_row(const char *tag)
{
	const char *last = strrchr(tag, ' ');

	return last && !strcmp(last, " 0") && is_of_rows(tag);
}

/* The command of a transaction that the tag answers. */
static struct dfl_pg_control next_control(struct dfl_pg_conn *c, struct dfl_pg_op *op)
{
	struct dfl_pg_control none = { 0 };
	const struct dfl_sql *sql = dfl_pg_op_sql(c, op);

	if (op->control < op->n_controls)
		return op->controls[op->control++];
	if (sql)
		none.kind = sql->control;
	snprintf(none.name, sizeof(none.name), "%.*s", DFL_PG_NAME_MAX - 1,
		 sql ? sql->named_thing : "");
	return none;
}

static void rolled_back(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns)
{
	struct dfl_pg_control control = next_control(c, op);

	if (control.kind == DFL_SQL_ROLLBACK_TO) {
		rollback_to(c, control.name, ts_ns);
		return;
	}
	end_from(c, c->levels, op->is_unknown ? DFL_KEPT_UNKNOWN : DFL_KEPT_NOT, ts_ns);
	c->in_block = false;
}

/* What the statement did waits for the end of the transaction. */
static void join(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns)
{
	const struct dfl_decode_sink *k = c->ctx->sink;
	struct dfl_pg_level *top = c->levels ? c->levels->prev : push(c, "", ts_ns);

	if (!top)
		return;
	if (!top->txn)
		top->txn = k->txn_begin(k->ud);
	k->op_txn(k->ud, op->op, top->txn);
}

/* A statement that was prepared before the connection was seen is named by what it did. */
static void name_by_tag(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *tag)
{
	char verb[16];
	struct dfl_op_desc d = { .operation = verb, .ttl_s = -1, .dir = c->front.dir };
	size_t n = strcspn(tag, " ");

	if (!op->is_unknown || n >= sizeof(verb) || !dfl_sql_is_verb(tag, n))
		return;
	snprintf(verb, sizeof(verb), "%.*s", (int)n, tag);
	d.residency = is_of_rows(tag) ? DFL_PERSISTENT : DFL_RES_UNKNOWN;
	dfl_name_op(c->ctx, op->op, &d);
}

static void done(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *tag, uint64_t ts_ns)
{
	const struct dfl_sql *sql = dfl_pg_op_sql(c, op);

	name_by_tag(c, op, tag);
	if (is_of_no_row(tag)) {
		dfl_keep_op(c->ctx, op->op, DFL_KEPT_NOT, ts_ns);
		return;
	}
	if (sql)
		dfl_pg_rows_tell(c, op, sql);
	/* of a function that may have written, or not, nothing is said */
	if (op->writes ||
	    (op->is_unknown ? is_of_rows(tag) : sql && dfl_sql_residency(sql) == DFL_PERSISTENT))
		join(c, op, ts_ns);
}

void dfl_pg_txn_complete(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *tag,
			 uint64_t ts_ns)
{
	if (begins(tag, "BEGIN") || begins(tag, "START TRANSACTION")) {
		c->in_block = true;
	} else if (begins(tag, "COMMIT PREPARED") || begins(tag, "ROLLBACK PREPARED")) {
		/* of another transaction, which was not seen to be one */
	} else if (begins(tag, "COMMIT")) {
		end_from(c, c->levels, DFL_KEPT_PRESENT, ts_ns);
		c->in_block = false;
	} else if (begins(tag, "ROLLBACK")) {
		rolled_back(c, op, ts_ns);
	} else if (begins(tag, "SAVEPOINT")) {
		savepoint(c, next_control(c, op).name, ts_ns);
	} else if (begins(tag, "RELEASE")) {
		release(c, next_control(c, op).name);
	} else if (begins(tag, "PREPARE TRANSACTION")) {
		end_from(c, c->levels, DFL_KEPT_UNKNOWN, ts_ns);
		c->in_block = false;
	} else {
		done(c, op, tag, ts_ns);
	}
}

void dfl_pg_txn_failed(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns)
{
	c->unit_failed = true;
	if (!op)
		return;
	op->failed = true;
	dfl_keep_op(c->ctx, op->op, DFL_KEPT_NOT, ts_ns);
}

void dfl_pg_txn_ready(struct dfl_pg_conn *c, uint8_t status, uint64_t ts_ns)
{
	bool failed = c->unit_failed;
	struct dfl_pg_op *op;

	c->unit_failed = false;
	/* after an error the rest of the unit is not carried out */
	DL_FOREACH(c->ops, op)
	if (failed && op->unit == c->ops->unit && !op->done)
		dfl_keep_op(c->ctx, op->op, DFL_KEPT_NOT, ts_ns);
	if (status == 'T' || status == 'E') {
		c->in_block = true;
		return;
	}
	end_from(c, c->levels,
		 status != 'I' ? DFL_KEPT_UNKNOWN :
		 failed	       ? DFL_KEPT_NOT :
		 c->in_block   ? DFL_KEPT_UNKNOWN :
				 DFL_KEPT_PRESENT,
		 ts_ns);
	c->in_block = false;
}

/* A server undoes what a client leaves without COMMIT. */
void dfl_pg_txn_fini(struct dfl_pg_conn *c, uint64_t ts_ns)
{
	end_from(c, c->levels, c->terminated && !c->ops ? DFL_KEPT_NOT : DFL_KEPT_UNKNOWN, ts_ns);
}
