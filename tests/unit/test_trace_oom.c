// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation of the trace stage fails once, and every growth of its tables: it goes on, and
 * nothing leaks. And they are counted, where they tell what something costs.
 */
#include "trace_help.h"

#include "oom.h"
#include "base/hash.h"
#include "trace/stage.h"

#define CROWD 250 /* a table of uthash grows at some hundred */

static struct dfl_rules *rules;

static void take_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	dfl_change_head(change);
	if (what == DFL_DOC_SETTLED)
		dfl_change_doc(change);
}

static void take_store(void *ud, const struct dfl_doc *doc)
{
}

static void take_prints(void *ud, const struct dfl_past_text *of)
{
}

static void take_history(void *ud, const char *trace_id, const char *in_trace_id,
			 const uint32_t *seqs, size_t n)
{
}

/* One life of the stage. Returns how many allocations there were. */
static long play(void (*scene)(struct fixture *f), long fails_at, size_t size,
		 struct dfl_trace_stats *ret_stats)
{
	struct fixture *f = calloc(1, sizeof(*f));
	long n;

	f->rules = rules;
	f->now = 100 * SEC;
	start(f);
	f->t->opts.on_change = take_change;
	f->t->opts.on_store = take_store;
	f->t->opts.on_prints = take_prints;
	f->t->opts.on_history = take_history;
	oom_at_size(fails_at, size);
	scene(f);
	n = oom_count();
	oom_at(-1);
	dfl_trace_stats(f->t, ret_stats);
	stop(f);
	free(f);
	return n;
}

static void tell_process(struct fixture *f, uint32_t pid, const char *comm)
{
	const struct dfl_event ev = { .type = DFL_EV_PROC,
				      .ts_ns = f->now,
				      .proc = { .pid = pid,
						.comm = comm,
						.exe = "/usr/bin/python3",
						.cmdline = "gunicorn app:app",
						.cgroup = "/",
						.container_id = "c0ffee",
						.container_name = "docker-api-1",
						.image = "langgenius/dify-api:1.13.3",
						.pod = "pod",
						.namespace_ = "default",
						.task = "" } };

	dfl_trace_event(f->t, &ev);
}

static void tell_name(struct fixture *f, int i)
{
	const uint8_t ip[4] = { 192, 0, (uint8_t)(i >> 8), (uint8_t)i };
	struct dfl_addr addr = { 0 };
	char name[32];

	dfl_addr_set(&addr, AF_INET, ip, 0);
	snprintf(name, sizeof(name), "host-%d.example", i);
	f->sink->dns(f->sink->ud, name, &addr, 60, f->now);
}

static void called(struct fixture *f, int conn, enum dfl_id_kind kind, const char *value,
		   const char *text)
{
	struct dfl_op *op = begin(f, conn, "INSERT messages", "messages.query");

	id(f, op, kind, value);
	see(f, conn, op, DFL_REQUEST, NULL, text);
	end(f, op);
	f->now += 1000000;
}

/* A model is asked, and what it answers goes to the client. */
static void answered(struct fixture *f, struct dfl_op *of, const char *question)
{
	static const char answer[] = "Cut dead wood first, then every branch that crosses another "
				     "one; leave the buds.";
	struct dfl_op *op = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, op, DFL_REQUEST, NULL, question);
	see(f, 4, op, DFL_RESPONSE, "answer", answer);
	end(f, op);
	called(f, 1, DFL_ID_MESSAGE, "m-1", answer);
	see(f, 0, of, DFL_RESPONSE, NULL, answer);
}

/*
 * A chat, the same text of two at once, its return as history while it is in memory and when it is
 * not any more.
 */
static void chats(struct fixture *f)
{
	struct dfl_op *op, *twin;

	tell_process(f, 10, "gunicorn");
	tell_name(f, 1);
	op = request(f, text_a);
	id(f, op, DFL_ID_MESSAGE, "m-1");
	id(f, op, DFL_ID_CONVERSATION, "c-1");
	called(f, 1, DFL_ID_MESSAGE, "m-1", text_a);
	operation(f, 2, "LPUSH", "celery", text_a);
	answered(f, op, text_a);
	end(f, op);
	twin = request(f, text_a);
	operation(f, 2, "SETEX", "cache", text_a);
	end(f, twin);
	tick(f, 5);
	op = request(f, text_b);
	id(f, op, DFL_ID_CONVERSATION, "c-1");
	operation(f, 3, "POST /v1/chat/completions", NULL, text_b);
	called(f, 1, DFL_ID_CONVERSATION, "c-1", text_a);
	end(f, op);
	tick(f, 5);
	tick(f, 20 * 60);
	op = request(f, "And what about pear trees that were never pruned, is it the same for "
			"those in a cold garden?");
	id(f, op, DFL_ID_CONVERSATION, "c-1");
	called(f, 1, DFL_ID_CONVERSATION, "c-1", text_a);
	end(f, op);
	tick(f, 5);
	dfl_trace_finish(f->t);
}

static void remember(struct fixture *f, int i)
{
	uint8_t prints[8 * DFL_PRINT_BYTES];
	char trace_id[DFL_TRACE_ID_LEN + 1];

	for (size_t p = 0; p < 8; p++)
		memcpy(prints + p * DFL_PRINT_BYTES,
		       (const uint8_t[]){ (uint8_t)p, (uint8_t)i, 1, 2, 3 }, DFL_PRINT_BYTES);
	snprintf(trace_id, sizeof(trace_id), "%032x", i);
	dfl_trace_remember(f->t, &(struct dfl_past_text){ .trace_id = trace_id,
							  .field = "query",
							  .conversation_id = "c-1",
							  .started_ns = i,
							  .canonical_bytes = 100,
							  .prints = prints,
							  .n_prints = 8 });
}

/* Many of everything that is in a table. */
static void crowd(struct fixture *f)
{
	struct dfl_conn *conns = calloc(CROWD, sizeof(*conns));
	struct dfl_op *op = request(f, text_a);
	struct dfl_chunk chunk = { 0 };
	char name[32];

	f->t->opts.on_change = NULL; /* documents are the other test's */
	for (int i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		tell_process(f, 1000 + (uint32_t)i, name);
		tell_name(f, i);
		remember(f, i);
		id(f, op, DFL_ID_MESSAGE, name); /* an operation keeps a few: the rest comes as
						    calls of this request */
		called(f, 1, DFL_ID_PLUGIN_SESSION, name, text_a);
		operation(f, 2, "SETEX", name, text_a);
		conns[i] = (struct dfl_conn){ .id = 100 + i, .medium = DFL_TCP };
		dfl_trace_conn(f->t, &conns[i]);
		dfl_trace_data(f->t, &conns[i], &chunk);
	}
	end(f, op);
	tick(f, 5);
	for (int i = 0; i < CROWD; i++)
		dfl_trace_close(f->t, &conns[i], f->now);
	free(conns);
}

static void test_each_allocation_fails(void **state)
{
	struct dfl_trace_stats whole, stats;
	long n = play(chats, -1, 0, &whole);

	assert_int_equal(whole.requests, 4);
	assert_true(whole.hops > 12 && n > 200);
	for (long k = 0; k < n; k++) {
		play(chats, k, 0, &stats);
		assert_in_range(stats.requests, whole.requests - 1, whole.requests);
	}
}

/* What could not be put into a table is missing, and nothing else. */
static void tables(size_t size, long at_least)
{
	struct dfl_trace_stats whole, stats;
	long n = play(crowd, -1, size, &whole);
	assert_true(n >= at_least);
	assert_true(whole.hops > CROWD);
	for (long k = 0; k < n; k++) {
		play(crowd, k, size, &stats);
		assert_in_range(stats.hops, whole.hops - 1, whole.hops);
		assert_in_range(stats.match.old_texts, CROWD - 1, CROWD);
	}
}

#define BUCKETS (HASH_INITIAL_NUM_BUCKETS * sizeof(UT_hash_bucket))
#define N_TABLES 7 /* strings, processes, names, ids, connections, hops, older requests */

static void test_each_table_fails(void **state)
{
	tables(BUCKETS, N_TABLES);
}

static void test_each_growth_fails(void **state)
{
	tables(2 * BUCKETS, N_TABLES);
}

static int n_hops;

static void many_hops(struct fixture *f)
{
	struct dfl_op *op = request(f, text_a);
	char place[32];

	for (int i = 0; i < n_hops; i++) {
		snprintf(place, sizeof(place), "t.%d", i);
		operation(f, 1, "INSERT x", place, text_a);
	}
	end(f, op);
}

/*
 * What a callback costs does not grow with the hops that are there already: allocations stand for
 * the work.
 */
static void test_hops_cost_the_same(void **state)
{
	struct dfl_trace_stats stats;
	long n, n2;

	n_hops = 250;
	n = play(many_hops, -1, 0, &stats);
	assert_int_equal(stats.hops, n_hops + 1);
	n_hops *= 2;
	n2 = play(many_hops, -1, 0, &stats);
	assert_int_equal(stats.hops, n_hops + 1);
	assert_in_range(n2, n, 2 * n);
}

static int load_rules(void **state)
{
	struct dfl_err err;

	return dfl_rules_load(NULL, &rules, &err);
}

static int free_rules(void **state)
{
	dfl_rules_free(rules);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_each_table_fails),
		cmocka_unit_test(test_each_growth_fails),
		cmocka_unit_test(test_hops_cost_the_same),
	};

	return cmocka_run_group_tests(tests, load_rules, free_rules);
}
