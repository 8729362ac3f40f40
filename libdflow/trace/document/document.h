/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the trace document of a request from what the stage remembers. */
#pragma once

#include "trace/hop.h"

/* The whole document; dfl_doc_free() it. 0 or -ENOMEM. */
int dfl_document_build(struct dfl_trace *t, struct request *r, struct dfl_doc **ret_doc);
/*
 * Only what costs the same however much the request has: no lists, but of the hops the given one
 * (NULL: none). Completeness is not told. 0 or -ENOMEM.
 */
int dfl_document_build_head(struct dfl_trace *t, struct request *r, const struct hop *only,
			    struct dfl_doc **ret_doc);
/* The index of a hop in the whole document. */
size_t dfl_document_hop_index(const struct request *r, const struct hop *h);
