/* SPDX-License-Identifier: Apache-2.0 */
/* Past runs: where fingerprints of past requests were found, and what else explains those bytes. */
#pragma once

#include "trace/attribution/past_request.h"

enum {
	MAX_PAST_RUNS_PER_OP = 256,
};

/* The matcher found fingerprints of a past source in a view: a dfl_fingerprint_fn. */
void dfl_history_run(void *trace, void *view, void *source, const struct dfl_fingerprint_run *run);
/* The view is complete: so are its past runs. */
void dfl_history_view_closed(struct dfl_view *v);
/* Do they stand on the same bytes, for the most part of the shorter one? */
bool dfl_history_overlaps(const struct past_run *r, uint64_t view, uint64_t pos_from,
			  uint64_t pos_to);
/* It is a document, and its bytes are chunks that somebody retrieved. */
bool dfl_history_is_in_retrieved(const struct dfl_op *op, const struct past_run *r);
/*
 * Does a past text explain the bytes of this run better, because it goes on where the run's text
 * ends?
 */
bool dfl_history_beats(const struct dfl_op *op, const struct text_run *run);
