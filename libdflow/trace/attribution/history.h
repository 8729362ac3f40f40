/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History: fingerprints of past requests that were found in an operation become hops of the request
 * to which the operation belongs.
 */
#pragma once

#include "trace/attribution/past_request.h"

/* Makes hops of the past runs that are evidence. owner NULL: does nothing. */
void dfl_history_op(struct dfl_trace *t, struct dfl_op *op, struct request *owner);
/* The request was stored: tells the store of the past requests whose text is in its hops. */
void dfl_history_tell(struct dfl_trace *t, const struct request *r);
