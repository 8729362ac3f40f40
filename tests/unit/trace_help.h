/* SPDX-License-Identifier: Apache-2.0 */
/* A trace stage with eight connections, driven through the decoders' sink; for its tests. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "trace/trace.h"

#define SEC 1000000000ull
#define MAX_DOCS 512

static const char text_a[] = "Please tell me how to prune an old apple tree in late winter without hurting it, step by step.";
static const char text_b[] = "What does the new travel policy say about night trains between Vienna and Amsterdam this year?";

struct fixture {
	struct dfl_rules *rules;
	struct dfl_trace *t;
	const struct dfl_decode_sink *sink;
	struct dfl_conn conns[8];
	struct dfl_doc *docs[MAX_DOCS]; /* the last stored form of each trace */
	size_t n_docs;
	uint64_t now, next_pos;
	unsigned settled;
};

static inline void on_store(void *ud, const struct dfl_doc *doc)
{
	struct fixture *f = ud;
	struct dfl_doc *copy;
	char *json;
	size_t i;

	assert_int_equal(dfl_doc_to_json(doc, &json), 0);
	assert_int_equal(dfl_doc_from_json(json, strlen(json), &copy), 0);
	free(json);
	for (i = 0; i < f->n_docs && strcmp(f->docs[i]->trace_id, copy->trace_id); i++)
		;
	assert_true(i < MAX_DOCS);
	if (i < f->n_docs)
		dfl_doc_free(f->docs[i]);
	else
		f->n_docs++;
	f->docs[i] = copy;
}

static inline void on_change(void *ud, enum dfl_doc_change what, const struct dfl_doc *doc, size_t hop_index)
{
	struct fixture *f = ud;

	f->settled += what == DFL_DOC_SETTLED;
	if (what == DFL_DOC_HOP_NEW)
		assert_true(hop_index < doc->n_hops);
}

/* config: a file, or NULL. */
static inline int setup_with(void **state, const char *config)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct dfl_trace_opts opts = { .on_change = on_change, .on_store = on_store, .ud = f };
	struct dfl_err err;

	assert_int_equal(dfl_rules_load(config, &f->rules, &err), 0);
	opts.rules = f->rules;
	assert_int_equal(dfl_trace_new(&opts, &f->t), 0);
	f->sink = dfl_trace_sink(f->t);
	f->now = node.ts_ns = 100 * SEC;
	assert_int_equal(dfl_trace_event(f->t, &node), 0);
	for (int i = 0; i < 8; i++) {
		uint8_t ip[4] = { 10, 0, 0, i };
		static const uint16_t ports[8] = { 5001, 5432, 6379, 5002, 443, 9999, 9998, 5001 };

		f->conns[i] = (struct dfl_conn){ .id = i + 1, .medium = DFL_TCP, .role_known = true };
		dfl_addr_set(&f->conns[i].end[0].addr, AF_INET, ip, 40000 + i);
		dfl_addr_set(&f->conns[i].end[1].addr, AF_INET, ip, ports[i]);
		dfl_trace_conn(f->t, &f->conns[i]);
	}
	*state = f;
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(state, NULL);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 8; i++)
		dfl_trace_close(f->t, &f->conns[i], f->now);
	dfl_trace_free(f->t);
	dfl_rules_free(f->rules);
	for (size_t i = 0; i < f->n_docs; i++)
		dfl_doc_free(f->docs[i]);
	free(f);
	return 0;
}

static inline void tick(struct fixture *f, double seconds)
{
	struct dfl_event ev = { .type = DFL_EV_TICK };

	f->now += seconds * SEC;
	ev.ts_ns = f->now;
	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
}

static inline struct dfl_op *begin(struct fixture *f, int conn, const char *operation, const char *place)
{
	struct dfl_op_desc d = { .protocol = "test", .operation = operation, .place = place, .ttl_s = -1 };

	return f->sink->op_begin(f->sink->ud, &f->conns[conn], &d, f->now);
}

static inline void id(struct fixture *f, struct dfl_op *op, enum dfl_id_kind kind, const char *value)
{
	f->sink->op_id(f->sink->ud, op, kind, value, strlen(value));
}

static inline void end(struct fixture *f, struct dfl_op *op)
{
	f->sink->op_end(f->sink->ud, op, f->now);
}

/* One view with this text. */
static inline void see(struct fixture *f, int conn, struct dfl_op *op, enum dfl_dir dir, const char *derives, const char *text)
{
	struct dfl_view_desc d = { .dir = dir, .derives = derives, .leaf = true, .ttl_s = -1 };
	struct dfl_chunk chunk = { .dir = dir, .ts_ns = f->now };
	struct dfl_view *v;

	dfl_trace_data(f->t, &f->conns[conn], &chunk);
	v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);
	f->sink->view_data(f->sink->ud, v, text, strlen(text), f->next_pos, strlen(text), &chunk);
	f->next_pos += strlen(text);
	f->sink->view_close(f->sink->ud, v);
}

/* An inbound request with a query; stays open. */
static inline struct dfl_op *request(struct fixture *f, const char *query)
{
	struct dfl_op *op = begin(f, 0, "POST /v1/chat-messages", "/v1/chat-messages");
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, op, "query", DFL_REQUEST);

	f->sink->source_append(f->sink->ud, s, query, strlen(query), f->next_pos, strlen(query), f->now);
	see(f, 0, op, DFL_REQUEST, NULL, query);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->now += 1000000;
	return op;
}

static inline void operation(struct fixture *f, int conn, const char *name, const char *place, const char *text)
{
	struct dfl_op *op = begin(f, conn, name, place);

	see(f, conn, op, DFL_REQUEST, NULL, text);
	end(f, op);
	f->now += 1000000;
}

static inline const struct dfl_doc *doc(struct fixture *f, size_t i)
{
	dfl_trace_finish(f->t);
	assert_true(i < f->n_docs);
	return f->docs[i];
}

static inline const struct dfl_doc_hop *hop(const struct dfl_doc *d, const char *operation)
{
	for (size_t i = 0; i < d->n_hops; i++)
		if (d->hops[i].operation && !strcmp(d->hops[i].operation, operation))
			return &d->hops[i];
	return NULL;
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
