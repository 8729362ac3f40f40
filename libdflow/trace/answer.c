// SPDX-License-Identifier: Apache-2.0
/*
 * Text that a model answered becomes a derived payload of the request whose text went into the same
 * operation. The first place where it is seen is its origin; what passes the same text on is an echo,
 * told by its first bytes.
 */
#include "trace/state.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Does the request have an answer that begins like this? */
static bool begins_like(const struct request *r, const struct dfl_buf *text)
{
	const struct dfl_src *s;
	size_t n;

	for (s = r->sources; s; s = s->next) {
		n = smaller(s->head_len, text->len);
		if (s->derived_from && n && !memcmp(s->head, text->data, n))
			return true;
	}
	return false;
}

static bool is_whole(const struct dfl_src *s, const struct dfl_buf *text)
{
	return text->len <= sizeof(s->head) && dfl_match_source_raw_bytes(s->match) == text->len &&
	       !memcmp(s->head, text->data, text->len);
}

/* Is what the view held an answer that the request has already? It is closed, so its runs are all known. */
static bool is_echo(const struct dfl_view *v, const struct request *r)
{
	const struct dfl_op *op = v->op;
	const struct dfl_src *s;

	for (s = r->sources; s; s = s->next)
		if (s->derived_from && is_whole(s, &v->held))
			return true;
	for (unsigned i = 0; i < op->n_runs; i++) {
		const struct op_run *run = &op->runs[i];

		if (run->view == v->number && run->source && run->source->request == r && run->source->derived_from &&
		    (run->run.src_to - run->run.src_from) * 100 >= (uint64_t)v->held.len * FULL_PERCENT)
			return true;
	}
	return false;
}

static void append_one(struct dfl_view *v, struct dfl_src *s, const void *data, size_t len, uint64_t pos,
		       uint64_t pos_len)
{
	size_t room = smaller(len, sizeof(s->head) - s->head_len);

	memcpy(s->head + s->head_len, data, room);
	s->head_len += room;
	dfl_source_append(v->op->trace, s, data, len, pos, pos_len);
}

static void append(struct dfl_view *v, const void *data, size_t len, uint64_t pos, uint64_t pos_len)
{
	struct dfl_src *s;

	LL_FOREACH2(v->answers, s, next_twin)
		append_one(v, s, data, len, pos, pos_len);
}

static void begin(struct dfl_view *v, struct request *r, bool shared)
{
	struct dfl_trace *t = v->op->trace;
	struct dfl_src *s;
	char field[64];

	if (r->n_answers)
		snprintf(field, sizeof(field), "%s.%u", v->derives, r->n_answers + 1);
	else
		snprintf(field, sizeof(field), "%s", v->derives);
	s = dfl_request_source(t, r, field, v->first_ns);
	if (!s)
		return;
	r->n_answers++;
	s->derived_from = v->op->operation ?: "unknown";
	s->op = v->op->number;
	s->view = v->number;
	s->dir = v->dir;
	s->from = v;
	s->shared = shared;
	LL_APPEND2(v->answers, s, next_twin);
	append_one(v, s, v->held.data, v->held.len, v->held_pos, v->held_pos_to - v->held_pos);
}

static unsigned known(const struct dfl_op *op)
{
	return (op->n_runs << 8 | op->n_ids) + 1;
}

/*
 * Decides once: whose it is, and whether it is new. Without an owner it waits for one; what begins like an
 * answer that is known waits for its end.
 */
static void decide(struct dfl_view *v, bool at_end)
{
	struct request *owners[MAX_OWNERS];
	unsigned n;

	if (!at_end && v->asked == known(v->op))
		return;
	v->asked = known(v->op);
	n = dfl_attribute_owners(v->op->trace, v->op, owners);
	for (unsigned i = 0; i < n && !at_end; i++)
		if (begins_like(owners[i], &v->held))
			return;
	if (!n)
		return;
	v->decided = true;
	for (unsigned i = 0; i < n; i++)
		if (!at_end || !is_echo(v, owners[i]))
			begin(v, owners[i], n > 1);
	dfl_buf_fini(&v->held);
}

void dfl_answer_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos, uint64_t pos_len)
{
	append(v, data, len, pos, pos_len);
	if (v->decided)
		return;
	if (!v->held.len)
		v->held_pos = pos;
	v->held_pos_to = pos + pos_len;
	if (v->held.len + len > ANSWER_HELD_MAX || dfl_buf_append(&v->held, data, len))
		v->decided = true; /* nobody's for too long */
	else if (v->held.len >= ANSWER_SURE)
		decide(v, false);
}

static void whole_hop(struct dfl_view *v, struct dfl_src *s, const struct dfl_src *twins)
{
	dfl_hop_whole(v->op->trace, &(struct hop_add){
		.request = s->request,
		.op = v->op,
		.source = s,
		.place = v->place ?: v->op->place,
		.dir = v->dir,
		.layer = v->layer,
		.residency = v->residency ?: v->op->residency,
		.ttl_s = v->ttl_s,
		.ambiguous = s->shared,
		.twins = s->shared ? twins : NULL,
	});
}

void dfl_answer_close(struct dfl_view *v)
{
	struct dfl_src *s, *next;

	if (!v->decided && v->held.len)
		decide(v, true);
	LL_FOREACH2(v->answers, s, next_twin)
		dfl_match_source_end(s->match);
	LL_FOREACH2(v->answers, s, next_twin)
		whole_hop(v, s, v->answers);
	for (s = v->answers; s; s = next) {
		next = s->next_twin;
		s->next_twin = NULL;
		s->from = NULL;
	}
}

void dfl_answer_forget(struct dfl_src *s)
{
	if (s->from)
		LL_DELETE2(s->from->answers, s, next_twin);
	s->from = NULL;
}

/* ---- which of several requests it was ---- */

static struct dfl_src *twin_in(const struct request *r, const struct dfl_src *s)
{
	struct dfl_src *twin;

	for (twin = r->sources; twin; twin = twin->next)
		if (twin != s && twin->shared && twin->view == s->view)
			return twin;
	return NULL;
}

static bool is_of_another(const struct dfl_trace *t, const struct dfl_src *s)
{
	const struct dfl_src *twin;
	const struct request *r;

	DL_FOREACH(t->requests, r) {
		twin = r != s->request ? twin_in(r, s) : NULL;
		if (twin && twin->claimed)
			return true;
	}
	return false;
}

/* The others' hops of it are not this request's. */
static void withdraw(struct dfl_trace *t, const struct dfl_src *s)
{
	const struct dfl_src *twin;
	struct request *r;

	DL_FOREACH(t->requests, r) {
		twin = r != s->request ? twin_in(r, s) : NULL;
		if (twin && dfl_hops_no_candidate(r, twin, s->request))
			r->dirty = true;
	}
}

/* "answer", "answer.2", ... as they were found. */
static void renumber(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s;
	char field[64];

	r->n_answers = 0;
	LL_FOREACH(r->sources, s) {
		if (!s->derived_from)
			continue;
		snprintf(field, sizeof(field), "%.*s", (int)strcspn(s->field, "."), s->field);
		if (r->n_answers++)
			snprintf(field + strlen(field), sizeof(field) - strlen(field), ".%u", r->n_answers);
		s->field = dfl_trace_string(t, field);
		dfl_hops_rename(r, s);
	}
}

void dfl_answer_settle(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s, *next;
	bool any = false;

	LL_FOREACH_SAFE(r->sources, s, next) {
		if (!s->shared || s->claimed || s->from || !is_of_another(t, s))
			continue;
		withdraw(t, s);
		dfl_hops_drop(t, r, s);
		dfl_request_drop_source(t, r, s);
		any = true;
	}
	if (any)
		renumber(t, r);
}
