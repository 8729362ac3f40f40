// SPDX-License-Identifier: Apache-2.0
/* The decoders' sink: operations, views and sources come into being, get their bytes, and end. */
#include "trace/sink.h"

#include <stdlib.h>
#include <string.h>

#include "trace/attribution/attribute.h"
#include "trace/attribution/derived.h"
#include "trace/attribution/owner.h"
#include "trace/cover.h"
#include "trace/lifecycle.h"
#include "trace/opaque.h"
#include "trace/request_conn.h"
#include "trace/string.h"

/*
 * Objects without memory: they stand for what could not be made, and swallow what follows. Nothing
 * is ever written to them.
 */
static struct dfl_op dead_op;
static struct dfl_view dead_view;

static struct dfl_src dead_source;
static struct dfl_txn dead_txn;

static struct dfl_op *op_begin(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
			       uint64_t ts_ns)
{
	struct dfl_op *op = conn->trace ? dfl_op_new(ud, conn->trace, ts_ns) : NULL;

	if (!op)
		return &dead_op;
	op->dir = d->dir;
	dfl_op_describe(ud, op, d);
	return op;
}

static void op_describe(void *ud, struct dfl_op *op, const struct dfl_op_desc *d)
{
	bool was_unnamed;

	if (op == &dead_op)
		return;
	was_unnamed = dfl_op_is_unnamed(op);
	dfl_op_describe(ud, op, d);
	if (was_unnamed && !dfl_op_is_unnamed(op))
		dfl_attribute_op(ud, op);
}

static void op_id(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
	char *copy;

	if (op == &dead_op || op->n_ids >= MAX_IDS_PER_OP || !len || len > 128 ||
	    dfl_op_has_id(op, kind, value, len))
		return;
	copy = strndup(value, len);
	if (!copy)
		return;
	op->ids[op->n_ids++] = (struct op_id){ kind, copy };
	op->names_message |= kind == DFL_ID_MESSAGE;
	op->n_known++;
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
	op->station_rule[end] = dfl_string(ud, rule);
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

/* Judges an operation of which nothing more comes. Keeps it only as long as that can still matter.
 */
static void maybe_drop(struct dfl_trace *t, struct dfl_op *op)
{
	if (!op->ended || op->open_views)
		return;
	dfl_attribute_op(t, op);
	if (!dfl_attribute_may_change(op))
		dfl_op_free(t, op);
}

/*
 * The operation belongs to r and starts a session of a plugin: what the plugin answers in this
 * session belongs to r, too.
 */
static void bind_session(struct dfl_trace *t, const struct dfl_op *op, struct request *r)
{
	for (unsigned i = 0; i < op->n_ids; i++)
		if (op->ids[i].kind == DFL_ID_PLUGIN_SESSION)
			dfl_request_bind(t, r, op->ids[i].kind, op->ids[i].value);
}

/* A connection that carried an id of a request is listed in its trace, also without text. */
static void use_ids(struct dfl_trace *t, struct dfl_op *op)
{
	struct request *r = op->n_ids ? dfl_owner_find(t, op) : NULL;
	struct request_conn *rc = r && !r->settled ? dfl_request_conn_get(t, r, op->tc) : NULL;

	if (rc)
		rc->mine = true;
	if (r)
		bind_session(t, op, r);
}

static void op_effect(void *ud, struct dfl_op *op, const struct dfl_effect *e)
{
	if (op != &dead_op)
		dfl_verdict_effect(ud, &op->verdict, op->tc, op->protocol, op->number, e);
}

static void op_kept(void *ud, struct dfl_op *op, enum dfl_kept kept, uint64_t ts_ns)
{
	if (op != &dead_op)
		dfl_verdict_tell(ud, &op->verdict, kept, ts_ns);
}

static struct dfl_txn *txn_begin(void *ud)
{
	return dfl_txn_new() ?: &dead_txn;
}

static void op_txn(void *ud, struct dfl_op *op, struct dfl_txn *txn)
{
	if (op != &dead_op && txn != &dead_txn)
		dfl_verdict_join(ud, &op->verdict, txn);
}

static void txn_end(void *ud, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
	if (txn != &dead_txn)
		dfl_txn_end(ud, txn, kept, ts_ns);
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
		dfl_request_changed(op->request);
	}
	use_ids(t, op);
	dfl_verdict_over(t, &op->verdict, ts_ns);
	maybe_drop(t, op);
}

/*
 * op NULL: the bytes belong to no operation that a decoder knows. They get one without a name,
 * which has ended already and lives as long as the view.
 */
static struct dfl_view *view_open(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				  const struct dfl_view_desc *d)
{
	struct dfl_trace *t = ud;
	struct dfl_view *v;

	if (!op) {
		op = conn->trace ? dfl_op_new(t, conn->trace, t->now_ns) : NULL;
		if (!op)
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
	v->number = ++t->last_view;
	v->place = dfl_string(t, d->place);
	v->dir = d->dir;
	v->layer = d->layer;
	v->residency = d->residency;
	v->holds = dfl_string(t, d->holds ?: d->derives);
	v->derives = dfl_string(t, d->derives);
	v->relay = d->relay;
	op->answers[d->dir] |= d->derives && !strcmp(d->derives, "answer");
	return v;
}

/*
 * Text that may become derived payload is not counted as scanned here: it was joined from bytes
 * that are in another view already.
 */
static void view_framing(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
			 uint64_t pos_len, const struct dfl_chunk *from)
{
	struct dfl_trace *t = ud;

	if (v == &dead_view || !len)
		return;
	t->stats.scanned_bytes += len;
	if (!v->first_ns)
		v->first_ns = from->ts_ns;
	v->op->last_ns = from->ts_ns;
	dfl_cover_shown(&v->op->tc->covers, from, v->dir, pos, pos + pos_len);
	if (v->derives)
		dfl_derived_data(v, data, len, pos, pos_len);
	else
		v->op->tc->bytes.scanned += len;
	dfl_match_view_feed(v->match, data, len, pos, pos_len, from->ts_ns);
}

static void view_data(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len, const struct dfl_chunk *from)
{
	if (v == &dead_view || !len)
		return;
	dfl_opaque_data(v, data, len, pos, pos_len, from->ts_ns);
	view_framing(ud, v, data, len, pos, pos_len, from);
}

static void view_gap(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len)
{
	if (v == &dead_view)
		return;
	dfl_opaque_gap(v);
	dfl_match_view_gap(v->match);
}

static void view_close(void *ud, struct dfl_view *v)
{
	struct dfl_op *op = v->op;

	if (v == &dead_view)
		return;
	dfl_opaque_close(v);
	dfl_match_view_close(v->match);
	dfl_attribute_view_closed(v);
	if (!dfl_op_is_unnamed(op))
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
	struct request *r = op == &dead_op ? NULL : dfl_lifecycle_open(ud, op);
	struct dfl_src *s = r ? dfl_source_new(ud, r, field, op->begin_ns) : NULL;

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
		dfl_source_append(s, data, len, pos, pos_len);
}

static void source_gap(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len)
{
	if (!s->match)
		return;
	s->request->text_gap = true;
	dfl_request_changed(s->request);
}

/* The text is complete. All of it came in by this operation, which is its first hop. */
static void source_end(void *ud, struct dfl_src *s, uint64_t ts_ns)
{
	struct dfl_trace *t = ud;
	struct hop_add add;
	struct dfl_op *op;

	if (s == &dead_source)
		return;
	op = s->match ? s->request->op : NULL;
	dfl_source_ended(s);
	if (!op)
		return;
	add = (struct hop_add){
		.op = op,
		.place = op->place,
		.dir = s->dir,
		.layer = op->tc->tls_read ? DFL_TLS : DFL_WIRE,
		.residency = op->residency,
		.ttl_s = -1,
	};
	dfl_attribute_origin(t, &add, s, NULL);
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

/* What passed so far was ciphertext, too. */
static void encrypted(void *ud, struct dfl_conn *conn)
{
	struct tconn *tc = conn->trace;

	if (!tc || tc->encrypted)
		return;
	tc->encrypted = true;
	dfl_cover_encrypted(&tc->covers);
	if (!tc->tls_read)
		tc->bytes.unread[UNREAD_TLS] += tc->wire_bytes;
	tc->bytes.tls_room[0] += tc->wire_bytes;
	tc->bytes.tls_room[1] += tc->wire_bytes;
}

static void unread(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	dfl_request_conns_touch(ud, tc);
	tc->bytes.unread[UNREAD_ENCODING] += len;
	dfl_cover_unread(&tc->covers, dir, len);
}

static void withheld(void *ud, struct dfl_conn *conn, const struct dfl_chunk *from, uint64_t pos,
		     uint64_t pos_to)
{
	struct tconn *tc = conn->trace;

	if (tc)
		dfl_cover_shown(&tc->covers, from, from->dir, pos, pos_to);
}

static void limit(void *ud, struct dfl_conn *conn)
{
	if (conn->trace)
		dfl_request_conns_limited(ud, conn->trace);
}

static void dns(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		uint64_t ts_ns)
{
	dfl_name_learn(ud, name, addr);
}

static void protocol(void *ud, struct dfl_conn *conn, const char *name, enum dfl_station server)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	tc->protocol = dfl_string(ud, name);
	if (server != DFL_ST_UNKNOWN)
		tc->server = server;
}

void dfl_sink_init(struct dfl_trace *t, struct dfl_decode_sink *sink)
{
	*sink = (struct dfl_decode_sink){
		.ud = t,
		.op_begin = op_begin,
		.op_describe = op_describe,
		.op_id = op_id,
		.op_station = op_station,
		.op_client = op_client,
		.op_effect = op_effect,
		.op_kept = op_kept,
		.txn_begin = txn_begin,
		.op_txn = op_txn,
		.txn_end = txn_end,
		.op_end = op_end,
		.view_open = view_open,
		.view_data = view_data,
		.view_framing = view_framing,
		.view_gap = view_gap,
		.view_close = view_close,
		.source_begin = source_begin,
		.source_append = source_append,
		.source_gap = source_gap,
		.source_end = source_end,
		.tls = tls,
		.encrypted = encrypted,
		.unread = unread,
		.withheld = withheld,
		.limit = limit,
		.dns = dns,
		.protocol = protocol,
	};
}
