/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connections a trace document lists. One with text of the request has an entry of its own.
 * Of the others, those with the same ends and medium share an entry, so that a document does not
 * grow with what else the processes do meanwhile. Their bytes are added up: nothing is left out.
 */
#pragma once

#include "trace/document/parts.h"

/* Finds the entries, b->conns and b->entries. The list of hops must be there. */
void dfl_connections_find(struct build *b);
/* Fills in doc.connections. */
void dfl_connections_build(struct build *b);
/* The number of the connection in the document, found without a list of all; 0: it has no text. */
uint32_t dfl_connections_number(const struct request *r, const struct tconn *tc);
