/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed vocabulary: what may be named of a key, path or identifier. Literal parts are kept
 * only when they are on a list or have one of these forms; variable parts become `{uuid}`, `{n}`
 * or `*`.
 *
 * Texts are given by their length and need no NUL. Nothing here keeps or allocates anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/vocab.h"

#define DFL_NAME_MAX 192     /* longest operation or place, with its NUL */
#define DFL_ID_VALUE_MAX 128 /* longest id, without a NUL */

/* One or more decimal digits. */
bool dfl_is_number(const char *s, size_t len);
/* One or more hexadecimal digits. */
bool dfl_is_hex(const char *s, size_t len);
/* One or more of [A-Za-z0-9_]. */
bool dfl_is_word(const char *s, size_t len);
/* 36 characters: 8-4-4-4-12 hexadecimal digits (RFC 9562, 4), in any case. */
bool dfl_is_uuid(const char *s, size_t len);
/* The same with `sep` between the groups in place of '-'. */
bool dfl_is_uuid_by(char sep, const char *s, size_t len);
/* 1 to DFL_ID_VALUE_MAX of [A-Za-z0-9_-]: what clients and load balancers use as an id. */
bool dfl_is_token(const char *s, size_t len);
/*
 * A table or column name as ORMs write them: [A-Za-z_][A-Za-z0-9_]*, at most 63 characters
 * (Postgres: NAMEDATALEN - 1).
 */
bool dfl_is_identifier(const char *s, size_t len);
/* A bucket name: 3 to 63 of [a-z0-9.-] (Amazon S3 user guide, "Bucket naming rules"). */
bool dfl_is_bucket(const char *s, size_t len);
/* Can an id of this kind look so? Load balancers and clients set tokens, all others are UUIDs. */
bool dfl_is_id(enum dfl_id_kind kind, const char *s, size_t len);
