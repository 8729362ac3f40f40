/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses: from when to when events were not seen. They are kept beside the traces, because requests
 * that came then may have no trace at all.
 */
#pragma once

#include "store/store.h"

/* Losses that followed each other closely. Times are UTC. */
struct dfl_store_loss {
	int64_t from_ns; /* names it: a loss that grows is put again */
	int64_t to_ns;
	uint64_t events, bytes; /* known to be missing; bytes of some kinds are not known */
	const char *why;	/* "the ring was full", … joined by ", "; no payload */
};

/* Inserts or replaces it. On disk when dfl_store_sync() returned. Its errors. */
int dfl_store_put_loss(struct dfl_store *s, const struct dfl_store_loss *loss, struct dfl_err *err);

/* Borrowed until it returns. Not 0 stops. */
typedef int (*dfl_store_loss_fn)(void *ud, const struct dfl_store_loss *loss);
/*
 * Those that touch the time from since_ns on and before until_ns (0: no end), oldest first. 0, what
 * fn returned, or the store's errors.
 */
int dfl_store_each_loss(struct dfl_store *s, int64_t since_ns, int64_t until_ns,
			dfl_store_loss_fn fn, void *ud, struct dfl_err *err);
