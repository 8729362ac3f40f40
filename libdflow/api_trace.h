/* SPDX-License-Identifier: Apache-2.0 */
/* The trace that dflow.h hands out: a document, or the head of one. */
#pragma once

#include "api.h"
#include "doc/doc.h"

/*
 * A trace of which only a head may be at hand: in a callback and in a cursor the rest is made when
 * it is asked for.
 */
struct dflow_trace {
	const struct dfl_doc *head; /* ids, times, operation; without `load`: the whole document */
	size_t n_hops;
	size_t hop_index; /* of the one hop that a head has, as hops[0]; SIZE_MAX: it has none */
	int complete;	  /* 1 or 0; -1: the whole document tells */
	bool is_row;	  /* of a list: the head has all but connections, hops, places and links */
	/* Makes the whole document, borrowed as the trace is. 0, -ENOMEM, -ENOENT, -EBADMSG. */
	int (*load)(void *of, const struct dfl_doc **ret_doc);
	void *of;
};

/* A trace whose document is at hand; it is borrowed. */
struct dflow_trace dfl_api_trace(const struct dfl_doc *doc);
