/* SPDX-License-Identifier: Apache-2.0 */
/* How documents are spelled inside the store: JSON, packed with zstd. */
#pragma once

#include <stddef.h>

#include "doc/doc.h"

#define DFL_STORE_MAX_DOC_BYTES (256u << 20) /* a document's JSON; more is taken for damage */

/* free() the result. 0 or -ENOMEM. */
int dfl_store_pack(const struct dfl_doc *doc, void **ret_data, size_t *ret_len);
/* dfl_doc_free() the result. -EBADMSG: damaged. */
int dfl_store_unpack(const void *data, size_t len, struct dfl_doc **ret_doc);
