// SPDX-License-Identifier: Apache-2.0
/* The trace stage: hops, places, loss and documents. */
#include "trace_help.h"

#include <unistd.h>

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
	assert_true(h->coverage == 1.0 && h->bytes == strlen(text_a) &&
		    h->to.station == DFL_ST_POSTGRES);
	assert_string_equal(h->place, "messages.query");
	assert_int_equal(h->encrypted, 0);
	assert_null(hop(doc(f, 0), "INSERT other"));
	assert_int_equal(doc(f, 0)->n_hops, 2);
	assert_int_equal(doc(f, 0)->weak_matches, 0);
}

/* A process of that command line and file; "" and "" is one that no rule knows. */
static void process(struct fixture *f, uint32_t pid, const char *cmdline, const char *exe)
{
	struct dfl_event ev = { .type = DFL_EV_PROC, .ts_ns = f->now };

	ev.proc = (struct dfl_ev_proc){ .pid = pid,
					.comm = "",
					.exe = exe,
					.cmdline = cmdline,
					.cgroup = "",
					.container_id = "",
					.container_name = "",
					.image = "",
					.pod = "",
					.namespace_ = "",
					.task = "" };
	assert_int_equal(dfl_trace_event(f->t, &ev), 0);
}

static void test_internal_call_is_no_request(void **state)
{
	struct fixture *f = *state;

	process(f, 77, "celery -A app worker", "/usr/bin/python3");
	f->conns[0].end[DFL_CLIENT].pid = 77;
	dfl_trace_conn(f->t, &f->conns[0]);
	end(f, request(f, text_a));
	dfl_trace_finish(f->t);
	assert_int_equal(f->n_docs, 0);
}

/* A call with a body of a route that is in no table. Connection 5 goes to a port of no rule. */
static void unknown_route(struct fixture *f, uint32_t client, uint32_t server)
{
	struct dfl_op *op;
	struct dfl_src *s;

	f->conns[5].end[DFL_CLIENT].pid = client;
	f->conns[5].end[DFL_SERVER].pid = server;
	dfl_trace_conn(f->t, &f->conns[5]);
	see(f, 5, NULL, DFL_REQUEST, NULL, "POST /v9 HTTP/1.1");
	op = begin(f, 5, "POST *", NULL);
	s = f->sink->source_begin(f->sink->ud, op, "note", DFL_REQUEST);
	f->sink->source_append(f->sink->ud, s, text_a, strlen(text_a), f->next_pos, strlen(text_a),
			       f->now);
	see(f, 5, op, DFL_REQUEST, NULL, text_a);
	f->sink->source_end(f->sink->ud, s, f->now);
	end(f, op);
	f->now += 1000000;
}

/* Who called whom, and whether a request came in so. */
static void test_way_in(void **state)
{
	static const struct {
		uint32_t client, server;
		bool request;
	} calls[] = {
		{ 0, 30, true },   /* from outside, to a process of no rule */
		{ 0, 10, true },   /* to the API */
		{ 0, 12, true },   /* to the plugin daemon */
		{ 40, 10, true },  /* from a process of no rule that takes none itself */
		{ 14, 10, true },  /* from nginx before it */
		{ 0, 0, false },   /* both ends unseen: it may be any call */
		{ 30, 0, false },  /* out, from a process that took one */
		{ 40, 0, false },  /* out, from one that did not */
		{ 30, 41, false }, /* from one that took one */
		{ 11, 10, false }, /* the worker calls the API */
		{ 12, 10, false }, /* the plugin daemon calls back */
		{ 10, 12, false }, /* the API calls the daemon */
		{ 13, 10, false }, /* a workflow calls its own API through squid */
		{ 0, 14, false },  /* nginx passes it on: the API takes it */
		{ 0, 15, false },  /* a store */
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f;
		void *own;
		size_t n;

		setup(&own);
		f = own;
		process(f, 10, "gunicorn app:app", "");
		process(f, 11, "celery -A app worker", "");
		process(f, 12, "", "/app/dify-plugin-daemon");
		process(f, 13, "", "/usr/sbin/squid");
		process(f, 14, "", "/usr/sbin/nginx");
		process(f, 15, "", "/usr/bin/redis-server");
		process(f, 30, "python3 hook.py", "");
		process(f, 40, "curl http://x", "");
		process(f, 41, "python3 other.py", "");
		if (calls[i].client == 30)
			unknown_route(f, 0, 30);
		unknown_route(f, calls[i].client, calls[i].server);
		dfl_trace_finish(f->t);
		n = (size_t)calls[i].request + (calls[i].client == 30);
		if (f->n_docs != n)
			print_error("call %zu\n", i);
		assert_int_equal(f->n_docs, n);
		if (f->n_docs)
			assert_string_equal(f->docs[0]->route, "unknown");
		teardown(&own);
	}
}

static void see_at(struct fixture *f, int conn, struct dfl_op *op, uint64_t pos, uint64_t pos_len,
		   const char *text)
{
	struct dfl_view_desc d = { .dir = DFL_REQUEST };
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

static void test_numbers_follow_time(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *late;
	const struct dfl_doc *d;

	late = begin(f, 1, "INSERT first", "t.x");
	see(f, 1, late, DFL_REQUEST, NULL, "Please tell me how to prun"); /* counts when the id is
									     known */
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

/* At a limit of a decoder all may be touched that use the connection. */
static void test_limit_is_said(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, text_a);

	operation(f, 2, "PUBLISH", "channel:*", text_a);
	f->sink->limit(f->sink->ud, &f->conns[2]);
	f->sink->limit(f->sink->ud, &f->conns[3]); /* not used by it */
	end(f, op);
	tick(f, 10);
	assert_int_equal(doc(f, 0)->completeness.n_reasons, 1);
	assert_string_equal(f->docs[0]->completeness.reasons[0], "a limit was reached");
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

	f->conns[1].tap = f->conns[2].tap = true; /* no processes here: what was used meanwhile is
						     listed */
	dfl_trace_conn(f->t, &f->conns[1]);
	op = request(f, text_a);
	operation(f, 1, "SELECT apps", NULL, "SELECT a, b, c FROM apps");
	end(f, op);
	tick(f, 10);
	assert_int_equal(doc(f, 0)->n_connections, 2);
	assert_int_equal(doc(f, 0)->connections[1].bytes_scanned, 24);
	assert_int_equal(doc(f, 0)->connections[1].bytes_matched, 0);
}

/* Connections without text share an entry when their ends are the same; nothing of them is lost. */
static void test_equal_connections_share_an_entry(void **state)
{
	static const char sql[] = "SELECT a, b, c FROM apps";
	struct fixture *f = *state;
	const struct dfl_doc *d;
	struct dfl_op *op;

	for (int i = 1; i <= 3; i++) {
		f->conns[i].tap = true;
		f->conns[i].medium = DFL_TCP;
		dfl_addr_set(&f->conns[i].end[DFL_CLIENT].addr, AF_INET, "\12\0\0\1",
			     (uint16_t)(40000 + i));
		dfl_addr_set(&f->conns[i].end[DFL_SERVER].addr, AF_INET, "\12\0\0\2",
			     i == 3 ? 5433 : 5432);
		dfl_trace_conn(f->t, &f->conns[i]);
	}
	op = request(f, text_a);
	for (int i = 1; i <= 3; i++) {
		operation(f, i, "SELECT apps", NULL, sql);
		f->sink->unread(f->sink->ud, &f->conns[i], DFL_REQUEST, 100);
	}
	end(f, op);
	tick(f, 10);
	d = doc(f, 0);
	assert_int_equal(d->n_connections, 3);
	assert_int_equal(d->connections[0].count, 1);
	assert_int_equal(d->connections[1].count, 2);
	assert_int_equal(d->connections[1].bytes_scanned, 2 * strlen(sql));
	assert_int_equal(d->connections[1].bytes_unread, 200);
	assert_int_equal(d->connections[2].count, 1);
	assert_int_equal(d->completeness.n_unread, 2);
	assert_int_equal(d->completeness.unread[0].connection, 2);
	assert_int_equal(d->completeness.unread[0].bytes, 200);
	assert_int_equal(d->completeness.unread[1].connection, 3);
}

/* Each request counts what passed on a connection while it was open, however many were open. */
static void test_each_request_counts_its_part(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *first, *second;

	f->conns[1].tap = true;
	dfl_trace_conn(f->t, &f->conns[1]);
	f->sink->unread(f->sink->ud, &f->conns[1], DFL_REQUEST, 10000);
	first = request(f, text_a);
	f->sink->unread(f->sink->ud, &f->conns[1], DFL_REQUEST, 1000);
	second = request(f, text_b);
	f->sink->unread(f->sink->ud, &f->conns[1], DFL_REQUEST, 100);
	end(f, first);
	tick(f, 10);
	f->sink->unread(f->sink->ud, &f->conns[1], DFL_REQUEST, 10);
	end(f, second);
	tick(f, 10);
	f->sink->unread(f->sink->ud, &f->conns[1], DFL_REQUEST, 1);
	assert_int_equal(doc(f, 0)->n_connections, 2);
	assert_int_equal(f->docs[0]->connections[1].bytes_unread, 1100);
	assert_int_equal(f->docs[1]->n_connections, 2);
	assert_int_equal(f->docs[1]->connections[1].bytes_unread, 110);
}

/* News are stored soon, but not at once: a chat of a second is stored once before it settles. */
static void test_news_are_stored_within_a_second(void **state)
{
	struct fixture *f = *state;

	tick(f, 1);
	request(f, text_a);
	tick(f, 0.05);
	assert_int_equal(f->n_docs, 0);
	operation(f, 2, "PUBLISH", "channel:*", text_a);
	tick(f, 0.7);
	assert_int_equal(f->n_docs, 1);
	assert_int_equal(f->docs[0]->n_hops, 2);
	operation(f, 3, "HSET", "unacked", text_a);
	tick(f, 0.05);
	assert_int_equal(f->docs[0]->n_hops, 2);
	tick(f, 0.7);
	assert_int_equal(f->docs[0]->n_hops, 3);
}

static void test_punctuation_cannot_be_matched(void **state)
{
	struct fixture *f = *state;

	end(f, request(f, "?!... --- ???"));
	assert_string_equal(doc(f, 0)->fields[0].matchable, "none");
	end(f, request(f, "ok"));
	assert_string_equal(doc(f, 1)->fields[0].matchable, "whole-leaf");
}

/* What had no room is no text of no letters. */
static void test_cut_by_a_limit(void **state)
{
	struct fixture *f = *state;

	stop(f);
	f->max_source_bytes = 64;
	start(f);
	end(f, request(f, text_a));
	assert_true(doc(f, 0)->fields[0].bytes == DFL_DOC_UNKNOWN);
	assert_true(f->docs[0]->fields[0].canonical_bytes < strlen(text_a));
	tick(f, 10);
	assert_int_equal(doc(f, 0)->completeness.n_reasons, 1);
	assert_string_equal(f->docs[0]->completeness.reasons[0], "a limit was reached");
}

static int setup_for_one(void **state)
{
	static const char config[] = "settings: {max_open_traces: 1}\n";
	char path[] = "/tmp/dflow-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, config, strlen(config)), strlen(config));
	close(fd);
	setup_with(state, path);
	return unlink(path);
}

/*
 * A request that had to go for a newer one: what still comes of its text, and of its answer, is
 * swallowed.
 */
static void test_dropped_while_text_comes(void **state)
{
	struct dfl_view_desc d = { .dir = DFL_RESPONSE, .derives = "answer" };
	struct fixture *f = *state;
	struct dfl_chunk chunk = { .dir = DFL_RESPONSE, .ts_ns = f->now };
	struct dfl_op *first = begin(f, 0, "POST /v1/chat-messages", "/v1/chat-messages");
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, first, "query", DFL_REQUEST);
	struct dfl_view *v = f->sink->view_open(f->sink->ud, &f->conns[0], first, &d);
	struct dfl_op *second;

	f->sink->source_append(f->sink->ud, s, text_a, 30, 0, 30, f->now);
	f->sink->view_data(f->sink->ud, v, text_b, 60, 100, 60, &chunk);
	second = request(f, text_b);
	f->sink->source_append(f->sink->ud, s, text_a + 30, 30, 30, 30, f->now);
	f->sink->source_gap(f->sink->ud, s, 60, 5);
	f->sink->view_data(f->sink->ud, v, text_b + 60, 20, 160, 20, &chunk);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->sink->view_close(f->sink->ud, v);
	end(f, first);
	end(f, second);
	assert_int_equal(doc(f, 0)->n_fields, 1);
	assert_int_equal(f->docs[0]->fields[0].bytes, strlen(text_b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_inbound_and_content),
		T(test_internal_call_is_no_request),
		cmocka_unit_test(test_way_in),
		T(test_occurrences),
		cmocka_unit_test_setup_teardown(test_dropped_while_text_comes, setup_for_one,
						teardown),
		T(test_numbers_follow_time),
		T(test_bytes_without_an_operation),
		T(test_loss_is_said),
		T(test_limit_is_said),
		T(test_complete),
		T(test_absence_on_a_connection),
		T(test_equal_connections_share_an_entry),
		T(test_each_request_counts_its_part),
		T(test_news_are_stored_within_a_second),
		T(test_punctuation_cannot_be_matched),
		T(test_cut_by_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
