/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: keeps settled and open traces in SQLite (WAL). One writer, many readers; readers never
 * block the writer. Holds no payload: documents, ids and hop rows only. docs/formats.md has the
 * schema.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "trace/doc.h"

struct dfl_store;

struct dfl_store_opts {
	uint64_t max_age_s;   /* 0: default 30 days */
	uint64_t max_bytes;   /* 0: default 1 GiB */
};

/*
 * Opens (creates, mode 0600) the store for its one writer. -EBUSY: another recorder has it; err
 * names its pid.
 */
int dfl_store_create(const char *path, const struct dfl_store_opts *opts,
		     struct dfl_store **ret_store, struct dfl_err *err);
/* For reading. -ENOENT, -EACCES, -EBADMSG (not a store, damaged), -EPROTO (newer schema). */
int dfl_store_open(const char *path, struct dfl_store **ret_store, struct dfl_err *err);
void dfl_store_close(struct dfl_store *s);

/* Inserts or replaces the trace. On disk when sync returned. */
int dfl_store_put(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_err *err);
/* Commits what was put since the last call. */
int dfl_store_sync(struct dfl_store *s, struct dfl_err *err);
/* Drops what is too old or too much. now: UTC ns. */
int dfl_store_expire(struct dfl_store *s, int64_t now_ns, struct dfl_err *err);
