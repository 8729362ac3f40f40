/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several texts explains the bytes of an operation best. */
#pragma once

#include "trace/source.h"

/*
 * Marks the runs that another text explains better (RUN_BEATEN) or as well (RUN_TIED), by what is
 * known of the operation now. Then marks what each group amounts to (RUN_CONTENT, RUN_DOUBTED).
 */
void dfl_rank(struct dfl_op *op);
/* The same, and drops the runs that are beaten: they can never count any more. */
void dfl_rank_drop(struct dfl_op *op);
/*
 * Is the new run lost, because a longer one stands on its bytes and nothing that may still become
 * known changes that? Else the runs that are lost because of the new one are dropped. Most runs are
 * of words that many texts have in common, so this keeps the list short.
 */
bool dfl_rank_is_lost(struct dfl_op *op, const struct text_run *r);
/*
 * Does b put in doubt that the bytes of a belong to the request of a? A whole text does so to a
 * part that is as long, but a part does not to a whole text. So nobody can make evidence vanish by
 * repeating a phrase of it, and nobody's phrases spoil whole copies.
 */
bool dfl_rank_ties(const struct dfl_op *op, const struct run *a, const struct run *b);
