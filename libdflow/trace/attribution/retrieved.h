/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retrieved text ("chunks") stands in a store. What is equal to it can be the document it was cut
 * from, a text that somebody pasted, or what another request retrieved.
 */
#pragma once

#include "trace/source.h"

/* Marks the runs that explain nothing in this operation (out). */
void dfl_retrieved_mark(struct dfl_op *op);
/*
 * Compares two equal runs of different requests, one of them of retrieved text. 1: a explains the
 * bytes better; -1: b does; 0: this does not tell.
 */
int dfl_retrieved_better(const struct dfl_op *op, const struct text_run *a,
			 const struct text_run *b);
/*
 * Are at least half of these bytes chunks that somebody retrieved and uses here? Then the chunks
 * say more than the document they were cut from, though side by side they are a longer run of it.
 */
bool dfl_retrieved_fills(const struct dfl_op *op, uint64_t view, uint64_t from, uint64_t to);
/* The operation belongs to the request that retrieved this text. */
bool dfl_retrieved_is_of_owner(const struct dfl_op *op, const struct text_run *r);
/* The place is made for such text. */
bool dfl_retrieved_fits(const struct text_run *r);
