/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace document in few bytes, for the store: column by column, each text once
 * (docs/formats.md, "Packed document"). Written and read by the tables of doc_keys.h. It names its
 * keys, so a reader takes what an older or a newer writer made.
 */
#pragma once

#include "base/buf.h"
#include "doc/doc.h"

/* A document stands in two parts: lists need the head alone. */
enum dfl_doc_part {
	DFL_DOC_HEAD, /* all but … */
	DFL_DOC_BODY, /* … connections, hops, places, replayed_in and links */
};

#define DFL_DOC_PACKED 1 /* the first byte of each part; JSON begins with '{' */

/* Appends one part. 0 or -ENOMEM; then ret_packed holds nothing of use. */
int dfl_doc_pack(const struct dfl_doc *doc, enum dfl_doc_part part, struct dfl_buf *ret_packed);
