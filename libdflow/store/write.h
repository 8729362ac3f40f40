/* SPDX-License-Identifier: Apache-2.0 */
/* Writing documents. */
#pragma once

#include "doc/doc.h"
#include "store/store_priv.h"

/* What is done with a packed document, which is borrowed. 0 or a negative errno. */
typedef int (*dfl_store_doc_fn)(struct dfl_store *s, const struct dfl_doc *doc,
				const struct dfl_packed *packed);
/* Packs the document and hands it to fn, in a transaction that is given up when fn fails. */
int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err);
/* The document of a trace that has its row. 0 or -EIO. */
int dfl_store_put_document(struct dfl_store *s, const char *trace_id,
			   const struct dfl_packed *packed);
void dfl_packed_fini(struct dfl_packed *p);
