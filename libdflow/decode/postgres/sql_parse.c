// SPDX-License-Identifier: Apache-2.0
/*
 * The part of the grammar that tells which table.column a literal belongs to.
 *
 * It is no parser: a phase says what kind of name the next word may be, and a few names are kept.
 *   INSERT INTO messages (id, query) VALUES ('…', '…')   the n-th value belongs to the n-th column
 *   UPDATE messages SET query = '…' WHERE id = '…'       a literal belongs to the name before it
 *   SELECT m.query, c.name FROM messages m JOIN …        items are kept, aliases resolved at the
 * end When a construct is not understood, names are missing, and then there is no place.
 */
#include "decode/postgres/sql_parse.h"

#include <stdio.h>

#include "decode/dify/postgres_places.h"
#include "decode/postgres/sql_control.h"
#include "decode/postgres/sql_rows.h"

/* README.md draws the phases. */
enum phase { START, TABLE, AFTER_TABLE, COLUMNS, VALUES, ITEMS, EXPRESSION };

/* Other statements: the verb alone names the operation. */
static const char *const other_verbs[] = {
	"abort",   "alter",	 "analyze", "begin",	"call",	  "close",    "commit",
	"create",  "deallocate", "declare", "discard",	"do",	  "end",      "explain",
	"fetch",   "grant",	 "listen",  "lock",	"move",	  "notify",   "prepare",
	"refresh", "reindex",	 "release", "reset",	"revoke", "rollback", "savepoint",
	"set",	   "show",	 "start",   "unlisten", "vacuum"
};

/* Words that are never an alias or a column. */
static const char *const keywords[] = { "and",
					"any",
					"array",
					"as",
					"asc",
					"between",
					"by",
					"case",
					"cast",
					"cross",
					"current_timestamp",
					"default",
					"desc",
					"distinct",
					"do",
					"else",
					"end",
					"escape",
					"except",
					"exists",
					"false",
					"for",
					"from",
					"full",
					"group",
					"having",
					"ilike",
					"in",
					"inner",
					"interval",
					"into",
					"is",
					"join",
					"lateral",
					"left",
					"like",
					"limit",
					"not",
					"now",
					"null",
					"offset",
					"on",
					"only",
					"or",
					"order",
					"outer",
					"over",
					"partition",
					"returning",
					"right",
					"select",
					"set",
					"similar",
					"skip",
					"then",
					"to",
					"true",
					"union",
					"update",
					"using",
					"values",
					"when",
					"where",
					"with" };

static bool listed(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], word))
			return true;
	return false;
}

static bool is_keyword(const char *word)
{
	return listed(keywords, sizeof(keywords) / sizeof(keywords[0]), word);
}

bool dfl_sql_is_verb(const char *word, size_t len)
{
	static const char *const tables[] = { "insert", "update", "delete",  "select",
					      "copy",	"with",	  "values",  "table",
					      "merge",	"drop",	  "execute", "truncate" };
	char lower[DFL_SQL_WORD_MAX];

	if (len >= sizeof(lower))
		return false;
	for (size_t i = 0; i < len; i++)
		lower[i] = (char)(word[i] | 0x20);
	lower[len] = 0;
	return listed(tables, sizeof(tables) / sizeof(tables[0]), lower) ||
	       listed(other_verbs, sizeof(other_verbs) / sizeof(other_verbs[0]), lower);
}

static bool is(const struct dfl_sql *q, const char *word)
{
	return !strcmp(q->word, word);
}

void dfl_sql_operation(const struct dfl_sql *q, char ret_operation[static DFL_NAME_MAX])
{
	static const char *const names[] = { [DFL_SQL_NONE] = "*",
					     [DFL_SQL_INSERT] = "INSERT",
					     [DFL_SQL_UPDATE] = "UPDATE",
					     [DFL_SQL_DELETE] = "DELETE",
					     [DFL_SQL_SELECT] = "SELECT",
					     [DFL_SQL_COPY] = "COPY",
					     [DFL_SQL_WITH] = "WITH",
					     [DFL_SQL_MERGE] = "MERGE",
					     [DFL_SQL_TRUNCATE] = "TRUNCATE",
					     [DFL_SQL_DROP] = "DROP",
					     [DFL_SQL_EXECUTE] = "EXECUTE" };
	char name[DFL_NAME_MAX] = "";
	bool table = q->verb != DFL_SQL_OTHER && dfl_postgres_table_name(q->table, name);

	if (q->verb == DFL_SQL_OTHER) { /* the word was on the list */
		size_t i = 0;

		for (; q->item[i]; i++)
			ret_operation[i] = (char)(q->item[i] & ~0x20);
		ret_operation[i] = 0;
		return;
	}
	snprintf(ret_operation, DFL_NAME_MAX, "%s%s%.*s", names[q->verb], table ? " " : "",
		 DFL_SQL_WORD_MAX - 1, table ? name : "");
}

bool dfl_sql_is_insert(const struct dfl_sql *q)
{
	return q->verb == DFL_SQL_INSERT;
}

enum dfl_residency dfl_sql_residency(const struct dfl_sql *q)
{
	if (q->prepares)
		return DFL_MEMORY;
	if (q->rows.verb)
		return DFL_PERSISTENT;
	switch (q->verb) {
	case DFL_SQL_SELECT:
		return q->into ? DFL_PERSISTENT : q->may_write ? DFL_RES_UNKNOWN : DFL_MEMORY;
	case DFL_SQL_COPY:
		return q->copy_from ? DFL_PERSISTENT : DFL_MEMORY;
	case DFL_SQL_OTHER:
		return dfl_sql_control_residency(q->item);
	default:
		return DFL_RES_UNKNOWN;
	}
}

/* Of several statements in a text, the first one that writes gives the name. */
static uint8_t name_rank(const struct dfl_sql *q)
{
	if (q->rows.verb || q->verb == DFL_SQL_COPY)
		return 4;
	if (q->verb == DFL_SQL_OTHER && dfl_sql_is_transaction(q->item))
		return 2;
	return q->verb == DFL_SQL_NONE ? 1 : 3;
}

/* Tells the operation, once a statement, unless a name that says more is known. */
static void name(struct dfl_sql *q)
{
	char operation[DFL_NAME_MAX];

	if (q->named || name_rank(q) <= q->name_rank)
		return;
	q->named = true;
	q->name_rank = name_rank(q);
	dfl_sql_operation(q, operation);
	q->ops->named(q->ud, operation);
}

/* "a.b" or "b" with its table in the place of an alias. False: no name to show. */
static bool resolve(const struct dfl_sql *q, const char *ref, char ret_place[static DFL_NAME_MAX])
{
	const char *dot = strchr(ref, '.'), *table = q->table, *column = dot ? dot + 1 : ref;
	char first[2 * DFL_SQL_WORD_MAX], name[DFL_NAME_MAX];

	if (dot) {
		snprintf(first, sizeof(first), "%.*s", (int)(dot - ref), ref);
		table = first;
		for (size_t i = 0; i < q->n_alias; i++)
			if (!strcmp(q->alias[i].alias, first))
				table = q->alias[i].table;
	}
	if (!dfl_is_identifier(column, strlen(column)))
		return false;
	snprintf(ret_place, DFL_NAME_MAX, "%.*s.%s", DFL_SQL_WORD_MAX - 1,
		 dfl_postgres_table_name(table, name) ? name : "*", column);
	return true;
}

/* "messages.*": it goes into the table, and into which column is not told. */
static bool some_column(const struct dfl_sql *q, char ret_place[static DFL_NAME_MAX])
{
	char name[DFL_NAME_MAX];

	if (!q->rows.verb || !dfl_postgres_table_name(q->table, name) ||
	    dfl_sql_literal_role(q) != DFL_SQL_GIVEN)
		return false;
	snprintf(ret_place, DFL_NAME_MAX, "%.*s.*", DFL_SQL_WORD_MAX - 1, name);
	return true;
}

bool dfl_sql_literal_place(const struct dfl_sql *q, char ret_place[static DFL_NAME_MAX])
{
	if (q->verb == DFL_SQL_INSERT && q->phase == VALUES)
		return (q->value < q->columns.n &&
			resolve(q, dfl_names_get(&q->columns, q->value), ret_place)) ||
		       some_column(q, ret_place);
	if (q->column[0] && q->verb != DFL_SQL_MERGE)
		return resolve(q, q->column, ret_place);
	return some_column(q, ret_place);
}

void dfl_sql_copy_place(const struct dfl_sql *q, size_t i, char ret_place[static DFL_NAME_MAX])
{
	char name[DFL_NAME_MAX];

	ret_place[0] = 0;
	if (i < q->columns.n && resolve(q, dfl_names_get(&q->columns, i), ret_place))
		return;
	if (dfl_postgres_table_name(q->table, name))
		snprintf(ret_place, DFL_NAME_MAX, "%.*s.*", DFL_SQL_WORD_MAX - 1, name);
}

enum dfl_sql_role dfl_sql_literal_role(const struct dfl_sql *q)
{
	const struct dfl_sql_rows *r = &q->rows;

	switch (q->verb) {
	case DFL_SQL_INSERT:
		return q->phase == VALUES || r->in_set ? DFL_SQL_GIVEN : DFL_SQL_ASKED;
	case DFL_SQL_UPDATE:
	case DFL_SQL_DELETE:
		if (r->in_where)
			return r->waits || r->in_list ? DFL_SQL_CONDITION : DFL_SQL_ASKED;
		return q->verb == DFL_SQL_UPDATE ? DFL_SQL_GIVEN : DFL_SQL_ASKED;
	default:
		return DFL_SQL_GIVEN;
	}
}

void dfl_sql_result_place(const struct dfl_sql *q, size_t i, size_t n, const char *column,
			  char ret_place[static DFL_NAME_MAX])
{
	ret_place[0] = 0;
	if (!q->star && q->items.n == n)
		resolve(q, dfl_names_get(&q->items, i), ret_place);
	else
		resolve(q, column, ret_place);
}

/* Places of the numbers before it stay "" until their own "$n" comes; it may not. */
void dfl_sql_param(struct dfl_sql *q, unsigned number)
{
	char entry[DFL_NAME_MAX + 1];

	if (!number || number > DFL_NAMES_MAX)
		return;
	while (q->params.n < number && q->params.n < DFL_NAMES_MAX) {
		uint16_t before = q->params.n;
		bool here = before + 1u == number;

		entry[0] = here ? (char)dfl_sql_literal_role(q) : DFL_SQL_GIVEN;
		if (!here || !dfl_sql_literal_place(q, entry + 1))
			entry[1] = 0;
		dfl_names_put(&q->params, entry);
		if (q->params.n == before)
			return; /* out of memory */
	}
	dfl_sql_rows_value(q);
}

/* "FROM table AS alias", "FROM table alias". Both are cut at 95 bytes, the room there is. */
static void add_alias(struct dfl_sql *q, const char *alias, const char *table)
{
	if (q->n_alias == DFL_SQL_ALIASES_MAX)
		return;
	snprintf(q->alias[q->n_alias].alias, DFL_SQL_WORD_MAX, "%.95s", alias);
	snprintf(q->alias[q->n_alias].table, DFL_SQL_WORD_MAX, "%.95s", table);
	q->n_alias++;
}

/* A name where a table is expected; "schema.table" leaves the last. */
static void table_word(struct dfl_sql *q)
{
	if (!q->table[0] || q->prev == '.')
		snprintf(q->table, sizeof(q->table), "%s", q->word);
	if (q->rows.of_table)
		dfl_names_put(&q->rows.set, q->word); /* also of a schema, which harms nobody */
	snprintf(q->ref, sizeof(q->ref), "%s", q->word);
	q->phase = AFTER_TABLE;
}

/* An item of the SELECT list (or RETURNING) is complete. */
static void end_item(struct dfl_sql *q)
{
	if (q->phase != ITEMS)
		return;
	dfl_names_put(&q->items, q->item);
	q->item[0] = 0;
	q->item_has_ref = q->after_as = false;
}

/* A SELECT list or RETURNING begins. */
static void begin_items(struct dfl_sql *q)
{
	dfl_names_clear(&q->items);
	q->phase = ITEMS;
	q->star = false;
	q->item[0] = 0;
	q->item_has_ref = q->after_as = false;
}

/* The first word of a statement; after WITH (…) the next verb at depth 0. */
static void set_verb(struct dfl_sql *q)
{
	static const struct {
		const char *word;
		enum dfl_sql_verb verb;
		enum phase phase;
	} verbs[] = { { "insert", DFL_SQL_INSERT, START }, { "update", DFL_SQL_UPDATE, TABLE },
		      { "delete", DFL_SQL_DELETE, START }, { "select", DFL_SQL_SELECT, ITEMS },
		      { "copy", DFL_SQL_COPY, TABLE },	   { "with", DFL_SQL_WITH, START },
		      { "merge", DFL_SQL_MERGE, START },   { "truncate", DFL_SQL_TRUNCATE, TABLE },
		      { "drop", DFL_SQL_DROP, TABLE },	   { "execute", DFL_SQL_EXECUTE, START } };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(q, verbs[i].word)) {
			q->verb = (uint8_t)verbs[i].verb;
			q->phase = (uint8_t)verbs[i].phase;
			if (q->phase == ITEMS)
				begin_items(q);
			dfl_sql_rows_verb(q, verbs[i].verb);
			return;
		}
	if (q->verb == DFL_SQL_WITH ||
	    !listed(other_verbs, sizeof(other_verbs) / sizeof(other_verbs[0]), q->word))
		return;
	q->verb = DFL_SQL_OTHER;
	q->phase = EXPRESSION;
	snprintf(q->item, sizeof(q->item), "%s", q->word);
	q->control = is(q, "savepoint") ? DFL_SQL_SAVEPOINT :
		     is(q, "release")	? DFL_SQL_RELEASE :
					  DFL_SQL_NO_CONTROL;
	name(q);
}

/* Words that change what is expected. Returns true when the word was one. */
static bool phase_word(struct dfl_sql *q)
{
	bool outer = q->depth == q->base;

	if (is(q, "from") && !outer && (!q->from_seen || q->table[0]))
		return false; /* extract(… FROM …), or a subquery's */
	if (is(q, "into") || is(q, "from") || is(q, "join")) {
		if (outer)
			end_item(q);
		q->into |= outer && q->verb == DFL_SQL_SELECT && is(q, "into");
		q->from_seen = true;
		q->from_select = false;
		q->phase = TABLE;
	} else if (is(q, "select") && outer && q->verb == DFL_SQL_INSERT) {
		q->phase = VALUES; /* its items are the values */
		q->value = 0;
		q->from_select = true;
	} else if (is(q, "values")) {
		q->phase = VALUES;
		q->value = 0;
	} else if (is(q, "returning") && outer) {
		begin_items(q);
	} else if (q->phase == ITEMS && !outer) {
		return false;
	} else if (is(q, "set") || is(q, "where") || is(q, "on") || is(q, "having") ||
		   is(q, "order") || is(q, "group") || is(q, "limit") || is(q, "for") ||
		   is(q, "select")) {
		q->phase = EXPRESSION;
	} else {
		return false;
	}
	q->column[0] = q->ref[0] = 0;
	return true;
}

/* A name: "b", or "a.b" when "a." stood before it. Of "schema.a.b" the last two stay. */
static void ref_word(struct dfl_sql *q)
{
	char *dot = strrchr(q->ref, '.');
	char first[DFL_SQL_WORD_MAX];

	if (q->prev != '.' || !q->ref[0]) {
		snprintf(q->ref, sizeof(q->ref), "%s", q->word);
		return;
	}
	snprintf(first, sizeof(first), "%.*s", DFL_SQL_WORD_MAX - 1, dot ? dot + 1 : q->ref);
	snprintf(q->ref, sizeof(q->ref), "%s.%s", first, q->word);
}

/* The item of a SELECT list is named by the first column in it. */
static void item_word(struct dfl_sql *q)
{
	if (q->after_as || q->prev == ':')
		return;
	if (!q->item_has_ref || (q->prev == '.' && !strncmp(q->item, q->ref, strcspn(q->ref, "."))))
		snprintf(q->item, sizeof(q->item), "%s", q->ref);
	q->item_has_ref = true;
}

/* Words that compare what is before with what follows. */
static bool compares(const struct dfl_sql *q)
{
	return is(q, "in") || is(q, "like") || is(q, "ilike") || is(q, "between") ||
	       is(q, "similar");
}

/* Literals that follow are compared with, or set to, the name before. */
static void set_column(struct dfl_sql *q)
{
	if (!q->ref[0])
		return;
	snprintf(q->column, sizeof(q->column), "%s", q->ref);
	q->column_depth = q->depth;
}

/* A word after a table's name: its alias, or the next clause. */
static void after_table_word(struct dfl_sql *q, bool quoted)
{
	if (q->prev == '.') {
		table_word(q);
		return;
	}
	if (is(q, "as"))
		return;
	if (quoted || !is_keyword(q->word))
		add_alias(q, q->word, q->ref);
	q->phase = EXPRESSION;
	name(q);
}

/* INSERT, UPDATE, DELETE or MERGE as a query of WITH: "WITH a AS (INSERT …) …". */
static bool is_writing_query(const struct dfl_sql *q)
{
	return q->verb == DFL_SQL_WITH && q->depth && q->prev == '(' &&
	       (is(q, "insert") || is(q, "update") || is(q, "delete") || is(q, "merge"));
}

/* "PREPARE name (types) AS": what follows is read as a statement of its own. */
static bool begin_prepared(struct dfl_sql *q)
{
	if (strcmp(q->item, "prepare") || q->depth)
		return false;
	q->prepares = true;
	q->verb = DFL_SQL_NONE;
	q->phase = START;
	q->item[0] = 0;
	return true;
}

/* TRUNCATE [TABLE] [ONLY] t, DROP TABLE [IF EXISTS] t; DROP of what has no rows is of no table. */
static bool is_noise(struct dfl_sql *q)
{
	if (q->verb != DFL_SQL_TRUNCATE && q->verb != DFL_SQL_DROP)
		return false;
	if (is(q, "only") || is(q, "if") || is(q, "exists"))
		return true;
	q->rows.of_table |= q->verb == DFL_SQL_TRUNCATE || is(q, "table");
	if (is(q, "table"))
		return true;
	q->rows.of_all |= !q->rows.of_table && (is(q, "schema") || is(q, "database"));
	if (!q->rows.of_table)
		q->phase = EXPRESSION;
	return false;
}

/* A keyword inside an expression. */
static void keyword(struct dfl_sql *q)
{
	if (compares(q))
		set_column(q);
	else if (is(q, "and") || is(q, "or") || is(q, "when") || is(q, "then") || is(q, "else"))
		q->column[0] = q->ref[0] = 0;
	else if (is(q, "as"))
		q->after_as = true;
}

/*
 * A word: the verb, a clause, a table, a column, a keyword, or a name in an expression. Order
 * counts: what is quoted, or stands after a dot, is a name even if it is spelt like a keyword.
 */
void dfl_sql_word(struct dfl_sql *q, bool quoted)
{
	if (quoted)
		dfl_sql_control_name(q);
	q->is_alias = q->as_seen;
	q->as_seen = !quoted && is(q, "as");
	if (!quoted && q->prev != '.') {
		if (q->verb == DFL_SQL_OTHER && is(q, "password"))
			q->want_password = true;
		if (q->verb == DFL_SQL_NONE || (q->verb == DFL_SQL_WITH && !q->depth) ||
		    is_writing_query(q)) {
			q->base = q->depth;
			set_verb(q);
			return;
		}
		if (q->verb == DFL_SQL_OTHER && q->as_seen && begin_prepared(q))
			return;
		dfl_sql_control_word(q);
		dfl_sql_rows_word(q);
		if (is_noise(q))
			return;
		if (q->phase == AFTER_TABLE && is_keyword(q->word))
			name(q);
		if (phase_word(q))
			return;
	}
	switch (q->phase) {
	case TABLE:
		if (quoted || !is_keyword(q->word))
			table_word(q);
		return;
	case AFTER_TABLE:
		after_table_word(q, quoted);
		return;
	case COLUMNS:
		dfl_names_put(&q->columns, q->word);
		return;
	}
	if (!quoted && q->prev != '.' && is_keyword(q->word)) {
		keyword(q);
		return;
	}
	if (q->word[0] >= '0' && q->word[0] <= '9')
		return;
	if (q->prev != ':')
		ref_word(q);
	if (q->phase == ITEMS && (q->depth == q->base || !q->item[0] || q->prev == '.'))
		item_word(q);
}

/* "name(": a function. What a function does that is not known, its name does not tell. */
static void note_call(struct dfl_sql *q)
{
	bool is_call = !q->prev && !q->is_alias && q->ref[0] && !is_keyword(q->word) &&
		       (q->phase == ITEMS || q->phase == EXPRESSION);

	if (!is_call || q->may_write || q->rows.verb ||
	    (q->verb != DFL_SQL_SELECT && q->verb != DFL_SQL_WITH) || dfl_sql_is_reader(q->word))
		return;
	q->may_write = true;
	q->ops->calls(q->ud);
}

/* "(" begins the columns of INSERT, a tuple of VALUES, or the arguments of a function. */
static void open_paren(struct dfl_sql *q)
{
	note_call(q);
	if (q->depth < UINT8_MAX)
		q->depth++;
	if ((q->verb == DFL_SQL_INSERT || q->verb == DFL_SQL_COPY) && q->phase == AFTER_TABLE &&
	    q->depth == q->base + 1) {
		name(q);
		q->phase = COLUMNS;
	} else if (q->verb == DFL_SQL_EXECUTE && q->depth == 1) {
		name(q);
		q->phase = VALUES;
		q->value = 0;
	} else if (q->phase == VALUES && q->depth == q->base + 1 && !q->from_select) {
		q->value = 0;
		q->rows.tuples += q->rows.tuples < UINT16_MAX;
	} else if (q->phase == ITEMS && q->item_has_ref && !strcmp(q->item, q->ref)) {
		q->item[0] = 0; /* it was a function's name */
		q->item_has_ref = false;
	}
}

static void close_paren(struct dfl_sql *q)
{
	if (q->depth)
		q->depth--;
	if (q->phase == COLUMNS)
		q->phase = EXPRESSION;
	if (q->depth >= q->base)
		return;
	q->base = q->depth; /* a query of WITH is over */
	q->verb = DFL_SQL_WITH;
	q->phase = START;
	q->rows.in_set = q->rows.in_where = false;
}

/* "," ends an item, a value or a table; what is compared ends with the depth where it began. */
static void comma(struct dfl_sql *q)
{
	if (q->phase == VALUES && q->depth == q->base + !q->from_select)
		q->value++;
	else if (q->phase == ITEMS && q->depth == q->base)
		end_item(q);
	else if (q->phase == AFTER_TABLE)
		q->phase = TABLE;
	if (q->depth <= q->column_depth)
		q->column[0] = 0;
	q->ref[0] = 0;
}

/* The next statement of the same text starts afresh; the operation keeps the first one's name. */
static void next_statement(struct dfl_sql *q)
{
	if (q->verb == DFL_SQL_NONE)
		return;
	dfl_sql_statement_end(q);
	q->ops->next(q->ud);
	q->named = false;
	q->verb = DFL_SQL_NONE;
	q->phase = START;
	q->depth = q->base = 0;
	q->n_alias = 0;
	q->from_seen = q->from_select = q->into = q->may_write = q->prepares = false;
	q->control = DFL_SQL_NO_CONTROL;
	q->named_thing[0] = 0;
	dfl_names_clear(&q->rows.set);
	q->rows = (struct dfl_sql_rows){ .set = q->rows.set };
	q->table[0] = q->ref[0] = q->column[0] = q->item[0] = 0;
	dfl_names_clear(&q->columns);
	dfl_names_clear(&q->items);
}

void dfl_sql_mark(struct dfl_sql *q, uint8_t c)
{
	dfl_sql_rows_mark(q, c);
	switch (c) {
	case '(':
		open_paren(q);
		break;
	case ')':
		close_paren(q);
		break;
	case ',':
		comma(q);
		break;
	case ';':
		next_statement(q);
		break;
	case '*':
		if (q->phase == ITEMS && q->depth == q->base)
			q->star = true;
		break;
	case '=':
		set_column(q);
		if (q->rows.in_set && q->prev == ')')
			q->column[0] = 0; /* SET (a, b) = …: which of them is not told */
		break;
	case '<':
	case '>':
	case '~':
	case '@':
		set_column(q);
		break;
	}
}

void dfl_sql_statement_end(struct dfl_sql *q)
{
	if (q->item[0] || q->after_as)
		end_item(q);
	dfl_sql_rows_end(q);
	name(q);
}
