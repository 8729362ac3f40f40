/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries of zstd: what the documents of this store have in common. Each is the text of some
 * documents without what is their own (ids, times, addresses), so that nothing outlives its trace.
 * A row says which one it was packed with; 0: none.
 */
#pragma once

#include <zstd.h>

#include "doc/doc.h"
#include "store/store_priv.h"

/* For unpacking. Borrowed. NULL: number 0, or there is none, or memory is short. */
const ZSTD_DDict *dfl_dictionary_read(struct dfl_store *s, int64_t n);
/*
 * For packing a document: the dictionary, which is borrowed, and its number. That of an open one
 * packs faster, as it will be packed again. NULL and 0: there is none.
 */
const ZSTD_CDict *dfl_dictionary_write(struct dfl_store *s, bool settled, int64_t *ret_n);
/*
 * Of a settled document both parts, as doc/doc_pack.h makes them, and what its body came to. If
 * that is much, a dictionary that knows it too is made for those that follow. Within the
 * transaction.
 */
void dfl_dictionary_learn(struct dfl_store *s, const struct dfl_buf *head,
			  const struct dfl_buf *body, size_t packed_len);
/* Frees all that is in memory; what is in the table is loaded again. */
void dfl_dictionary_forget(struct dfl_store *s);
