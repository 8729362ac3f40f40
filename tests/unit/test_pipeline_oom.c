// SPDX-License-Identifier: Apache-2.0
/*
 * Allocations of a whole replay fail, one each time: the replay comes to its end, nothing leaks,
 * and a trace that says it is complete is the same as with memory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/pcap.h"
#include "base/hash.h"
#include "oom.h"
#include "pipeline.h"

/*
 * A recorded chat takes some ten thousand allocations; each of one stage is what test_trace_oom and
 * others are for.
 */
#define FIRST 40
#define STRIDE 127

static struct dfl_rules *rules;
static char path[512];

/* What became of the first request that settled. */
struct outcome {
	unsigned settled;
	bool told;  /* it says that memory was short */
	char *json; /* NULL: there was no memory for it */
};

static bool says_short(const struct dfl_doc *doc)
{
	for (size_t i = 0; i < doc->completeness.n_reasons; i++)
		if (!strcmp(doc->completeness.reasons[i], "memory was short"))
			return true;
	return false;
}

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	struct outcome *o = ud;
	const struct dfl_doc *doc;

	dfl_change_head(change);
	doc = dfl_change_doc(change);
	if (what != DFL_DOC_SETTLED || o->settled++ || !doc)
		return;
	o->told = says_short(doc);
	if (dfl_doc_to_json(doc, &o->json))
		o->json = NULL;
}

static int go_on(void *pipeline, const struct dfl_event *ev)
{
	assert_int_equal(dfl_pipeline_event(pipeline, ev), 0);
	return 0;
}

static void feed(struct dfl_event_source *s, struct dfl_pipeline *p)
{
	int n;

	do
		n = s->ops->dispatch(s, go_on, p, 1000);
	while (n > 0 || n == -ENOMEM);
	assert_int_equal(n, -ENODATA);
	assert_int_equal(s->ops->finish(s, go_on, p), 0);
	dfl_pipeline_finish(p);
}

/* Returns how many allocations there were. */
static long replay(long fails_at, size_t size, struct outcome *ret_outcome)
{
	struct dfl_pipeline_opts opts = { .rules = rules,
					  .on_change = on_change,
					  .ud = ret_outcome };
	struct dfl_pipeline *p;
	struct dfl_event_source *s;
	struct dfl_err err;
	long n;

	*ret_outcome = (struct outcome){ 0 };
	oom_at_size(fails_at, size);
	if (!dfl_pcap_open(path, &s, &err)) {
		if (!dfl_pipeline_new(&opts, &p)) {
			feed(s, p);
			dfl_pipeline_free(p);
		}
		s->ops->free(s);
	}
	n = oom_count();
	oom_at(-1);
	return n;
}

/* The trace is the same as with memory, or says that it may not be. */
static void assert_honest(const struct outcome *with, struct outcome *o)
{
	if (o->json && !o->told)
		assert_string_equal(o->json, with->json);
	free(o->json);
}

static void test_allocations_fail(void **state)
{
	struct outcome with, o;
	unsigned lost = 0, same = 0;
	long n = replay(-1, 0, &with);

	assert_int_equal(with.settled, 1);
	assert_true(n > 5000 && with.json && !with.told);
	for (long k = 0; k < n; k += k < FIRST ? 1 : STRIDE) {
		replay(k, 0, &o);
		lost += !o.settled;
		same += o.json && !o.told;
		assert_honest(&with, &o);
	}
	assert_in_range(lost, 1, FIRST); /* mostly those that were to make the pipeline */
	assert_true(same > 0);		 /* it failed after all was told */
	free(with.json);
}

static void test_each_table_fails(void **state)
{
	const size_t size = HASH_INITIAL_NUM_BUCKETS * sizeof(UT_hash_bucket);
	struct outcome with, o;
	long n;

	replay(-1, 0, &with);
	n = replay(-1, size, &o);
	assert_true(n >= 8);
	free(o.json);
	for (long k = 0; k < n; k++) {
		replay(k, size, &o);
		assert_honest(&with, &o);
	}
	free(with.json);
}

static int setup(void **state)
{
	const char *golden = getenv("DFLOW_GOLDEN");
	struct dfl_err err;

	snprintf(path, sizeof(path), "%s/chat-block-en.pcap", golden ? golden : "tests/golden");
	return dfl_rules_load(NULL, &rules, &err);
}

static int teardown(void **state)
{
	dfl_rules_free(rules);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations_fail),
		cmocka_unit_test(test_each_table_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
