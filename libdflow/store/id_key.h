/* SPDX-License-Identifier: Apache-2.0 */
/* How the table of ids spells an id, so that every usual spelling of it finds it. */
#pragma once

#define DFL_ID_KEY_MAX 256 /* bytes of an id that are kept and compared */

/*
 * The key of an id: lower case, X-Amzn-Trace-Id without "Root=" and without what follows its first
 * semicolon, traceparent without its version. The key of a prefix is a prefix of the key.
 */
void dfl_id_key(const char *id, char ret_key[static DFL_ID_KEY_MAX + 1]);

/* Condition of SQL: the column `key` lies in the range that is bound to ?1 (from) and ?2 (to). */
#define DFL_ID_KEY_IN_RANGE "key >= ?1 AND key < ?2"
#define DFL_ID_KEY_LAST "\xf4\x8f\xbf\xbf" /* U+10FFFF, which no id holds */

/* All keys that begin like the key of a prefix. */
struct dfl_id_range {
	char from[DFL_ID_KEY_MAX + 1];
	char to[DFL_ID_KEY_MAX + sizeof(DFL_ID_KEY_LAST)];
};

void dfl_id_range(const char *prefix, struct dfl_id_range *ret_range);
