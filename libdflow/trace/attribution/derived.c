// SPDX-License-Identifier: Apache-2.0
/* Derived payload: text that a model answered, that a store or a tool gave, and vectors. */
#include "trace/attribution/derived.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "trace/attribution/attribute.h"
#include "trace/attribution/evidence.h"
#include "trace/attribution/owner.h"
#include "trace/attribution/past_request.h"
#include "trace/string.h"

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_kind(const struct dfl_view *v, const char *kind)
{
	return !strcmp(v->derives, kind);
}

/* Has the request a text of this kind that begins like the one in the view? */
static bool begins_like(const struct request *r, const struct dfl_view *v)
{
	const struct dfl_src *s;
	size_t n;

	for (s = r->sources; s; s = s->next) {
		n = smaller(s->head_len, v->held.len);
		if (s->kind == v->derives && n && !memcmp(s->head, v->held.data, n))
			return true;
	}
	return false;
}

/*
 * The view may be a part of a text (relay), and the request has a text of this kind already: then
 * the part tells nothing new.
 */
static bool is_part(const struct dfl_view *v, const struct request *r)
{
	const struct dfl_src *s;

	for (s = r->sources; s && v->relay; s = s->next)
		if (s->kind == v->derives)
			return true;
	return false;
}

/* Is the text just this source, from its first to its last byte? Only short ones are compared so.
 */
static bool is_whole(const struct dfl_src *s, const struct dfl_buf *text)
{
	return text->len <= sizeof(s->head) && dfl_match_source_raw_bytes(s->match) == text->len &&
	       !memcmp(s->head, text->data, text->len);
}

/*
 * Is the source the beginning of the text? It still comes in elsewhere, and is here as a whole
 * already.
 */
static bool is_begun(const struct dfl_src *s, const struct dfl_buf *text)
{
	uint64_t so_far = dfl_match_source_raw_bytes(s->match);

	return s->from && so_far == s->head_len && so_far <= text->len && so_far >= ANSWER_SURE &&
	       so_far * 100 >= text->len * (uint64_t)BEGUN_PERCENT &&
	       !memcmp(s->head, text->data, so_far);
}

/*
 * Texts of one form share phrases. So a run only says that the text is known when it is nearly all
 * of the known text, or nearly all that is in the view.
 */
static bool tells(const struct dfl_view *v, const struct text_run *r)
{
	return dfl_run_coverage(r) * 100 >= FULL_PERCENT ||
	       (r->src_to - r->src_from) * 100 >= (uint64_t)v->held.len * KNOWN_PERCENT;
}

/*
 * How much of the text must be known, so that it is an echo. An answer is one text. A chunk may
 * stand in a larger one. Results of a tool come in a list, with others.
 */
static unsigned echo_percent(const struct dfl_view *v)
{
	return is_kind(v, "answer")	 ? FULL_PERCENT :
	       is_kind(v, "tool_result") ? LISTED_PERCENT :
					   KNOWN_PERCENT;
}

static bool is_known_as(const struct dfl_view *v, const struct dfl_src *s)
{
	return s->kind == v->derives || dfl_source_is_document(s);
}

/*
 * Is the text of the run, which is another request's, a text of r too? Match looks only at some of
 * very many equal texts, so that the run of r may be missing.
 */
static bool has_the_same(const struct text_run *run, const struct dfl_view *v,
			 const struct request *r)
{
	const struct dfl_src *s;

	if (run->other_sources < DFL_MATCH_TOLD - 1)
		return false;
	for (s = r->sources; s; s = s->next)
		if (is_known_as(v, s) && dfl_source_holds(s, run))
			return true;
	return false;
}

/* Is the text of the view known as the request's already? The view is closed, so its runs are all
 * here. */
static bool is_echo(const struct dfl_view *v, const struct request *r)
{
	uint64_t enough = (uint64_t)v->held.len * echo_percent(v), sum = 0;
	const struct dfl_src *s;

	if (is_part(v, r))
		return true;
	for (s = r->sources; s; s = s->next)
		if (s->kind == v->derives && (is_whole(s, &v->held) || is_begun(s, &v->held)))
			return true;
	for (unsigned i = 0; i < v->op->n_runs; i++) {
		const struct text_run *run = &v->op->runs[i];
		uint64_t len = run->src_to - run->src_from;

		if (run->at.view != v->number || !run->at.source ||
		    dfl_run_is(&run->at, RUN_BEATEN) || !tells(v, run))
			continue;
		if (run->at.source->request == r && is_known_as(v, run->at.source))
			sum += len;
		else if (len * 100 >= enough && has_the_same(run, v, r))
			return true;
	}
	return sum * 100 >= enough;
}

static void append_one(struct dfl_view *v, struct dfl_src *s, const void *data, size_t len,
		       uint64_t pos, uint64_t pos_len)
{
	size_t room = smaller(len, sizeof(s->head) - s->head_len);

	memcpy(s->head + s->head_len, data, room);
	s->head_len += room;
	dfl_source_append(s, data, len, pos, pos_len);
}

static void append(struct dfl_view *v, const void *data, size_t len, uint64_t pos, uint64_t pos_len)
{
	struct dfl_src *s;

	LL_FOREACH2(v->derived, s, next_twin)
	append_one(v, s, data, len, pos, pos_len);
}

/* "answer", "answer.2", … */
static void name_field(struct dfl_trace *t, struct dfl_src *s, unsigned n)
{
	char field[64];

	snprintf(field, sizeof(field), n > 1 ? "%s.%u" : "%s", s->kind, n);
	s->field = dfl_string(t, field);
}

/* The name of the operation in which the text was seen first. */
static const char *origin(const struct dfl_view *v)
{
	static const char unknown[] = "unknown";

	return v->op->operation ?: unknown;
}

static struct dfl_src *new_source(struct dfl_view *v, struct request *r, bool shared)
{
	struct dfl_src *s, *of_kind;
	unsigned n = 1;

	LL_FOREACH(r->sources, of_kind)
	n += of_kind->kind == v->derives;
	s = dfl_source_new(v->op->trace, r, v->derives, v->first_ns);
	if (!s)
		return NULL;
	s->kind = v->derives;
	s->retrieved = is_kind(v, "chunk");
	s->derived_from = origin(v);
	s->shared = shared;
	name_field(v->op->trace, s, n);
	return s;
}

/* All vectors that surely belong to one request are one field, which grows. NULL: a new field. */
static struct dfl_src *vectors_of(const struct dfl_view *v, const struct request *r, bool shared)
{
	struct dfl_src *s;

	if (shared || !is_kind(v, "embedding"))
		return NULL;
	LL_FOREACH(r->sources, s)
	if (s->kind == v->derives && !s->shared && !s->from)
		return s;
	return NULL;
}

static void begin(struct dfl_view *v, struct request *r, bool shared)
{
	struct dfl_src *s = NULL;

	if (r->n_derived < MAX_DERIVED_PER_REQUEST)
		s = vectors_of(v, r, shared) ?: new_source(v, r, shared);
	if (!s) {
		r->cut_derived++;
		dfl_request_changed(r);
		v->op->trace->stats.capped_derived++;
		return;
	}
	r->n_derived++;
	s->op = v->op->number;
	/* an operation with an id may be a channel, which begins long before what passes in it */
	s->asked_ns = v->op->owned_by_id ? v->first_ns : v->op->begin_ns;
	s->view = v->number;
	s->dir = v->dir;
	s->from = v;
	s->canon_from = dfl_match_source_canon_bytes(s->match);
	s->raw_from = dfl_match_source_raw_bytes(s->match);
	s->pos_from = v->held_pos;
	s->pos_to = 0;
	LL_APPEND2(v->derived, s, next_twin);
	append_one(v, s, v->held.data, v->held.len, v->held_pos, v->held_pos_to - v->held_pos);
}

/*
 * Does r pass on here a text that it got in an earlier call? Then the text is no answer to a
 * request that began after that call (later). But if r got it by an operation of the same name,
 * this is a call of its own kind, and may as well answer the later request.
 */
static bool is_passed_on(const struct dfl_view *v, const struct request *r,
			 const struct request *later)
{
	const struct dfl_src *s;
	bool was_there = true;

	LL_FOREACH(r->sources, s)
	{
		if (s->kind != v->derives)
			continue;
		if (s->derived_from == origin(v))
			return false;
		was_there &= later->start_ns <= s->asked_ns;
	}
	return !was_there;
}

/* The same of any owner that has the text (has_it). */
static bool is_of_earlier(const struct dfl_view *v, struct request *const *owners,
			  const bool *has_it, unsigned n, const struct request *later)
{
	for (unsigned i = 0; i < n; i++)
		if (has_it[i] && is_passed_on(v, owners[i], later))
			return true;
	return false;
}

/*
 * Decides whose the text is, and whether it is new; once. Without an owner it waits for one. A text
 * that begins like a known one waits for its end: it may be an echo. at_end: the view is closed.
 */
static void decide(struct dfl_view *v, bool at_end)
{
	struct request *owners[MAX_OWNERS];
	bool echo[MAX_OWNERS] = { 0 };
	unsigned n;

	if (!at_end && v->asked == v->op->n_known)
		return;
	v->asked = v->op->n_known;
	n = dfl_owners_find(v->op->trace, v->op, owners);
	for (unsigned i = 0; i < n && !at_end; i++)
		if (begins_like(owners[i], v) || is_part(v, owners[i]))
			return;
	if (!n)
		return;
	v->decided = true;
	for (unsigned i = 0; i < n && at_end; i++)
		echo[i] = is_echo(v, owners[i]);
	for (unsigned i = 0; i < n; i++)
		if (!echo[i] && !is_of_earlier(v, owners, echo, n, owners[i]))
			begin(v, owners[i], n > 1);
	dfl_buf_fini(&v->held);
}

void dfl_derived_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len)
{
	if (!v->held.len)
		v->held_pos = pos;
	if (!v->decided && v->held.len + len > ANSWER_HELD_MAX &&
	    (v->relay || !is_kind(v, "answer")))
		decide(v, false); /* by its beginning, because it is too long to be held */
	append(v, data, len, pos, pos_len);
	if (v->decided)
		return;
	v->held_pos_to = pos + pos_len;
	if (v->held.len + len > ANSWER_HELD_MAX || dfl_buf_append(&v->held, data, len))
		v->decided = true; /* no owner was found in time: it is nobody's */
	else if (v->held.len >= ANSWER_SURE && is_kind(v, "answer") && !v->relay)
		decide(v, false);
}

static void add_origin(struct dfl_view *v, const struct dfl_src *s, const struct dfl_src *twins)
{
	struct hop_add add = {
		.op = v->op,
		.place = v->place ?: v->op->place,
		.dir = v->dir,
		.layer = v->layer,
		.residency = v->residency ?: v->op->residency,
		.ttl_s = -1,
		.ambiguous = s->shared,
	};

	dfl_attribute_origin(v->op->trace, &add, s, s->shared ? twins : NULL);
}

static bool is_enough(const struct dfl_src *chunk, uint32_t len)
{
	uint64_t all = dfl_match_source_canon_bytes(chunk->match);

	return len >= RUN_SURE || (len >= RUN_FULL && len * 100ull >= all * FULL_PERCENT);
}

/*
 * The retrieved text was cut out of a document that another request uploaded, perhaps long ago. The
 * chunk has no id of the document, so content tells which it was.
 */
static void link_to_uploads(const struct dfl_view *v, const struct dfl_src *chunk)
{
	for (unsigned i = 0; i < v->op->n_runs; i++) {
		const struct text_run *r = &v->op->runs[i];

		if (r->at.view == v->number && r->at.source &&
		    r->at.source->request != chunk->request &&
		    dfl_source_is_document(r->at.source) && is_enough(chunk, r->at.len))
			dfl_request_link(chunk->request, r->at.source->request->trace_id, "file");
	}
	for (unsigned i = 0; i < v->op->n_past_runs; i++) {
		const struct past_run *r = &v->op->past_runs[i];

		if (r->at.view == v->number && r->at.past_source &&
		    dfl_field_is_document(r->at.past_source->field) && r->at.len >= SPAN_SURE)
			dfl_request_link(chunk->request, r->at.past_source->request->trace_id,
					 "file");
	}
}

void dfl_derived_close(struct dfl_view *v)
{
	struct dfl_src *s, *next;

	if (!v->decided && v->held.len)
		decide(v, true);
	LL_FOREACH2(v->derived, s, next_twin)
	if (s->shared || !is_kind(v, "embedding")) /* a field of vectors stays open for more */
		dfl_match_source_end(s->match);
	LL_FOREACH2(v->derived, s, next_twin)
	if (s->retrieved)
		link_to_uploads(v, s);
	LL_FOREACH2(v->derived, s, next_twin)
	add_origin(v, s, v->derived);
	for (s = v->derived; s; s = next) {
		next = s->next_twin;
		s->next_twin = NULL;
		s->from = NULL;
	}
}

/* ---- which of several requests it was ---- */

static bool is_same_text(const struct dfl_src *a, const struct dfl_src *b)
{
	struct dfl_run all = { .canon_to = dfl_match_source_canon_bytes(b->match) };

	if (a->kind != b->kind ||
	    dfl_match_source_raw_bytes(a->match) != dfl_match_source_raw_bytes(b->match))
		return false;
	if (a->head_len != b->head_len || memcmp(a->head, b->head, a->head_len))
		return false;
	return a->head_len < sizeof(a->head) || dfl_match_source_holds(a->match, b->match, &all);
}

static bool is_twin(const struct dfl_src *a, const struct dfl_src *b)
{
	return a->shared && b->shared && a->view == b->view;
}

static bool is_sure(const struct dfl_src *s)
{
	return s->derived_from && (!s->shared || s->claimed);
}

/* The request has an answer that is surely its own. */
static bool is_answered(const struct request *r)
{
	const struct dfl_src *s;

	LL_FOREACH(r->sources, s)
	if (is_sure(s) && !strcmp(s->kind, "answer"))
		return true;
	return false;
}

/*
 * Is the text surely another request's? Its twin there is sure; or this request has its own answer,
 * and an equal text is sure elsewhere.
 */
static bool is_of_another(const struct dfl_trace *t, const struct dfl_src *s)
{
	bool answered = !strcmp(s->kind, "answer") && is_answered(s->request);
	const struct dfl_src *o;
	const struct request *r;

	DL_FOREACH(t->requests, r)
	for (o = r != s->request ? r->sources : NULL; o; o = o->next)
		if (is_sure(o) && (is_twin(o, s) || (answered && is_same_text(o, s))))
			return true;
	return false;
}

/*
 * The request gives up the text: it is no candidate any more in other requests' hops of it, unless
 * it has an equal text besides.
 */
static void withdraw(struct dfl_trace *t, const struct dfl_src *s)
{
	const struct dfl_src *o;
	struct request *r;

	LL_FOREACH(s->request->sources, o)
	if (o != s && is_same_text(o, s))
		return;
	DL_FOREACH(t->requests, r)
	for (o = r != s->request ? r->sources : NULL; o; o = o->next)
		if ((is_twin(o, s) || is_same_text(o, s)) &&
		    dfl_hops_no_candidate(r, o, s->request))
			dfl_request_changed(r);
}

/* Some texts went: the others are numbered anew, in the order in which they were found. */
static void renumber(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s, *before;
	unsigned n;

	LL_FOREACH(r->sources, s)
	{
		if (!s->kind)
			continue;
		n = 1;
		for (before = r->sources; before != s; before = before->next)
			n += before->kind == s->kind;
		name_field(t, s, n);
		dfl_hops_rename(r, s);
	}
}

void dfl_derived_settle(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s, *next;
	bool any = false;

	LL_FOREACH_SAFE(r->sources, s, next)
	{
		if (!s->shared || s->claimed || s->from || !is_of_another(t, s))
			continue;
		withdraw(t, s);
		dfl_hops_drop(t, r, s);
		dfl_source_drop(r, s);
		any = true;
	}
	if (any)
		renumber(t, r);
}
