// SPDX-License-Identifier: Apache-2.0
/* dflow.h when memory is short: each allocation of a caller's calls fails once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dflow.h>

#include "oom.h"
#include "store_help.h"

#define MESSAGE "073f09af-fbbe-480b-b364-7bdeb7a3f694"
#define FIRST 60 /* each of these, then one of STRIDE: a document has thousands of strings */
#define STRIDE 41

static char golden[512];

static void only_enomem(int r)
{
	if (r < 0 && r != -ENOMEM)
		fail_msg("%d, not -ENOMEM", r);
}

static void ask_all(const struct dflow_trace *t)
{
	struct dflow_completeness c = { .sz = sizeof(c) };
	struct dflow_hop h = { .sz = sizeof(h) };
	char *json;
	int r;

	only_enomem(dflow_trace_completeness(t, &c));
	only_enomem(dflow_trace_hop(t, 0, &h));
	dflow_trace_client_address(t);
	dflow_trace_hop_encoding(t, 0, 0);
	r = dflow_trace_json(t, &json);
	only_enomem(r);
	if (!r)
		free(json);
}

static void find(struct dflow_store *store)
{
	struct dflow_traces *traces;
	int r = dflow_store_find(store, MESSAGE, &traces, NULL);

	only_enomem(r);
	if (r)
		return;
	ask_all(dflow_traces_at(traces, 0));
	dflow_traces_free(traces);
}

static void walk(struct dflow_store *store)
{
	const struct dflow_trace *trace;
	struct dflow_cursor *cursor;
	int r = dflow_cursor_open(store, NULL, &cursor, NULL);

	only_enomem(r);
	if (r)
		return;
	while ((r = dflow_cursor_next(cursor, &trace, NULL)) == 1)
		ask_all(trace);
	only_enomem(r);
	dflow_cursor_close(cursor);
}

/* Returns how many allocations there were. */
static long read_store(long fails_at)
{
	struct dflow_store *store;
	long n;
	int r;

	oom_at(fails_at);
	r = dflow_store_open(help_path, &store, NULL);
	only_enomem(r);
	if (!r) {
		find(store);
		walk(store);
		dflow_store_close(store);
	}
	n = oom_count();
	oom_at(-1);
	return n;
}

static void reading(void **state)
{
	long n = read_store(-1);

	assert_true(n > FIRST);
	for (long k = 0; k < n; k += k < FIRST ? 1 : STRIDE)
		read_store(k);
}

/* Opening a file, up to the first events. */
static void opening_a_file(void **state)
{
	struct dflow_recorder *recorder;
	bool opened = false;

	for (long k = 0; !opened; k++) {
		int r;

		oom_at(k);
		r = dflow_recorder_open_file(golden, NULL, &recorder, NULL);
		oom_at(-1);
		only_enomem(r);
		opened = !r;
		assert_true(k < 10000);
	}
	assert_true(dflow_recorder_dispatch(recorder, 10, NULL) > 0);
	dflow_recorder_free(recorder);
}

static int setup(void **state)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .store = help_path };
	const char *folder = getenv("DFLOW_GOLDEN");

	snprintf(golden, sizeof(golden), "%s/flow-stream-ja.pcap",
		 folder ? folder : "tests/golden");
	return help_setup(state) || dflow_replay(golden, &opts, NULL, NULL) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(opening_a_file),
	};

	return cmocka_run_group_tests_name("api_oom", tests, setup, help_teardown);
}
