// SPDX-License-Identifier: Apache-2.0
/* All stages together on the recorded chats: whole, and with packets lost, cut and corrupted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/pcap.h"
#include "pipeline.h"
#include "store/loss.h"

struct result {
	unsigned opened, settled, hops;
	double best_query;
	bool complete;
	uint64_t lost_bytes;
	char *json;
};

/* Hurts some of the events on their way to the pipeline. */
struct hurt {
	struct dfl_pipeline *p;
	uint32_t seed;
	enum { NOTHING, DROP, CUT, FLIP, SPLIT } how;
	uint8_t copy[65536];
};

static uint32_t dice(struct hurt *h)
{
	h->seed = h->seed * 1664525 + 1013904223;
	return h->seed >> 16;
}

/* The same bytes in pieces of one byte. */
static int split(struct hurt *h, const struct dfl_event *ev)
{
	struct dfl_event one = *ev;
	int r = 0;

	for (uint32_t i = 0; i < ev->data.copied && !r; i++) {
		one.data.pos = (uint32_t)(ev->data.pos + i);
		one.data.data = ev->data.data + i;
		one.data.len = one.data.copied = 1;
		one.data.flags = ev->data.flags & ~(DFL_DATA_END | DFL_DATA_FIRST | DFL_DATA_LAST);
		if (!i)
			one.data.flags |= ev->data.flags & DFL_DATA_FIRST;
		if (i + 1 == ev->data.copied)
			one.data.flags |= ev->data.flags & (DFL_DATA_END | DFL_DATA_LAST);
		r = dfl_pipeline_event(h->p, &one);
	}
	return r;
}

static int through(void *ud, const struct dfl_event *ev)
{
	struct hurt *h = ud;
	struct dfl_event hurt = *ev;

	if (ev->type != DFL_EV_DATA || h->how == NOTHING || !ev->data.copied ||
	    ev->data.copied > sizeof(h->copy))
		return dfl_pipeline_event(h->p, ev);
	if (h->how == SPLIT)
		return split(h, ev);
	if (dice(h) % 10)
		return dfl_pipeline_event(h->p, ev);
	if (h->how == DROP)
		return 0;
	if (h->how == CUT)
		hurt.data.copied = dice(h) % ev->data.copied;
	if (h->how == FLIP) {
		memcpy(h->copy, ev->data.data, ev->data.copied);
		for (int i = 0; i < 4; i++)
			h->copy[dice(h) % ev->data.copied] = dice(h);
		hurt.data.data = h->copy;
	}
	return dfl_pipeline_event(h->p, &hurt);
}

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	const struct dfl_doc *doc;
	struct result *r = ud;

	r->opened += what == DFL_DOC_OPENED;
	if (what != DFL_DOC_SETTLED)
		return;
	doc = dfl_change_doc(change);
	assert_non_null(doc);
	r->settled++;
	r->hops = doc->n_hops;
	r->complete = doc->completeness.complete;
	r->lost_bytes = doc->completeness.lost_bytes;
	for (size_t i = 0; i < doc->n_hops; i++)
		if (!strcmp(doc->hops[i].field, "query") && doc->hops[i].coverage > r->best_query)
			r->best_query = doc->hops[i].coverage;
	free(r->json);
	assert_int_equal(dfl_doc_to_json(doc, &r->json), 0);
}

static void replay(const char *name, struct hurt *h, struct result *r)
{
	struct dfl_pipeline_opts opts = { .on_change = on_change, .ud = r };
	struct dfl_rules *rules;
	struct dfl_event_source *s;
	struct dfl_err err;
	char path[512];
	int n;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "%s/%s.pcap", getenv("DFLOW_GOLDEN") ?: "tests/golden", name);
	assert_int_equal(dfl_pcap_open(path, &s, &err), 0);
	assert_int_equal(dfl_rules_load(NULL, &rules, &err), 0);
	opts.rules = rules;
	assert_int_equal(dfl_pipeline_new(&opts, &h->p), 0);
	do
		n = s->ops->dispatch(s, through, h, 1000);
	while (n > 0);
	assert_int_equal(n, -ENODATA);
	assert_int_equal(s->ops->finish(s, through, h), 0);
	assert_int_equal(dfl_pipeline_finish(h->p), 0);
	dfl_pipeline_free(h->p);
	dfl_rules_free(rules);
	s->ops->free(s);
}

static const char *const names[] = { "chat-block-en",	     "chat-stream-ja",
				     "flow-stream-en-turn2", "flow-stream-ja-5k",
				     "flow-stream-ja-pgtls", "flow-stream-ja" };
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static void test_each_chat_is_one_trace(void **state)
{
	struct result r;

	for (size_t i = 0; i < N_NAMES; i++) {
		struct hurt h = { 0 };

		replay(names[i], &h, &r);
		assert_int_equal(r.opened, 1);
		assert_int_equal(r.settled, 1);
		assert_true(r.best_query == 1.0);
		assert_int_equal(r.lost_bytes, 0);
		free(r.json);
	}
}

/* However the input is split, the trace is the same. */
static void test_byte_by_byte(void **state)
{
	struct hurt whole = { 0 }, bytes = { .how = SPLIT };
	struct result a, b;

	replay("flow-stream-ja", &whole, &a);
	replay("flow-stream-ja", &bytes, &b);
	assert_string_equal(a.json, b.json);
	free(a.json);
	free(b.json);
}

static void test_losses_are_said(void **state)
{
	struct hurt h = { .how = DROP, .seed = 7 };
	struct result r;

	replay("flow-stream-ja", &h, &r);
	assert_true(r.opened <= 1);
	if (r.settled) {
		assert_false(r.complete);
		assert_true(r.lost_bytes > 0);
	}
	free(r.json);
}

static void test_hurt_input(void **state)
{
	static const int ways[] = { DROP, CUT, FLIP };
	struct result r;

	for (size_t i = 0; i < N_NAMES; i++)
		for (size_t w = 0; w < 3; w++)
			for (uint32_t seed = 1; seed <= 5; seed++) {
				struct hurt h = { .how = ways[w], .seed = seed * 7919 };

				replay(names[i], &h, &r);
				free(r.json);
			}
}

/* ---- losses, and commits without ticks ---- */

static char log_lines[1024];

static void on_line(void *ud, enum dfl_log_level level, const char *line)
{
	sprintf(log_lines + strlen(log_lines), "%d %s\n", level, line);
}

struct with_store {
	char folder[32], path[64];
	struct dfl_outbox *store;
	struct dfl_store *reader;
	struct dfl_rules *rules;
	struct dfl_pipeline *p;
};

static void open_with_store(struct with_store *w)
{
	struct dfl_err err;

	strcpy(w->folder, "/tmp/dflow-pipeline-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s/s.db", w->folder);
	assert_int_equal(dfl_rules_load(NULL, &w->rules, &err), 0);
	assert_int_equal(
		dfl_outbox_open(&(struct dfl_outbox_opts){ .path = w->path }, &w->store, &err), 0);
	assert_int_equal(dfl_pipeline_new(&(struct dfl_pipeline_opts){ .rules = w->rules,
								       .store = w->store,
								       .log = { on_line } },
					  &w->p),
			 0);
	assert_int_equal(dfl_store_open(w->path, &w->reader, &err), 0);
	log_lines[0] = 0;
}

static void close_with_store(struct with_store *w)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock", ".key" };
	char path[96];

	dfl_pipeline_free(w->p);
	dfl_store_close(w->reader);
	dfl_outbox_close(w->store);
	dfl_rules_free(w->rules);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", w->path, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(w->folder), 0);
}

static void at(struct with_store *w, struct dfl_event ev, uint64_t ms)
{
	ev.ts_ns = ms * 1000000;
	assert_int_equal(dfl_pipeline_event(w->p, &ev), 0);
}

static void lose(struct with_store *w, uint64_t ms, uint64_t events)
{
	at(w,
	   (struct dfl_event){ .type = DFL_EV_LOSS,
			       .loss = { .reason = DFL_LOSS_RING_FULL,
					 .events = events,
					 .bytes = 10 * events,
					 .since_ns = (ms - 100) * 1000000 } },
	   ms);
}

static int keep_loss(void *ud, const struct dfl_store_loss *loss)
{
	struct dfl_store_loss *kept = ud;

	while (kept->to_ns)
		kept++;
	*kept = *loss;
	return 0;
}

/* Ten seconds of losses, then quiet, then one more: two rows, two lines for each. */
static void test_a_loss_is_kept_and_said(void **state)
{
	const struct dfl_event node = { .type = DFL_EV_NODE,
					.node = { "n", "h", "b", 1000000000000 } };
	const struct dfl_event tick = { .type = DFL_EV_TICK };
	struct dfl_store_loss kept[3] = { 0 };
	struct with_store w;

	open_with_store(&w);
	at(&w, node, 1);
	for (uint64_t ms = 1000; ms <= 11000; ms += 1000) {
		lose(&w, ms, 5);
		at(&w, tick, ms + 500);
	}
	assert_string_equal(log_lines, "1 events are being lost: the ring was full\n");
	at(&w, tick, 15999);
	at(&w, tick, 16001);
	at(&w, tick, 17000);
	lose(&w, 20000, 1);
	assert_int_equal(dfl_pipeline_finish(w.p), 0);
	assert_string_equal(
		log_lines, "1 events are being lost: the ring was full\n"
			   "2 no more events are lost; in 10.1 s 55 events and 550 bytes were: the "
			   "ring was full\n"
			   "1 events are being lost: the ring was full\n");
	assert_int_equal(dfl_store_each_loss(w.reader, 0, 0, keep_loss, kept, NULL), 0);
	assert_int_equal(kept[0].from_ns, 1000900000000);
	assert_int_equal(kept[0].to_ns, 1011000000000);
	assert_int_equal(kept[0].events, 55);
	assert_int_equal(kept[1].from_ns, 1019900000000);
	assert_int_equal(kept[1].events, 1);
	assert_int_equal(kept[2].to_ns, 0);
	close_with_store(&w);
}

/* A source that sends no tick: what is known is on disk when the caller's clock says so. */
static void test_commits_without_a_tick(void **state)
{
	struct dfl_store_loss kept[2] = { 0 };
	struct with_store w;

	open_with_store(&w);
	lose(&w, 1000, 7);
	assert_int_equal(dfl_store_each_loss(w.reader, 0, 0, keep_loss, kept, NULL), 0);
	assert_int_equal(kept[0].events, 0);
	assert_int_equal(dfl_pipeline_commit(w.p), 0);
	assert_int_equal(dfl_store_each_loss(w.reader, 0, 0, keep_loss, kept, NULL), 0);
	assert_int_equal(kept[0].events, 7);
	close_with_store(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_chat_is_one_trace),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_losses_are_said),
		cmocka_unit_test(test_hurt_input),
		cmocka_unit_test(test_a_loss_is_kept_and_said),
		cmocka_unit_test(test_commits_without_a_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
