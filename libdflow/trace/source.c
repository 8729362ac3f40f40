// SPDX-License-Identifier: Apache-2.0
/* Sources: the texts of a request that are looked for. */
#include "trace/source.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/string.h"

struct dfl_src *dfl_source_new(struct dfl_trace *t, struct request *r, const char *field,
			       uint64_t ts_ns)
{
	struct dfl_src *s;

	if (r->n_sources >= MAX_FIELDS_PER_REQUEST) {
		r->capped = true;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (dfl_match_source_new(t->match, r->number, s, &s->match)) {
		free(s);
		r->capped = true;
		return NULL;
	}
	s->request = r;
	s->number = ++t->last_source;
	s->field = dfl_string(t, field);
	s->begin_ns = ts_ns;
	LL_APPEND(r->sources, s);
	r->n_sources++;
	return s;
}

void dfl_source_append(struct dfl_src *s, const void *data, size_t len, uint64_t pos,
		       uint64_t pos_len)
{
	if (!dfl_match_source_raw_bytes(s->match))
		s->pos_from = pos;
	if (pos + pos_len > s->pos_to)
		s->pos_to = pos + pos_len;
	if (dfl_match_source_append(s->match, data, len))
		s->cut = s->request->capped = true;
	s->request->dirty = true;
}

void dfl_source_ended(struct dfl_src *s)
{
	s->open = false;
	if (s->match)
		dfl_match_source_end(s->match);
	else
		free(s);
}

/* The view that it is derived from, if still open, appends no more to it. */
static void leave_view(struct dfl_src *s)
{
	if (s->from)
		LL_DELETE2(s->from->derived, s, next_twin);
	s->from = NULL;
}

void dfl_source_let_go(struct dfl_src *s)
{
	leave_view(s);
	dfl_match_source_free(s->match);
	explicit_bzero(s->head, sizeof(s->head));
	s->request = NULL;
	s->match = NULL;
}

void dfl_source_drop(struct request *r, struct dfl_src *s)
{
	LL_DELETE(r->sources, s);
	r->n_sources--;
	dfl_source_let_go(s);
	LL_PREPEND(r->dropped, s);
}

/* No run points any more at a source that was let go. */
static void forget_sources(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].at.source && !op->runs[i].at.source->match)
			op->runs[i].at.source = NULL;
}

void dfl_sources_free(struct dfl_trace *t, struct dfl_src **list)
{
	struct dfl_src *s;

	if (!*list)
		return;
	forget_sources(t);
	while ((s = *list)) {
		*list = s->next;
		if (!s->open)
			free(s);
	}
}

static bool holds(const struct dfl_src *s, const struct text_run *r, struct dfl_run *ret_run)
{
	*ret_run = (struct dfl_run){ .canon_from = r->canon_from, .canon_to = r->canon_to };
	return dfl_match_source_holds(s->match, r->at.source->match, ret_run);
}

bool dfl_source_holds(const struct dfl_src *s, const struct text_run *r)
{
	struct dfl_run run;

	return holds(s, r, &run);
}

bool dfl_source_takes(struct dfl_src *s, struct text_run *r)
{
	struct dfl_run run;

	if (!holds(s, r, &run))
		return false;
	r->at.source = s;
	r->canon_from = run.canon_from;
	r->canon_to = run.canon_to;
	r->src_from = run.src_from;
	r->src_to = run.src_to;
	return true;
}

bool dfl_source_is(const struct dfl_src *s, const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n && s->field && !strncmp(s->field, name, n) && (!s->field[n] || s->field[n] == '.');
}

bool dfl_field_is_document(const char *field)
{
	return !strcmp(field, "file") || !strcmp(field, "text");
}

bool dfl_source_is_document(const struct dfl_src *s)
{
	return !s->kind && s->field && dfl_field_is_document(s->field);
}
