/* SPDX-License-Identifier: Apache-2.0 */
/* Past runs: where fingerprints of past requests were found, and what else explains those bytes. */
#pragma once

#include "trace/attribution/past_request.h"

/* The matcher found fingerprints of a past source in a view: a dfl_fingerprint_fn. */
void dfl_history_run(void *trace, void *view, void *source, const struct dfl_fingerprint_run *run);
/* It is a document, and its bytes are chunks that somebody retrieved. */
bool dfl_history_is_in_retrieved(const struct dfl_op *op, const struct run *past);
/*
 * Does a past text explain the bytes of this text run better, because it goes on where the run's
 * text ends?
 */
bool dfl_history_beats(const struct dfl_op *op, const struct run *r);
