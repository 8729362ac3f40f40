// SPDX-License-Identifier: Apache-2.0
/* Past requests, of whose text only fingerprints are left. */
#include "trace/attribution/past_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/string.h"

static struct past_request *find(const struct dfl_trace *t, const char *trace_id)
{
	struct past_request *o;

	HASH_FIND_STR(t->past_by_id, trace_id, o);
	return o;
}

static void free_source(struct dfl_trace *t, struct past_source *f)
{
	dfl_fingerprint_set_free(f->set);
	dfl_ops_forget_past(t, f);
	free(f);
}

static void free_request(struct dfl_trace *t, struct past_request *o)
{
	struct past_source *f, *next;

	LL_FOREACH_SAFE(o->sources, f, next)
	free_source(t, f);
	HASH_DEL(t->past_by_id, o);
	DL_DELETE(t->past, o);
	free(o->conversation);
	free(o);
}

/* Puts it in its place by its start. Requests come nearly in order, so the search is short. */
static void enlist(struct dfl_trace *t, struct past_request *o)
{
	struct past_request *before = t->past ? t->past->prev : NULL;

	if (!before || o->started_ns < t->past->started_ns) {
		DL_PREPEND(t->past, o);
		return;
	}
	while (before->started_ns > o->started_ns)
		before = before->prev;
	DL_APPEND_ELEM(t->past, before, o);
}

static struct past_request *new_request(struct dfl_trace *t, const struct dfl_past_text *of)
{
	struct past_request *o;

	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	memcpy(o->trace_id, of->trace_id, sizeof(o->trace_id));
	HASH_ADD_STR(t->past_by_id, trace_id, o);
	if (!DFL_HASHED(hh, o)) {
		free(o);
		return NULL;
	}
	o->number = ++t->last_past;
	o->started_ns = of->started_ns;
	o->conversation = of->conversation_id ? strdup(of->conversation_id) : NULL;
	enlist(t, o);
	return o;
}

static int add_source(struct dfl_trace *t, struct past_request *o, const struct dfl_past_text *of)
{
	struct past_source *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->request = o;
	f->number = ++t->last_source;
	f->field = dfl_string(t, of->field);
	f->canon = of->canonical_bytes;
	f->n = of->n_prints;
	r = dfl_fingerprint_set_new(t->match, o->number, o->started_ns, f, of->prints, of->n_prints,
				    &f->set);
	if (r) {
		free(f);
		return r;
	}
	LL_APPEND(o->sources, f);
	return 0;
}

int dfl_past_remember(struct dfl_trace *t, const struct dfl_past_text *of)
{
	struct past_request *o = find(t, of->trace_id);
	int r;

	if (strlen(of->trace_id) != DFL_TRACE_ID_LEN)
		return -EINVAL;
	if (!o)
		o = new_request(t, of);
	if (!o)
		return -ENOMEM;
	r = add_source(t, o, of);
	if (!o->sources)
		free_request(t, o);
	return r;
}

static void forget(struct dfl_trace *t, struct past_request *o)
{
	const struct past_source *f;
	int n;

	LL_COUNT(o->sources, f, n);
	t->stats.forgotten += (uint64_t)n;
	free_request(t, o);
}

/* When the table is full, the oldest past requests make room, as long as they are older than this
 * one. */
static void keep_source(struct dfl_trace *t, const struct dfl_past_text *of)
{
	int r;

	while ((r = dfl_past_remember(t, of)) == -ENOSPC && t->past &&
	       t->past->started_ns < of->started_ns)
		forget(t, t->past);
	t->stats.forgotten += r == -ENOSPC;
}

/* Which texts of a request are meant. */
enum texts { INBOUND, ALL };

static bool is_among(const struct dfl_src *s, enum texts which)
{
	if (s->retrieved)
		return false; /* it stands in a store, and whoever gets it again has it from there
			       */
	return which == ALL || !s->derived_from;
}

/* Calls fn with the fingerprints of each of these texts. A text without memory for them is left
 * out. */
static void each_source(struct dfl_trace *t, const struct request *r, enum texts which,
			void (*fn)(struct dfl_trace *t, const struct dfl_past_text *of))
{
	struct dfl_past_text of = {
		.trace_id = r->trace_id,
		.started_ns = (int64_t)r->start_ns + t->realtime_offset_ns,
		.conversation_id = r->ids[DFL_ID_CONVERSATION],
	};
	const struct dfl_src *s;
	uint8_t *prints;

	for (s = r->sources; s; s = s->next) {
		if (!is_among(s, which))
			continue;
		if (dfl_fingerprint_of(s->match, &prints, &of.n_prints))
			continue;
		of.prints = prints;
		of.field = s->field;
		of.canonical_bytes = dfl_match_source_canon_bytes(s->match);
		if (of.n_prints)
			fn(t, &of);
		free(prints);
	}
}

void dfl_past_keep(struct dfl_trace *t, const struct request *r)
{
	if (t->settings->keep_fingerprints)
		each_source(t, r, ALL, keep_source);
}

static void tell(struct dfl_trace *t, const struct dfl_past_text *of)
{
	t->opts.on_prints(t->opts.ud, of);
}

/* The size of these texts in raw bytes. 0: there are none, or an inbound one is not complete yet.
 */
static uint64_t text_bytes(const struct request *r, enum texts which)
{
	const struct dfl_src *s;
	uint64_t sum = 0;

	for (s = r->sources; s; s = s->next) {
		if (which == INBOUND && s->open)
			return 0;
		if (is_among(s, which))
			sum += dfl_match_source_raw_bytes(s->match);
	}
	return sum;
}

/* printed_bytes: size of the texts when they were handed out last; the same size is the same text.
 */
static void store(struct dfl_trace *t, struct request *r, enum texts which, uint64_t *printed_bytes)
{
	uint64_t now = text_bytes(r, which);

	if (!t->opts.on_prints || !t->settings->keep_fingerprints || *printed_bytes == now)
		return;
	*printed_bytes = now;
	each_source(t, r, which, tell);
}

void dfl_past_store(struct dfl_trace *t, struct request *r)
{
	store(t, r, ALL, &r->printed_bytes);
}

void dfl_past_store_inbound(struct dfl_trace *t, struct request *r)
{
	if (text_bytes(r, INBOUND))
		store(t, r, INBOUND, &r->printed_inbound);
}

void dfl_past_drop(struct dfl_trace *t, const char *trace_id)
{
	struct past_request *o = find(t, trace_id);

	if (o)
		free_request(t, o);
}

void dfl_past_forget_before(struct dfl_trace *t, int64_t started_ns)
{
	while (t->past && t->past->started_ns < started_ns)
		free_request(t, t->past);
}

void dfl_past_free(struct dfl_trace *t)
{
	while (t->past)
		free_request(t, t->past);
}
