/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind dflow.h share. */
#pragma once

#include "dflow.h"

#include "base/err.h"
#include "trace/trace.h"

struct dflow_trace {
	const struct dfl_doc *doc;
	struct dfl_change *change; /* in a callback: doc is its head, the rest is asked of it; else
				      NULL */
};

/* Hands a sentence over; returns r. */
int dfl_api_error(struct dflow_error *ret_error, enum dflow_about about, const struct dfl_err *err,
		  int r);

/*
 * Sets a public struct of the caller's size from ours: what the caller does not know is left out.
 */
void dfl_api_fill(void *ret, const void *full, size_t full_size);

/* A public option struct in our size: what the caller does not know is zero. NULL: all zero. */
void dfl_api_options(const void *opts, void *ret_full, size_t full_size);
