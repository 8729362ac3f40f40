/* SPDX-License-Identifier: Apache-2.0 */
/* The reverse of doc_pack.h. */
#pragma once

#include <stddef.h>

#include "doc/doc.h"

/*
 * Adds what a part holds to a document, which is all zero at first; distrusts its input. After an
 * error the document holds a piece of it; dfl_doc_free it. 0, -ENOMEM, -EBADMSG: also when the
 * document has the part already.
 */
int dfl_doc_unpack(const void *packed, size_t len, struct dfl_doc *doc);
