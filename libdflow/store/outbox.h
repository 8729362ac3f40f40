/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbox: stands between a recorder and its store. What was put and is not on disk yet is kept, the
 * newest of each trace. So a store that cannot be written for a while (another program's lock, a
 * full or read-only disk, a file or folder that was removed or replaced) does not end a recording:
 * it is tried again, soon at first, later every few seconds, without waiting in between.
 *
 *     writing ──an error──► failing ──a retry that works──► writing
 *
 * Begin and end are told to the log, once. What there was no room for is given up, the oldest
 * first, and the store says so as a loss.
 */
#pragma once

#include "base/log.h"
#include "store/loss.h"
#include "store/store.h"

struct dfl_outbox;

struct dfl_outbox_opts {
	const char *path;
	struct dfl_store_opts store;
	/* Of what is kept; 0: nothing is, and each error is returned to whoever put it. */
	uint64_t max_bytes;
	struct dfl_log log;
};

/* Opens the store, with the errors of dfl_store_create. The path is copied. */
int dfl_outbox_open(const struct dfl_outbox_opts *opts, struct dfl_outbox **ret_outbox,
		    struct dfl_err *err);
/* Without dfl_outbox_flush before it, what is not on disk is lost. NULL is allowed. */
void dfl_outbox_close(struct dfl_outbox *o);

/* As the functions of store.h and loss.h of these names. With max_bytes they always return 0. */
int dfl_outbox_put(struct dfl_outbox *o, const struct dfl_doc *doc, struct dfl_err *err);
int dfl_outbox_put_prints(struct dfl_outbox *o, const struct dfl_past_text *of,
			  struct dfl_err *err);
int dfl_outbox_replayed(struct dfl_outbox *o, const char *trace_id, const char *in_trace_id,
			const uint32_t *seqs, size_t n, struct dfl_err *err);
int dfl_outbox_put_loss(struct dfl_outbox *o, const struct dfl_store_loss *loss,
			struct dfl_err *err);
int dfl_outbox_expire(struct dfl_outbox *o, int64_t now_ns, struct dfl_err *err);
/* Commits, or tries again if it is time to. Call it a few times a second, also without a put. */
int dfl_outbox_sync(struct dfl_outbox *o, struct dfl_err *err);
/* The last commit: tries now, and waits for another program's lock. The errors of the store. */
int dfl_outbox_flush(struct dfl_outbox *o, struct dfl_err *err);

/* INT64_MIN: it is not known now. */
int64_t dfl_outbox_oldest(struct dfl_outbox *o);
int dfl_outbox_load_prints(struct dfl_outbox *o, dfl_store_old_fn fn, void *ud,
			   struct dfl_store_loaded *ret_loaded, struct dfl_err *err);
/* Borrowed until the outbox is closed. NULL: none. */
const uint8_t *dfl_outbox_print_key(const struct dfl_outbox *o);
