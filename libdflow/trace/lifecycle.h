/* SPDX-License-Identifier: Apache-2.0 */
/* The life of requests and operations: what opens a request, when it settles, and when it goes. */
#pragma once

#include "trace/op.h"

/*
 * The request that this operation opens, or opened before. NULL: it is a call between known
 * stations, or there is no memory.
 */
struct request *dfl_lifecycle_open(struct dfl_trace *t, struct dfl_op *op);
/* Time passed: settles, stores and lets go what is due. */
void dfl_lifecycle_tick(struct dfl_trace *t);
/* No event comes any more: stores all that is open, as open. */
void dfl_lifecycle_finish(struct dfl_trace *t);
/* Frees all requests and operations. */
void dfl_lifecycle_free(struct dfl_trace *t);
