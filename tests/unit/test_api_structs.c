// SPDX-License-Identifier: Apache-2.0
/* dflow.h: each struct that begins with `sz` is checked, whether the caller fills it or the
 * library. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dflow.h>

#include "store_help.h"

#define MESSAGE "073f09af-fbbe-480b-b364-7bdeb7a3f694"
#define ROOM 4096 /* for the struct of a caller who knows more than this library */

static char golden[512];
static struct dflow_store *store;
static struct dflow_traces *traces;
static const struct dflow_trace *trace;

/* ---- a call for each struct; 0 or a negative errno ---- */

static int call_wait(void *s)
{
	struct dflow_traces *found;
	int r = dflow_store_wait(store, MESSAGE, s, &found, NULL);

	if (!r)
		dflow_traces_free(found);
	return r;
}

static int call_cursor(void *s)
{
	struct dflow_cursor *cursor;
	int r = dflow_cursor_open(store, s, &cursor, NULL);

	if (!r)
		dflow_cursor_close(cursor);
	return r;
}

static int call_replay(void *s)
{
	return dflow_replay(golden, s, NULL, NULL);
}

static int call_callbacks(void *s)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .callbacks = s };

	return dflow_replay(golden, &opts, NULL, NULL);
}

static int call_replay_stats(void *s)
{
	return dflow_replay(golden, NULL, s, NULL);
}

static int call_stats(void *s)
{
	struct dflow_recorder *recorder;
	int r;

	assert_int_equal(dflow_recorder_open_file(golden, NULL, &recorder, NULL), 0);
	r = dflow_recorder_stats(recorder, s);
	dflow_recorder_free(recorder);
	return r;
}

/* A recorder without a target is wrong too, but that is not what is asked here. */
static int call_recorder(void *s)
{
	struct dflow_recorder *recorder;
	struct dflow_error error;
	int r = dflow_recorder_new(s, &recorder, &error);

	assert_true(r < 0);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	return strstr(error.message, "nothing to record") ? 0 : r;
}

static int no_more(void *ud, const struct dflow_check *check)
{
	assert_int_equal(check->sz, sizeof(*check));
	assert_non_null(check->name);
	return -EDOM;
}

static int call_host(void *s)
{
	int r = dflow_host_check(s, no_more, NULL, NULL);

	return r == -EDOM ? 0 : r;
}

static int call_hop(void *s)
{
	return dflow_trace_hop(trace, 0, s);
}

static int call_completeness(void *s)
{
	return dflow_trace_completeness(trace, s);
}

static int call_field(void *s)
{
	return dflow_trace_field(trace, 0, s);
}

static int call_place(void *s)
{
	return dflow_trace_place(trace, 0, s);
}

/* The trace has no link; that there is no such one is told only when the struct is right. */
static int call_link(void *s)
{
	int r = dflow_trace_link(trace, dflow_trace_link_count(trace), s);

	return r == -EINVAL && *(size_t *)s >= sizeof(struct dflow_link) ? 0 : r;
}

/*
 * No padding may follow the last member: a later version could put a member there, of which nobody
 * could say whether an old caller set it.
 */
#define STRUCT(type, last, call)                                                                   \
	{                                                                                          \
#type, sizeof(struct type),                                                        \
			offsetof(struct type, last) + sizeof(((struct type *)0)->last), call       \
	}

static const struct row {
	const char *name;
	size_t size, end;
	int (*call)(void *s);
} rows[] = {
	STRUCT(dflow_wait_opts, ud, call_wait),
	STRUCT(dflow_list_opts, order, call_cursor),
	STRUCT(dflow_replay_opts, log_ud, call_replay),
	STRUCT(dflow_callbacks, trace_dropped, call_callbacks),
	STRUCT(dflow_stats, old_texts_unusable, call_replay_stats),
	STRUCT(dflow_stats, old_texts_unusable, call_stats),
	STRUCT(dflow_recorder_opts, log_ud, call_recorder),
	STRUCT(dflow_host_opts, log_ud, call_host),
	STRUCT(dflow_hop, kept_ns, call_hop),
	STRUCT(dflow_completeness, n_blind, call_completeness),
	STRUCT(dflow_field, canonical_bytes, call_field),
	STRUCT(dflow_place, now_ns, call_place),
	STRUCT(dflow_link, why, call_link),
};

static int call_with(const struct row *row, size_t sz, size_t not_zero)
{
	static _Alignas(16) char s[ROOM];

	memset(s, 0, sizeof(s));
	memcpy(s, &sz, sizeof(sz));
	if (not_zero)
		s[not_zero] = 1;
	return row->call(s);
}

static void expect(const struct row *row, size_t sz, size_t not_zero, int wanted)
{
	int r = call_with(row, sz, not_zero);

	if (r != wanted)
		fail_msg("struct %s, sz %zu of %zu, byte %zu set: %d, wanted %d", row->name, sz,
			 row->size, not_zero, r, wanted);
}

static void each_struct_is_checked(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		assert_int_equal(row->size, row->end);
		expect(row, 0, 0, -EINVAL);
		expect(row, sizeof(size_t), 0, -EINVAL);
		expect(row, row->size - 1, 0, -EINVAL);
		expect(row, row->size, 0, 0);
		expect(row, row->size + 1, row->size, -E2BIG);
		expect(row, ROOM, ROOM - 1, -E2BIG);
		expect(row, ROOM, 0, 0);
		expect(row, row->size, row->size, 0); /* behind sz is the caller's own */
	}
}

/* What a struct of a newer caller has beyond what the library knows stays as it was. */
static void newer_caller(void **state)
{
	struct {
		struct dflow_hop hop;
		uint64_t later;
		uint64_t behind;
	} newer = { .hop.sz = offsetof(__typeof__(newer), behind), .behind = 7 };

	assert_int_equal(dflow_trace_hop(trace, 0, &newer.hop), 0);
	assert_int_equal(newer.hop.seq, 1);
	assert_int_equal(newer.hop.sz, offsetof(__typeof__(newer), behind));
	assert_true(!newer.later && newer.behind == 7);
	newer.hop.seq = 0;
	newer.later = 1;
	assert_int_equal(dflow_trace_hop(trace, 0, &newer.hop), -E2BIG);
	assert_int_equal(newer.hop.seq, 0);
}

/* The sentence names the struct and what to do. */
static void sentences(void **state)
{
	struct {
		struct dflow_list_opts opts;
		uint64_t later;
	} newer = { .opts.sz = sizeof(newer), .later = 1 };
	struct dflow_cursor *cursor;
	struct dflow_error error;

	assert_int_equal(dflow_cursor_open(store, &newer.opts, &cursor, &error), -E2BIG);
	assert_int_equal(error.about, DFLOW_ABOUT_CALL);
	assert_non_null(strstr(error.message, "struct dflow_list_opts"));
	newer.opts.sz = 0;
	assert_int_equal(dflow_cursor_open(store, &newer.opts, &cursor, &error), -EINVAL);
	assert_non_null(strstr(error.message, "sizeof(struct dflow_list_opts)"));
}

static int setup(void **state)
{
	struct dflow_replay_opts opts = { .sz = sizeof(opts), .store = help_path };
	const char *folder = getenv("DFLOW_GOLDEN");

	snprintf(golden, sizeof(golden), "%s/flow-stream-ja.pcap",
		 folder ? folder : "tests/golden");
	if (help_setup(state) || dflow_replay(golden, &opts, NULL, NULL) ||
	    dflow_store_open(help_path, &store, NULL) ||
	    dflow_store_find(store, MESSAGE, &traces, NULL))
		return -1;
	trace = dflow_traces_at(traces, 0);
	return 0;
}

static int teardown(void **state)
{
	dflow_traces_free(traces);
	dflow_store_close(store);
	return help_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_struct_is_checked),
		cmocka_unit_test(newer_caller),
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests_name("api_structs", tests, setup, teardown);
}
