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

#include "match/fingerprint/fingerprint.h"
#include "trace/trace.h"

#define SEC 1000000000ull
#define MAX_DOCS 512
#define MAX_PRINTS_KEPT 2048

static const char text_a[] = "Please tell me how to prune an old apple tree in late winter without "
			     "hurting it, step by step.";
static const char text_b[] = "What does the new travel policy say about night trains between "
			     "Vienna and Amsterdam this year?";

struct fixture {
	struct dfl_rules *rules;
	struct dfl_trace *t;
	const struct dfl_decode_sink *sink;
	struct dfl_conn conns[8];
	struct dfl_doc *docs[MAX_DOCS]; /* the last stored form of each trace */
	size_t n_docs;
	uint64_t now, next_pos;
	unsigned settled;
	uint32_t max_prints;
	uint64_t max_source_bytes;
	uint8_t print_key;
	struct dfl_past_text prints[MAX_PRINTS_KEPT]; /* as the store would have them */
	size_t n_prints;
	char told[DFL_TRACE_ID_LEN + 1], told_in[DFL_TRACE_ID_LEN + 1]; /* the last on_history */
	uint32_t told_seqs[64];
	size_t n_told;
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

/* The hop that a callback gets alone is the one of the whole document. */
static inline void check_hop(const struct dfl_doc *head, const struct dfl_doc *doc, size_t index)
{
	struct dfl_doc only = *head;
	char *a, *b;

	assert_int_equal(head->n_hops, 1);
	assert_true(index < doc->n_hops);
	only.hops = &doc->hops[index];
	assert_int_equal(dfl_doc_to_json(head, &a), 0);
	assert_int_equal(dfl_doc_to_json(&only, &b), 0);
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static inline void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	const struct dfl_doc *head = dfl_change_head(change), *doc = dfl_change_doc(change);
	struct fixture *f = ud;

	f->settled += what == DFL_DOC_SETTLED;
	assert_true(head && doc);
	assert_int_equal(dfl_change_hop_count(change), doc->n_hops);
	if (what == DFL_DOC_HOP_NEW || what == DFL_DOC_HOP_CHANGED)
		check_hop(head, doc, dfl_change_hop_index(change));
	else
		assert_int_equal(head->n_hops, 0);
}

static inline void free_prints(struct dfl_past_text *of)
{
	free((char *)of->trace_id);
	free((char *)of->field);
	free((char *)of->conversation_id);
	free((uint8_t *)of->prints);
}

static inline void on_prints(void *ud, const struct dfl_past_text *of)
{
	struct fixture *f = ud;
	struct dfl_past_text copy = *of;
	uint8_t *prints = malloc((size_t)of->n_prints * DFL_PRINT_BYTES);
	size_t i;

	memcpy(prints, of->prints, (size_t)of->n_prints * DFL_PRINT_BYTES);
	copy.prints = prints;
	copy.trace_id = strdup(of->trace_id);
	copy.field = strdup(of->field);
	copy.conversation_id = of->conversation_id ? strdup(of->conversation_id) : NULL;
	for (i = 0; i < f->n_prints; i++)
		if (!strcmp(f->prints[i].trace_id, of->trace_id) &&
		    !strcmp(f->prints[i].field, of->field))
			break;
	assert_true(i < MAX_PRINTS_KEPT);
	if (i < f->n_prints)
		free_prints(&f->prints[i]);
	else
		f->n_prints++;
	f->prints[i] = copy;
}

static inline void on_history(void *ud, const char *trace_id, const char *in_trace_id,
			      const uint32_t *seqs, size_t n)
{
	struct fixture *f = ud;

	assert_in_range(n, 1, 64);
	strcpy(f->told, trace_id);
	strcpy(f->told_in, in_trace_id);
	memcpy(f->told_seqs, seqs, n * sizeof(*seqs));
	f->n_told = n;
}

/* A trace stage; what the one before handed out stays. */
static inline void start(struct fixture *f)
{
	const uint8_t key[DFL_PRINT_KEY_BYTES] = { f->print_key, 'k', 'e', 'y' };
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct dfl_trace_opts opts = {
		.rules = f->rules,
		.on_change = on_change,
		.on_store = on_store,
		.on_prints = on_prints,
		.on_history = on_history,
		.print_key = key,
		.max_prints = f->max_prints,
		.max_source_bytes = f->max_source_bytes,
		.ud = f,
	};

	assert_int_equal(dfl_trace_new(&opts, &f->t), 0);
	f->sink = dfl_trace_sink(f->t);
	node.ts_ns = f->now;
	assert_int_equal(dfl_trace_event(f->t, &node), 0);
	for (int i = 0; i < 8; i++) {
		uint8_t ip[4] = { 10, 0, 0, i };
		static const uint16_t ports[8] = { 5001, 5432, 6379, 5002, 443, 9999, 9998, 5001 };

		f->conns[i] = (struct dfl_conn){ .id = i + 1,
						 .medium = DFL_TCP,
						 .role_known = true };
		dfl_addr_set(&f->conns[i].end[0].addr, AF_INET, ip, 40000 + i);
		dfl_addr_set(&f->conns[i].end[1].addr, AF_INET, ip, ports[i]);
		dfl_trace_conn(f->t, &f->conns[i]);
	}
}

static inline void stop(struct fixture *f)
{
	for (int i = 0; i < 8; i++)
		dfl_trace_close(f->t, &f->conns[i], f->now);
	dfl_trace_free(f->t);
}

/* config: a file, or NULL. */
static inline int setup_with(void **state, const char *config)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfl_err err;

	assert_int_equal(dfl_rules_load(config, &f->rules, &err), 0);
	f->now = 100 * SEC;
	start(f);
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

	stop(f);
	dfl_rules_free(f->rules);
	for (size_t i = 0; i < f->n_docs; i++)
		dfl_doc_free(f->docs[i]);
	for (size_t i = 0; i < f->n_prints; i++)
		free_prints(&f->prints[i]);
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

static inline struct dfl_op *begin(struct fixture *f, int conn, const char *operation,
				   const char *place)
{
	struct dfl_op_desc d = {
		.protocol = "test", .operation = operation, .place = place, .ttl_s = -1
	};

	return f->sink->op_begin(f->sink->ud, &f->conns[conn], &d, f->now);
}

static inline void id(struct fixture *f, struct dfl_op *op, enum dfl_id_kind kind,
		      const char *value)
{
	f->sink->op_id(f->sink->ud, op, kind, value, strlen(value));
}

static inline void end(struct fixture *f, struct dfl_op *op)
{
	f->sink->op_end(f->sink->ud, op, f->now);
}

/* One view with this text. */
static inline void see(struct fixture *f, int conn, struct dfl_op *op, enum dfl_dir dir,
		       const char *derives, const char *text)
{
	struct dfl_view_desc d = { .dir = dir, .derives = derives };
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

	f->sink->source_append(f->sink->ud, s, query, strlen(query), f->next_pos, strlen(query),
			       f->now);
	see(f, 0, op, DFL_REQUEST, NULL, query);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->now += 1000000;
	return op;
}

static inline void operation(struct fixture *f, int conn, const char *name, const char *place,
			     const char *text)
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
