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

/* README.md draws the phases. */
enum verb { NONE, INSERT, UPDATE, DELETE, SELECT, COPY, WITH, OTHER };
enum phase { START, TABLE, AFTER_TABLE, COLUMNS, VALUES, ITEMS, EXPRESSION };

/* Other statements: the verb alone names the operation. */
static const char *const other_verbs[] = {
	"abort",    "alter",	  "analyze",   "begin",	  "call",    "close",	"commit",
	"create",   "deallocate", "declare",   "discard", "do",	     "drop",	"end",
	"execute",  "explain",	  "fetch",     "grant",	  "listen",  "lock",	"merge",
	"move",	    "notify",	  "prepare",   "refresh", "reindex", "release", "reset",
	"revoke",   "rollback",	  "savepoint", "set",	  "show",    "start",	"truncate",
	"unlisten", "vacuum"
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
	static const char *const tables[] = { "insert", "update", "delete", "select",
					      "copy",	"with",	  "values", "table" };
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
	static const char *const names[] = {
		[NONE] = "*",	     [INSERT] = "INSERT", [UPDATE] = "UPDATE", [DELETE] = "DELETE",
		[SELECT] = "SELECT", [COPY] = "COPY",	  [WITH] = "WITH"
	};
	char name[DFL_NAME_MAX] = "";
	bool table = q->verb != OTHER && dfl_postgres_table_name(q->table, name);

	if (q->verb == OTHER) { /* the word was on the list */
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
	return q->verb == INSERT;
}

/* Tells the operation, once. */
static void name(struct dfl_sql *q)
{
	char operation[DFL_NAME_MAX];

	if (q->named)
		return;
	q->named = true;
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

bool dfl_sql_literal_place(const struct dfl_sql *q, char ret_place[static DFL_NAME_MAX])
{
	if (q->verb == INSERT && q->phase == VALUES)
		return q->value < q->columns.n &&
		       resolve(q, dfl_names_get(&q->columns, q->value), ret_place);
	return q->column[0] && resolve(q, q->column, ret_place);
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
	char place[DFL_NAME_MAX];

	if (!number || number > DFL_NAMES_MAX)
		return;
	while (q->params.n < number && q->params.n < DFL_NAMES_MAX) {
		uint16_t before = q->params.n;
		bool here = before + 1u == number && dfl_sql_literal_place(q, place);

		dfl_names_put(&q->params, here ? place : "");
		if (q->params.n == before)
			return; /* out of memory */
	}
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
		enum verb verb;
		enum phase phase;
	} verbs[] = { { "insert", INSERT, START }, { "update", UPDATE, TABLE },
		      { "delete", DELETE, START }, { "select", SELECT, ITEMS },
		      { "copy", COPY, TABLE },	   { "with", WITH, START } };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(q, verbs[i].word)) {
			q->verb = (uint8_t)verbs[i].verb;
			q->phase = (uint8_t)verbs[i].phase;
			if (q->phase == ITEMS)
				begin_items(q);
			return;
		}
	if (q->verb == WITH ||
	    !listed(other_verbs, sizeof(other_verbs) / sizeof(other_verbs[0]), q->word))
		return;
	q->verb = OTHER;
	q->phase = EXPRESSION;
	snprintf(q->item, sizeof(q->item), "%s", q->word);
	name(q);
}

/* Words that change what is expected. Returns true when the word was one. */
static bool phase_word(struct dfl_sql *q)
{
	bool outer = !q->depth;

	if (is(q, "from") && !outer && (!q->from_seen || q->table[0]))
		return false; /* extract(… FROM …), or a subquery's */
	if (is(q, "into") || is(q, "from") || is(q, "join")) {
		if (outer)
			end_item(q);
		q->from_seen = true;
		q->phase = TABLE;
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
	if (!quoted && q->prev != '.') {
		if (q->verb == OTHER && is(q, "password"))
			q->want_password = true;
		if (q->verb == NONE || (q->verb == WITH && !q->depth)) {
			set_verb(q);
			return;
		}
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
	if (q->phase == ITEMS && (!q->depth || !q->item[0] || q->prev == '.'))
		item_word(q);
}

/* "(" begins the columns of INSERT, a tuple of VALUES, or the arguments of a function. */
static void open_paren(struct dfl_sql *q)
{
	if (q->depth < UINT8_MAX)
		q->depth++;
	if (q->verb == INSERT && q->phase == AFTER_TABLE && q->depth == 1) {
		name(q);
		q->phase = COLUMNS;
	} else if (q->phase == VALUES && q->depth == 1) {
		q->value = 0;
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
}

/* "," ends an item, a value or a table; what is compared ends with the depth where it began. */
static void comma(struct dfl_sql *q)
{
	if (q->phase == VALUES && q->depth == 1)
		q->value++;
	else if (q->phase == ITEMS && !q->depth)
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
	bool named = q->named;

	dfl_sql_statement_end(q);
	q->named = named || q->verb != NONE;
	q->verb = NONE;
	q->phase = START;
	q->depth = 0;
	q->n_alias = 0;
	q->from_seen = false;
	q->table[0] = q->ref[0] = q->column[0] = q->item[0] = 0;
	dfl_names_clear(&q->columns);
	dfl_names_clear(&q->items);
}

void dfl_sql_mark(struct dfl_sql *q, uint8_t c)
{
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
		if (q->phase == ITEMS && !q->depth)
			q->star = true;
		break;
	case '=':
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
	name(q);
}
