/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a streaming reader of SQL. It tells string literals from other text, and which
 * table.column each literal, parameter and result column belongs to. It follows the statements that
 * ORMs write (INSERT with columns, UPDATE SET, SELECT list, comparisons). What it does not
 * understand has no place.
 *
 * sql_lex.h feeds it, sql_parse.h reads words and marks and is asked for places.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "decode/names.h"
#include "decode/redact.h"
#include "decode/slice.h"

#define DFL_SQL_WORD_MAX 96   /* with its NUL; Postgres itself cuts names at 63 (NAMEDATALEN) */
#define DFL_SQL_ALIASES_MAX 8 /* of tables; those beyond are named "*" */

/* Is the word in the list, which ends with NULL? */
static inline bool dfl_sql_is_listed(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word))
		list++;
	return *list;
}

/* What a literal or a parameter is for. */
enum dfl_sql_role {
	DFL_SQL_GIVEN = 'g', /* the statement does with it what it does: writes it, looks for it */
	DFL_SQL_ASKED = 'a', /* a statement that writes compares with it */
	DFL_SQL_CONDITION = 'c' /* … and means the rows that have it in this column */
};

/* What the reader calls. All members must be set. */
struct dfl_sql_ops {
	/* The operation ("INSERT messages") is known, or nothing more will be known of it. */
	void (*named)(void *ud, const char *operation);
	/* It calls a function that may write, whatever its verb says. */
	void (*calls)(void *ud);
	/* One statement of the text is over, and another one may follow. */
	void (*next)(void *ud);
	/* Text that is not inside a literal. */
	void (*text)(void *ud, const struct dfl_slice *s);
	/*
	 * A literal begins. place: table.column, NULL unknown. Its data are raw: quotes are still
	 * doubled. The numbers of ARRAY[…] are a literal too, with its brackets. Passwords are
	 * never shown.
	 */
	void (*lit_begin)(void *ud, const char *place, enum dfl_sql_role role);
	void (*lit_data)(void *ud, const struct dfl_slice *s);
	void (*lit_end)(void *ud);
};

/* OTHER: its word tells. */
enum dfl_sql_verb {
	DFL_SQL_NONE,
	DFL_SQL_INSERT,
	DFL_SQL_UPDATE,
	DFL_SQL_DELETE,
	DFL_SQL_SELECT,
	DFL_SQL_COPY,
	DFL_SQL_MERGE,
	DFL_SQL_TRUNCATE,
	DFL_SQL_DROP,
	DFL_SQL_WITH,
	DFL_SQL_EXECUTE,
	DFL_SQL_OTHER
};

/* The rows that a statement means, and what it does to them (sql_rows.c). */
struct dfl_sql_rows {
	uint8_t verb;	 /* of the first statement that writes, in a WITH query too; NONE: none */
	uint16_t tuples; /* of VALUES */
	bool in_set, in_where;
	bool waits;	       /* a comparison by "=" or IN waits for its value … */
	bool in_list;	       /* … or has one, and in a list more of them may follow */
	bool more;	       /* there are conditions besides … */
	bool vague;	       /* … or the conditions do not narrow the rows as AND does */
	bool sets_unknown;     /* a column is set that is not in `set` */
	bool of_table, of_all; /* TRUNCATE, DROP: of tables; of a schema or a database */
	struct dfl_names set;  /* columns that are set; tables of TRUNCATE and DROP */
};

/* How the data of COPY are written. */
enum dfl_sql_copy { DFL_SQL_COPY_TEXT, DFL_SQL_COPY_BINARY, DFL_SQL_COPY_OTHER };

/* Commands of transactions that have a name (sql_control.c). */
enum dfl_sql_control {
	DFL_SQL_NO_CONTROL,
	DFL_SQL_SAVEPOINT,
	DFL_SQL_RELEASE,
	DFL_SQL_ROLLBACK_TO
};

struct dfl_sql {
	const struct dfl_sql_ops *ops;
	void *ud;

	/* scanner (sql_lex.c) */
	uint8_t lex;	 /* enum lex */
	uint8_t prev;	 /* last byte outside of words and literals that was no blank */
	bool escapes;	 /* E'…' */
	bool secret;	 /* the literal is a password: not shown */
	bool held_quote; /* the last byte of the slice before was a quote in a literal */
	uint64_t held_pos;
	uint16_t word_len;
	char word[DFL_SQL_WORD_MAX];
	uint16_t tag_len, tag_seen; /* $tag$; seen: bytes of the closing one, 0 none */
	char tag[DFL_SQL_WORD_MAX];

	/* parser (sql_parse.c) */
	uint8_t verb, phase; /* enum dfl_sql_verb, enum phase */
	bool named;	     /* ops->named was called for the statement */
	uint8_t name_rank;   /* how much the name says that was told */
	bool star;	     /* "*" or what is like it is in the SELECT list */
	bool after_as, item_has_ref, from_seen;
	bool want_password; /* PASSWORD was read: a literal that follows is one */
	uint8_t depth;	    /* of parentheses; saturates */
	uint8_t column_depth;
	uint8_t base;	  /* the depth of the statement that is read; of a WITH query 1 or more */
	bool from_select; /* the values of INSERT are the items of a SELECT */
	bool as_seen, is_alias; /* AS stood before; the word before is an alias */
	bool into;		/* SELECT … INTO */
	bool may_write;		/* it calls a function that is not known to read only */
	bool copy_from;		/* COPY … FROM STDIN … */
	uint8_t copy_format;	/* … enum dfl_sql_copy */
	bool prepares;	 /* PREPARE name AS …: the rest is of the statement that is prepared */
	uint8_t control; /* enum dfl_sql_control, and its name in `named_thing` */
	char named_thing[DFL_SQL_WORD_MAX]; /* a savepoint, or a prepared statement */
	struct dfl_sql_rows rows;
	uint16_t value; /* number of the value in the tuple */
	char table[DFL_SQL_WORD_MAX];
	char ref[2 * DFL_SQL_WORD_MAX];	   /* the identifier just read: "a" or "a.b" */
	char column[2 * DFL_SQL_WORD_MAX]; /* what literals are compared with or set to */
	char item[2 * DFL_SQL_WORD_MAX];   /* of the SELECT list; the verb, when that is all */
	struct {
		char alias[DFL_SQL_WORD_MAX], table[DFL_SQL_WORD_MAX];
	} alias[DFL_SQL_ALIASES_MAX];
	uint8_t n_alias;
	struct dfl_names columns; /* of INSERT */
	struct dfl_names items;	  /* of the SELECT list; aliases are not resolved yet */
	struct dfl_names params;  /* of $1, $2, … in order of their numbers: their role, and their
				     place, which may be "" */
};
