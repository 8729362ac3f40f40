// SPDX-License-Identifier: Apache-2.0
/* Requests: what opens one, which ids are bound to it, and when it is settled. */
#include "trace/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <xxhash.h>

#define STORE_EVERY_NS 1000000000ull
#define LINGER_NS (15 * 60 * 1000000000ull) /* a settled request's text is still looked for */

static bool is_internal(enum dfl_station s)
{
	return s == DFL_ST_API || s == DFL_ST_WORKER || s == DFL_ST_PLUGIN_DAEMON ||
	       s == DFL_ST_PLUGIN || s == DFL_ST_SANDBOX;
}

/* A call between known stations is never a new request, and only the API takes them. */
static bool is_request(struct dfl_trace *t, struct dfl_op *op)
{
	struct end_question from = { .tc = op->tc, .end = DFL_CLIENT, .pid = op->pid[DFL_CLIENT] };
	struct end_question to = { .tc = op->tc, .end = DFL_SERVER, .pid = op->pid[DFL_SERVER] };
	enum dfl_station server;

	if (op->dir != DFL_REQUEST)
		return false;
	server = dfl_trace_station(t, &to).station;
	if (server != DFL_ST_API && server != DFL_ST_UNKNOWN)
		return false;
	return !from.pid || !is_internal(dfl_trace_station(t, &from).station);
}

/* From recorded facts only, so that a replay gives the same. */
static void make_trace_id(const struct dfl_trace *t, struct dfl_op *op, char *ret_id)
{
	char a[DFL_ADDR_STRLEN], b[DFL_ADDR_STRLEN], text[512];
	XXH128_hash_t h;
	int n;

	n = snprintf(text, sizeof(text), "%s|%s|%s|%s|%llu|%llu", t->node_id ?: "",
		     t->boot_id ?: "", dfl_addr_str(&op->tc->end[0].addr, a),
		     dfl_addr_str(&op->tc->end[1].addr, b), (unsigned long long)op->begin_ns,
		     (unsigned long long)++op->tc->n_requests);
	h = XXH3_128bits(text, n < (int)sizeof(text) ? n : (int)sizeof(text) - 1);
	snprintf(ret_id, DFL_TRACE_ID_LEN + 1, "%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
}

/* It is not looked for any more; runs of operations still name it. */
static void let_go_source(struct dfl_src *s)
{
	dfl_derived_forget(s);
	dfl_match_source_free(s->match);
	explicit_bzero(s->head, sizeof(s->head));
	s->request = NULL;
	s->match = NULL;
}

/* All that were let go, at once: the operations that are remembered are many. */
static void free_sources(struct dfl_trace *t, struct dfl_src **list)
{
	struct dfl_src *s;

	if (!*list)
		return;
	dfl_ops_forget_sources(t);
	while ((s = *list)) {
		*list = s->next;
		if (!s->open)
			free(s);
	}
}

void dfl_source_ended(struct dfl_src *s)
{
	s->open = false;
	if (s->match)
		dfl_match_source_end(s->match);
	else
		free(s);
}

void dfl_request_drop_source(struct dfl_trace *t, struct request *r, struct dfl_src *s)
{
	LL_DELETE(r->sources, s);
	r->n_sources--;
	let_go_source(s);
	LL_PREPEND(r->dropped, s);
}

static void free_request(struct dfl_trace *t, struct request *r)
{
	struct bound_id *b, *next_b;
	struct hop *h, *next_h;
	struct dfl_src *s;

	HASH_ITER(hh, t->ids, b, next_b)
	{
		if (b->request != r)
			continue;
		HASH_DEL(t->ids, b);
		free(b);
	}
	LL_FOREACH(r->sources, s)
	let_go_source(s);
	LL_CONCAT(r->sources, r->dropped);
	free_sources(t, &r->sources);
	HASH_ITER(hh, r->hops, h, next_h)
	{
		HASH_DEL(r->hops, h);
		dfl_hop_free(t, h);
	}
	dfl_ops_forget_request(t, r);
	dfl_request_conns_free(t, r);
	dfl_tconn_unref(t, r->tc);
	for (int i = 0; i < DFL_N_ID; i++)
		free(r->ids[i]);
	for (size_t i = 0; i < r->n_links; i++) {
		free(r->links[i].trace_id);
		free(r->links[i].why);
	}
	free(r->replayed_in);
	free(r->links);
	DL_DELETE(t->requests, r);
	t->n_requests--;
	free(r);
}

/* Its text goes, the fingerprints stay. */
static void let_go(struct dfl_trace *t, struct request *r)
{
	if (r->settled)
		dfl_past_keep(t, r);
	free_request(t, r);
}

/* Lets the oldest one go: a settled one if there is any. */
static void make_room(struct dfl_trace *t)
{
	struct request *r;

	DL_FOREACH(t->requests, r)
	if (r->settled)
		break;
	if (!r)
		r = t->requests;
	if (!r)
		return;
	if (!r->settled) {
		t->stats.dropped++;
		t->stats.open_requests--;
		dfl_request_changed(t, r, DFL_DOC_DROPPED, NULL);
	}
	let_go(t, r);
}

void dfl_request_link(struct request *r, const char *trace_id, const char *why)
{
	struct dfl_doc_link *links, link;

	for (size_t i = 0; i < r->n_links; i++)
		if (!strcmp(r->links[i].trace_id, trace_id))
			return;
	links = reallocarray(r->links, r->n_links + 1, sizeof(*links));
	if (!links)
		return;
	r->links = links;
	link = (struct dfl_doc_link){ strdup(trace_id), strdup(why) };
	if (link.trace_id && link.why) {
		links[r->n_links++] = link;
		return;
	}
	free(link.trace_id);
	free(link.why);
}

/*
 * The inbound connection counts from the operation's first byte, wherever in it the payload stood.
 */
static void count_from_op(struct dfl_trace *t, struct request *r, struct dfl_op *op)
{
	struct rconn *rc;

	dfl_conn_touch(t, op->tc);
	rc = dfl_request_conn(t, r, op->tc);
	if (!rc)
		return;
	rc->scanned0 = op->scanned0;
	rc->mine = true;
}

struct request *dfl_request_open(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *r;

	if (op->request || op->no_request)
		return op->request;
	if (!is_request(t, op)) {
		op->no_request = true;
		return NULL;
	}
	if (t->n_requests >= t->settings->max_open_traces)
		make_room(t);
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->number = ++t->next_request;
	r->op = op->number;
	r->operation = op->operation;
	r->tc = dfl_tconn_ref(op->tc);
	r->start_ns = r->last_ns = op->begin_ns;
	r->client = op->client;
	r->have_client = op->have_client;
	r->via_alb = op->via_alb;
	make_trace_id(t, op, r->trace_id);
	dfl_past_drop(t, r->trace_id); /* it was recorded before; now it is here again */
	DL_APPEND(t->requests, r);
	t->n_requests++;
	t->stats.requests++;
	t->stats.open_requests++;
	op->request = r;
	for (unsigned i = 0; i < op->n_ids; i++)
		dfl_request_bind(t, r, op->ids[i].kind, op->ids[i].value);
	count_from_op(t, r, op);
	dfl_request_changed(t, r, DFL_DOC_OPENED, NULL);
	return r;
}

static struct bound_id *find_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				char *key)
{
	struct bound_id *b;

	/* ids are ASCII without case in what matters; UUIDs are compared as they are */
	snprintf(key, sizeof(b->key), "%d:%.140s", kind, value);
	HASH_FIND_STR(t->ids, key, b);
	return b;
}

static struct bound_id *add_id(struct dfl_trace *t, struct request *r, const char *key)
{
	struct bound_id *b = r->n_bound < MAX_IDS_PER_REQUEST ? calloc(1, sizeof(*b)) : NULL;

	if (b) {
		strcpy(b->key, key);
		b->request = r;
		HASH_ADD_STR(t->ids, key, b);
	}
	if (b && DFL_HASHED(hh, b)) {
		r->n_bound++;
		return b;
	}
	r->capped = r->dirty = true;
	free(b);
	return NULL;
}

void dfl_request_bind(struct dfl_trace *t, struct request *r, enum dfl_id_kind kind,
		      const char *value)
{
	char key[sizeof(((struct bound_id *)0)->key)];
	struct bound_id *b = find_id(t, kind, value, key);

	if (b && b->request != r && kind == DFL_ID_UPLOAD_FILE) {
		dfl_request_link(r, b->request->trace_id, "file"); /* it uses what another request
								      uploaded */
		return;
	}
	if (b && b->request != r && kind == DFL_ID_CONVERSATION) {
		dfl_request_link(r, b->request->trace_id, "conversation");
		b->request = r;
	}
	if (!b)
		b = add_id(t, r, key);
	if (!b)
		return;
	if (kind < DFL_N_ID && !r->ids[kind] && b->request == r) { /* the first binding wins */
		r->ids[kind] = strdup(value);
		r->dirty = true;
	}
}

struct request *dfl_request_by_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				  uint64_t ts_ns)
{
	char key[sizeof(((struct bound_id *)0)->key)];
	struct bound_id *b = find_id(t, kind, value, key);

	return b && b->request->start_ns <= ts_ns ? b->request : NULL;
}

struct dfl_src *dfl_request_source(struct dfl_trace *t, struct request *r, const char *field,
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
	s->number = ++t->next_source;
	s->field = dfl_trace_string(t, field);
	s->begin_ns = ts_ns;
	LL_APPEND(r->sources, s);
	r->n_sources++;
	return s;
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

void dfl_source_append(struct dfl_trace *t, struct dfl_src *s, const void *data, size_t len,
		       uint64_t pos, uint64_t pos_len)
{
	if (!dfl_match_source_raw_bytes(s->match))
		s->pos_from = pos;
	if (pos + pos_len > s->pos_to)
		s->pos_to = pos + pos_len;
	if (dfl_match_source_append(s->match, data, len))
		s->cut = s->request->capped = true;
	s->request->dirty = true;
}

void dfl_request_replayed(struct request *r, const struct request *in, uint32_t seq)
{
	struct replay *list;

	if (r->n_replayed_in == MAX_REPLAYS_TOLD) {
		r->capped = r->dirty = true;
		return;
	}
	list = reallocarray(r->replayed_in, r->n_replayed_in + 1, sizeof(*list));
	if (!list)
		return;
	r->replayed_in = list;
	list[r->n_replayed_in] = (struct replay){ .start_ns = in->start_ns, .seq = seq };
	strcpy(list[r->n_replayed_in++].trace_id, in->trace_id);
	r->dirty = true;
}

void dfl_request_changed(struct dfl_trace *t, struct request *r, enum dfl_doc_change what,
			 const struct hop *hop)
{
	r->dirty = true;
	if (hop && hop->first_ns > r->newest_ns)
		r->newest_ns = hop->first_ns;
	dfl_change_tell(t, r, what, hop);
}

static void store(struct dfl_trace *t, struct request *r, bool last)
{
	struct dfl_doc *doc;

	r->stored_ns = t->now_ns;
	r->dirty = t->opts.on_store && dfl_build_doc(t, r, &doc); /* again later, when memory was
								     short */
	if (!t->opts.on_store || r->dirty)
		return;
	t->opts.on_store(t->opts.ud, doc);
	dfl_doc_free(doc);
	if (!last && !r->settled) {
		dfl_past_store_inbound(t, r);
		return;
	}
	dfl_past_store(t, r);
	dfl_history_tell(t, r);
}

static bool is_over(const struct dfl_trace *t, const struct request *r)
{
	uint64_t quiet = t->now_ns - (r->last_ns > r->ended_ns ? r->last_ns : r->ended_ns);

	if (t->now_ns - r->start_ns >= t->settings->max_open_ns)
		return true;
	return r->response_ended && quiet >= t->settings->settle_ns;
}

/* The hop had another number when the older request was told of it. */
static void renumber_replay(struct dfl_trace *t, const struct request *r, const struct hop *h,
			    uint32_t seq)
{
	struct request *older;

	DL_FOREACH(t->requests, older)
	{
		if (strcmp(older->trace_id, h->key.replayed_from))
			continue;
		for (size_t i = 0; i < older->n_replayed_in; i++)
			if (older->replayed_in[i].seq == h->seq &&
			    !strcmp(older->replayed_in[i].trace_id, r->trace_id))
				older->replayed_in[i].seq = seq;
		older->dirty = true;
		return;
	}
}

/* Numbers the hops in the order of time; until now it was the order in which they were found. */
static void renumber(struct dfl_trace *t, struct request *r)
{
	uint32_t n = HASH_COUNT(r->hops), free_from = r->next_seq > n ? r->next_seq : n, seq = 0;
	struct hop *h, *next;

	HASH_SORT(r->hops, dfl_hop_order);
	for (int pass = 0; pass < 2; pass++) /* by way of numbers that none has: two could swap
						theirs */
		HASH_ITER(hh, r->hops, h, next)
		{
			uint32_t to = ++seq + (pass ? 0 : free_from);

			if (h->key.replayed_from[0])
				renumber_replay(t, r, h, to);
			h->seq = to;
			if (seq == n)
				seq = 0;
		}
	r->next_seq = n;
}

static void settle(struct dfl_trace *t, struct request *r)
{
	dfl_request_conns_freeze(r);
	dfl_derived_settle(t, r);
	free_sources(t, &r->dropped);
	renumber(t, r);
	r->settled = true;
	t->stats.settled++;
	t->stats.open_requests--;
	dfl_request_changed(t, r, DFL_DOC_SETTLED, NULL);
	store(t, r, false);
}

void dfl_requests_tick(struct dfl_trace *t)
{
	struct request *r, *next;
	bool any = false;

	DL_FOREACH(t->requests, r)
	{
		r->settling |= is_over(t, r);
		any |= !r->settled && r->settling;
	}
	if (any)
		dfl_attribute_late(t);
	DL_FOREACH_SAFE(t->requests, r, next)
	{
		if (!r->settled && is_over(t, r))
			settle(t, r);
		else if (r->dirty && t->now_ns - r->stored_ns >= STORE_EVERY_NS)
			store(t, r, false);
		else if (r->settled && t->now_ns - r->last_ns >= LINGER_NS)
			let_go(t, r);
	}
}

void dfl_requests_lost(struct dfl_trace *t, const struct dfl_ev_loss *loss)
{
	struct request *r;

	DL_FOREACH(t->requests, r)
	{
		if (r->settled || r->start_ns > t->now_ns)
			continue;
		r->lost_events += loss->events;
		r->lost_bytes += loss->bytes;
		r->loss_reasons |= 1u << loss->reason;
		r->dirty = true;
	}
}

void dfl_requests_limited(struct dfl_trace *t, struct tconn *tc)
{
	struct request *r;
	struct rconn *rc;

	DL_FOREACH(t->requests, r)
	{
		HASH_FIND(hh, r->conns, &tc, sizeof(tc), rc);
		if (rc && !r->settled)
			r->capped = r->dirty = true;
	}
}

void dfl_requests_finish(struct dfl_trace *t)
{
	struct request *r;

	t->finishing = true;
	dfl_attribute_late(t);
	t->finishing = false;
	DL_FOREACH(t->requests, r)
	if (r->dirty || !r->settled)
		store(t, r, true);
}

void dfl_requests_free(struct dfl_trace *t)
{
	while (t->requests)
		free_request(t, t->requests);
}
