/* SPDX-License-Identifier: Apache-2.0 */
/* What text runs are worth: alone, and as a group of runs of one text in one place. */
#pragma once

#include "trace/source.h"

/* All text runs of one source in one place of an operation. */
struct run_group {
	uint32_t longest; /* canonical bytes of the longest run */
	double coverage;  /* of the text, by all of them: 0 to 1 */
	uint32_t common;  /* other texts that hold the longest run as well */
	bool whole_leaf;  /* one of the runs is all there is in its view */
	bool any_new;	  /* not all of them are counted */
	bool tied; /* other texts explain some of them as well, and the rest is no evidence */
};

/* Which part of its text the run is: 0 to 1. */
double dfl_run_coverage(const struct text_run *r);
/* All of its text, and enough of it to be no chance. */
bool dfl_run_is_whole(const struct text_run *r);
/*
 * Where an answer is told now, an equal answer of the past is no copy of it. (A title may be told
 * after its request was over.)
 */
bool dfl_run_is_told_anew(const struct dfl_op *op, const struct text_run *r);

/* The group that `of` belongs to. */
struct run_group dfl_group_measure(const struct dfl_op *op, const struct text_run *of);
/* Is it evidence without anything else? */
bool dfl_group_is_content(const struct run_group *g);
