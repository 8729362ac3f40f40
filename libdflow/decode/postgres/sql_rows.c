// SPDX-License-Identifier: Apache-2.0
/* Which rows a statement means: the columns that it sets, and the conditions of its WHERE. */
#include "decode/postgres/sql_rows.h"

#include <stdio.h>

static bool is(const struct dfl_sql *q, const char *word)
{
	return !strcmp(q->word, word);
}

void dfl_sql_rows_verb(struct dfl_sql *q, enum dfl_sql_verb verb)
{
	struct dfl_sql_rows *r = &q->rows;

	if (verb != DFL_SQL_INSERT && verb != DFL_SQL_UPDATE && verb != DFL_SQL_DELETE &&
	    verb != DFL_SQL_MERGE && verb != DFL_SQL_TRUNCATE && verb != DFL_SQL_DROP)
		return;
	r->in_set = r->in_where = r->waits = false;
	if (!r->verb)
		r->verb = (uint8_t)verb;
	else
		r->vague = true; /* two statements in one: it is not told apart which does what */
}

/* The comparison before has found no value that is understood. */
static void drop_wait(struct dfl_sql_rows *r)
{
	r->more |= r->waits;
	r->waits = r->in_list = false;
}

static void where_word(struct dfl_sql *q)
{
	/* conditions that leave those beside them as they are … */
	static const char *const other[] = { "is",   "like", "ilike", "between", "similar", "any",
					     "some", "all",  "null",  "current", NULL };
	/* … and words after which nothing is understood */
	static const char *const vague[] = { "or", "not", "exists", "select", "case", NULL };
	struct dfl_sql_rows *r = &q->rows;

	if (r->in_list && q->word[0] >= '0' && q->word[0] <= '9')
		r->more = true; /* a number of the list: it is no key */
	else if (is(q, "in"))
		r->waits = true;
	else if (is(q, "and"))
		drop_wait(r);
	else if (dfl_sql_is_listed(other, q->word))
		r->more = true;
	else if (dfl_sql_is_listed(vague, q->word))
		r->vague = true;
}

void dfl_sql_rows_word(struct dfl_sql *q)
{
	static const char *const clauses[] = { "from", "using", "returning", NULL };
	struct dfl_sql_rows *r = &q->rows;

	if (!r->verb || q->depth < q->base)
		return;
	if (q->depth == q->base && is(q, "set")) {
		r->in_set = true;
	} else if (q->depth == q->base && is(q, "where")) {
		r->in_where = r->verb == DFL_SQL_UPDATE || r->verb == DFL_SQL_DELETE;
		r->in_set = false;
	} else if (q->depth == q->base && dfl_sql_is_listed(clauses, q->word)) {
		/* DELETE FROM t; but UPDATE … FROM and DELETE … USING join other tables */
		r->vague |= is(q, "using") || (r->verb == DFL_SQL_UPDATE && is(q, "from"));
		drop_wait(r);
		r->in_set = r->in_where = false;
	} else if (r->in_where) {
		where_word(q);
	} else if (r->verb == DFL_SQL_MERGE) {
		/* WHEN MATCHED THEN …: of rows that are there already */
		r->sets_unknown |= is(q, "update") || is(q, "delete");
	}
}

/* "(" after a name in WHERE: a function, so that the column is not compared as it is. */
static bool is_call(const struct dfl_sql *q)
{
	static const char *const no_functions[] = { "where", "and", "in",  "values", "cast", "any",
						    "some",  "all", "row", "array",  NULL };

	return !q->prev && q->word[0] && !dfl_sql_is_listed(no_functions, q->word);
}

void dfl_sql_rows_mark(struct dfl_sql *q, uint8_t c)
{
	struct dfl_sql_rows *r = &q->rows;

	if (!r->verb)
		return;
	if (r->in_set && c == '=' && q->depth == q->base && q->ref[0] && q->prev != ')')
		dfl_names_put(&r->set, strrchr(q->ref, '.') ? strrchr(q->ref, '.') + 1 : q->ref);
	else if (r->in_set && c == '=' && q->depth == q->base)
		r->sets_unknown = true; /* SET (a, b) = … */
	if (!r->in_where)
		return;
	if (c == '(' && is_call(q))
		r->vague = true;
	else if (c == '<' || c == '>' || c == '~' || c == '!' || c == '@' || c == '|')
		r->more = true;
	else if (c == '=') {
		drop_wait(r);
		r->waits = q->prev != '<' && q->prev != '>' && q->prev != '!';
	}
}

void dfl_sql_rows_value(struct dfl_sql *q)
{
	q->rows.in_list |= q->rows.waits;
	q->rows.waits = false;
}

void dfl_sql_rows_end(struct dfl_sql *q)
{
	drop_wait(&q->rows);
}
