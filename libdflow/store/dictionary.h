/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries of zstd: what the documents of this store have in common. Each is the text of one
 * document without what is its own (ids, times, addresses), so that nothing outlives its trace. A
 * row says which one it was packed with; 0: none.
 */
#pragma once

#include <zstd.h>

#include "doc/doc.h"
#include "store/store_priv.h"

/* For unpacking. Borrowed. NULL: number 0, or there is none, or memory is short. */
const ZSTD_DDict *dfl_dictionary_read(struct dfl_store *s, int64_t n);
/*
 * For packing a document, with its JSON of len bytes: the dictionary, which is borrowed, and its
 * number. A settled document makes one if there is none yet, or if those are of much smaller
 * documents. Within the transaction. NULL and 0: there is none.
 */
const ZSTD_CDict *dfl_dictionary_write(struct dfl_store *s, const struct dfl_doc *doc,
				       const char *json, size_t len, int64_t *ret_n);
/* Frees all that is in memory; what is in the table is loaded again. */
void dfl_dictionary_forget(struct dfl_store *s);
