/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of attribution share: explain.c compares runs, owner.c tells whose an operation
 * is, attribute.c judges.
 */
#pragma once

#include <string.h>

#include "trace/state.h"

static inline uint32_t dfl_run_len(const struct op_run *r)
{
	return r->run.canon_to - r->run.canon_from;
}

static inline double dfl_run_coverage(const struct op_run *r)
{
	uint32_t all = dfl_match_source_canon_bytes(r->source->match);

	return all ? (double)dfl_run_len(r) / all : 0;
}

/* The request was answered before that. */
static inline bool dfl_was_over(const struct request *r, uint64_t ts_ns)
{
	return r->response_ended && r->ended_ns < ts_ns;
}

/* The operation names another message than the request's. */
static inline bool dfl_is_of_other_message(const struct dfl_op *op, const struct request *r)
{
	const char *message = r->ids[DFL_ID_MESSAGE];

	for (unsigned i = 0; i < op->n_ids && message; i++)
		if (op->ids[i].kind == DFL_ID_MESSAGE && !strcmp(op->ids[i].value, message))
			return false;
	for (unsigned i = 0; i < op->n_ids && message; i++)
		if (op->ids[i].kind == DFL_ID_MESSAGE)
			return true;
	return false;
}

/*
 * Where an answer is told now, an equal one of the past is no copy of it. A title may be told after
 * its request was over.
 */
static inline bool dfl_is_told_anew(const struct dfl_op *op, const struct op_run *r)
{
	const struct dfl_src *s = r->source;

	return op->answers[r->dir] && s->kind && !strcmp(s->kind, "answer") &&
	       dfl_was_over(s->request, op->begin_ns) && !dfl_was_over(s->request, s->asked_ns) &&
	       !(op->owned_by_id && op->owner == s->request);
}

/* ---- explain.c ---- */

/*
 * The text where it came from is no evidence, but it explains its bytes better than what others
 * have in common with it.
 */
static inline bool dfl_run_counts(const struct op_run *r)
{
	return r->source && r->final && !r->own && !r->beaten;
}

/*
 * Marks the runs that others explain better (beaten), or as well (tied), by what is known of the
 * operation; and what their groups amount to (content, doubted).
 */
void dfl_rank(struct dfl_op *op);
/* The same, and lets go what another run beats: it can never count any more. */
void dfl_rank_drop(struct dfl_op *op);
/* Do they stand on the same bytes, for the most part of the shorter one? */
bool dfl_runs_overlap(const struct op_run *a, const struct op_run *b);
/*
 * Does b put in doubt that a's bytes are of a's request? A whole text does so to a part that is as
 * long, and not the other way round. So others can't make evidence vanish by repeating it, nor
 * spoil whole copies.
 */
bool dfl_runs_tied(const struct dfl_op *op, const struct op_run *a, const struct op_run *b);

/* Several runs of one field in one place together. */
struct run_group {
	uint32_t longest;
	double coverage;
	uint32_t common; /* sources that share the longest run */
	bool whole_leaf, any_new;
	bool tied; /* others explain them as well, and the rest is no evidence */
};
bool dfl_same_group(const struct op_run *a, const struct op_run *b);
struct run_group dfl_group_measure(const struct dfl_op *op, const struct op_run *of);
/* Is it evidence without anything else? */
bool dfl_group_is_content(const struct run_group *g);

/* ---- chunk.c: what was retrieved, besides what else is equal to it ---- */

/* Marks the runs that explain nothing here (out). */
void dfl_chunk_mark(struct dfl_op *op);
/*
 * Of two equal runs of different requests, one of them of a chunk. 1: a explains the bytes better;
 * -1: b; 0: neither.
 */
int dfl_retrieved_better(const struct dfl_op *op, const struct op_run *a, const struct op_run *b);
/*
 * Are these bytes mostly chunks that somebody retrieved and uses here? Then they say more than the
 * document that they were cut from, though side by side they are a longer run of it.
 */
bool dfl_chunk_fill(const struct dfl_op *op, uint64_t view, uint64_t from, uint64_t to);
/* The operation is of who retrieved the chunk. */
bool dfl_retrieved_is_of_owner(const struct dfl_op *op, const struct op_run *r);
/* The place is made for such text. */
bool dfl_chunk_fits(const struct op_run *r);

/* ---- owner.c; dfl_attribute_owner and dfl_attribute_owners are there too ---- */

/* Whose the operation is by an id that names one request; NULL. */
struct request *dfl_owner_by_own_id(struct dfl_trace *t, const struct dfl_op *op);
/* The same, else by a conversation. */
struct request *dfl_owner_by_id(struct dfl_trace *t, const struct dfl_op *op);
