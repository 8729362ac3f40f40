/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed vocabulary: what of a key, path or identifier may be named. Literal parts are kept
 * only when they are on a list; variable parts become `{uuid}`, `{n}` or `*`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/vocab.h"

#define DFL_NAME_MAX 192 /* longest operation or place, with its NUL */
#define DFL_ID_VALUE_MAX 128

bool dfl_is_uuid(const char *s, size_t len);
/* 1 to DFL_ID_VALUE_MAX of [A-Za-z0-9_-], as Dify's own check of trace ids. */
bool dfl_is_token(const char *s, size_t len);
/*
 * A table or column name as ORMs write them: [A-Za-z_][A-Za-z0-9_]*, at most 63 (Postgres
 * NAMEDATALEN).
 */
bool dfl_is_identifier(const char *s, size_t len);
/*
 * How a table is named: its name, with a UUID in it (Dify's pgvector tables, spelled with
 * underscores) as "{uuid}". False: it cannot be named.
 */
bool dfl_table_name(const char *table, char ret_name[static DFL_NAME_MAX]);
/* A bucket name (S3: 3 to 63 of [a-z0-9.-]). */
bool dfl_is_bucket(const char *s, size_t len);
/* Is the id one that this kind can be? UUIDs, but for what load balancers and clients set. */
bool dfl_is_id(enum dfl_id_kind kind, const char *s, size_t len);

/* Pattern of the keys under which Dify caches vectors: {provider}_{model}_{sha256}. */
#define DFL_EMBEDDING_KEY "*_{sha256}"

struct dfl_key_ids {
	int n;
	struct {
		enum dfl_id_kind kind;
		const char *value; /* into the key */
		size_t len;
	} id[2];
};

/*
 * The pattern of a Redis key, list or channel: "generate_task_belong:{uuid}". ret_ids (may be
 * NULL): the ids that known keys carry.
 */
void dfl_key_pattern(const char *key, size_t len, char ret_pattern[static DFL_NAME_MAX],
		     struct dfl_key_ids *ret_ids);
