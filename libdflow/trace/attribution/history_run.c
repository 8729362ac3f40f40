// SPDX-License-Identifier: Apache-2.0
/* Past runs: where fingerprints of past requests were found, and what else explains those bytes. */
#include "trace/attribution/history_run.h"

#include <stdlib.h>
#include <string.h>

#include "trace/attribution/retrieved.h"

/* At the limit the longer run is worth more: the shortest one makes room, if it is shorter. */
static struct past_run *replace_shortest(struct dfl_trace *t, struct dfl_op *op, uint32_t len)
{
	const struct run_list list = dfl_op_past_runs(op);
	struct run *shortest = dfl_runs_shortest(&list);
	struct past_run *r = (struct past_run *)shortest;

	t->stats.capped_runs++;
	if (!shortest || shortest->len >= len)
		return NULL;
	free(r->seen);
	return r;
}

static struct past_run *new_run(struct dfl_trace *t, struct dfl_op *op, uint32_t len)
{
	void *runs = op->past_runs;

	if (op->n_past_runs < op->cap_past_runs)
		return &op->past_runs[op->n_past_runs++];
	if (op->n_past_runs >= MAX_PAST_RUNS_PER_OP)
		return replace_shortest(t, op, len);
	if (dfl_runs_grow(&runs, &op->cap_past_runs, sizeof(*op->past_runs)))
		return NULL;
	op->past_runs = runs;
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
		.at = {
			.past_source = s,
			.len = run->span,
			.place = v->place ?: op->place,
			.dir = v->dir,
			.layer = v->layer,
			.view = v->number,
			.residency = v->residency ?: op->residency,
			.ttl_s = op->ttl_s,
			.pos_from = run->pos_from,
			.pos_to = run->pos_to,
			.encodings = run->encodings,
			.first_ns = run->ts_first_ns,
			.last_ns = run->ts_last_ns,
		},
		.reach_from = run->reach_from,
		.reach_to = run->reach_to,
		.hits = run->hits,
		.distinct = run->distinct,
		.others = run->others,
		.seen = seen,
	};
	op->changed = true;
}

bool dfl_history_is_in_retrieved(const struct dfl_op *op, const struct run *past)
{
	return dfl_field_is_document(past->past_source->field) &&
	       dfl_retrieved_fills(op, past->view, past->pos_from, past->pos_to);
}

/* Is it shorter than what was found of the past text, and all of it where that text may stand? */
static bool is_within(const struct run *r, const struct past_run *past)
{
	return r->view == past->at.view && r->len < past->at.len &&
	       r->pos_from >= past->reach_from && r->pos_to <= past->reach_to;
}

bool dfl_history_beats(const struct dfl_op *op, const struct run *r)
{
	for (unsigned i = 0; i < op->n_past_runs; i++) {
		const struct past_run *past = &op->past_runs[i];

		if (past->at.text && is_within(r, past) &&
		    !dfl_history_is_in_retrieved(op, &past->at))
			return true;
	}
	return false;
}
