// SPDX-License-Identifier: Apache-2.0
/* Work and memory stay linear, whatever the text; every limit is counted when it is hit. */
#include "match_help.h"

#include "match/match_priv.h"

/* Runs and what they point to do not matter here. */
static void ignore(void *ud, void *view, void *source, const struct dfl_run *run)
{
	++*(size_t *)ud;
}

struct work {
	size_t runs;
	struct dfl_match_stats st;
};

static void fill(char *p, size_t n, const char *unit)
{
	for (size_t i = 0, u = strlen(unit); i < n; i++)
		p[i] = unit[i % u];
}

/* n_sources times the first source_len bytes of src, then view_len bytes of view. */
static struct work run(const char *src, size_t source_len, size_t n_sources, const char *view,
		       size_t view_len)
{
	struct work w = { 0 };
	struct dfl_match *m;
	struct dfl_match_view *v;

	assert_int_equal(dfl_match_new(NULL, ignore, &w.runs, &m), 0);
	for (size_t i = 0; i < n_sources; i++) {
		struct dfl_match_source *s;

		assert_int_equal(dfl_match_source_new(m, i, NULL, &s), 0);
		assert_int_equal(dfl_match_source_append(s, src, source_len), 0);
		dfl_match_source_end(s);
	}
	assert_int_equal(dfl_match_view_new(m, NULL, &v), 0);
	assert_int_equal(dfl_match_view_feed(v, view, view_len, 0, view_len, 0), 0);
	dfl_match_view_close(v);
	dfl_match_stats(m, &w.st);
	dfl_match_free(m);
	return w;
}

static uint64_t cost(const struct work *w)
{
	return w->runs + w->st.probes + w->st.walked_entries + w->st.compared_bytes +
	       w->st.candidates + w->st.nested_bytes;
}

/* Four times the text may cost little more than four times the work. */
static void linear_in_view(const char *src, size_t source_len, size_t n_sources, const char *unit)
{
	const size_t n = 50000;
	char *view = malloc(4 * n);
	struct work one, four;

	fill(view, 4 * n, unit);
	one = run(src, source_len, n_sources, view, n);
	four = run(src, source_len, n_sources, view, 4 * n);
	if (cost(&four) > 5 * cost(&one))
		fail_msg("%s: %zu, then %zu", unit, (size_t)cost(&one), (size_t)cost(&four));
	/*
	 * No byte is compared with more than DFL_OPEN_RUNS runs, but for those before a run that is
	 * found late: at most 16 of every 256.
	 */
	assert_true(four.st.compared_bytes <= (DFL_OPEN_RUNS + DFL_OPEN_RUNS / 16) * 4 * n);
	free(view);
}

static void periodic(void **state)
{
	static const char *const units[] = {
		"a", "ab", "abcdefghijk", "あ", "いろはにほへと", "the same words again and again. "
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char src[20000];

		fill(src, sizeof(src), units[i]);
		linear_in_view(src, 1000, 1, units[i]);
		linear_in_view(src, sizeof(src), 1, units[i]);
		linear_in_view(src, 1000, 100, units[i]);
	}
}

/* A periodic source of any length is indexed in linear time and little memory. */
static void periodic_source(void **state)
{
	const size_t n = 1 << 20;
	char *src = malloc(n);
	struct work w;

	fill(src, n, "a");
	w = run(src, n, 1, src, 1000);
	assert_true(w.st.index_entries <= 8);
	assert_int_equal(w.st.capped_positions, n - 12 + 1 - w.st.index_entries);
	assert_int_equal(w.st.source_bytes, n);
	free(src);
}

static void equal_sources(void **state)
{
	static const char text[] = "One text that ten thousand people sent at the same time, word "
				   "for word the same.";
	char view[40000];
	struct work few, many;

	fill(view, sizeof(view), text);
	few = run(text, sizeof(text) - 1, 100, view, sizeof(view));
	many = run(text, sizeof(text) - 1, 10000, view, sizeof(view));
	assert_int_equal(many.st.sources, 10000);
	assert_true(many.st.capped_candidates > 0);
	/* A hundred times as many sources: the same work. */
	assert_true(cost(&many) < 2 * cost(&few));
	assert_true(many.runs >= 64);
}

/* A view of n openings is scanned for a hundred texts that begin so. */
static struct work run_openings(const char *opening, size_t n)
{
	size_t len = strlen(opening);
	char *view = malloc(n * len);
	struct work w = { 0 };
	struct dfl_match *m;
	struct dfl_match_view *v;

	fill(view, n * len, opening);
	assert_int_equal(dfl_match_new(NULL, ignore, &w.runs, &m), 0);
	for (int i = 0; i < 100; i++) {
		struct dfl_match_source *s;
		char text[400];
		size_t text_len = (size_t)sprintf(
			text,
			"%sthe contract of customer %d, who lives in street %d and asks "
			"what became of order %d.",
			opening, i * 7919, i, i * 31);

		assert_int_equal(dfl_match_source_new(m, (uint64_t)i, NULL, &s), 0);
		assert_int_equal(dfl_match_source_append(s, text, text_len), 0);
		dfl_match_source_end(s);
	}
	assert_int_equal(dfl_match_view_new(m, NULL, &v), 0);
	assert_int_equal(dfl_match_view_feed(v, view, n * len, 0, n * len, 0), 0);
	dfl_match_view_close(v);
	dfl_match_stats(m, &w.st);
	dfl_match_free(m);
	free(view);
	return w;
}

/*
 * Requests that begin alike, and a text that says so over and over: the work per byte is bounded.
 */
static void common_opening(void **state)
{
	static const char opening[] = "Please tell me about "; /* 17 canonical bytes */
	struct work one = run_openings(opening, 4000), four = run_openings(opening, 16000);

	assert_true(one.runs > 0);
	/*
	 * Of a k-gram, 64 entries; of an opening, the whole of it for as many sources as runs are
	 * open.
	 */
	assert_true(one.st.walked_entries <= one.st.probes * (DFL_ENTRIES_PER_PROBE + 8));
	assert_true(one.st.compared_bytes <= 4000 * 17 * DFL_OPEN_RUNS);
	assert_true(cost(&four) <= 5 * cost(&one));
}

/* How many hold it is known even so. */
static void equal_sources_are_counted(void **state)
{
	static const char text[] = "One text that many people sent at the same time, all the same.";
	struct seen *s = seen_new(NULL);

	for (uint64_t i = 0; i < 1000; i++)
		add_source(s, i, NULL, text, sizeof(text) - 1);
	scan(s, NULL, text, sizeof(text) - 1, 0);
	assert_int_equal(s->n, 64);
	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(s->hits[i].run.other_sources, 999);
	seen_free(s);
}

/* An attacker who floods the index with parts of a text does not hide who holds all of it. */
static void flooding_hides_nothing(void **state)
{
	static const char
		victim[] = "My contract number is in the letter of March, and I would like "
			   "to know whether the fee of 120 euro for the early termination "
			   "is correct; please also tell me the name of the person in charge.";
	static const char phrase[] = "please also tell me the name of the person in charge";
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src;
	uint32_t all;

	for (uint64_t i = 0; i < 3000; i++)
		add_source(s, 100 + i, NULL, phrase, sizeof(phrase) - 1);
	src = add_source(s, 1, "victim", victim, sizeof(victim) - 1);
	all = dfl_match_source_canon_bytes(src);
	for (uint64_t i = 0; i < 3000; i++)
		add_source(s, 5000 + i, NULL, phrase, sizeof(phrase) - 1);
	scan(s, NULL, victim, sizeof(victim) - 1, 0);
	for (size_t i = 0; i < s->n; i++)
		if (s->hits[i].source) {
			assert_int_equal(s->hits[i].run.canon_from, 0);
			assert_int_equal(s->hits[i].run.canon_to, all);
			all = 0;
		}
	assert_int_equal(all, 0);
	seen_free(s);
}

static void freeing_equal_sources(void **state)
{
	static const char text[] = "One text that ten thousand people sent at the same time.";
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src[10000];

	for (size_t i = 0; i < 10000; i++)
		src[i] = add_source(s, i, NULL, text, sizeof(text) - 1);
	for (size_t i = 0; i < 10000; i++)
		dfl_match_source_free(src[i]);
	assert_int_equal(stats_of(s).index_entries, 0);
	scan(s, NULL, text, sizeof(text) - 1, 0);
	assert_int_equal(s->n, 0);
	seen_free(s);
}

static void short_equal_sources(void **state)
{
	struct seen *s = seen_new(NULL);

	for (uint64_t i = 0; i < 5000; i++)
		add_source(s, i, NULL, "はい", 6);
	scan(s, NULL, "はい", 6, 0);
	assert_int_equal(s->n, 64);
	assert_true(s->hits[0].run.other_sources >= 1000);
	assert_true(stats_of(s).capped_candidates > 0);
	seen_free(s);
}

/* Base64 of base64 of …: each level costs three quarters of the one above, down to max_depth. */
static void base64_of_base64(void **state)
{
	const size_t n = 60000;
	size_t len = n;
	char *text = malloc(2 * 1024 * 1024), *next = malloc(2 * 1024 * 1024);
	struct work w;

	fill(text, n, "some words of a text that is encoded over and over; ");
	for (int i = 0; i < 8; i++) {
		char *t = text;

		sodium_bin2base64(next, 2 * 1024 * 1024, (uint8_t *)text, len,
				  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
		len = strlen(next);
		text = next;
		next = t;
	}
	w = run("some words of a text", 20, 1, text, len);
	assert_true(w.st.capped_depth > 0);
	assert_true(w.st.nested_bytes < 2 * len);
	free(text);
	free(next);
}

/* Chars that are text in every phase, and hex as well. */
static void ambiguous_phases(void **state)
{
	static const char *const units[] = {
		"VVVV", "5555", "UVVV", "3132", "VVVVUUUU", "61626364"
	};
	char view[65536];

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct work w;

		fill(view, sizeof(view), units[i]);
		w = run("no such text is in there", 24, 1, view, sizeof(view));
		assert_true(w.st.nested_bytes < 4 * sizeof(view));
		assert_int_equal(w.runs, 0);
	}
}

static void limits_are_counted(void **state)
{
	struct dfl_match_opts opts = { .max_sources = 2, .max_source_bytes = 10000 };
	struct seen *s = seen_new(&opts);
	struct dfl_match_source *a, *b, *c;
	char big[20000];

	fill(big, sizeof(big), "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHI");
	assert_int_equal(dfl_match_source_new(s->m, 1, NULL, &a), 0);
	assert_int_equal(dfl_match_source_new(s->m, 1, NULL, &b), 0);
	assert_int_equal(dfl_match_source_new(s->m, 1, NULL, &c), -ENOSPC);
	assert_int_equal(stats_of(s).capped_sources, 1);
	assert_int_equal(dfl_match_source_append(a, big, sizeof(big)), -ENOSPC);
	assert_int_equal(stats_of(s).capped_sources, 2);
	assert_in_range(dfl_match_source_canon_bytes(a), 9000, 10000);
	/* What was taken is matched; what is freed makes room. */
	scan(s, NULL, big + 4500, 45, 0);
	assert_int_equal(s->n, 1);
	dfl_match_source_free(a);
	assert_int_equal(dfl_match_source_append(b, big, 5000), 0);
	seen_free(s);
}

/* Secret memory is given back, and reused before more is taken. */
static void memory_comes_back(void **state)
{
	struct seen *s = seen_new(NULL);
	char text[3000];
	uint64_t after = 0;

	for (int round = 0; round < 20; round++) {
		struct dfl_match_source *src[50];

		for (size_t i = 0; i < 50; i++) {
			for (size_t j = 0; j < sizeof(text); j++)
				text[j] = (char)('a' +
						 (j * j + i * 7 + j / 5 * (size_t)round) % 26);
			src[i] = add_source(s, i, NULL, text, sizeof(text));
		}
		for (size_t i = 0; i < 50; i++)
			dfl_match_source_free(src[i]);
		if (round == 2)
			after = stats_of(s).secret_bytes;
	}
	assert_true(stats_of(s).secret_bytes <= after + (2 << 20));
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periodic),
		cmocka_unit_test(periodic_source),
		cmocka_unit_test(equal_sources),
		cmocka_unit_test(common_opening),
		cmocka_unit_test(equal_sources_are_counted),
		cmocka_unit_test(flooding_hides_nothing),
		cmocka_unit_test(freeing_equal_sources),
		cmocka_unit_test(short_equal_sources),
		cmocka_unit_test(base64_of_base64),
		cmocka_unit_test(ambiguous_phases),
		cmocka_unit_test(limits_are_counted),
		cmocka_unit_test(memory_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
