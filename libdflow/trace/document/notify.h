/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the user of the stage what changed. */
#pragma once

#include "trace/options.h"

struct dfl_trace;
struct hop;
struct request;

/*
 * Something happened to a request: the document that is stored is out of date, and on_change is
 * called. hop: the hop that is new or changed; NULL.
 */
void dfl_notify(struct dfl_trace *t, struct request *r, enum dfl_doc_change what,
		const struct hop *hop);

/*
 * What on_change is given. It is valid until the callback returns, with all that it gives. A
 * document is built when it is asked for; without memory it is NULL.
 */
struct dfl_change;
/*
 * The document without its lists and its completeness; of the hops only the changed one, if one
 * changed. Costs the same however many hops there are.
 */
const struct dfl_doc *dfl_change_head(struct dfl_change *c);
/* The whole document. */
const struct dfl_doc *dfl_change_doc(struct dfl_change *c);
/* How many hops the whole document has. */
size_t dfl_change_hop_count(const struct dfl_change *c);
/* The index of the changed hop in the whole document; SIZE_MAX: no hop changed. */
size_t dfl_change_hop_index(const struct dfl_change *c);
