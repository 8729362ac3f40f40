// SPDX-License-Identifier: Apache-2.0
/*
 * The trace stage: the bytes say what decoders tell it, in any order that decode.h allows, of few
 * connections, ids and texts, so that equal texts, echoes, history and requests that are let go
 * come together all the time. What it hands out is checked. The first byte chooses how many traces
 * may be open.
 */
#include <sys/socket.h>

#include "fuzz_trace.h"

#define SEC 1000000000ull
#define MAX_STEPS 1500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned next(struct run *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->in++;
}

/* ---- what decoders may do ---- */

static const char *pick_text(struct run *f, size_t *ret_len)
{
	unsigned which = next(f);
	const char *text = texts[which % N_TEXTS];
	size_t len = strlen(text);

	if (which & 0x80) { /* a piece of it, a split */
		size_t from = len * (next(f) & 0x3f) / 64, n = 1 + (next(f) & 0x7f);

		text += from;
		len = n < len - from ? n : len - from;
	}
	*ret_len = len;
	return text;
}

static void open_conn(struct run *f, unsigned at)
{
	static const enum dfl_medium media[N_CONNS] = { DFL_TCP, DFL_TCP, DFL_TCP, DFL_PIPE,
							DFL_FILE };
	static const uint16_t ports[N_CONNS] = { 5001, 5432, 443, 0, 0 };
	uint8_t ip[4] = { 10, 0, 0, at };
	struct dfl_conn *c = &f->conns[at];

	*c = (struct dfl_conn){
		.id = ++f->next_conn, .medium = media[at], .role_known = true, .from_start = true
	};
	if (c->medium == DFL_TCP) {
		dfl_addr_set(&c->end[0].addr, AF_INET, ip, 40000 + f->next_conn);
		dfl_addr_set(&c->end[1].addr, AF_INET, ip, ports[at]);
	}
	c->end[0].pid = at;
	dfl_trace_conn(f->t, c);
}

static void close_view(struct run *f, struct slot_view *v)
{
	if (v->view)
		f->sink->view_close(f->sink->ud, v->view);
	v->view = NULL;
}

static void end_source(struct run *f, struct slot_source *s)
{
	if (s->source)
		f->sink->source_end(f->sink->ud, s->source, f->now);
	s->source = NULL;
}

/* Views and sources end before their operation. */
static void end_op(struct run *f, unsigned at)
{
	if (!f->ops[at].op)
		return;
	for (unsigned i = 0; i < N_VIEWS; i++)
		if (f->views[i].op == (int)at)
			close_view(f, &f->views[i]);
	for (unsigned i = 0; i < N_SOURCES; i++)
		if (f->sources[i].op == at)
			end_source(f, &f->sources[i]);
	f->sink->op_end(f->sink->ud, f->ops[at].op, f->now);
	f->ops[at].op = NULL;
}

static void close_conn(struct run *f, unsigned at)
{
	for (unsigned i = 0; i < N_OPS; i++)
		if (f->ops[i].conn == at)
			end_op(f, i);
	for (unsigned i = 0; i < N_VIEWS; i++)
		if (f->views[i].conn == at)
			close_view(f, &f->views[i]);
	dfl_trace_close(f->t, &f->conns[at], f->now);
}

static struct dfl_op_desc describe(unsigned b)
{
	static const char *const operations[] = { "*", "INSERT messages", "DEL",
						  "POST /v1/chat-messages" };
	static const char *const places[] = { NULL, "messages.query", "unacked", "documents" };

	return (struct dfl_op_desc){
		.protocol = b & 1 ? "postgres" : "http",
		.operation = operations[b >> 1 & 3],
		.place = places[b >> 3 & 3],
		.residency = b & 32 ? DFL_PERSISTENT : DFL_RES_UNKNOWN,
		.ttl_s = b & 64 ? 5 : -1,
		.dir = b & 128 ? DFL_RESPONSE : DFL_REQUEST,
	};
}

static void begin_op(struct run *f)
{
	unsigned b = next(f), at = b % N_OPS;
	struct dfl_op_desc d = describe(next(f));

	end_op(f, at);
	f->ops[at].conn = (b >> 4) % N_CONNS;
	f->ops[at].op = f->sink->op_begin(f->sink->ud, &f->conns[f->ops[at].conn], &d, f->now);
}

static void tell_op(struct run *f)
{
	static const char *const values[] = { "m-1", "m-2", "m-3", "c-1" };
	unsigned b = next(f), value = b >> 4 & 3;
	struct dfl_op *op = f->ops[(b & 15) % N_OPS].op;
	struct dfl_op_desc d;

	if (!op)
		return;
	if (b & 0x80) {
		d = describe(next(f));
		f->sink->op_describe(f->sink->ud, op, &d);
		return;
	}
	f->sink->op_id(f->sink->ud, op, next(f) % (DFL_ID_PLUGIN_SESSION + 1), values[value],
		       strlen(values[value]));
}

static void tell_ends(struct run *f)
{
	unsigned b = next(f);
	struct dfl_op *op = f->ops[(b & 15) % N_OPS].op;
	struct dfl_addr client;
	uint8_t ip[4] = { 192, 0, 2, b };

	if (!op)
		return;
	dfl_addr_set(&client, AF_INET, ip, 0);
	if (b & 16)
		f->sink->op_client(f->sink->ud, op, &client, b & 32);
	else
		f->sink->op_station(f->sink->ud, op, b >> 5 & 1, next(f) % DFL_N_STATION, "fuzz");
}

static void open_view(struct run *f)
{
	static const char *const derives[] = { NULL,	      NULL,	   "answer", "chunk",
					       "tool_result", "embedding", NULL,     "answer" };
	static const char *const places[] = { NULL, "messages.answer", "segments.content",
					      "messages.query" };
	unsigned b = next(f), c = next(f), at = b % N_VIEWS, conn = (c >> 3) % N_CONNS;
	struct slot_view *v = &f->views[at];
	struct slot_op *op = (b >> 4) == 15 ? NULL : &f->ops[(b >> 4) % N_OPS];
	struct dfl_view_desc d = {
		.place = places[c >> 3 & 3],
		.dir = c >> 5 & 1,
		.layer = op ? c >> 6 & 1 : 0,
		.derives = op ? derives[c & 7] : NULL,
		.relay = c >> 7,
		.holds = (c & 7) == 1 ? "chunk" : NULL,
	};

	if (op && !op->op)
		return;
	close_view(f, v);
	v->conn = op ? op->conn : conn;
	v->op = op ? (int)(op - f->ops) : -1;
	v->dir = d.dir;
	v->view = f->sink->view_open(f->sink->ud, &f->conns[v->conn], op ? op->op : NULL, &d);
}

static void feed_view(struct run *f)
{
	unsigned b = next(f);
	struct slot_view *v = &f->views[(b & 15) % N_VIEWS];
	struct dfl_chunk from = { .dir = v->dir, .ts_ns = f->now };
	const char *text;
	size_t len, span;

	if (!v->view)
		return;
	if (b >> 4 == 15) {
		f->sink->view_gap(f->sink->ud, v->view, f->pos, 10);
		f->pos += 10;
		return;
	}
	text = pick_text(f, &len);
	span = b & 16 ? len + 3 : len; /* escaped */
	from.len = len;
	dfl_trace_data(f->t, &f->conns[v->conn], &from);
	if (b >> 4 == 14) /* glue */
		f->sink->view_data(f->sink->ud, v->view, "\": \"}", 5, f->pos, 5, &from);
	f->pos += 5;
	f->sink->view_data(f->sink->ud, v->view, text, len, f->pos, span, &from);
	f->pos += span;
}

static void begin_source(struct run *f)
{
	static const char *const fields[] = { "query", "inputs.name", "file", "text" };
	unsigned b = next(f), at = (b >> 4) % N_SOURCES, op = (b & 15) % N_OPS;
	struct slot_source *s = &f->sources[at];

	if (!f->ops[op].op)
		return;
	end_source(f, s);
	s->op = op;
	s->source = f->sink->source_begin(f->sink->ud, f->ops[op].op, fields[b >> 6], DFL_REQUEST);
}

static void feed_source(struct run *f)
{
	unsigned b = next(f);
	struct slot_source *s = &f->sources[b % N_SOURCES];
	const char *text;
	size_t len;

	if (!s->source)
		return;
	if (b >> 4 == 15) {
		f->sink->source_gap(f->sink->ud, s->source, f->pos, 10);
		return;
	}
	if (b >> 4 >= 12) {
		end_source(f, s);
		return;
	}
	text = pick_text(f, &len);
	f->sink->source_append(f->sink->ud, s->source, text, len, f->pos, len, f->now);
	f->pos += b & 64 ? len : 0;
}

static void tell_conn(struct run *f)
{
	unsigned b = next(f), at = (b & 15) % N_CONNS;
	struct dfl_conn *c = &f->conns[at];
	struct dfl_gap gap = { .len = 5, .unread = b & 16 };
	struct dfl_tls_info tls = { .sni = "example.com" };

	switch (b >> 5) {
	case 0:
		f->sink->limit(f->sink->ud, c);
		return;
	case 1:
		f->sink->unread(f->sink->ud, c, b >> 4 & 1, 7);
		return;
	case 2:
		dfl_trace_gap(f->t, c, &gap);
		return;
	case 3:
		f->sink->encrypted(f->sink->ud, c);
		return;
	case 4:
		f->sink->tls(f->sink->ud, c, &tls);
		return;
	case 5:
		f->sink->protocol(f->sink->ud, c, "redis", b & 16 ? DFL_ST_REDIS : DFL_ST_UNKNOWN);
		return;
	default:
		close_conn(f, at);
		open_conn(f, at);
	}
}

static void event(struct run *f)
{
	static const uint64_t sleeps[] = { 0,	    SEC / 2,   2 * SEC,	  4 * SEC,
					   4 * SEC, 301 * SEC, 901 * SEC, 16 * 60 * SEC };
	unsigned b = next(f);
	struct dfl_event ev = { .type = DFL_EV_TICK };

	f->now += sleeps[b & 7];
	ev.ts_ns = f->now;
	if (b >> 4 == 15)
		ev = (struct dfl_event){ .type = DFL_EV_LOSS,
					 .ts_ns = f->now,
					 .loss = { .events = 1, .bytes = 10 } };
	need(!dfl_trace_event(f->t, &ev));
	if (b >> 4 == 14)
		dfl_trace_forget_before(f->t, (int64_t)(f->now - (b & 8 ? 0 : 1000 * SEC)));
	if (b >> 4 == 13)
		dfl_trace_finish(f->t);
}

static void end_something(struct run *f)
{
	unsigned b = next(f);

	if (b & 16)
		close_view(f, &f->views[(b & 15) % N_VIEWS]);
	else
		end_op(f, (b & 15) % N_OPS);
}

/* A request as it comes: a field, also as a view; it stays open. */
static void request(struct run *f)
{
	unsigned b = next(f), at = b % N_OPS, i = (b >> 4) % N_SOURCES;
	struct dfl_op_desc d = describe(6);
	size_t len;
	const char *text = pick_text(f, &len);

	end_op(f, at);
	f->ops[at] = (struct slot_op){ f->sink->op_begin(f->sink->ud, &f->conns[0], &d, f->now),
				       0 };
	end_source(f, &f->sources[i]);
	f->sources[i] = (struct slot_source){
		f->sink->source_begin(f->sink->ud, f->ops[at].op, "query", DFL_REQUEST), at
	};
	f->sink->source_append(f->sink->ud, f->sources[i].source, text, len, f->pos, len, f->now);
	if (b & 128)
		end_source(f, &f->sources[i]);
}

/* A view of some operation with a text in it, closed or not. */
static void text_in_view(struct run *f)
{
	unsigned at = f->left ? f->in[0] % N_VIEWS : 0, before = f->left;
	struct slot_view *v = &f->views[at];
	struct dfl_chunk from = { .ts_ns = f->now };
	const char *text;
	size_t len;

	open_view(f);
	if (!v->view)
		return;
	text = pick_text(f, &len);
	from.dir = v->dir;
	f->sink->view_data(f->sink->ud, v->view, text, len, f->pos, len, &from);
	f->pos += len;
	if (before & 1)
		close_view(f, v);
}

static void step(struct run *f)
{
	static void (*const steps[])(struct run * f) = {
		begin_op,    tell_op,	    tell_ends,	  open_view,	feed_view, begin_source,
		feed_source, end_something, event,	  tell_conn,	tell_op,   request,
		feed_view,   end_something, text_in_view, text_in_view,
	};

	steps[next(f) % 16](f);
	f->now += SEC / 1000;
}

/* ---- a life ---- */

static void remember(struct run *f, unsigned which)
{
	for (unsigned i = 0; i < 8; i++) {
		char trace_id[DFL_TRACE_ID_LEN + 1];
		struct dfl_past_text of = {
			.trace_id = trace_id,
			.field = i & 4 ? "file" : "query",
			.conversation_id = i & 1 ? "c-1" : NULL,
			.started_ns = (int64_t)(50 * SEC - i * SEC),
			.canonical_bytes = prints[i].canon,
			.prints = prints[i].prints,
			.n_prints = prints[i].n,
		};

		snprintf(trace_id, sizeof(trace_id), "%032x", i / 2);
		if (!(which >> i & 1) || !of.n_prints)
			continue;
		learn_id(f, trace_id);
		need(!dfl_trace_remember(f->t, &of));
	}
}

static void start(struct run *f, unsigned how, unsigned olds)
{
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct dfl_trace_opts opts = {
		.rules = rules[how % N_RULES],
		.max_source_bytes = how & 0x80 ? 4096 : 0,
		.on_change = on_change,
		.on_store = on_store,
		.on_prints = on_prints,
		.on_history = on_history,
		.print_key = print_key,
		.ud = f,
	};

	need(!dfl_trace_new(&opts, &f->t));
	f->sink = dfl_trace_sink(f->t);
	f->now = node.ts_ns = 100 * SEC;
	remember(f, olds);
	need(!dfl_trace_event(f->t, &node));
	for (unsigned i = 0; i < N_CONNS; i++)
		open_conn(f, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run f;

	make_once();
	if (size < 2)
		return 0;
	memset(&f, 0, sizeof(f));
	f.in = data + 2;
	f.left = size - 2;
	start(&f, data[0], data[1]);
	for (unsigned i = 0; i < MAX_STEPS && f.left; i++)
		step(&f);
	for (unsigned i = 0; i < N_CONNS; i++)
		close_conn(&f, i);
	dfl_trace_finish(f.t);
	dfl_trace_free(f.t);
	return 0;
}
