// SPDX-License-Identifier: Apache-2.0
/*
 * Text that a model answered becomes a derived payload of the request whose text went into the same
 * operation. The first place where it is seen is its origin; what passes the same text on is an echo,
 * told by its first bytes.
 */
#include "trace/state.h"

#include <stdio.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_echo(const struct request *r, const struct dfl_buf *text)
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

static void append(struct dfl_view *v, const void *data, size_t len, uint64_t pos, uint64_t pos_len)
{
	struct dfl_src *s = v->answer;
	size_t room = smaller(len, sizeof(s->head) - s->head_len);

	memcpy(s->head + s->head_len, data, room);
	s->head_len += room;
	dfl_source_append(v->op->trace, s, data, len, pos, pos_len);
}

static void begin(struct dfl_view *v, struct request *r)
{
	struct dfl_trace *t = v->op->trace;
	char field[64];

	if (r->n_answers)
		snprintf(field, sizeof(field), "%s.%u", v->derives, r->n_answers + 1);
	else
		snprintf(field, sizeof(field), "%s", v->derives);
	v->answer = dfl_request_source(t, r, field, v->first_ns);
	if (!v->answer)
		return;
	r->n_answers++;
	v->answer->derived_from = v->op->operation ?: "unknown";
	v->answer->op = v->op->number;
	v->answer->view = v->number;
	v->answer->dir = v->dir;
	append(v, v->held.data, v->held.len, v->held_pos, v->held_pos_to - v->held_pos);
}

/* Decides once: whose it is, and whether it is new. Without an owner it waits for one. */
static void decide(struct dfl_view *v)
{
	struct request *r = dfl_attribute_owner(v->op->trace, v->op);

	if (!r)
		return;
	v->decided = true;
	if (!is_echo(r, &v->held))
		begin(v, r);
	dfl_buf_fini(&v->held);
}

void dfl_answer_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos, uint64_t pos_len)
{
	if (v->answer)
		append(v, data, len, pos, pos_len);
	if (v->decided)
		return;
	if (!v->held.len)
		v->held_pos = pos;
	v->held_pos_to = pos + pos_len;
	if (v->held.len + len > ANSWER_HELD_MAX || dfl_buf_append(&v->held, data, len))
		v->decided = true; /* nobody's for too long */
	else if (v->held.len >= ANSWER_SURE)
		decide(v);
}

void dfl_answer_close(struct dfl_view *v)
{
	struct dfl_src *s;

	if (!v->decided && v->held.len)
		decide(v);
	s = v->answer;
	if (!s)
		return;
	dfl_match_source_end(s->match);
	dfl_hop_whole(v->op->trace, &(struct hop_add){
		.request = s->request,
		.op = v->op,
		.source = s,
		.place = v->place ?: v->op->place,
		.dir = v->dir,
		.layer = v->layer,
		.residency = v->residency ?: v->op->residency,
		.ttl_s = v->ttl_s,
	});
}
