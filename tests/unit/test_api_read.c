// SPDX-License-Identifier: Apache-2.0
/* dflow.h: cursors, what a trace tells beside its JSON, and the end of waiting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <signal.h>
#include <time.h>

#include <cmocka.h>
#include <dflow.h>

#include "store_help.h"

#define MANY 500

static struct dflow_store *store;

static int teardown(void **state)
{
	dflow_store_close(store);
	store = NULL;
	return help_teardown(state);
}

static void put_one(struct dfl_store *writer, struct dfl_doc *doc)
{
	assert_int_equal(dfl_store_put(writer, doc, NULL), 0);
	dfl_doc_free(doc);
}

/* MANY requests, one a second; each third is not complete. */
static void make_many(void)
{
	struct dfl_store *writer;
	char message[32];

	assert_int_equal(dfl_store_create(help_path, NULL, &writer, NULL), 0);
	for (unsigned i = 1; i <= MANY; i++) {
		struct dfl_doc *doc;

		snprintf(message, sizeof(message), "message-%u", i);
		doc = help_doc(i, message, "the-conversation");
		doc->completeness.complete = i % 3;
		put_one(writer, doc);
	}
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	dfl_store_close(writer);
	assert_int_equal(dflow_store_open(help_path, &store, NULL), 0);
}

/* How many there are; sum of their seconds of start; are they in order? */
static unsigned walk(const struct dflow_list_opts *opts, uint64_t *ret_sum)
{
	bool newest_first = opts && opts->order == DFLOW_NEWEST_FIRST;
	struct dflow_cursor *cursor;
	const struct dflow_trace *t;
	int64_t last_ns = 0;
	unsigned n = 0;
	int r;

	*ret_sum = 0;
	assert_int_equal(dflow_cursor_open(store, opts, &cursor, NULL), 0);
	while ((r = dflow_cursor_next(cursor, &t, NULL)) == 1) {
		int64_t ns = dflow_trace_started_ns(t);

		assert_true(!n || (newest_first ? ns < last_ns : ns > last_ns));
		last_ns = ns;
		*ret_sum += ns / 1000000000;
		n++;
	}
	assert_int_equal(r, 0);
	assert_int_equal(dflow_cursor_next(cursor, &t, NULL), 0);
	dflow_cursor_close(cursor);
	return n;
}

static void a_cursor_walks_and_filters(void **state)
{
	struct dflow_list_opts o = { .sz = sizeof(o) };
	struct dflow_cursor *cursor;
	struct dflow_error error;
	uint64_t sum;

	make_many();
	assert_int_equal(walk(NULL, &sum), MANY);
	assert_int_equal(sum, MANY * (MANY + 1) / 2);
	o.order = DFLOW_NEWEST_FIRST;
	assert_int_equal(walk(&o, &sum), MANY);
	o.limit = 2;
	assert_int_equal(walk(&o, &sum), 2);
	assert_int_equal(sum, MANY + MANY - 1);
	o = (struct dflow_list_opts){ .sz = sizeof(o), .complete = DFLOW_NO };
	assert_int_equal(walk(&o, &sum), MANY / 3);
	o.complete = DFLOW_YES;
	assert_int_equal(walk(&o, &sum), MANY - MANY / 3);
	o.settled = DFLOW_NO;
	assert_int_equal(walk(&o, &sum), 0);
	o = (struct dflow_list_opts){ .sz = sizeof(o), .station = "postgres" };
	assert_int_equal(walk(&o, &sum), MANY);
	o.operation = "post */chat*";
	assert_int_equal(walk(&o, &sum), MANY);
	o.operation = "GET *";
	assert_int_equal(walk(&o, &sum), 0);
	o = (struct dflow_list_opts){ .sz = sizeof(o), .station = "no-such-station" };
	assert_int_equal(dflow_cursor_open(store, &o, &cursor, &error), -EINVAL);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	o = (struct dflow_list_opts){ .sz = sizeof(o), .complete = (enum dflow_when)3 };
	assert_int_equal(dflow_cursor_open(store, &o, &cursor, &error), -EINVAL);
	o = (struct dflow_list_opts){ .sz = sizeof(o), .order = (enum dflow_order)2 };
	assert_int_equal(dflow_cursor_open(store, &o, &cursor, &error), -EINVAL);
	dflow_cursor_close(NULL);
}

/* A row knows what is cheap, and loads the rest when it is asked for. */
static void a_row_loads_its_document(void **state)
{
	struct dflow_list_opts o = { .sz = sizeof(o), .since_ns = 3000000000 };
	struct dflow_hop hop = { .sz = sizeof(hop) };
	const struct dflow_trace *t;
	struct dflow_cursor *cursor;
	char *json;

	make_many();
	assert_int_equal(dflow_cursor_open(store, &o, &cursor, NULL), 0);
	assert_int_equal(dflow_cursor_next(cursor, &t, NULL), 1);
	assert_string_equal(dflow_trace_other_id(t, "message_id"), "message-3");
	assert_string_equal(dflow_trace_operation(t), "POST /v1/chat-messages");
	assert_int_equal(dflow_trace_ended_ns(t), 3000000005);
	assert_true(dflow_trace_settled(t) && !dflow_trace_complete(t));
	assert_int_equal(dflow_trace_hop_count(t), 1);
	assert_int_equal(dflow_trace_hop(t, 0, &hop), 0);
	assert_string_equal(hop.place, "messages.query");
	assert_int_equal(dflow_trace_hop(t, 1, &hop), -EINVAL);
	assert_int_equal(dflow_trace_json(t, &json), 0);
	assert_non_null(strstr(json, "message-3"));
	free(json);
	assert_int_equal(dflow_cursor_next(cursor, &t, NULL), 1);
	assert_true(dflow_trace_complete(t));
	assert_int_equal(dflow_trace_json(t, &json), 0);
	assert_non_null(strstr(json, "message-4"));
	free(json);
	dflow_cursor_close(cursor);
}

/* ---- the accessors and the JSON tell the same ---- */

static char *text(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void add_strings(char ***ret, size_t *ret_n, const char *a, const char *b)
{
	*ret = calloc(2, sizeof(**ret));
	(*ret)[0] = text(a);
	(*ret)[1] = text(b);
	*ret_n = 2;
}

static void fill_hop(struct dfl_doc_hop *h)
{
	h->from.station = DFL_ST_API;
	h->from.rule = text("command gunicorn");
	h->from.comm = text("gun\xc2\x9bi\u202e"
			    "corn");
	h->from.pid = 7;
	h->from.container.id = text("c0ffee");
	h->from.container.image = text("dify-api:1.13.3");
	h->to.rule = text("port 5432");
	h->to.name = text("db.example");
	h->to.name_evidence = text("dns");
	h->tls_version = text("TLSv1.3");
	h->tls_sni = text("db.example");
	h->coverage_basis = text("exact");
	h->encodings = 1 | 2 | 32; /* raw, uescape, base64 */
	h->evidence_id = true;
	h->common = true;
	h->common_sources = 3;
	h->ambiguous = true;
	add_strings(&h->candidates, &h->n_candidates, "trace-a", "trace-b");
	add_strings(&h->via, &h->n_via, "nat", "alb");
	h->replayed_from = text("trace-c");
	h->ranges = calloc(2, sizeof(*h->ranges));
	h->ranges[0] = (struct dfl_doc_range){ 0, 4 };
	h->ranges[1] = (struct dfl_doc_range){ 6, 11 };
	h->n_ranges = 2;
}

static struct dfl_doc *full_doc(void)
{
	struct dfl_doc *doc = help_doc(1, "the-message", NULL);

	fill_hop(&doc->hops[0]);
	doc->client_address = text("192.0.2.1");
	doc->fields = calloc(1, sizeof(*doc->fields));
	doc->n_fields = 1;
	doc->fields[0] = (struct dfl_doc_field){ .field = text("query"),
						 .bytes = DFL_DOC_UNKNOWN,
						 .canonical_bytes = 9,
						 .matchable = text("content") };
	doc->places = calloc(1, sizeof(*doc->places));
	doc->n_places = 1;
	doc->places[0] = (struct dfl_doc_place){ .station = DFL_ST_POSTGRES,
						 .place = text("messages.query"),
						 .residency = DFL_PERSISTENT,
						 .ttl_s = -1,
						 .first_ns = 5,
						 .removed_ns = -1,
						 .now = text("present") };
	add_strings(&doc->places[0].fields, &doc->places[0].n_fields, "query", "answer");
	doc->links = calloc(1, sizeof(*doc->links));
	doc->n_links = 1;
	doc->links[0] = (struct dfl_doc_link){ text("trace-d"), text("conversation") };
	doc->replayed_in = calloc(1, sizeof(*doc->replayed_in));
	doc->n_replayed_in = 1;
	doc->replayed_in[0] = (struct dfl_doc_replay){ text("trace-e"), 4 };
	doc->completeness.complete = false;
	doc->completeness.lost_bytes = 12;
	add_strings(&doc->completeness.reasons, &doc->completeness.n_reasons, "one", "two");
	add_strings(&doc->completeness.blind, &doc->completeness.n_blind, "io_uring", "shm");
	doc->completeness.unread = calloc(2, sizeof(*doc->completeness.unread));
	doc->completeness.n_unread = 2;
	doc->completeness.unread[0].bytes = 30;
	doc->completeness.unread[1].bytes = 12;
	return doc;
}

static const struct dflow_trace *read_full(struct dflow_traces **ret_traces)
{
	struct dfl_store *writer;

	assert_int_equal(dfl_store_create(help_path, NULL, &writer, NULL), 0);
	put_one(writer, full_doc());
	assert_int_equal(dfl_store_sync(writer, NULL), 0);
	dfl_store_close(writer);
	assert_int_equal(dflow_store_open(help_path, &store, NULL), 0);
	assert_int_equal(dflow_store_find(store, "the-message", ret_traces, NULL), 0);
	return dflow_traces_at(*ret_traces, 0);
}

static void check_hop(const struct dflow_trace *t)
{
	struct dflow_hop h = { .sz = sizeof(h) };
	uint64_t from, to;

	assert_int_equal(dflow_trace_hop(t, 0, &h), 0);
	assert_string_equal(h.from_station, "api");
	assert_string_equal(h.from_rule, "command gunicorn");
	assert_string_equal(h.from_comm, "gun?i?corn"); /* it could steer a terminal */
	assert_int_equal(h.from_pid, 7);
	assert_string_equal(h.from_container, "c0ffee");
	assert_string_equal(h.from_image, "dify-api:1.13.3");
	assert_null(h.from_pod);
	assert_string_equal(h.to_station, "postgres");
	assert_string_equal(h.to_rule, "port 5432");
	assert_string_equal(h.to_name_evidence, "dns");
	assert_string_equal(h.tls_version, "TLSv1.3");
	assert_null(h.tls_cipher);
	assert_string_equal(h.tls_sni, "db.example");
	assert_string_equal(h.coverage_basis, "exact");
	assert_int_equal(h.evidence, DFLOW_EVIDENCE_CONTENT | DFLOW_EVIDENCE_ID);
	assert_true(h.common == 1 && h.common_sources == 3 && h.ambiguous == 1);
	assert_string_equal(h.replayed_from, "trace-c");
	assert_true(h.n_candidates == 2 && h.n_via == 2 && h.n_ranges == 2 && h.n_encodings == 3);
	assert_string_equal(dflow_trace_hop_candidate(t, 0, 1), "trace-b");
	assert_null(dflow_trace_hop_candidate(t, 0, 2));
	assert_null(dflow_trace_hop_candidate(t, 1, 0));
	assert_string_equal(dflow_trace_hop_via(t, 0, 0), "nat");
	assert_string_equal(dflow_trace_hop_encoding(t, 0, 0), "raw");
	assert_string_equal(dflow_trace_hop_encoding(t, 0, 2), "base64");
	assert_null(dflow_trace_hop_encoding(t, 0, 3));
	assert_int_equal(dflow_trace_hop_range(t, 0, 1, &from, &to), 0);
	assert_true(from == 6 && to == 11);
	assert_int_equal(dflow_trace_hop_range(t, 0, 2, &from, &to), -EINVAL);
}

static void check_lists(const struct dflow_trace *t)
{
	struct dflow_field f = { .sz = sizeof(f) };
	struct dflow_place p = { .sz = sizeof(p) };
	struct dflow_link l = { .sz = sizeof(l) };

	assert_int_equal(dflow_trace_field_count(t), 1);
	assert_int_equal(dflow_trace_field(t, 0, &f), 0);
	assert_string_equal(f.field, "query");
	assert_string_equal(f.matchable, "content");
	assert_true(!f.derived_from && f.bytes == UINT64_MAX && f.canonical_bytes == 9);
	assert_int_equal(dflow_trace_field(t, 1, &f), -EINVAL);
	assert_int_equal(dflow_trace_place_count(t), 1);
	assert_int_equal(dflow_trace_place(t, 0, &p), 0);
	assert_string_equal(p.station, "postgres");
	assert_string_equal(p.residency, "persistent");
	assert_string_equal(p.now, "present");
	assert_true(p.n_fields == 2 && p.ttl_s == -1 && p.first_ns == 5 && p.removed_ns == -1);
	assert_string_equal(dflow_trace_place_field(t, 0, 1), "answer");
	assert_null(dflow_trace_place_field(t, 0, 2));
	assert_null(dflow_trace_place_field(t, 1, 0));
	assert_int_equal(dflow_trace_place(t, 1, &p), -EINVAL);
	assert_int_equal(dflow_trace_link_count(t), 2);
	assert_int_equal(dflow_trace_link(t, 0, &l), 0);
	assert_string_equal(l.why, "conversation");
	assert_true(!strcmp(l.trace_id, "trace-d") && l.seq == 0);
	assert_int_equal(dflow_trace_link(t, 1, &l), 0);
	assert_string_equal(l.why, "replayed");
	assert_true(!strcmp(l.trace_id, "trace-e") && l.seq == 4);
	assert_int_equal(dflow_trace_link(t, 2, &l), -EINVAL);
}

static void a_trace_tells_all(void **state)
{
	struct dflow_completeness c = { .sz = sizeof(c) };
	struct dflow_traces *traces;
	const struct dflow_trace *t = read_full(&traces);

	assert_string_equal(dflow_trace_client_address(t), "192.0.2.1");
	check_hop(t);
	check_lists(t);
	assert_int_equal(dflow_trace_completeness(t, &c), 0);
	assert_true(!c.complete && c.lost_bytes == 12 && c.unread_bytes == 42);
	assert_true(c.n_reasons == 2 && c.n_blind == 2);
	assert_string_equal(dflow_trace_reason(t, 1), "two");
	assert_null(dflow_trace_reason(t, 2));
	assert_string_equal(dflow_trace_blind(t, 0), "io_uring");
	assert_null(dflow_trace_blind(t, 2));
	dflow_traces_free(traces);
}

/* ---- waiting ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int give_up_at_third(void *ud)
{
	return ++*(int *)ud < 3 ? 0 : -EDOM;
}

static volatile sig_atomic_t signals;

static void on_alarm(int signal)
{
	signals++;
}

static int after_a_signal(void *ud)
{
	return signals ? -EINTR : 0;
}

static int wait_for_nobody(const struct dflow_wait_opts *opts, struct dflow_error *ret_error)
{
	struct dflow_traces *traces;

	return dflow_store_wait(store, "nobody", opts, &traces, ret_error);
}

static void waiting_ends(void **state)
{
	struct dflow_wait_opts o = { .sz = sizeof(o), .cancel = give_up_at_third };
	struct dflow_error error;
	uint64_t start_ns;
	int asked = 0, fd[2];

	make_many();
	o.ud = &asked;
	assert_int_equal(wait_for_nobody(&o, NULL), -EDOM);
	assert_int_equal(asked, 3);
	assert_int_equal(pipe(fd), 0);
	o = (struct dflow_wait_opts){ .sz = sizeof(o),
				      .timeout_ns = 100000000,
				      .cancel_fd = fd[0] };
	start_ns = now_ns();
	assert_int_equal(wait_for_nobody(&o, &error), -ENOENT);
	assert_true(now_ns() - start_ns >= 100000000);
	assert_int_equal(write(fd[1], "x", 1), 1);
	o.timeout_ns = 0;
	assert_int_equal(wait_for_nobody(&o, &error), -ECANCELED);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	close(fd[0]);
	close(fd[1]);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	ualarm(20000, 0);
	o = (struct dflow_wait_opts){ .sz = sizeof(o), .cancel = after_a_signal };
	assert_int_equal(wait_for_nobody(&o, &error), -EINTR);
}

/* What is there and settled does not wait, and is not cancelled. */
static void no_need_to_wait(void **state)
{
	struct dflow_wait_opts o = { .sz = sizeof(o), .cancel = give_up_at_third };
	struct dflow_traces *traces;
	int asked = 5;

	make_many();
	o.ud = &asked;
	assert_int_equal(dflow_store_wait(store, "message-3", &o, &traces, NULL), 0);
	assert_int_equal(dflow_traces_count(traces), 1);
	dflow_traces_free(traces);
	assert_int_equal(dflow_store_wait(store, "the-conversation", &o, &traces, NULL), 0);
	assert_int_equal(dflow_traces_count(traces), MANY);
	dflow_traces_free(traces);
	assert_int_equal(dflow_store_wait(store, "the-conversation", NULL, &traces, NULL), 0);
	dflow_traces_free(traces);
	assert_int_equal(asked, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, help_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cursor_walks_and_filters),
		TEST(a_row_loads_its_document),
		TEST(a_trace_tells_all),
		TEST(waiting_ends),
		TEST(no_need_to_wait),
	};

	return cmocka_run_group_tests_name("api_read", tests, NULL, NULL);
}
