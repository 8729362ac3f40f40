/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: keeps settled and open traces in SQLite (WAL). One writer, many readers; readers never
 * block the writer. Holds no payload: documents, ids, hop rows, and sealed fingerprints of texts.
 * docs/formats.md has the schema.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "doc/doc.h"
#include "doc/past_text.h"

struct dfl_store;

struct dfl_store_opts {
	uint64_t max_age_s;  /* 0: default 30 days */
	uint64_t max_bytes;  /* 0: default 1 GiB */
	uint64_t max_prints; /* fingerprints of all traces; 0: default 4 Mi, 5 bytes each */
	bool prints; /* opens, or makes, the key beside the store; else there are none, and those
			there were go */
	bool no_waiting; /* another program's lock is an error (-EAGAIN) at once, not after 5 s */
};

/*
 * Opens (creates, mode 0600) the store for its one writer. What an earlier one left open is told
 * that it is over. -EBUSY: another recorder has it; err names its pid. -EBADMSG: the store or its
 * key is damaged. -EACCES: no permission, or the key is not private.
 */
int dfl_store_create(const char *path, const struct dfl_store_opts *opts,
		     struct dfl_store **ret_store, struct dfl_err *err);
/* For reading. -ENOENT, -EACCES, -EBADMSG (not a store, damaged), -EPROTO (newer schema). */
int dfl_store_open(const char *path, struct dfl_store **ret_store, struct dfl_err *err);
void dfl_store_close(struct dfl_store *s);
/* Does a recorder have it? Also when that cannot be known. */
bool dfl_store_is_recorded(const struct dfl_store *s);

/* Inserts or replaces the trace. On disk when sync returned. */
int dfl_store_put(struct dfl_store *s, const struct dfl_doc *doc, struct dfl_err *err);
struct dfl_buf;
/* The same for one that is packed already, in both parts (doc/doc_pack.h). */
int dfl_store_put_packed(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_buf *head,
			 const struct dfl_buf *body, struct dfl_err *err);
/* Commits what was put since the last call. */
int dfl_store_sync(struct dfl_store *s, struct dfl_err *err);
/* Drops what is too old or too much. now: UTC ns. */
int dfl_store_expire(struct dfl_store *s, int64_t now_ns, struct dfl_err *err);
/*
 * For a full disk: moves the log into the store. drop: the oldest twentieth of the traces goes as
 * well, whose room is used again. 0 or the store's error.
 */
int dfl_store_make_room(struct dfl_store *s, bool drop, struct dfl_err *err);
/* Is the file of that path another one than the open one, or none at all? */
bool dfl_store_is_replaced(const struct dfl_store *s);
/* How long a write waits for another program's lock; 0: not at all. */
void dfl_store_wait_for_locks(struct dfl_store *s, int ms);
/* When the oldest trace started; INT64_MAX: there is none. */
int64_t dfl_store_oldest(struct dfl_store *s);

/* The key to make fingerprints with; NULL: none. Borrowed. */
const uint8_t *dfl_store_print_key(const struct dfl_store *s);
/* Inserts or replaces those of one field of a trace. As dfl_store_put. */
int dfl_store_put_prints(struct dfl_store *s, const struct dfl_past_text *of, struct dfl_err *err);

struct dfl_store_loaded {
	uint64_t loaded, left_out; /* texts; left_out: fn had no more room */
	uint64_t foreign;	   /* made under another key, or by other rules */
	uint64_t damaged;
};

#define DFL_STORE_MAX_REPLAYED 4096

/* 0; -ENOSPC: no room for more; -EINVAL: it makes no sense; -ENOMEM ends it. `of` is borrowed. */
typedef int (*dfl_store_old_fn)(void *ud, const struct dfl_past_text *of);
/* All that were made under the key, those of the newest traces first. */
int dfl_store_load_prints(struct dfl_store *s, dfl_store_old_fn fn, void *ud,
			  struct dfl_store_loaded *ret_loaded, struct dfl_err *err);
/*
 * Says in a stored trace that its text was seen again: in these hops of that other one, in this
 * order. Those of several stand in the order of their start. No such trace: 0. Of a text that very
 * many repeat the first DFL_STORE_MAX_REPLAYED hops are told.
 */
int dfl_store_replayed(struct dfl_store *s, const char *trace_id, const char *in_trace_id,
		       const uint32_t *seqs, size_t n, struct dfl_err *err);
