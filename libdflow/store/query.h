/* SPDX-License-Identifier: Apache-2.0 */
/* Query: selects traces from a store that was opened for reading. */
#pragma once

#include <stdint.h>

#include "store/store.h"

#define DFL_QUERY_MIN_PREFIX 4 /* characters of an id that are enough to ask for it */

struct dfl_docs {
	struct dfl_doc **doc; /* in the order of their start */
	size_t n;
};

void dfl_docs_fini(struct dfl_docs *docs);

/*
 * The requests that an id names: whole, or a prefix of DFL_QUERY_MIN_PREFIX characters or more that
 * names only one. -ENOENT: none; -ENOTUNIQ: the prefix fits several (dfl_query_candidates tells
 * them); -EINVAL: too short; or the store's errors.
 */
int dfl_query_find(struct dfl_store *s, const char *id, struct dfl_docs *ret_docs,
		   struct dfl_err *err);

/* Called for each id that begins with the prefix, in order. Not 0 stops. */
typedef int (*dfl_candidate_fn)(void *ud, const char *key, const char *kind, const char *trace_id);
int dfl_query_candidates(struct dfl_store *s, const char *prefix, uint32_t limit,
			 dfl_candidate_fn fn, void *ud, struct dfl_err *err);

/*
 * A number that changes when another process committed to the store: poll it, and look again when
 * it did.
 */
int dfl_query_version(struct dfl_store *s, int64_t *ret_version, struct dfl_err *err);
