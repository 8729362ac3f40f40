// SPDX-License-Identifier: Apache-2.0
/*
 * dflow.h: replaying with callbacks, reading back, older and newer callers, errors; recordings
 * replay alike.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>
#include <dflow.h>

#include "capture/pcap.h"
#include "capture/recording.h"
#include "pipeline.h"
#include "store_help.h"

#define CHAT "flow-stream-ja"
#define MESSAGE "073f09af-fbbe-480b-b364-7bdeb7a3f694"

static char golden[512];

static int setup(void **state)
{
	const char *folder = getenv("DFLOW_GOLDEN");

	snprintf(golden, sizeof(golden), "%s/" CHAT ".pcap", folder ? folder : "tests/golden");
	return help_setup(state);
}

struct counts {
	unsigned opened, hop_new, settled;
	char message[64];
};

static int on_opened(void *ud, const struct dflow_trace *trace)
{
	((struct counts *)ud)->opened++;
	assert_int_equal(strlen(dflow_trace_id(trace)), 32);
	return 0;
}

/* The hop that changed stands between the others, which are there too. */
static void check_others(const struct dflow_trace *trace, const struct dflow_hop *hop, size_t i)
{
	size_t n = dflow_trace_hop_count(trace);
	struct dflow_hop other = { .sz = sizeof(other) };
	char *json;

	if (i > 0) {
		assert_int_equal(dflow_trace_hop(trace, i - 1, &other), 0);
		assert_true(other.first_ns <= hop->first_ns && other.seq != hop->seq);
	}
	if (i + 1 < n) {
		assert_int_equal(dflow_trace_hop(trace, i + 1, &other), 0);
		assert_true(other.first_ns >= hop->first_ns && other.seq != hop->seq);
	}
	assert_int_equal(dflow_trace_hop(trace, n, &other), -EINVAL);
	assert_false(dflow_trace_complete(trace));
	assert_int_equal(dflow_trace_json(trace, &json), 0);
	assert_non_null(strstr(json, dflow_trace_id(trace)));
	free(json);
}

static int on_hop(void *ud, const struct dflow_trace *trace, size_t i)
{
	struct dflow_hop hop = { .sz = sizeof(hop) };

	((struct counts *)ud)->hop_new++;
	assert_true(i < dflow_trace_hop_count(trace));
	assert_int_equal(dflow_trace_hop(trace, i, &hop), 0);
	assert_non_null(hop.field);
	assert_int_equal(hop.sz, sizeof(hop));
	check_others(trace, &hop, i);
	return 0;
}

static int on_settled(void *ud, const struct dflow_trace *trace)
{
	struct counts *counts = ud;
	char *json;

	counts->settled++;
	assert_true(dflow_trace_settled(trace));
	assert_int_equal(dflow_trace_json(trace, &json), 0);
	assert_int_equal(dflow_trace_complete(trace), !!strstr(json, "\"complete\":true"));
	free(json);
	if (dflow_trace_other_id(trace, "message_id"))
		strcpy(counts->message, dflow_trace_other_id(trace, "message_id"));
	return 0;
}

static void replay(const char *file, const char *store, struct dflow_stats *ret_stats)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .store = store };
	struct dflow_error error;

	if (dflow_replay(file, &opts, ret_stats, &error))
		fail_msg("%s", error.message);
}

static char *read_trace(const char *path)
{
	struct dflow_traces *traces;
	struct dflow_store *store;
	char *json;

	assert_int_equal(dflow_store_open(path, &store, NULL), 0);
	assert_int_equal(dflow_store_find(store, MESSAGE, &traces, NULL), 0);
	assert_int_equal(dflow_traces_count(traces), 1);
	assert_int_equal(dflow_trace_json(dflow_traces_at(traces, 0), &json), 0);
	dflow_traces_free(traces);
	dflow_store_close(store);
	return json;
}

static void callbacks(void **state)
{
	struct counts counts = { 0 };
	const struct dflow_callbacks cb = { .sz = sizeof(cb),
					    .ud = &counts,
					    .trace_opened = on_opened,
					    .hop_new = on_hop,
					    .trace_settled = on_settled };
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .callbacks = &cb };
	struct dflow_stats stats = { .sz = sizeof(stats) };

	assert_int_equal(dflow_replay(golden, &opts, &stats, NULL), 0);
	assert_int_equal(counts.opened, 1);
	assert_int_equal(counts.settled, 1);
	assert_string_equal(counts.message, MESSAGE);
	assert_true(counts.hop_new == stats.hops && stats.hops > 10);
	assert_true(stats.requests == 1 && stats.open_requests == 0 && stats.events > 100);
}

static int wait_for(struct dflow_store *store, const char *id, uint64_t timeout_ns,
		    struct dflow_traces **ret_traces, struct dflow_error *ret_error)
{
	struct dflow_wait_opts opts = { .sz = sizeof(opts), .timeout_ns = timeout_ns };

	return dflow_store_wait(store, id, &opts, ret_traces, ret_error);
}

static void reading(void **state)
{
	struct dflow_hop hop = { .sz = sizeof(hop) };
	const struct dflow_trace *t;
	struct dflow_traces *traces;
	struct dflow_store *store;
	struct dflow_error error = { 0 };

	replay(golden, help_path, NULL);
	assert_int_equal(dflow_store_open(help_path, &store, &error), 0);
	assert_int_equal(wait_for(store, "073f09af", 1000000000, &traces, &error), 0);
	t = dflow_traces_at(traces, 0);
	assert_string_equal(dflow_trace_operation(t), "POST /v1/chat-messages");
	assert_null(dflow_trace_other_id(t, "no such kind"));
	assert_int_equal(dflow_trace_hop(t, dflow_trace_hop_count(t), &hop), -EINVAL);
	dflow_traces_free(traces);
	assert_int_equal(dflow_store_find(store, "nobody", &traces, &error), -ENOENT);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	assert_int_equal(wait_for(store, "nobody", 1, &traces, &error), -ENOENT);
	dflow_store_close(store);
	dflow_store_close(NULL);
	dflow_traces_free(NULL);
	dflow_recorder_free(NULL);
}

/* A recorder that has an open trace in the store, and writes no more. */
static pid_t record_and_hang(void)
{
	struct dfl_doc *doc = help_doc(1, "of-the-killed", NULL);
	struct dfl_store *s;
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (!pid) {
		doc->settled = doc->completeness.complete = false;
		if (!dfl_store_create(help_path, NULL, &s, NULL) && !dfl_store_put(s, doc, NULL) &&
		    !dfl_store_sync(s, NULL) && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	dfl_doc_free(doc);
	return pid;
}

static bool wait_settles(struct dflow_store *store, uint64_t timeout_ns)
{
	struct dflow_traces *traces;
	bool settled;

	assert_int_equal(wait_for(store, "of-the-killed", timeout_ns, &traces, NULL), 0);
	settled = dflow_trace_settled(dflow_traces_at(traces, 0));
	assert_false(dflow_trace_complete(dflow_traces_at(traces, 0)));
	dflow_traces_free(traces);
	return settled;
}

/* Who waits for a trace does not wait longer than its recorder lives. */
static void killed_recorder(void **state)
{
	pid_t recorder = record_and_hang(), killer;
	struct dflow_store *store;
	time_t start;

	assert_int_equal(dflow_store_open(help_path, &store, NULL), 0);
	assert_false(wait_settles(store, 100000000));
	killer = fork();
	if (!killer) {
		nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
		_exit(kill(recorder, SIGKILL));
	}
	start = time(NULL);
	assert_true(wait_settles(store, 60000000000));
	assert_true(time(NULL) - start < 30);
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	assert_int_equal(waitpid(recorder, NULL, 0), recorder);
	assert_true(wait_settles(store, 60000000000));
	dflow_store_close(store);
}

static void errors(void **state)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .config = "/nonexistent.yaml" };
	struct dflow_recorder_opts none = { .sz = sizeof(none) };
	struct dflow_recorder *recorder;
	struct dflow_store *store;
	struct dflow_error error = { 0 };

	assert_int_equal(dflow_replay(golden, &opts, NULL, &error), -ENOENT);
	assert_int_equal(error.about, DFLOW_ABOUT_CONFIG);
	assert_int_equal(dflow_replay("/nonexistent.pcap", NULL, NULL, &error), -ENOENT);
	assert_int_equal(error.about, DFLOW_ABOUT_FILE);
	opts = (struct dflow_replay_opts){ .sz = sizeof(opts), .store = "/nonexistent/store.db" };
	assert_int_equal(dflow_replay(golden, &opts, NULL, &error), -ENOENT);
	assert_int_equal(error.about, DFLOW_ABOUT_STORE);
	assert_int_equal(dflow_store_open("/nonexistent/store.db", &store, &error), -ENOENT);
	assert_int_equal(error.about, DFLOW_ABOUT_STORE);
	assert_int_equal(dflow_recorder_new(&none, &recorder, &error), -EINVAL);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	assert_non_null(strstr(error.message, "nothing to record"));
}

static void drive(struct dfl_event_source *source, struct dfl_pipeline *pipeline)
{
	int r;

	do
		r = source->ops->dispatch(source, dfl_pipeline_event, pipeline, 100);
	while (r >= 0);
	assert_int_equal(r, -ENODATA);
	assert_int_equal(source->ops->finish(source, dfl_pipeline_event, pipeline), 0);
	assert_int_equal(dfl_pipeline_finish(pipeline), 0);
}

/* What is recorded while it is traced replays to the same trace, to the byte. */
static void recording_replays_alike(void **state)
{
	struct dfl_pipeline *pipeline;
	struct dfl_event_source *source;
	struct dfl_rules *rules;
	struct dfl_outbox *store;
	struct dfl_recording *rec;
	struct dfl_err err;
	char file[128], copy[128], *live, *again;

	snprintf(file, sizeof(file), "%s/x.dfrec", help_dir);
	snprintf(copy, sizeof(copy), "%s.copy", help_path);
	assert_int_equal(dfl_pcap_open(golden, &source, &err), 0);
	assert_int_equal(dfl_rules_load(NULL, &rules, &err), 0);
	assert_int_equal(
		dfl_outbox_open(&(struct dfl_outbox_opts){ .path = help_path }, &store, &err), 0);
	assert_int_equal(dfl_recording_create(file, &rec, &err), 0);
	assert_int_equal(dfl_pipeline_new(&(struct dfl_pipeline_opts){ .rules = rules,
								       .store = store,
								       .record = rec },
					  &pipeline),
			 0);
	drive(source, pipeline);
	dfl_pipeline_free(pipeline);
	source->ops->free(source);
	assert_int_equal(dfl_recording_close(rec), 0);
	dfl_outbox_close(store);
	dfl_rules_free(rules);
	replay(file, copy, NULL);
	live = read_trace(help_path);
	again = read_trace(copy);
	assert_string_equal(live, again);
	free(live);
	free(again);
	unlink(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(callbacks), TEST(reading), TEST(errors),
					    TEST(killed_recorder), TEST(recording_replays_alike) };

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
