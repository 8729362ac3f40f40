/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of a trace that is under way hold already, so that a trace that is stored again and
 * again writes only what is new. A cache: what it does not know is asked from the tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doc/doc.h"

#define DFL_WRITTEN_TRACES 512 /* remembered at most; two of the same place push each other out */

struct dfl_written {
	char trace_id[DFL_TRACE_ID_LEN + 1]; /* "": this place is free */
	int64_t n;			     /* number of the trace */
	uint64_t ids;			     /* hash of all its ids */
	uint64_t *hop;			     /* hashes of its hop rows, by seq - 1 */
	size_t n_hops;
};

/* The place of the trace, which may be free or another's. Borrowed until the next call. */
struct dfl_written *dfl_written_place(struct dfl_written *all, const char *trace_id);
/* Is the place this trace's? */
bool dfl_written_is(const struct dfl_written *w, const char *trace_id);
/* Frees the place. */
void dfl_written_drop(struct dfl_written *w);
/* Frees all places. The array of DFL_WRITTEN_TRACES places stays. */
void dfl_written_forget(struct dfl_written *all);
