// SPDX-License-Identifier: Apache-2.0
/* Sources: the texts of a request that are looked for. */
#include "trace/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/opacity.h"
#include "match/binary.h"
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
	s->trace = t;
	s->request = r;
	s->judged = !dfl_field_is_file(field);
	s->number = ++t->last_source;
	s->field = dfl_string(t, field);
	s->begin_ns = ts_ns;
	LL_APPEND(r->sources, s);
	r->n_sources++;
	return s;
}

/* ---- files: text or binary ---- */

static int on_word(void *ud, const char *word, size_t len, size_t piece_bytes)
{
	struct dfl_src *s = ud;

	return dfl_match_source_append_as(s->match, word, len, piece_bytes);
}

static int append(struct dfl_src *s, const void *data, size_t len)
{
	if (s->binary)
		return dfl_binary_text_feed(s->binary, data, len, on_word, s);
	return dfl_match_source_append(s->match, data, len);
}

/* Text has no NUL, few other bytes that are no text, and does not begin as a PDF does (ISO 32000).
 */
static bool is_binary(const uint8_t *data, size_t len)
{
	struct dfl_opacity o = { 0 };

	dfl_opacity_feed(&o, data, len);
	return dfl_opacity_bytes(&o) || memchr(data, 0, len) ||
	       (len >= 5 && !memcmp(data, "%PDF-", 5));
}

/* Judges it by its first bytes, which waited for this. */
static int judge(struct dfl_src *s)
{
	int r;

	s->judged = true;
	if (is_binary(s->head, s->head_len)) {
		s->binary = dfl_binary_text_new(&s->trace->pieces);
		if (!s->binary)
			return -ENOMEM;
		dfl_match_show_all_coded(s->trace->match, true);
	}
	r = append(s, s->head, s->head_len);
	explicit_bzero(s->head, sizeof(s->head));
	s->head_len = 0;
	return r;
}

/* Takes the first bytes of a file. Returns how many; a negative error. */
static ssize_t take_head(struct dfl_src *s, const void *data, size_t len)
{
	size_t n = sizeof(s->head) - s->head_len;
	int r;

	n = n < len ? n : len;
	memcpy(s->head + s->head_len, data, n);
	s->head_len += (uint32_t)n;
	if (s->head_len < sizeof(s->head))
		return (ssize_t)n;
	r = judge(s);
	return r ? r : (ssize_t)n;
}

void dfl_source_append(struct dfl_src *s, const void *data, size_t len, uint64_t pos,
		       uint64_t pos_len)
{
	ssize_t head = 0;
	int r = 0;

	if (!dfl_match_source_raw_bytes(s->match) && !s->head_len)
		s->pos_from = pos;
	if (pos + pos_len > s->pos_to)
		s->pos_to = pos + pos_len;
	if (!s->judged)
		head = take_head(s, data, len);
	if (head >= 0 && (size_t)head < len)
		r = append(s, (const uint8_t *)data + head, len - (size_t)head);
	if (head < 0 || r)
		s->cut = s->request->capped = true;
	dfl_request_changed(s->request);
}

void dfl_source_ended(struct dfl_src *s)
{
	int r = 0;

	s->open = false;
	if (!s->match) {
		free(s);
		return;
	}
	if (!s->judged)
		r = judge(s);
	if (!r && s->binary)
		r = dfl_binary_text_end(s->binary, on_word, s);
	if (r)
		s->cut = s->request->capped = true;
	dfl_match_source_end(s->match);
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
	dfl_binary_text_free(s->binary);
	s->binary = NULL;
	dfl_match_show_all_coded(s->trace->match, s->trace->pieces.texts);
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

bool dfl_field_is_file(const char *field)
{
	return !strcmp(field, "file");
}

bool dfl_field_is_document(const char *field)
{
	return dfl_field_is_file(field) || !strcmp(field, "text");
}

bool dfl_source_is_document(const struct dfl_src *s)
{
	return !s->kind && s->field && dfl_field_is_document(s->field);
}
