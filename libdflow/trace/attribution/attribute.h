/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution: which runs are evidence, for which request. README.md tells how. */
#pragma once

#include "trace/hop.h"

enum {
	RUNS_TO_TIDY = 32, /* so many new runs are worth a comparison of all with all */
};

/* The matcher found a run of a source in a view: a dfl_match_run_fn. */
void dfl_attribute_run(void *trace, void *view, void *source, const struct dfl_run *run);
/* The view is complete: so are its runs. */
void dfl_attribute_view_closed(struct dfl_view *v);
/* Makes hops of the operation's runs, as far as that can be decided now. */
void dfl_attribute_op(struct dfl_trace *t, struct dfl_op *op);
/*
 * The operation has ended and was judged: may a run of it still become evidence, once more is known
 * of its ids?
 */
bool dfl_attribute_may_change(const struct dfl_op *op);
/* Requests settle: the operations that may be theirs are judged a last time. */
void dfl_attribute_last_call(struct dfl_trace *t);
/*
 * The hop by which a text came in, or was made: all of it, by the decoder's word. twins: sources of
 * the requests that are candidates, by next_twin; NULL: none.
 */
void dfl_attribute_origin(struct dfl_trace *t, struct hop_add *a, const struct dfl_src *s,
			  const struct dfl_src *twins);
