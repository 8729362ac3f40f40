/* SPDX-License-Identifier: Apache-2.0 */
/* Writing documents. */
#pragma once

#include "store/store_priv.h"

/* What is done with a packed document; `data` is borrowed. 0 or a negative errno. */
typedef int (*dfl_store_doc_fn)(struct dfl_store *s, const struct dfl_doc *doc, const void *data,
				size_t len);
/* Packs the document and hands it to fn, in a transaction that is given up when fn fails. */
int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err);
