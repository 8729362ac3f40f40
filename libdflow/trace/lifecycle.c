// SPDX-License-Identifier: Apache-2.0
/* The life of requests and operations: what opens a request, when it settles, and when it goes. */
#include "trace/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "trace/attribution/attribute.h"
#include "trace/attribution/derived.h"
#include "trace/attribution/history.h"
#include "trace/document/document.h"
#include "trace/document/notify.h"
#include "trace/request_conn.h"

#define SECOND_NS 1000000000ull
/*
 * So long news wait for their document. With the time between two ticks (50 ms) and two commits
 * (250 ms, pipeline.c) that is a second, as dflow-record(1) promises.
 */
#define NEWS_NS (700 * SECOND_NS / 1000)
/* What only grew waits for a quarter of the request's age, but at least and at most so long. */
#define GROWN_MIN_NS SECOND_NS
#define GROWN_MAX_NS (8 * SECOND_NS)
/* A view to which nothing came for so long is scanned to its end when a request settles. */
#define REST_NS SECOND_NS
/* So long the text of a settled request is still looked for. */
#define LINGER_NS (15 * 60 * SECOND_NS)
/* So long an id may still tie an ended operation to a request: blocking answers take minutes. */
#define OP_KEEP_NS (300 * SECOND_NS)

/*
 * Is the client one of the stations that belong to the deployment? From there no new request comes.
 * What stands before Dify and passes requests on (a load balancer, the web server) is not meant,
 * nor is a company outside that calls back.
 */
static bool is_internal_caller(struct dfl_trace *t, const struct dfl_op *op)
{
	const struct end_question from = { .tc = op->tc,
					   .end = DFL_CLIENT,
					   .pid = op->pid[DFL_CLIENT] };
	const struct proc *p = from.pid ? dfl_proc_find(t, from.pid) : NULL;
	enum dfl_station station = dfl_end_station(t, &from).station;

	if (p && p->takes_requests)
		return true;
	switch (station) {
	case DFL_ST_SSRF_PROXY:
	case DFL_ST_REDIS:
	case DFL_ST_POSTGRES:
	case DFL_ST_VECTOR_DB:
		return true;
	default:
		return dfl_station_row(station)->who == DFL_WHO_DIFY;
	}
}

/*
 * Does the operation open a request? Only processes of Dify (or what no rule knows) take requests.
 * Of an unknown route it must be known who took it: else it may be any call to the outside.
 */
static bool is_request(struct dfl_trace *t, struct dfl_op *op)
{
	struct end_question to = { .tc = op->tc, .end = DFL_SERVER, .pid = op->pid[DFL_SERVER] };
	enum dfl_station server;

	if (op->dir != DFL_REQUEST)
		return false;
	server = dfl_end_station(t, &to).station;
	if (server == DFL_ST_UNKNOWN ? !to.pid && dfl_op_is_route_unknown(op) :
				       dfl_station_row(server)->who != DFL_WHO_DIFY)
		return false;
	return !is_internal_caller(t, op);
}

/*
 * Makes the trace id of recorded facts only, so that a replay gives the same id. The number of the
 * request on its connection tells apart two that began at the same time.
 */
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

/* ---- the lists of requests ---- */

static void enter_lists(struct dfl_trace *t, struct request *r)
{
	DL_APPEND(t->requests, r);
	DL_APPEND2(t->unsettled, r, state_prev, state_next);
	t->n_requests++;
	/* without memory it is not found there: its history stays with the numbers of before */
	HASH_ADD_STR(t->by_trace_id, trace_id, r);
}

static void leave_lists(struct dfl_trace *t, struct request *r)
{
	dfl_request_unchanged(r);
	if (r->settled)
		DL_DELETE2(t->settled, r, state_prev, state_next);
	else
		DL_DELETE2(t->unsettled, r, state_prev, state_next);
	if (DFL_HASHED(hh, r))
		HASH_DEL(t->by_trace_id, r);
	DL_DELETE(t->requests, r);
	t->n_requests--;
}

/*
 * Puts it in its place among the settled ones. Those that settled before were mostly quiet for
 * longer, so that the search is short.
 */
static void enter_settled(struct dfl_trace *t, struct request *r)
{
	struct request *before = t->settled ? t->settled->state_prev : NULL;

	r->keep_until_ns = r->last_ns + LINGER_NS;
	while (before && before->keep_until_ns > r->keep_until_ns)
		before = before == t->settled ? NULL : before->state_prev;
	if (before)
		DL_APPEND_ELEM2(t->settled, before, r, state_prev, state_next);
	else
		DL_PREPEND2(t->settled, r, state_prev, state_next);
}

/* Its ids, sources, hops and connections go with it; operations forget it. */
static void free_request(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s;

	leave_lists(t, r);
	dfl_request_unbind(t, r);
	LL_FOREACH(r->sources, s)
	dfl_source_let_go(s);
	LL_CONCAT(r->sources, r->dropped);
	dfl_sources_free(t, &r->sources);
	dfl_hops_free(t, r);
	dfl_ops_forget_request(t, r);
	dfl_request_conns_free(r);
	dfl_request_conns_prune(t);
	dfl_tconn_unref(r->tc);
	for (int i = 0; i < DFL_N_ID; i++)
		free(r->ids[i]);
	for (size_t i = 0; i < r->n_links; i++) {
		free(r->links[i].trace_id);
		free(r->links[i].why);
	}
	free(r->later);
	free(r->links);
	free(r);
}

/* Forgets its text. When it had settled, its fingerprints stay. */
static void let_go(struct dfl_trace *t, struct request *r)
{
	if (r->settled)
		dfl_past_keep(t, r);
	free_request(t, r);
}

/* There are too many requests: lets the oldest settled one go, else the oldest. */
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
		dfl_notify(t, r, DFL_DOC_DROPPED, NULL);
	}
	let_go(t, r);
}

/*
 * On the connection where it came in, a request counts all bytes since its operation began, and not
 * only since the payload was found in it.
 */
static void count_from_op(struct dfl_trace *t, struct request *r, struct dfl_op *op)
{
	struct request_conn *rc;

	dfl_request_conns_touch(t, op->tc);
	rc = dfl_request_conn_get(t, r, op->tc);
	if (!rc)
		return;
	rc->before.scanned = op->scanned0;
	rc->mine = true;
}

/*
 * What a failed allocation left out (a connection that is not traced, an id that is not known) may
 * be missed by requests that come later, too: by those that come within LINGER_NS.
 */
static bool is_memory_short(struct dfl_trace *t)
{
	unsigned long failures = dfl_alloc_failures();

	if (failures != t->alloc_failures)
		t->alloc_failed_ns = t->now_ns;
	t->alloc_failures = failures;
	return t->alloc_failed_ns && t->now_ns - t->alloc_failed_ns < LINGER_NS;
}

/* The process that took the request: what it calls is part of a request, and not a new one. */
static void note_server(struct dfl_trace *t, const struct dfl_op *op)
{
	struct proc *p = op->pid[DFL_SERVER] ? dfl_proc_find(t, op->pid[DFL_SERVER]) : NULL;

	if (p)
		p->takes_requests = true;
}

struct request *dfl_lifecycle_open(struct dfl_trace *t, struct dfl_op *op)
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
	r->trace = t;
	r->number = ++t->last_request;
	r->op = op;
	r->operation = op->operation;
	r->tc = dfl_tconn_ref(op->tc);
	r->start_ns = r->last_ns = op->begin_ns;
	r->stored_ns = t->now_ns; /* there is nothing to store yet */
	r->client = op->client;
	r->have_client = op->have_client;
	r->via_alb = op->via_alb;
	r->alloc_failures = dfl_alloc_failures();
	r->short_of_memory = is_memory_short(t);
	make_trace_id(t, op, r->trace_id);
	/* it was recorded before, and the same recording is replayed into the store again */
	dfl_past_drop(t, r->trace_id);
	enter_lists(t, r);
	t->stats.requests++;
	t->stats.open_requests++;
	op->request = r;
	note_server(t, op);
	for (unsigned i = 0; i < op->n_ids; i++)
		dfl_request_bind(t, r, op->ids[i].kind, op->ids[i].value);
	count_from_op(t, r, op);
	dfl_notify(t, r, DFL_DOC_OPENED, NULL);
	return r;
}

/*
 * Hands the document to the store, and then the fingerprints, because they refer to it. last: the
 * stage ends, so that this is the last document even of an open request.
 */
static void store(struct dfl_trace *t, struct request *r, bool last)
{
	struct dfl_doc *doc;

	r->stored_ns = t->now_ns;
	if (t->opts.on_store && dfl_document_build(t, r, &doc)) {
		/* without memory it stays dirty, and is tried again later */
		r->news_ns = r->news_ns ? t->now_ns : 0;
		return;
	}
	dfl_request_unchanged(r);
	if (!t->opts.on_store)
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

/* Is it time to settle? Its response is complete and nothing came for a while, or it is open too
 * long. */
static bool is_over(const struct dfl_trace *t, const struct request *r)
{
	uint64_t quiet = t->now_ns - (r->last_ns > r->ended_ns ? r->last_ns : r->ended_ns);

	if (t->now_ns - r->start_ns >= t->settings->max_open_ns)
		return true;
	return r->response_ended && quiet >= t->settings->settle_ns;
}

/* The hop h of r got a new number. If it is history, the earlier request knows it by the old one.
 */
static void renumber_later(struct dfl_trace *t, const struct request *r, const struct hop *h,
			   uint32_t seq)
{
	struct request *older;

	HASH_FIND_STR(t->by_trace_id, h->key.history_of, older);
	if (!older)
		return;
	for (size_t i = 0; i < older->n_later; i++)
		if (older->later[i].seq == h->seq && !strcmp(older->later[i].trace_id, r->trace_id))
			older->later[i].seq = seq;
	dfl_request_news(older);
}

/*
 * Numbers the hops in the order of time; until now they had the order in which they were found.
 * Done in two passes: first they get numbers above all that are used, then the final ones. Else a
 * hop could get a number that another one still has, and renumber_later() would take one for the
 * other.
 */
static void renumber(struct dfl_trace *t, struct request *r)
{
	uint32_t n = HASH_COUNT(r->hops), free_from = r->last_seq > n ? r->last_seq : n, seq = 0;
	struct hop *h, *next;

	HASH_SORT(r->hops, dfl_hop_order);
	for (int pass = 0; pass < 2; pass++)
		HASH_ITER(hh, r->hops, h, next)
		{
			uint32_t to = ++seq + (pass ? 0 : free_from);

			if (h->key.history_of[0])
				renumber_later(t, r, h, to);
			h->seq = to;
			if (seq == n)
				seq = 0;
		}
	r->last_seq = n;
}

/* The last step: what is only perhaps the request's goes, the hops get their final numbers. */
static void settle(struct dfl_trace *t, struct request *r)
{
	struct dfl_src *s;

	dfl_request_conns_freeze(r);
	dfl_derived_settle(t, r);
	dfl_sources_free(t, &r->dropped);
	LL_FOREACH(r->sources, s)
	dfl_match_source_settle(s->match);
	renumber(t, r);
	r->short_of_memory |= r->alloc_failures != dfl_alloc_failures();
	DL_DELETE2(t->unsettled, r, state_prev, state_next);
	dfl_request_conns_prune(t);
	dfl_request_unchanged(r);
	r->settled = true;
	enter_settled(t, r);
	t->stats.settled++;
	t->stats.open_requests--;
	dfl_notify(t, r, DFL_DOC_SETTLED, NULL);
	store(t, r, false);
}

/* Is its document out of date for so long that it must be stored? */
static bool is_due(const struct dfl_trace *t, const struct request *r)
{
	uint64_t wait_ns = (t->now_ns - r->start_ns) / 4;

	if (r->news_ns && t->now_ns - r->news_ns >= NEWS_NS)
		return true;
	wait_ns = wait_ns < GROWN_MIN_NS ? GROWN_MIN_NS : wait_ns;
	wait_ns = wait_ns > GROWN_MAX_NS ? GROWN_MAX_NS : wait_ns;
	return r->dirty && t->now_ns - r->stored_ns >= wait_ns;
}

/* Late hops prolong the time of a request: it is told only when the time of before is over. */
static void tick_settled(struct dfl_trace *t)
{
	struct request *r, *next;

	DL_FOREACH_SAFE2(t->stale, r, next, stale_next)
	if (is_due(t, r))
		store(t, r, false);
	while ((r = t->settled) && t->now_ns >= r->keep_until_ns) {
		if (t->now_ns - r->last_ns < LINGER_NS) {
			DL_DELETE2(t->settled, r, state_prev, state_next);
			enter_settled(t, r);
			continue;
		}
		if (r->dirty || r->later_pending)
			store(t, r, false);
		let_go(t, r);
	}
}

/* Views that stay open may end with its text: the matcher still waits for what follows. */
static void tell_all(struct request *r)
{
	struct dfl_src *s;

	LL_FOREACH(r->sources, s)
	dfl_match_source_tell(s->match);
}

/*
 * Two passes: all requests that are due are marked as settling first, so that one look at the
 * operations serves all of them.
 */
static void tick_unsettled(struct dfl_trace *t)
{
	struct request *r, *next;
	bool any = false;

	DL_FOREACH2(t->unsettled, r, state_next)
	{
		r->settling |= is_over(t, r);
		if (!r->settling)
			continue;
		if (!any)
			dfl_match_rest(t->match, t->now_ns - REST_NS);
		any = true;
		tell_all(r);
	}
	if (any)
		dfl_attribute_last_call(t);
	DL_FOREACH_SAFE2(t->unsettled, r, next, state_next)
	{
		if (is_over(t, r))
			settle(t, r);
		else if (is_due(t, r))
			store(t, r, false);
	}
}

/*
 * Lets go the operations that no id will tie to a request any more. Beyond a limit, the oldest
 * ended ones go earlier.
 */
static void expire_ops(struct dfl_trace *t)
{
	struct dfl_op *op, *next;
	bool full;

	DL_FOREACH_SAFE(t->ops, op, next)
	{
		full = t->n_ops > MAX_OPS_KEPT || t->n_run_slots > MAX_RUNS_KEPT;
		if (!op->ended || op->open_views || (!full && t->now_ns - op->last_ns < OP_KEEP_NS))
			continue;
		t->stats.capped_ops += full;
		op->no_wait = op->changed = true;
		dfl_attribute_op(t, op);
		dfl_op_free(t, op);
	}
}

void dfl_lifecycle_finish(struct dfl_trace *t)
{
	struct request *r;

	t->finishing = true;
	dfl_match_rest(t->match, UINT64_MAX);
	DL_FOREACH(t->requests, r)
	tell_all(r);
	dfl_attribute_last_call(t);
	t->finishing = false;
	DL_FOREACH(t->requests, r)
	if (r->dirty || r->later_pending || !r->settled)
		store(t, r, true);
}

void dfl_lifecycle_tick(struct dfl_trace *t)
{
	is_memory_short(t);
	tick_settled(t);
	tick_unsettled(t);
	expire_ops(t);
}

void dfl_lifecycle_free(struct dfl_trace *t)
{
	while (t->requests)
		free_request(t, t->requests);
	dfl_ops_free(t);
}
