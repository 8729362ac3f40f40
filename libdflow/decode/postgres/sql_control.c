// SPDX-License-Identifier: Apache-2.0
/* Statements that are about no rows, and functions that only read. */
#include "decode/postgres/sql_control.h"

#include <stdio.h>

static void keep_name(struct dfl_sql *q)
{
	snprintf(q->named_thing, sizeof(q->named_thing), "%s", q->word);
}

/* SAVEPOINT name; RELEASE [SAVEPOINT] name; ROLLBACK [WORK] [AND CHAIN | TO [SAVEPOINT] name] */
static void transaction_word(struct dfl_sql *q)
{
	bool is_noise = !strcmp(q->word, "savepoint") || !strcmp(q->word, "work") ||
			!strcmp(q->word, "transaction");

	if (!strcmp(q->item, "rollback") && !strcmp(q->word, "to"))
		q->control = DFL_SQL_ROLLBACK_TO;
	else if (q->control && !is_noise)
		keep_name(q);
}

static void copy_word(struct dfl_sql *q)
{
	static const char *const others[] = { "csv",	"delimiter", "null",	 "header",  "quote",
					      "escape", "force",     "encoding", "default", NULL };

	if (!strcmp(q->word, "from") && !q->depth)
		q->copy_from = true;
	else if (!strcmp(q->word, "binary"))
		q->copy_format = DFL_SQL_COPY_BINARY;
	else if (dfl_sql_is_listed(others, q->word))
		q->copy_format = DFL_SQL_COPY_OTHER;
}

void dfl_sql_control_word(struct dfl_sql *q)
{
	if (q->verb == DFL_SQL_COPY)
		copy_word(q);
	else if (q->verb == DFL_SQL_EXECUTE && !q->named_thing[0])
		keep_name(q);
	else if (q->verb == DFL_SQL_OTHER && !strcmp(q->item, "prepare") && !q->named_thing[0])
		keep_name(q);
	else if (q->verb == DFL_SQL_OTHER)
		transaction_word(q);
}

void dfl_sql_control_name(struct dfl_sql *q)
{
	bool is_of_statement = q->verb == DFL_SQL_EXECUTE ||
			       (q->verb == DFL_SQL_OTHER && !strcmp(q->item, "prepare"));

	if (q->control || (is_of_statement && !q->named_thing[0]))
		keep_name(q);
}

bool dfl_sql_is_transaction(const char *word)
{
	static const char *const words[] = { "abort",	 "begin",     "commit", "end", "release",
					     "rollback", "savepoint", "start",	NULL };

	return dfl_sql_is_listed(words, word);
}

enum dfl_residency dfl_sql_control_residency(const char *word)
{
	static const char *const keep[] = { "alter", "create", NULL };
	/* they run a statement or a function that is not seen */
	static const char *const run[] = { "call", "do", "explain", NULL };

	if (!strcmp(word, "notify"))
		return DFL_TRANSIT;
	return dfl_sql_is_listed(keep, word) ? DFL_PERSISTENT :
	       dfl_sql_is_listed(run, word)  ? DFL_RES_UNKNOWN :
					       DFL_MEMORY;
}

/* Postgres documentation, "Functions and Operators"; and those of pgvector and pg_trgm. */
bool dfl_sql_is_reader(const char *function)
{
	static const char *const readers[] = { "abs",
					       "age",
					       "array_agg",
					       "array_length",
					       "avg",
					       "bool_and",
					       "bool_or",
					       "btrim",
					       "ceil",
					       "char",
					       "char_length",
					       "coalesce",
					       "concat",
					       "concat_ws",
					       "cosine_distance",
					       "count",
					       "current_setting",
					       "date",
					       "date_part",
					       "date_trunc",
					       "decimal",
					       "decode",
					       "dense_rank",
					       "encode",
					       "extract",
					       "filter",
					       "first_value",
					       "float",
					       "floor",
					       "format",
					       "generate_series",
					       "gen_random_uuid",
					       "greatest",
					       "inner_product",
					       "json_agg",
					       "json_build_object",
					       "jsonb_agg",
					       "jsonb_build_object",
					       "jsonb_extract_path_text",
					       "jsonb_array_elements",
					       "jsonb_array_elements_text",
					       "json_extract_path_text",
					       "l2_distance",
					       "lag",
					       "last_value",
					       "lead",
					       "least",
					       "left",
					       "length",
					       "lower",
					       "ltrim",
					       "max",
					       "md5",
					       "min",
					       "nullif",
					       "numeric",
					       "octet_length",
					       "phraseto_tsquery",
					       "plainto_tsquery",
					       "position",
					       "random",
					       "rank",
					       "regexp_matches",
					       "regexp_replace",
					       "repeat",
					       "replace",
					       "right",
					       "round",
					       "row",
					       "row_number",
					       "row_to_json",
					       "rtrim",
					       "sha256",
					       "similarity",
					       "split_part",
					       "string_agg",
					       "strpos",
					       "substr",
					       "substring",
					       "sum",
					       "text",
					       "time",
					       "timestamp",
					       "timezone",
					       "to_char",
					       "to_date",
					       "to_json",
					       "to_jsonb",
					       "to_number",
					       "to_timestamp",
					       "to_tsquery",
					       "to_tsvector",
					       "trim",
					       "ts_headline",
					       "ts_rank",
					       "ts_rank_cd",
					       "unnest",
					       "upper",
					       "varchar",
					       "version",
					       "websearch_to_tsquery",
					       "word_similarity",
					       NULL };

	return dfl_sql_is_listed(readers, function);
}
