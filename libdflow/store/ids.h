/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ids: which requests an id names. */
#pragma once

#include "doc/doc.h"
#include "store/store_priv.h"

/* All ids of the document, for the trace of that number. 0 or -EIO. */
int dfl_ids_put(struct dfl_store *s, const struct dfl_doc *doc, int64_t n);
/*
 * Deletes those of a trace; its packed head tells which they are, so no index by trace is needed. A
 * head that is null or damaged costs a look at the whole table. 0, -EIO or -ENOMEM.
 */
int dfl_ids_drop(struct dfl_store *s, const char *trace_id, int64_t n, int64_t dictionary,
		 const void *head, size_t len);
