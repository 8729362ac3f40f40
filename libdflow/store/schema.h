/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, their versions, and whether a file is a store at all (docs/formats.md). */
#pragma once

#include "store/store_priv.h"

/*
 * Is the open database a store that this program can use? A writer takes an empty one too, and
 * older versions, which it upgrades then. -ENOENT: empty; -EBADMSG: another database; -EPROTO: of a
 * newer version, or for a reader too old.
 */
int dfl_schema_check(struct dfl_store *s, bool writer, struct dfl_err *err);

/* For a reader: lets the view `entry` be there whatever the version is. */
int dfl_schema_read_old(struct dfl_store *s, struct dfl_err *err);

/* Brings the store to the version of this program. For the writer. */
int dfl_schema_upgrade(struct dfl_store *s, struct dfl_err *err);

/*
 * Brings the database from its user_version to n: steps[i] leads from i to i + 1. Each step is one
 * transaction. -EPROTO: it is newer than n. -EIO: SQLite failed.
 */
int dfl_schema_migrate(sqlite3 *db, const char *const *steps, int n);
