// SPDX-License-Identifier: Apache-2.0
/* Operations: how they come into being, what refers to them, and how they go. */
#include "trace/op.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/string.h"

struct dfl_op *dfl_op_new(struct dfl_trace *t, struct tconn *tc, uint64_t ts_ns)
{
	struct dfl_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->trace = t;
	op->tc = dfl_tconn_ref(tc);
	op->number = ++t->last_op;
	op->ttl_s = -1;
	op->n_known = 1;
	op->pid[0] = tc->end[0].pid;
	op->pid[1] = tc->end[1].pid;
	op->begin_ns = op->last_ns = ts_ns;
	op->scanned0 = tc->bytes.scanned;
	op->verdict.kept = DFL_KEPT_ATTEMPTED;
	DL_APPEND(t->ops, op);
	t->n_ops++;
	return op;
}

static void free_past_runs(struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_past_runs; i++)
		free(op->past_runs[i].seen);
	free(op->past_runs);
}

void dfl_op_free(struct dfl_trace *t, struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		free(op->ids[i].value);
	t->n_run_slots -= op->cap_runs;
	free(op->runs);
	free_past_runs(op);
	dfl_verdict_fini(t, &op->verdict);
	dfl_tconn_unref(op->tc);
	if (op->request)
		op->request->op = NULL;
	DL_DELETE(t->ops, op);
	t->n_ops--;
	free(op);
}

bool dfl_op_has_id(const struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind == kind && strlen(op->ids[i].value) == len &&
		    !memcmp(op->ids[i].value, value, len))
			return true;
	return false;
}

void dfl_op_describe(struct dfl_trace *t, struct dfl_op *op, const struct dfl_op_desc *d)
{
	if (d->protocol)
		op->protocol = dfl_string(t, d->protocol);
	if (!op->tc->protocol)
		op->tc->protocol = op->protocol;
	if (d->operation)
		op->operation = dfl_string(t, d->operation);
	if (d->place)
		op->place = dfl_string(t, d->place);
	if (d->residency != DFL_RES_UNKNOWN || d->may_store)
		op->residency = d->residency;
	op->may_store |= d->may_store;
	if (d->ttl_s >= 0)
		op->ttl_s = d->ttl_s;
	if (op->request)
		op->request->operation = op->operation;
}

bool dfl_op_is_unnamed(const struct dfl_op *op)
{
	return op->operation && !strcmp(op->operation, "*");
}

bool dfl_op_is_route_unknown(const struct dfl_op *op)
{
	return op->operation && dfl_request_is_route_unknown(op->operation);
}

bool dfl_op_is_of_other_message(const struct dfl_op *op, const struct request *r)
{
	const char *message = r->ids[DFL_ID_MESSAGE];

	if (!message || !op->names_message)
		return false;
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind == DFL_ID_MESSAGE && !strcmp(op->ids[i].value, message))
			return false;
	return true;
}

void dfl_ops_forget_request(struct dfl_trace *t, struct request *r)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	{
		if (op->owner == r)
			op->owner = NULL;
		op->n_maybe = 0;
	}
	if (!r->op)
		return;
	r->op->request = NULL;
	r->op->no_request = true;
}

void dfl_ops_forget_past(struct dfl_trace *t, const struct past_source *s)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	for (unsigned i = 0; i < op->n_past_runs; i++)
		if (op->past_runs[i].at.past_source == s)
			op->past_runs[i].at.past_source = NULL;
}

void dfl_ops_free(struct dfl_trace *t)
{
	while (t->ops)
		dfl_op_free(t, t->ops);
}
