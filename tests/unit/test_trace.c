// SPDX-License-Identifier: Apache-2.0
/* The trace stage, driven through the decoders' sink: what counts as a hop, and whose it is. */
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
#define MAX_DOCS 16

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

static void on_store(void *ud, const struct dfl_doc *doc)
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

static void on_change(void *ud, enum dfl_doc_change what, const struct dfl_doc *doc, size_t hop_index)
{
	struct fixture *f = ud;

	f->settled += what == DFL_DOC_SETTLED;
	if (what == DFL_DOC_HOP_NEW)
		assert_true(hop_index < doc->n_hops);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfl_event node = { .type = DFL_EV_NODE, .node = { "node", "host", "boot", 0 } };
	struct dfl_trace_opts opts = { .on_change = on_change, .on_store = on_store, .ud = f };
	struct dfl_err err;

	assert_int_equal(dfl_rules_load(NULL, &f->rules, &err), 0);
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

static int teardown(void **state)
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

static void tick(struct fixture *f, double seconds)
{
	struct dfl_event ev = { .type = DFL_EV_TICK };

	f->now += seconds * SEC;
	ev.ts_ns = f->now;
	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
}

static struct dfl_op *begin(struct fixture *f, int conn, const char *operation, const char *place)
{
	struct dfl_op_desc d = { .protocol = "test", .operation = operation, .place = place, .ttl_s = -1 };

	return f->sink->op_begin(f->sink->ud, &f->conns[conn], &d, f->now);
}

static void id(struct fixture *f, struct dfl_op *op, enum dfl_id_kind kind, const char *value)
{
	f->sink->op_id(f->sink->ud, op, kind, value, strlen(value));
}

static void end(struct fixture *f, struct dfl_op *op)
{
	f->sink->op_end(f->sink->ud, op, f->now);
}

/* One view with this text. */
static void see(struct fixture *f, int conn, struct dfl_op *op, enum dfl_dir dir, const char *derives, const char *text)
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
static struct dfl_op *request(struct fixture *f, const char *query)
{
	struct dfl_op *op = begin(f, 0, "POST /v1/chat-messages", "/v1/chat-messages");
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, op, "query", DFL_REQUEST);

	f->sink->source_append(f->sink->ud, s, query, strlen(query), f->next_pos, strlen(query), f->now);
	see(f, 0, op, DFL_REQUEST, NULL, query);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->now += 1000000;
	return op;
}

static void operation(struct fixture *f, int conn, const char *name, const char *place, const char *text)
{
	struct dfl_op *op = begin(f, conn, name, place);

	see(f, conn, op, DFL_REQUEST, NULL, text);
	end(f, op);
	f->now += 1000000;
}

static const struct dfl_doc *doc(struct fixture *f, size_t i)
{
	dfl_trace_finish(f->t);
	assert_true(i < f->n_docs);
	return f->docs[i];
}

static const struct dfl_doc_hop *hop(const struct dfl_doc *d, const char *operation)
{
	for (size_t i = 0; i < d->n_hops; i++)
		if (d->hops[i].operation && !strcmp(d->hops[i].operation, operation))
			return &d->hops[i];
	return NULL;
}

static void test_inbound_and_content(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *op = request(f, text_a);

	operation(f, 1, "INSERT messages", "messages.query", text_a);
	operation(f, 1, "INSERT other", "other.text", text_b);
	end(f, op);
	h = hop(doc(f, 0), "POST /v1/chat-messages");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && h->occurrences == 1 && h->to.station == DFL_ST_API);
	h = hop(doc(f, 0), "INSERT messages");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && h->bytes == strlen(text_a) && h->to.station == DFL_ST_POSTGRES);
	assert_string_equal(h->place, "messages.query");
	assert_int_equal(h->encrypted, 0);
	assert_null(hop(doc(f, 0), "INSERT other"));
	assert_int_equal(doc(f, 0)->n_hops, 2);
	assert_int_equal(doc(f, 0)->weak_matches, 0);
}

static void test_internal_call_is_no_request(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_PROC, .ts_ns = f->now };

	ev.proc = (struct dfl_ev_proc){ .pid = 77, .comm = "celery", .exe = "/usr/bin/python3", .cmdline = "celery -A app worker",
					.cgroup = "", .container_id = "", .container_name = "", .image = "", .pod = "",
					.namespace_ = "", .task = "" };
	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
	f->conns[0].end[DFL_CLIENT].pid = 77;
	dfl_trace_conn(f->t, &f->conns[0]);
	end(f, request(f, text_a));
	dfl_trace_finish(f->t);
	assert_int_equal(f->n_docs, 0);
}

/* A short piece of the text alone proves nothing; with an id of the request it does. */
static void test_weak_and_tied(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *op = request(f, text_a), *title;

	operation(f, 1, "INSERT stray", "stray.text", "prune an old apple tree in late");
	id(f, op, DFL_ID_CONVERSATION, "4f2c9d0e-0000-4000-8000-000000000001");
	title = begin(f, 1, "UPDATE conversations", "conversations.name");
	id(f, title, DFL_ID_CONVERSATION, "4f2c9d0e-0000-4000-8000-000000000001");
	see(f, 1, title, DFL_REQUEST, NULL, "Please tell me how to prun");
	end(f, title);
	end(f, op);
	h = hop(doc(f, 0), "UPDATE conversations");
	assert_non_null(h);
	assert_true(h->coverage > 0.2 && h->coverage < 0.4);
	assert_true(h->evidence_content && h->evidence_id);
	assert_null(hop(doc(f, 0), "INSERT stray"));
	assert_int_equal(doc(f, 0)->weak_matches, 1);
}

/* The id that ties may come after the operation: a blocking answer tells it last. */
static void test_tied_late(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, text_a), *title = begin(f, 1, "UPDATE conversations", "conversations.name");

	id(f, title, DFL_ID_MESSAGE, "m-1");
	see(f, 1, title, DFL_REQUEST, NULL, "Please tell me how to prun");
	end(f, title);
	id(f, op, DFL_ID_MESSAGE, "m-1");
	end(f, op);
	tick(f, 10);
	assert_non_null(hop(doc(f, 0), "UPDATE conversations"));
	assert_int_equal(doc(f, 0)->weak_matches, 0);
	assert_true(doc(f, 0)->settled);
	assert_int_equal(f->settled, 1);
}

static void test_two_requests_keep_apart(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_b);

	operation(f, 1, "INSERT a", "t.a", text_a);
	operation(f, 1, "INSERT b", "t.b", text_b);
	end(f, a);
	end(f, b);
	assert_non_null(hop(doc(f, 0), "INSERT a"));
	assert_null(hop(doc(f, 0), "INSERT b"));
	assert_non_null(hop(doc(f, 1), "INSERT b"));
	assert_null(hop(doc(f, 1), "INSERT a"));
}

/* One text is the beginning of another. */
static void test_nested_text(void **state)
{
	struct fixture *f = *state;
	char longer[512];
	struct dfl_op *a, *b;

	snprintf(longer, sizeof(longer), "%s %s", text_a, text_b);
	a = request(f, text_a);
	b = request(f, longer);
	operation(f, 1, "INSERT short", "t.a", text_a);
	operation(f, 1, "INSERT long", "t.b", longer);
	end(f, a);
	end(f, b);
	assert_non_null(hop(doc(f, 0), "INSERT short"));
	assert_null(hop(doc(f, 0), "INSERT long"));
	assert_non_null(hop(doc(f, 1), "INSERT long"));
	assert_null(hop(doc(f, 1), "INSERT short"));
}

static void test_equal_text_is_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a);
	const struct dfl_doc_hop *h;

	operation(f, 1, "INSERT x", "t.x", text_a);
	end(f, a);
	end(f, b);
	for (int i = 0; i < 2; i++) {
		h = hop(doc(f, i), "INSERT x");
		assert_non_null(h);
		assert_true(h->ambiguous);
		assert_int_equal(h->n_candidates, 2);
	}
}

static void test_equal_text_with_an_id(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a), *x;

	id(f, b, DFL_ID_MESSAGE, "m-b");
	x = begin(f, 1, "INSERT x", "t.x");
	id(f, x, DFL_ID_MESSAGE, "m-b");
	see(f, 1, x, DFL_REQUEST, NULL, text_a);
	end(f, x);
	end(f, a);
	end(f, b);
	assert_null(hop(doc(f, 0), "INSERT x"));
	assert_non_null(hop(doc(f, 1), "INSERT x"));
	assert_false(hop(doc(f, 1), "INSERT x")->ambiguous);
}

static void test_text_repeated_later(void **state)
{
	struct fixture *f = *state;

	end(f, request(f, text_a));
	tick(f, 10);
	end(f, begin(f, 2, "PING", NULL));
	struct dfl_op *b = request(f, text_a);
	operation(f, 1, "INSERT x", "t.x", text_a);
	end(f, b);
	assert_null(hop(doc(f, 0), "INSERT x"));
	assert_non_null(hop(doc(f, 1), "INSERT x"));
}

/* The older text goes along as history: it is the older request's, in the newer one's operation. */
static void test_history(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	const struct dfl_doc *d;
	char prompt[512];
	struct dfl_op *b;

	end(f, request(f, text_a));
	tick(f, 10);
	b = request(f, text_b);
	snprintf(prompt, sizeof(prompt), "user: %s assistant: prune it. user: %s", text_a, text_b);
	operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", prompt);
	end(f, b);
	d = doc(f, 1);
	h = NULL;
	for (size_t i = 0; i < d->n_hops; i++)
		if (d->hops[i].replayed_from)
			h = &d->hops[i];
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_true(h->coverage == 1.0);
	assert_int_equal(f->docs[0]->n_replayed_in, 1);
	assert_string_equal(f->docs[0]->replayed_in[0].trace_id, f->docs[1]->trace_id);
	assert_int_equal(f->docs[0]->replayed_in[0].seq, h->seq);
	assert_null(hop(f->docs[0], "POST /v1/chat/completions"));
}

/* Who repeats a victim's words does not make the victim's hops vanish. */
static void test_attacker_repeats_a_phrase(void **state)
{
	struct fixture *f = *state;
	char attack[512];
	struct dfl_op *a = request(f, text_a), *b;
	const struct dfl_doc_hop *h;

	snprintf(attack, sizeof(attack), "%.70s and now for something else entirely", text_a);
	b = request(f, attack);
	operation(f, 1, "INSERT messages", "messages.query", text_a);
	end(f, a);
	end(f, b);
	h = hop(doc(f, 0), "INSERT messages");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && !h->ambiguous);
	assert_null(hop(doc(f, 1), "INSERT messages"));
}

static void test_answer_and_its_echo(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and never more than a quarter of the crown.";
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *api = request(f, text_a), *llm = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, llm, DFL_REQUEST, NULL, text_a);
	see(f, 4, llm, DFL_RESPONSE, "answer", answer);
	end(f, llm);
	f->now += 1000000;
	see(f, 0, api, DFL_RESPONSE, "answer", answer);
	operation(f, 1, "UPDATE messages", "messages.answer", answer);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_string_equal(f->docs[0]->fields[1].field, "answer");
	assert_true(f->docs[0]->fields[1].derived);
	assert_int_equal(f->docs[0]->fields[1].bytes, strlen(answer));
	h = hop(f->docs[0], "UPDATE messages");
	assert_non_null(h);
	assert_string_equal(h->field, "answer");
	assert_true(h->coverage == 1.0);
	assert_int_equal(f->docs[0]->n_hops, 5); /* query in, query to llm, answer from llm, to client, to postgres */
}

/* What a stranger's operation is answered with is nobody's answer. */
static void test_answer_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *llm = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, llm, DFL_REQUEST, NULL, text_b);
	see(f, 4, llm, DFL_RESPONSE, "answer", "An answer that belongs to somebody whom nobody watches at all.");
	end(f, llm);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 1);
}

/* A model's usual opening stands in many answers: where an answer came from, it is nobody else's. */
static void test_answers_with_one_opening(void **state)
{
	static const char opening[] = "Thank you for this question. I will answer it in three parts: what to prepare, what to do, what to check. ";
	struct fixture *f = *state;
	struct dfl_op *api[2], *llm;
	char answer[512];

	for (int i = 0; i < 2; i++) {
		api[i] = request(f, i ? text_b : text_a);
		llm = begin(f, 4, "POST /v1/chat/completions", NULL);
		see(f, 4, llm, DFL_REQUEST, NULL, i ? text_b : text_a);
		snprintf(answer, sizeof(answer), "%s%s", opening,
			 i ? "Only what the booking office printed on the paper counts." : "Use a sharp saw.");
		see(f, 4, llm, DFL_RESPONSE, "answer", answer);
		end(f, llm);
	}
	end(f, api[0]);
	end(f, api[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(doc(f, i)->n_hops, 3);
		for (size_t h = 0; h < f->docs[i]->n_hops; h++)
			assert_false(f->docs[i]->hops[h].ambiguous);
	}
}

static void see_at(struct fixture *f, int conn, struct dfl_op *op, uint64_t pos, uint64_t pos_len, const char *text)
{
	struct dfl_view_desc d = { .dir = DFL_REQUEST, .ttl_s = -1 };
	struct dfl_chunk chunk = { .dir = DFL_REQUEST, .ts_ns = f->now };
	struct dfl_view *v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);

	f->sink->view_data(f->sink->ud, v, text, strlen(text), pos, pos_len, &chunk);
	f->sink->view_close(f->sink->ud, v);
}

/* A body, and what was joined from it, are one copy; the same text again is another. */
static void test_occurrences(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op = begin(f, 1, "INSERT x", "t.x");

	see_at(f, 1, op, 5000, strlen(text_a), text_a);
	see_at(f, 1, op, 4990, strlen(text_a) + 20, text_a); /* the joined one */
	see_at(f, 1, op, 9000, strlen(text_a), text_a);
	end(f, op);
	end(f, api);
	assert_int_equal(hop(doc(f, 0), "INSERT x")->occurrences, 2);
}

static void test_removed(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;
	const struct dfl_doc *d;

	operation(f, 2, "HSET", "unacked", text_a);
	op = begin(f, 2, "HDEL", "unacked");
	end(f, op);
	end(f, api);
	d = doc(f, 0);
	assert_int_equal(d->n_places, 1);
	assert_string_equal(d->places[0].now, "removed");
	assert_true(d->places[0].removed_ns > 0);
}

/* With two messages in the hash nobody can tell which one went. */
static void test_removed_but_whose(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_b), *op;

	operation(f, 2, "HSET", "unacked", text_a);
	operation(f, 2, "HSET", "unacked", text_b);
	op = begin(f, 2, "HDEL", "unacked");
	end(f, op);
	end(f, a);
	end(f, b);
	assert_string_equal(doc(f, 0)->places[0].now, "unknown");
	assert_string_equal(doc(f, 1)->places[0].now, "unknown");
}

/* A file that was uploaded before is read for the chat that names it. */
static void test_uploaded_file(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *upload = request(f, text_b), *chat;
	const struct dfl_doc_hop *h;

	id(f, upload, DFL_ID_UPLOAD_FILE, "f-1");
	end(f, upload);
	tick(f, 10);
	chat = request(f, text_a);
	id(f, chat, DFL_ID_UPLOAD_FILE, "f-1");
	operation(f, 5, "GET s3-bucket/*", "bucket/*", text_b);
	end(f, chat);
	h = hop(doc(f, 1), "GET s3-bucket/*");
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_int_equal(f->docs[1]->n_links, 1);
	assert_string_equal(f->docs[1]->links[0].why, "file");
}

static void test_numbers_follow_time(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *late;
	const struct dfl_doc *d;

	late = begin(f, 1, "INSERT first", "t.x");
	see(f, 1, late, DFL_REQUEST, NULL, "Please tell me how to prun"); /* counts when the id is known */
	id(f, late, DFL_ID_MESSAGE, "m-1");
	end(f, late);
	f->now += 1000000;
	operation(f, 1, "INSERT second", "t.y", text_a);
	id(f, api, DFL_ID_MESSAGE, "m-1");
	end(f, api);
	tick(f, 10);
	d = doc(f, 0);
	assert_int_equal(d->n_hops, 3);
	for (size_t i = 0; i < d->n_hops; i++)
		assert_int_equal(d->hops[i].seq, i + 1);
	assert_string_equal(d->hops[1].operation, "INSERT first");
}

static void test_bytes_without_an_operation(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, text_a);

	see(f, 5, NULL, DFL_REQUEST, NULL, text_a);
	end(f, op);
	assert_int_equal(doc(f, 0)->n_hops, 2);
	assert_null(doc(f, 0)->hops[1].operation);
	assert_true(doc(f, 0)->hops[1].coverage == 1.0);
}

static void test_loss_is_said(void **state)
{
	struct fixture *f = *state;
	struct dfl_event ev = { .type = DFL_EV_LOSS, .ts_ns = f->now };
	struct dfl_gap gap = { .len = 7, .ts_ns = f->now };
	struct dfl_op *op = request(f, text_a);

	ev.loss = (struct dfl_ev_loss){ .reason = DFL_LOSS_RING_FULL, .events = 3, .bytes = 40 };
	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
	dfl_trace_gap(f->t, &f->conns[0], &gap);
	end(f, op);
	tick(f, 10);
	assert_true(doc(f, 0)->settled);
	assert_false(doc(f, 0)->completeness.complete);
	assert_int_equal(doc(f, 0)->completeness.lost_events, 3);
	assert_int_equal(doc(f, 0)->completeness.lost_bytes, 47);
	assert_int_equal(doc(f, 0)->completeness.n_reasons, 2);
}

static void test_complete(void **state)
{
	struct fixture *f = *state;

	end(f, request(f, text_a));
	assert_false(doc(f, 0)->completeness.complete); /* not settled */
	tick(f, 10);
	assert_true(doc(f, 0)->completeness.complete);
}

static void test_absence_on_a_connection(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	f->conns[1].tap = f->conns[2].tap = true; /* no processes here: what was used meanwhile is listed */
	dfl_trace_conn(f->t, &f->conns[1]);
	op = request(f, text_a);
	operation(f, 1, "SELECT apps", NULL, "SELECT a, b, c FROM apps");
	end(f, op);
	tick(f, 10);
	assert_int_equal(doc(f, 0)->n_connections, 2);
	assert_int_equal(doc(f, 0)->connections[1].bytes_scanned, 24);
	assert_int_equal(doc(f, 0)->connections[1].bytes_matched, 0);
}

static void test_punctuation_cannot_be_matched(void **state)
{
	struct fixture *f = *state;

	end(f, request(f, "?!... --- ???"));
	assert_string_equal(doc(f, 0)->fields[0].matchable, "none");
	end(f, request(f, "ok"));
	assert_string_equal(doc(f, 1)->fields[0].matchable, "whole-leaf");
}

static void test_short_text(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, "はい"), *tied, *stray;

	id(f, op, DFL_ID_MESSAGE, "m-1");
	stray = begin(f, 1, "INSERT stray", "t.x");
	see(f, 1, stray, DFL_REQUEST, NULL, "はい");
	end(f, stray);
	tied = begin(f, 1, "INSERT messages", "messages.query");
	id(f, tied, DFL_ID_MESSAGE, "m-1");
	see(f, 1, tied, DFL_REQUEST, NULL, "はい");
	end(f, tied);
	end(f, op);
	assert_non_null(hop(doc(f, 0), "INSERT messages"));
	assert_null(hop(doc(f, 0), "INSERT stray"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_inbound_and_content),
		T(test_internal_call_is_no_request),
		T(test_weak_and_tied),
		T(test_tied_late),
		T(test_two_requests_keep_apart),
		T(test_nested_text),
		T(test_equal_text_is_ambiguous),
		T(test_equal_text_with_an_id),
		T(test_text_repeated_later),
		T(test_history),
		T(test_attacker_repeats_a_phrase),
		T(test_answer_and_its_echo),
		T(test_answer_of_nobody),
		T(test_answers_with_one_opening),
		T(test_occurrences),
		T(test_removed),
		T(test_removed_but_whose),
		T(test_uploaded_file),
		T(test_numbers_follow_time),
		T(test_bytes_without_an_operation),
		T(test_loss_is_said),
		T(test_complete),
		T(test_absence_on_a_connection),
		T(test_punctuation_cannot_be_matched),
		T(test_short_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
