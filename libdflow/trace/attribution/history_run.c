// SPDX-License-Identifier: Apache-2.0
/* Past runs: where fingerprints of past requests were found, and what else explains those bytes. */
#include "trace/attribution/history_run.h"

#include <stdlib.h>
#include <string.h>

#include "trace/attribution/retrieved.h"

static struct past_run *shortest(const struct dfl_op *op)
{
	struct past_run *at = NULL;

	for (unsigned i = 0; i < op->n_past_runs; i++)
		if (!op->past_runs[i].counted && (!at || op->past_runs[i].span < at->span))
			at = &op->past_runs[i];
	return at;
}

static struct past_run *new_run(struct dfl_trace *t, struct dfl_op *op, uint32_t span)
{
	unsigned cap = op->cap_past_runs ? 2 * op->cap_past_runs : 8;
	struct past_run *runs;

	if (op->n_past_runs < op->cap_past_runs)
		return &op->past_runs[op->n_past_runs++];
	if (op->n_past_runs >= MAX_PAST_RUNS_PER_OP) {
		t->stats.capped_runs++;
		runs = shortest(op);
		if (!runs || runs->span >= span)
			return NULL;
		free(runs->seen);
		return runs;
	}
	runs = reallocarray(op->past_runs, cap, sizeof(*runs));
	if (!runs)
		return NULL;
	op->past_runs = runs;
	op->cap_past_runs = cap;
	return &op->past_runs[op->n_past_runs++];
}

void dfl_history_run(void *trace, void *view, void *source, const struct dfl_fingerprint_run *run)
{
	struct dfl_view *v = view;
	struct past_source *s = source;
	struct dfl_op *op = v->op;
	size_t size = (s->n + 7) / 8;
	struct past_run *r;
	uint8_t *seen;

	if (run->span < RUN_FULL)
		return;
	seen = malloc(size);
	r = seen ? new_run(trace, op, run->span) : NULL;
	if (!r) {
		free(seen);
		return;
	}
	memcpy(seen, run->seen, size);
	*r = (struct past_run){
		.source = s,
		.place = v->place ?: op->place,
		.dir = v->dir,
		.layer = v->layer,
		.view = v->number,
		.residency = op->residency,
		.ttl_s = op->ttl_s,
		.encodings = run->encodings,
		.pos_from = run->pos_from,
		.pos_to = run->pos_to,
		.reach_from = run->reach_from,
		.reach_to = run->reach_to,
		.span = run->span,
		.hits = run->hits,
		.distinct = run->distinct,
		.others = run->others,
		.ts_first_ns = run->ts_first_ns,
		.ts_last_ns = run->ts_last_ns,
		.seen = seen,
	};
	op->changed = true;
}

void dfl_history_view_closed(struct dfl_view *v)
{
	for (unsigned i = 0; i < v->op->n_past_runs; i++)
		if (v->op->past_runs[i].view == v->number)
			v->op->past_runs[i].final = true;
}

/* ---- which of them explain their bytes best ---- */

bool dfl_history_overlaps(const struct past_run *r, uint64_t view, uint64_t pos_from,
			  uint64_t pos_to)
{
	uint64_t from = r->pos_from > pos_from ? r->pos_from : pos_from;
	uint64_t to = r->pos_to < pos_to ? r->pos_to : pos_to;
	uint64_t la = r->pos_to - r->pos_from, lb = pos_to - pos_from;

	return r->view == view && to > from && 2 * (to - from) >= (la < lb ? la : lb);
}

bool dfl_history_is_in_retrieved(const struct dfl_op *op, const struct past_run *r)
{
	return dfl_field_is_document(r->source->field) &&
	       dfl_retrieved_fills(op, r->view, r->pos_from, r->pos_to);
}

/* Shorter, and all of it where the older text may stand. */
static bool is_within(const struct text_run *run, const struct past_run *past)
{
	return run->view == past->view && dfl_run_len(run) < past->span &&
	       run->run.pos_from >= past->reach_from && run->run.pos_to <= past->reach_to;
}

bool dfl_history_beats(const struct dfl_op *op, const struct text_run *run)
{
	for (unsigned i = 0; i < op->n_past_runs; i++)
		if (op->past_runs[i].source && is_within(run, &op->past_runs[i]) &&
		    !dfl_history_is_in_retrieved(op, &op->past_runs[i]))
			return true;
	return false;
}
