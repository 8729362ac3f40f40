// SPDX-License-Identifier: Apache-2.0
/* The decoders' sink: operations, views and sources come into being, get their bytes, and end. */
#include "trace/state.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define OP_KEEP_NS                                                                                 \
	(300 * 1000000000ull) /* an id that ties it may still come: blocking answers take minutes  \
			       */

static struct dfl_op dead_op;
static struct dfl_view dead_view;
static struct dfl_src dead_source;

static void describe(struct dfl_trace *t, struct dfl_op *op, const struct dfl_op_desc *d)
{
	if (d->protocol)
		op->protocol = dfl_trace_string(t, d->protocol);
	if (!op->tc->protocol)
		op->tc->protocol = op->protocol;
	if (d->operation)
		op->operation = dfl_trace_string(t, d->operation);
	if (d->place)
		op->place = dfl_trace_string(t, d->place);
	if (d->residency != DFL_RES_UNKNOWN)
		op->residency = d->residency;
	if (d->ttl_s >= 0)
		op->ttl_s = d->ttl_s;
	if (op->request)
		op->request->operation = op->operation;
}

static struct dfl_op *new_op(struct dfl_trace *t, struct tconn *tc, uint64_t ts_ns)
{
	struct dfl_op *op = tc ? calloc(1, sizeof(*op)) : NULL;

	if (!op)
		return &dead_op;
	op->trace = t;
	op->tc = dfl_tconn_ref(tc);
	op->number = ++t->next_op;
	op->ttl_s = -1;
	op->pid[0] = tc->end[0].pid;
	op->pid[1] = tc->end[1].pid;
	op->begin_ns = op->last_ns = ts_ns;
	op->scanned0 = tc->scanned;
	DL_APPEND(t->ops, op);
	t->n_ops++;
	return op;
}

static struct dfl_op *op_begin(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
			       uint64_t ts_ns)
{
	struct dfl_op *op = new_op(ud, conn->trace, ts_ns);

	if (op == &dead_op)
		return op;
	op->dir = d->dir;
	describe(ud, op, d);
	return op;
}

/* A statement whose verb or table is still to come: its hops wait for their name. */
static bool is_unnamed(const struct dfl_op *op)
{
	return op->operation && !strcmp(op->operation, "*");
}

static void op_describe(void *ud, struct dfl_op *op, const struct dfl_op_desc *d)
{
	bool was_unnamed;

	if (op == &dead_op)
		return;
	was_unnamed = is_unnamed(op);
	describe(ud, op, d);
	if (was_unnamed && !is_unnamed(op))
		dfl_attribute_op(ud, op);
}

static bool has_id(const struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind == kind && strlen(op->ids[i].value) == len &&
		    !memcmp(op->ids[i].value, value, len))
			return true;
	return false;
}

static void op_id(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
	char *copy;

	if (op == &dead_op || op->n_ids >= MAX_IDS_PER_OP || !len || len > 128 ||
	    has_id(op, kind, value, len))
		return;
	copy = strndup(value, len);
	if (!copy)
		return;
	op->ids[op->n_ids++] = (struct op_id){ kind, copy };
	op->changed = true;
	op->tc->forwarded |= kind == DFL_ID_X_AMZN_TRACE_ID;
	if (op->request)
		dfl_request_bind(ud, op->request, kind, copy);
}

static void op_station(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
		       const char *rule)
{
	if (op == &dead_op)
		return;
	op->station[end] = station;
	op->station_rule[end] = dfl_trace_string(ud, rule);
}

static void op_client(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb)
{
	if (op == &dead_op)
		return;
	op->client = *client;
	op->have_client = client->family != 0;
	op->via_alb = via_alb;
	op->tc->forwarded |= via_alb;
	if (!op->request)
		return;
	op->request->client = *client;
	op->request->have_client = op->have_client;
	op->request->via_alb = via_alb;
}

static void drop_op(struct dfl_trace *t, struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		free(op->ids[i].value);
	t->n_run_slots -= op->cap_runs;
	free(op->runs);
	dfl_history_free(op);
	dfl_tconn_unref(t, op->tc);
	DL_DELETE(t->ops, op);
	t->n_ops--;
	free(op);
}

/* A session of a plugin is known by its call, or never. */
static bool has_lasting_id(const struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind != DFL_ID_PLUGIN_SESSION)
			return true;
	return false;
}

static bool may_be_tied_later(const struct dfl_op *op)
{
	for (unsigned i = 0; i < op->n_runs && has_lasting_id(op); i++)
		if (op->runs[i].source && !op->runs[i].counted && !op->runs[i].own)
			return true;
	for (unsigned i = 0; i < op->n_olds && op->n_ids; i++)
		if (op->olds[i].field && !op->olds[i].counted)
			return true;
	return false;
}

static void maybe_drop(struct dfl_trace *t, struct dfl_op *op)
{
	if (!op->ended || op->open_views)
		return;
	dfl_attribute_op(t, op);
	if (!may_be_tied_later(op))
		drop_op(t, op);
}

/* Whose call it is was told by its text or its ids: the plugin's answers are that one's too. */
static void bind_session(struct dfl_trace *t, const struct dfl_op *op, struct request *r)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind == DFL_ID_PLUGIN_SESSION)
			dfl_request_bind(t, r, op->ids[i].kind, op->ids[i].value);
}

/* A connection that carried an id of the request is one of its connections. */
static void use_ids(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *r = op->n_ids ? dfl_attribute_owner(t, op) : NULL;
	struct rconn *rc = r && !r->settled ? dfl_request_conn(t, r, op->tc) : NULL;

	if (rc)
		rc->mine = true;
	if (r)
		bind_session(t, op, r);
}

static void op_end(void *ud, struct dfl_op *op, uint64_t ts_ns)
{
	struct dfl_trace *t = ud;

	if (op == &dead_op)
		return;
	op->ended = op->changed = true;
	op->last_ns = ts_ns;
	if (op->request) {
		op->request->response_ended = true;
		op->request->ended_ns = ts_ns;
		op->request->dirty = true;
	}
	use_ids(t, op);
	dfl_hop_removed(t, op);
	maybe_drop(t, op);
}

static struct dfl_view *view_open(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				  const struct dfl_view_desc *d)
{
	struct dfl_trace *t = ud;
	struct dfl_view *v;

	if (!op) { /* bytes that no decoder understands are an operation without a name */
		op = new_op(t, conn->trace, t->now_ns);
		if (op == &dead_op)
			return &dead_view;
		op->dir = d->dir;
		op->ended = true;
	}
	if (op == &dead_op)
		return &dead_view;
	v = calloc(1, sizeof(*v));
	if (!v || dfl_match_view_new(t->match, v, &v->match)) {
		free(v);
		if (op->ended)
			maybe_drop(t, op);
		return &dead_view;
	}
	v->op = op;
	op->open_views++;
	v->number = ++t->next_view;
	v->place = dfl_trace_string(t, d->place);
	v->dir = d->dir;
	v->layer = d->layer;
	v->holds = dfl_trace_string(t, d->holds ?: d->derives);
	v->derives = dfl_trace_string(t, d->derives);
	v->relay = d->relay;
	op->answers[d->dir] |= d->derives && !strcmp(d->derives, "answer");
	return v;
}

static void view_data(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len, const struct dfl_chunk *from)
{
	struct dfl_trace *t = ud;

	if (v == &dead_view || !len)
		return;
	t->stats.scanned_bytes += len;
	v->last_ns = from->ts_ns;
	if (!v->first_ns)
		v->first_ns = from->ts_ns;
	v->op->last_ns = from->ts_ns;
	if (v->derives)
		dfl_derived_data(v, data, len, pos, pos_len);
	else
		v->op->tc->scanned += len;
	dfl_match_view_feed(v->match, data, len, pos, pos_len, from->ts_ns);
}

static void view_gap(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len)
{
	if (v != &dead_view)
		dfl_match_view_gap(v->match);
}

static void view_close(void *ud, struct dfl_view *v)
{
	struct dfl_op *op = v->op;

	if (v == &dead_view)
		return;
	dfl_match_view_close(v->match);
	dfl_attribute_view_closed(v);
	if (!is_unnamed(op))
		dfl_attribute_op(ud, op);
	if (v->derives)
		dfl_derived_close(v);
	dfl_buf_fini(&v->held);
	free(v);
	op->open_views--;
	maybe_drop(ud, op);
}

static struct dfl_src *source_begin(void *ud, struct dfl_op *op, const char *field,
				    enum dfl_dir dir)
{
	struct request *r = op == &dead_op ? NULL : dfl_request_open(ud, op);
	struct dfl_src *s = r ? dfl_request_source(ud, r, field, op->begin_ns) : NULL;

	if (!s)
		return &dead_source;
	s->op = op->number;
	s->dir = dir;
	s->open = true;
	return s;
}

static void source_append(void *ud, struct dfl_src *s, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, uint64_t ts_ns)
{
	if (s->match)
		dfl_source_append(ud, s, data, len, pos, pos_len);
}

static void source_gap(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len)
{
	if (!s->match)
		return;
	s->request->text_gap = s->request->dirty = true;
}

static struct dfl_op *find_op(struct dfl_trace *t, uint64_t number)
{
	struct dfl_op *op;

	if (!t->ops)
		return NULL;
	for (op = t->ops->prev;; op = op->prev) { /* the newest first */
		if (op->number == number)
			return op;
		if (op == t->ops)
			return NULL;
	}
}

static void source_end(void *ud, struct dfl_src *s, uint64_t ts_ns)
{
	struct dfl_trace *t = ud;
	struct dfl_op *op;

	if (s == &dead_source)
		return;
	op = s->match ? find_op(t, s->op) : NULL;
	dfl_source_ended(s);
	if (!op)
		return;
	dfl_hop_whole(t, &(struct hop_add){
				 .request = s->request,
				 .op = op,
				 .source = s,
				 .place = op->place,
				 .dir = s->dir,
				 .layer = op->tc->tls_read ? DFL_TLS : DFL_WIRE,
				 .residency = op->residency,
				 .ttl_s = -1,
			 });
}

static void tls(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	if (!tc->tls)
		tc->tls = calloc(1, sizeof(*tc->tls));
	if (tc->tls)
		*tc->tls = *info;
}

static void encrypted(void *ud, struct dfl_conn *conn)
{
	struct tconn *tc = conn->trace;

	if (!tc || tc->encrypted)
		return;
	tc->encrypted = true;
	if (!tc->tls_read)
		tc->unread += tc->wire_bytes;
}

static void unread(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	dfl_conn_touch(ud, tc);
	tc->unread += len;
	tc->unreadable = true;
}

static void limit(void *ud, struct dfl_conn *conn)
{
	if (conn->trace)
		dfl_requests_limited(ud, conn->trace);
}

static void dns(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		uint64_t ts_ns)
{
	dfl_trace_name(ud, name, addr);
}

static void protocol(void *ud, struct dfl_conn *conn, const char *name, enum dfl_station server)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	tc->protocol = dfl_trace_string(ud, name);
	if (server != DFL_ST_UNKNOWN)
		tc->server = server;
}

void dfl_ops_sink(struct dfl_trace *t, struct dfl_decode_sink *sink)
{
	*sink = (struct dfl_decode_sink){
		.ud = t,
		.op_begin = op_begin,
		.op_describe = op_describe,
		.op_id = op_id,
		.op_station = op_station,
		.op_client = op_client,
		.op_end = op_end,
		.view_open = view_open,
		.view_data = view_data,
		.view_gap = view_gap,
		.view_close = view_close,
		.source_begin = source_begin,
		.source_append = source_append,
		.source_gap = source_gap,
		.source_end = source_end,
		.tls = tls,
		.encrypted = encrypted,
		.unread = unread,
		.limit = limit,
		.dns = dns,
		.protocol = protocol,
	};
}

void dfl_ops_forget_sources(struct dfl_trace *t)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	for (unsigned i = 0; i < op->n_runs; i++)
		if (op->runs[i].source && !op->runs[i].source->match)
			op->runs[i].source = NULL;
}

void dfl_ops_forget_request(struct dfl_trace *t, const struct request *r)
{
	struct dfl_op *op;

	DL_FOREACH(t->ops, op)
	{
		if (op->owner == r)
			op->owner = NULL;
		op->n_maybe = 0;
		if (op->request != r)
			continue;
		op->request = NULL;
		op->no_request = true;
	}
}

void dfl_ops_expire(struct dfl_trace *t)
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
		drop_op(t, op);
	}
}

void dfl_ops_free(struct dfl_trace *t)
{
	while (t->ops)
		drop_op(t, t->ops);
}
