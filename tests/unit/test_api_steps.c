// SPDX-License-Identifier: Apache-2.0
/* dflow.h: a file replayed in steps, callbacks that stop, progress, limits, versions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dflow.h>

#include "store_help.h"

#define MESSAGE "073f09af-fbbe-480b-b364-7bdeb7a3f694"
#define STEP 50 /* events of one dispatch */

static char golden[512];

static int setup(void **state)
{
	const char *folder = getenv("DFLOW_GOLDEN");

	snprintf(golden, sizeof(golden), "%s/flow-stream-ja.pcap",
		 folder ? folder : "tests/golden");
	return help_setup(state);
}

/* Says stop at a certain call, and counts. */
struct stopper {
	unsigned calls, at;
	int with;
	bool settled;
};

static int on_hop(void *ud, const struct dflow_trace *trace, size_t i)
{
	struct stopper *s = ud;

	return ++s->calls == s->at ? s->with : 0;
}

static int on_settled(void *ud, const struct dflow_trace *trace)
{
	struct stopper *s = ud;

	s->settled = true;
	return s->at ? 0 : s->with;
}

static struct dflow_recorder *open_steps(const char *store, struct stopper *stopper)
{
	const struct dflow_callbacks cb = {
		.sz = sizeof(cb), .ud = stopper, .hop_new = on_hop, .trace_settled = on_settled
	};
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .store = store, .callbacks = &cb };
	struct dflow_recorder *recorder;

	assert_int_equal(dflow_recorder_open_file(golden, &opts, &recorder, NULL), 0);
	return recorder;
}

static char *json_of(const char *path)
{
	struct dflow_traces *traces;
	struct dflow_store *store;
	char *json;

	assert_int_equal(dflow_store_open(path, &store, NULL), 0);
	assert_int_equal(dflow_store_find(store, MESSAGE, &traces, NULL), 0);
	assert_int_equal(dflow_trace_json(dflow_traces_at(traces, 0), &json), 0);
	dflow_traces_free(traces);
	dflow_store_close(store);
	return json;
}

/* To the end of the file; how often a callback said stop. */
static unsigned step_to_end(struct dflow_recorder *recorder, int stop_with)
{
	struct dflow_error error;
	unsigned stops = 0;
	int n;

	while ((n = dflow_recorder_dispatch(recorder, STEP, &error))) {
		if (n > 0)
			continue;
		assert_int_equal(n, stop_with);
		assert_int_equal(error.about, DFLOW_ABOUT_CALL);
		stops++;
	}
	return stops;
}

/* Whoever goes on after a stop has lost nothing. */
static void a_stop_loses_nothing(void **state)
{
	struct stopper stopper = { .at = 3, .with = -EDOM };
	struct dflow_replay_opts opts = { .sz = sizeof(opts) };
	struct dflow_recorder *recorder;
	char copy[128], *whole, *stepped;

	snprintf(copy, sizeof(copy), "%s.copy", help_path);
	opts.store = copy;
	assert_int_equal(dflow_replay(golden, &opts, NULL, NULL), 0);
	recorder = open_steps(help_path, &stopper);
	assert_int_equal(step_to_end(recorder, -EDOM), 1);
	assert_int_equal(dflow_recorder_stop(recorder, NULL), 0);
	assert_int_equal(dflow_recorder_stop(recorder, NULL), 0);
	dflow_recorder_free(recorder);
	assert_true(stopper.settled && stopper.calls > 5);
	whole = json_of(copy);
	stepped = json_of(help_path);
	assert_string_equal(whole, stepped);
	free(whole);
	free(stepped);
}

/* No callback follows the stop, and a trace that was cut off is not complete. */
static void a_replay_stops(void **state)
{
	struct stopper stopper = { .at = 1, .with = 5 };
	const struct dflow_callbacks cb = {
		.sz = sizeof(cb), .ud = &stopper, .hop_new = on_hop, .trace_settled = on_settled
	};
	struct dflow_replay_opts opts = { .sz = sizeof(opts),
					  .store = help_path,
					  .callbacks = &cb };
	struct dflow_stats stats = { .sz = sizeof(stats), .events = 77 };
	struct dflow_error error;
	char *json;

	assert_int_equal(dflow_replay(golden, &opts, &stats, &error), -ECANCELED);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	assert_int_equal(stats.events, 77); /* untouched on failure */
	assert_int_equal(stopper.calls, 1);
	json = json_of(help_path);
	assert_non_null(strstr(json, "\"complete\":"));
	free(json);
}

/* A stop within the last call: everything is stored all the same. */
static void stop_in_stop(void **state)
{
	struct stopper stopper = { .with = -EDOM };
	struct dflow_recorder *recorder = open_steps(help_path, &stopper);
	bool before;
	char *json;
	int r;

	step_to_end(recorder, -EDOM);
	before = stopper.settled;
	r = dflow_recorder_stop(recorder, NULL);
	assert_int_equal(r, before ? 0 : -EDOM);
	dflow_recorder_free(recorder);
	assert_true(stopper.settled);
	json = json_of(help_path);
	assert_non_null(strstr(json, "\"state\":\"settled\""));
	free(json);
}

/* Half of a file: what was seen is stored, as not complete. */
static void half_a_file(void **state)
{
	struct stopper stopper = { .at = 1, .with = -EDOM };
	struct dflow_recorder *recorder = open_steps(help_path, &stopper);
	const struct dflow_trace *trace;
	struct dflow_cursor *cursor;
	struct dflow_store *store;

	while (dflow_recorder_dispatch(recorder, STEP, NULL) > 0)
		;
	assert_int_equal(stopper.calls, 1);
	assert_int_equal(dflow_recorder_stop(recorder, NULL), 0);
	dflow_recorder_free(recorder);
	assert_false(stopper.settled);
	assert_int_equal(dflow_store_open(help_path, &store, NULL), 0);
	assert_int_equal(dflow_cursor_open(store, NULL, &cursor, NULL), 0);
	assert_int_equal(dflow_cursor_next(cursor, &trace, NULL), 1);
	assert_false(dflow_trace_complete(trace));
	assert_int_equal(dflow_cursor_next(cursor, &trace, NULL), 0);
	dflow_cursor_close(cursor);
	dflow_store_close(store);
}

static int count_limit(void *ud, const char *name, uint64_t hits)
{
	assert_true(*name && hits);
	++*(unsigned *)ud;
	return 0;
}

static int stop_limit(void *ud, const char *name, uint64_t hits)
{
	++*(unsigned *)ud;
	return -EDOM;
}

static void progress_and_limits(void **state)
{
	struct stopper stopper = { .at = -1 };
	struct dflow_recorder *recorder = open_steps(NULL, &stopper);
	struct dflow_stats stats = { .sz = sizeof(stats) };
	uint64_t done = 0, total = 0, last = 0;
	unsigned n_limits = 0, stopped = 0;
	int n;

	assert_int_equal(dflow_recorder_fd(recorder), -1);
	while ((n = dflow_recorder_dispatch(recorder, STEP, NULL)) > 0) {
		assert_int_equal(dflow_recorder_progress(recorder, &done, &total), 0);
		assert_true(done >= last && done <= total);
		last = done;
	}
	assert_int_equal(n, 0);
	assert_int_equal(dflow_recorder_dispatch(recorder, STEP, NULL), 0);
	assert_int_equal(dflow_recorder_progress(recorder, &done, &total), 0);
	assert_true(done == total && total > 10000);
	assert_int_equal(dflow_recorder_stop(recorder, NULL), 0);
	assert_int_equal(dflow_recorder_stats(recorder, &stats), 0);
	assert_true(stats.requests == 1 && stats.settled == 1);
	assert_int_equal(dflow_recorder_limits(recorder, count_limit, &n_limits), 0);
	assert_int_equal(dflow_recorder_limits(recorder, stop_limit, &stopped),
			 n_limits ? -EDOM : 0);
	assert_int_equal(stopped, n_limits ? 1 : 0);
	dflow_recorder_free(recorder);
}

/* The header, the library that runs and the build tell one version. */
static void versions(void **state)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", DFLOW_VERSION_MAJOR, DFLOW_VERSION_MINOR,
		 DFLOW_VERSION_PATCH);
	assert_string_equal(dflow_version(), text);
	assert_string_equal(dflow_version(), PROJECT_VERSION);
	assert_int_equal(dflow_version_number(), DFLOW_VERSION_NUMBER);
	assert_true(DFLOW_VERSION_MINOR < 100 && DFLOW_VERSION_PATCH < 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, help_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stop_loses_nothing), TEST(a_replay_stops),      TEST(stop_in_stop),
		TEST(half_a_file),	    TEST(progress_and_limits), cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests_name("api_steps", tests, NULL, NULL);
}
