// SPDX-License-Identifier: Apache-2.0
/* Tells which request an operation belongs to. */
#include "trace/attribution/owner.h"

#include <string.h>
#include <utlist.h>

#include "trace/attribution/evidence.h"
#include "trace/attribution/rank.h"

struct request *dfl_owner_by_unique_id(struct dfl_trace *t, const struct dfl_op *op)
{
	struct request *r = op->request;

	for (unsigned i = 0; i < op->n_ids && !r; i++)
		if (op->ids[i].kind != DFL_ID_CONVERSATION)
			r = dfl_request_by_id(t, op->ids[i].kind, op->ids[i].value, op->last_ns);
	return r;
}

struct request *dfl_owner_by_id(struct dfl_trace *t, const struct dfl_op *op)
{
	struct request *r = dfl_owner_by_unique_id(t, op);

	for (unsigned i = 0; i < op->n_ids && !r; i++)
		if (op->ids[i].kind == DFL_ID_CONVERSATION)
			r = dfl_request_by_id(t, op->ids[i].kind, op->ids[i].value, op->last_ns);
	return r;
}

static bool uses_file_of(const struct request *r, const struct request *upload)
{
	for (size_t i = 0; i < r->n_links; i++)
		if (!strcmp(r->links[i].why, "file") &&
		    !strcmp(r->links[i].trace_id, upload->trace_id))
			return true;
	return false;
}

/*
 * The operation holds a file that was uploaded by a request which is over. When just one request
 * under way uses that file, the file was read for it.
 */
static struct request *user_of_file(struct dfl_trace *t, struct request *upload, uint64_t ts_ns)
{
	struct request *r, *user = NULL;

	DL_FOREACH(t->requests, r)
	{
		if (r->start_ns > ts_ns || dfl_request_was_over(r, ts_ns) ||
		    !uses_file_of(r, upload))
			continue;
		if (user)
			return upload;
		user = r;
	}
	return user ? user : upload;
}

/*
 * Was text of r sent in the direction of the question? r NULL: of any request. Text that came back
 * proves less, because an answer from a store can hold text of other requests.
 */
static bool asks(const struct dfl_op *op, const struct request *r)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *run = &op->runs[i];

		if (dfl_run_counts(&run->at) && run->at.dir == op->dir && run->at.len >= RUN_FULL &&
		    (!r || run->at.source->request == r))
			return true;
	}
	return false;
}

/* Which texts may tell the owner: asked with; any but retrieved ones; retrieved ones. */
enum texts { ASKED, ANY, CHUNKS };

static bool may_tell(const struct dfl_op *op, const struct text_run *run, enum texts which,
		     bool asked)
{
	if (!dfl_run_counts(&run->at) || run->at.len < RUN_FULL ||
	    run->at.source->retrieved != (which == CHUNKS) || dfl_run_is_told_anew(op, run))
		return false;
	if (which == ASKED)
		return run->at.dir == op->dir;
	return !asked || asks(op, run->at.source->request);
}

/*
 * The newest request whose text is evidence in the operation and is not tied. The newest, because a
 * prompt carries history, which is older. Notes where that text stands.
 */
static struct request *owner_by_text(struct dfl_op *op, enum texts which)
{
	bool asked = asks(op, NULL);
	struct request *owner = NULL, *r;

	for (unsigned i = 0; i < op->n_runs; i++) {
		if (!dfl_run_is(&op->runs[i].at, RUN_CONTENT) ||
		    dfl_run_is(&op->runs[i].at, RUN_TIED) ||
		    !may_tell(op, &op->runs[i], which, asked))
			continue;
		r = op->runs[i].at.source->request;
		if (owner && r->number <= owner->number)
			continue;
		owner = r;
		op->owner_text.view = op->runs[i].at.view;
		op->owner_text.from = op->runs[i].at.pos_from;
		op->owner_text.to = op->runs[i].at.pos_to;
	}
	return owner;
}

/* Retrieved text comes last: several requests can have retrieved the same. */
static struct request *owner_by_content(struct dfl_op *op)
{
	return owner_by_text(op, ASKED) ?: owner_by_text(op, ANY) ?: owner_by_text(op, CHUNKS);
}

/* One more request to which the operation may belong. At the limit, that request is not complete.
 */
static void add_maybe(struct dfl_trace *t, struct dfl_op *op, struct request *r)
{
	for (unsigned i = 0; i < op->n_maybe; i++)
		if (op->maybe[i] == r)
			return;
	if (op->n_maybe < MAX_OWNERS) {
		op->maybe[op->n_maybe++] = r;
		return;
	}
	t->stats.capped_owners++;
	dfl_request_cap(r);
}

/* None of its inbound text is long enough to be found in an operation without an id. */
static bool is_too_short(const struct request *r)
{
	const struct dfl_src *s;

	LL_FOREACH(r->sources, s)
	if (!s->derived_from && dfl_match_source_canon_bytes(s->match) >= RUN_FULL)
		return false;
	return true;
}

/* Does the source hold the same text as the run by which the owner was found? */
static bool holds_what_told(const struct dfl_op *op, const struct dfl_src *s)
{
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct text_run *r = &op->runs[i];

		if (r->at.source && r->at.source->request == op->owner &&
		    r->at.view == op->owner_text.view && r->at.pos_from == op->owner_text.from &&
		    dfl_source_holds(s, r))
			return true;
	}
	return false;
}

/*
 * May the text by which the owner was found be an answer to r as well? Yes if no answer of r is
 * known for sure, or if that text is one.
 */
static bool may_be_told_that(const struct dfl_op *op, const struct request *r)
{
	const struct dfl_src *s;
	bool silent = true;

	LL_FOREACH(r->sources, s)
	{
		if (!s->derived_from || (s->shared && !s->claimed))
			continue;
		silent = false;
		if (holds_what_told(op, s))
			return true;
	}
	return silent;
}

/*
 * The owner was found by its answer, because its inbound text is too short to be found. Other
 * requests like it that are under way may have got the same answer: then the owner is not known.
 */
static void find_too_short(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *r;

	if (dfl_request_was_over(op->owner, op->begin_ns) || !is_too_short(op->owner))
		return;
	add_maybe(t, op, op->owner);
	DL_FOREACH(t->requests, r)
	if (!dfl_request_was_over(r, op->begin_ns) && r->start_ns <= op->begin_ns &&
	    is_too_short(r) && may_be_told_that(op, r))
		add_maybe(t, op, r);
	if (op->n_maybe > 1)
		op->owner = NULL;
	else
		op->n_maybe = 0;
}

/*
 * The requests under way whose inbound text is in the operation, but is tied. When only one of them
 * is under way, nothing is in doubt among requests under way, and there are no candidates.
 */
static void find_maybe(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *r;

	op->n_maybe = 0;
	for (unsigned i = 0; i < op->n_runs; i++) {
		if (!dfl_run_is(&op->runs[i].at, RUN_CONTENT) ||
		    !dfl_run_is(&op->runs[i].at, RUN_DOUBTED) ||
		    op->runs[i].at.source->derived_from)
			continue;
		r = op->runs[i].at.source->request;
		if (!dfl_request_was_over(r, op->begin_ns))
			add_maybe(t, op, r);
	}
	if (op->n_maybe == 1)
		op->n_maybe = 0;
}

struct request *dfl_owner_find(struct dfl_trace *t, struct dfl_op *op)
{
	op->owned_by_id = dfl_owner_by_unique_id(t, op);
	op->owner = dfl_owner_by_id(t, op);
	op->n_maybe = 0;
	op->owner_text.view = 0;
	dfl_rank(op);
	if (op->owner)
		return op->owner;
	op->owner = owner_by_content(op);
	if (op->owner)
		find_too_short(t, op);
	else
		find_maybe(t, op);
	if (!op->owner)
		return NULL;
	dfl_rank(op); /* again: the owner decides what was tied */
	if (dfl_request_was_over(op->owner, op->begin_ns))
		return user_of_file(t, op->owner, op->begin_ns);
	return op->owner;
}

unsigned dfl_owners_find(struct dfl_trace *t, struct dfl_op *op, struct request **ret_owners)
{
	struct request *owner = dfl_owner_find(t, op);

	if (owner) {
		*ret_owners = owner;
		return 1;
	}
	memcpy(ret_owners, op->maybe, op->n_maybe * sizeof(*ret_owners));
	return op->n_maybe;
}
