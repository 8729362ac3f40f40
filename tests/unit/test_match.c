// SPDX-License-Identifier: Apache-2.0
/* Matching: what a run says, splits, gaps, whole leaves, commonness, nesting, ends of life. */
#include "match_help.h"

static const char
	text[] = "Could you please explain how the quarterly revenue of 2024 compares to 2023?";

#define LEN(s) (sizeof(s) - 1)

static struct hit *only(struct seen *s)
{
	assert_int_equal(s->n, 1);
	return &s->hits[0];
}

static void one_run(void **state)
{
	static const char
		view[] = "{\"query\":\"Could you please explain how the quarterly revenue "
			 "of 2024 compares to 2023?\",\"user\":\"x\"}";
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src = add_source(s, 1, "src", text, LEN(text));
	struct dfl_match_view *v;
	struct dfl_run *r;

	assert_int_equal(dfl_match_view_new(s->m, "view", &v), 0);
	assert_int_equal(dfl_match_view_feed(v, view, LEN(view), 5000, LEN(view), 77), 0);
	dfl_match_view_close(v);
	r = &only(s)->run;
	assert_string_equal(s->hits[0].view, "view");
	assert_string_equal(s->hits[0].source, "src");
	assert_int_equal(r->canon_from, 0);
	assert_int_equal(r->canon_to, dfl_match_source_canon_bytes(src));
	assert_int_equal(r->src_from, 0);
	assert_int_equal(r->src_to, LEN(text)); /* with the '?' at its end */
	assert_int_equal(r->pos_from, 5010);
	assert_int_equal(r->pos_to, 5010 + LEN(text) - 1);
	assert_int_equal(r->encodings, DFL_ENC_RAW);
	assert_int_equal(r->other_sources, 0);
	assert_int_equal(r->ts_first_ns, 77);
	assert_int_equal(r->ts_last_ns, 77);
	assert_false(r->whole_leaf);
	assert_int_equal(dfl_match_source_raw_bytes(src), LEN(text));
	seen_free(s);
}

static void times_and_ranges(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_view *v;

	add_source(s, 1, NULL, text, LEN(text));
	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	assert_int_equal(dfl_match_view_feed(v, "....", 4, 100, 4, 1), 0);
	assert_int_equal(dfl_match_view_feed(v, text, 20, 200, 7, 2), 0); /* all 20 are [200, 207)
									   */
	assert_int_equal(dfl_match_view_feed(v, text + 20, 20, 300, 20, 3), 0);
	assert_int_equal(dfl_match_view_feed(v, "!!", 2, 320, 2, 4), 0);
	dfl_match_view_close(v);
	assert_int_equal(only(s)->run.pos_from, 200);
	assert_int_equal(only(s)->run.pos_to, 320);
	assert_int_equal(only(s)->run.ts_first_ns, 2);
	assert_int_equal(only(s)->run.ts_last_ns, 3);
	assert_true(only(s)->run.whole_leaf);
	seen_free(s);
}

static int by_place(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return x->run.pos_from < y->run.pos_from ? -1 : x->run.pos_from > y->run.pos_from;
}

static void splits_do_not_matter(void **state)
{
	static const char view[] =
		"xx Could you please explain how the quarterly\\n revenue of 2024 compares to "
		"2023? "
		"and \\\"Could you please explain\\\" or \"how the quarterly revenue\" yy "
		"Q291bGQgeW91IHBsZWFzZSBleHBsYWluIGhvdyB0aGUgcXVhcnRlcmx5IHJldmVudWUgb2YgMjAyNA== "
		"436f756c6420796f7520706c65617365206578706c61696e20686f77207468652071756172746572"
		"6c79 and so on";
	struct seen *whole = seen_new(NULL);

	add_source(whole, 1, NULL, text, LEN(text));
	scan(whole, NULL, view, LEN(view), 0);
	assert_int_equal(whole->n, 5);
	qsort(whole->hits, whole->n, sizeof(struct hit), by_place);
	for (size_t step = 1; step < LEN(view); step++) {
		struct seen *s = seen_new(NULL);

		add_source(s, 1, NULL, text, LEN(text));
		scan(s, NULL, view, LEN(view), step);
		assert_int_equal(s->n, whole->n);
		qsort(s->hits, s->n, sizeof(struct hit), by_place);
		for (size_t i = 0; i < s->n; i++) {
			struct dfl_run a = s->hits[i].run, b = whole->hits[i].run;

			a.ts_first_ns = a.ts_last_ns = b.ts_first_ns = b.ts_last_ns = 0;
			assert_memory_equal(&a, &b, sizeof(a));
		}
		seen_free(s);
	}
	seen_free(whole);
}

/* A gap ends runs; escapes do not join across it; both sides are still found. */
static void gaps(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_view *v;

	add_source(s, 1, NULL, text, LEN(text));
	for (size_t cut = 1; cut < LEN(text); cut++) {
		size_t n = s->n, got = 0;

		assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
		feed(v, text, cut, 0, 0);
		dfl_match_view_gap(v);
		feed(v, text + cut, LEN(text) - cut, cut + 10, 7);
		dfl_match_view_close(v);
		for (; n < s->n; n++) {
			assert_false(s->hits[n].run.whole_leaf);
			assert_true(s->hits[n].run.pos_to <= cut ||
				    s->hits[n].run.pos_from >= cut + 10);
			got += s->hits[n].run.pos_to - s->hits[n].run.pos_from;
		}
		assert_true(got + 44 >= LEN(text)); /* at most two ends of less than min_run and
						       spaces */
	}
	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	s->n = 0;
	feed(v, "Could you please exp\\u006", 25, 0, 0);
	dfl_match_view_gap(v);
	feed(v, "cain how the quarterly revenue", 30, 25, 0);
	dfl_match_view_close(v);
	assert_int_equal(s->n, 2);
	assert_int_equal(s->hits[0].run.src_to, 20);
	assert_int_equal(s->hits[1].run.src_from, 21);
	seen_free(s);
}

static void whole_leaves(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src = add_source(s, 1, "yes", "はい。", 9);

	add_source(s, 2, "long", text, LEN(text));
	scan(s, NULL, "はい。", 9, 0);
	assert_true(only(s)->run.whole_leaf);
	assert_int_equal(only(s)->run.src_to, 9);
	scan(s, NULL, " \\u306f\\u3044\\u3002\\n", 21, 3);
	assert_int_equal(s->n, 2);
	assert_int_equal(s->hits[1].run.encodings, DFL_ENC_UESCAPE);
	assert_int_equal(s->hits[1].run.pos_from, 1);
	assert_int_equal(s->hits[1].run.pos_to, 19);
	scan(s, NULL, "はい。A", 10, 0); /* more than the text */
	scan(s, NULL, "はい", 6, 0);	 /* less */
	scan(s, NULL, "!?", 2, 0);	 /* nothing canonical */
	scan(s, NULL, "", 0, 0);
	assert_int_equal(s->n, 2);
	dfl_match_source_free(src);
	scan(s, NULL, "はい。", 9, 0);
	assert_int_equal(s->n, 2);
	/* Part of a source as a whole leaf; a leaf that was not whole. */
	scan(s, NULL, text, 40, 0);
	assert_true(s->hits[2].run.whole_leaf);
	scan(s, NULL, "aaa Could you please explain how", 32, 0);
	assert_false(s->hits[3].run.whole_leaf);
	scan(s, NULL, "Q291bGQgeW91IHBsZWFzZSBleHBsYWlu", 32, 0); /* a leaf of 32 chars of base64 */
	assert_int_equal(s->n, 5);
	assert_true(s->hits[4].run.whole_leaf);
	assert_int_equal(s->hits[4].run.encodings, DFL_ENC_BASE64);
	scan(s, NULL, "x Q291bGQgeW91IHBsZWFzZSBleHBsYWlu", 34, 0); /* too short for anywhere */
	assert_int_equal(s->n, 5);
	seen_free(s);
}

static void short_base64_leaf(void **state)
{
	struct seen *s = seen_new(NULL);

	add_source(s, 1, NULL, "short answer", 12);
	scan(s, NULL, "c2hvcnQgYW5zd2Vy", 16, 0);
	assert_true(only(s)->run.whole_leaf);
	scan(s, NULL, "c2hvcnQgYW5zd2VyIQ==", 20, 1);
	assert_int_equal(s->n, 2);
	scan(s, NULL, "c2hvcnQgYW5zd2Vy and more", 25, 0);
	assert_int_equal(s->n, 2);
	seen_free(s);
}

static void common_runs(void **state)
{
	static const char phrase[] = "how the quarterly revenue of 2024 compares";
	struct seen *s = seen_new(NULL);
	static char names[3][4] = { "a", "b", "c" };

	add_source(s, 1, names[0], text, LEN(text));
	add_source(s, 2, names[1], phrase, LEN(phrase));
	add_source(s, 1, names[2], phrase, LEN(phrase)); /* the same owner as a */
	scan(s, NULL, text, LEN(text), 0);
	assert_int_equal(s->n, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct hit *h = &s->hits[i];

		if (h->source == names[0])
			assert_int_equal(h->run.other_sources, 0); /* nobody else has all of it */
		else
			assert_int_equal(h->run.other_sources, h->source == names[1] ? 2 : 1);
	}
	s->n = 0;
	scan(s, NULL, phrase, LEN(phrase), 5);
	assert_int_equal(s->n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(s->hits[i].run.other_sources,
				 s->hits[i].source == names[1] ? 2 : 1);
	seen_free(s);
}

static void short_runs_are_dropped(void **state)
{
	struct dfl_match_opts opts = { .min_run = 30 };
	struct seen *s = seen_new(&opts);

	add_source(s, 1, NULL, text, LEN(text));
	scan(s, NULL, "--- please explain how the qu ---", 33, 0); /* 22 */
	assert_int_equal(s->n, 0);
	scan(s, NULL, "--- please explain how the quarterly reve ---", 45, 0); /* 32 */
	assert_int_equal(only(s)->run.canon_to - only(s)->run.canon_from, 32);
	seen_free(s);
}

/* Runs begin and end with whole characters. */
static void whole_characters(void **state)
{
	static const char src[] = "これは日本語の長い文章あい";	 /* い e3 81 84 */
	static const char view[] = "ぁれは日本語の長い文章ああ"; /* れ e3 82 8c, ぁ e3 81 81 */
	struct seen *s = seen_new(NULL);

	add_source(s, 1, NULL, src, LEN(src));
	scan(s, NULL, view, LEN(view), 0);
	assert_int_equal(only(s)->run.src_from, 3);
	assert_int_equal(only(s)->run.src_to, LEN(src) - 3);
	assert_int_equal(only(s)->run.pos_from, 3);
	assert_int_equal(only(s)->run.pos_to, LEN(view) - 3);
	seen_free(s);
}

static void ends_of_life(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *a = add_source(s, 1, "a", text, LEN(text)), *b;
	struct dfl_match_view *v;

	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	feed(v, text, 50, 0, 0);
	assert_int_equal(s->n, 0);
	dfl_match_source_free(a); /* its open run is reported */
	assert_int_equal(only(s)->run.src_to, 50);
	assert_false(only(s)->run.whole_leaf);
	feed(v, text + 50, LEN(text) - 50, 50, 0);
	assert_int_equal(s->n, 1);
	/* A new source, maybe at the same address, is another one. */
	b = add_source(s, 1, "b", text, LEN(text));
	assert_int_equal(s->n, 1);
	dfl_match_view_close(v);
	assert_int_equal(s->n, 2);
	assert_string_equal(s->hits[1].source, "b");
	dfl_match_source_free(b);
	assert_int_equal(stats_of(s).index_entries, 0);
	assert_int_equal(stats_of(s).sources, 0);
	assert_int_equal(stats_of(s).source_bytes, 0);
	scan(s, NULL, text, LEN(text), 0);
	assert_int_equal(s->n, 2);
	/* match_free ends what is left. */
	add_source(s, 1, "c", text, LEN(text));
	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	feed(v, text, 50, 0, 0);
	seen_free(s);
}

/* What an idle matcher was fed last: positions and times are exact, whatever came before. */
static void late_text(void **state)
{
	static char view[100000];
	const size_t tail = sizeof(view) - 3000;

	for (size_t i = 0; i < sizeof(view); i++)
		view[i] = i % 16 ? (char)('a' + i * i / 7 % 26) : ' ';
	memcpy(view + 2000, text, sizeof(text) - 1); /* too long ago */
	memcpy(view + tail, text, sizeof(text) - 1);
	for (size_t step = 0; step < 20000; step = step * 3 + 1) {
		struct seen *s = seen_new(NULL);
		struct dfl_match_view *v;

		assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
		feed(v, view, sizeof(view), 0, step);
		assert_int_equal(s->n, 0);
		add_source(s, 1, NULL, text, sizeof(text) - 1);
		dfl_match_view_close(v);
		assert_int_equal(s->n, 1);
		assert_int_equal(s->hits[0].run.pos_from, tail);
		assert_int_equal(s->hits[0].run.pos_to, tail + sizeof(text) - 2); /* no '?' */
		assert_int_equal(s->hits[0].run.ts_first_ns, step ? tail / step * step : 0);
		assert_false(s->hits[0].run.whole_leaf);
		seen_free(s);
	}
}

/* Bytes that are decoded together keep their range; nothing is looked for before a gap. */
static void late_text_of_ranges_and_gaps(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_view *v;

	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	assert_int_equal(dfl_match_view_feed(v, text, 30, 100, 10, 1), 0);
	dfl_match_view_gap(v);
	dfl_match_view_gap(v);
	assert_int_equal(dfl_match_view_feed(v, text + 30, sizeof(text) - 31, 200, 10, 2), 0);
	add_source(s, 1, NULL, text, sizeof(text) - 1);
	dfl_match_view_close(v);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->hits[0].run.pos_from, 200);
	assert_int_equal(s->hits[0].run.pos_to, 210);
	assert_int_equal(s->hits[0].run.ts_first_ns, 2);
	assert_true(s->hits[0].run.canon_from > 0);
	seen_free(s);
}

static void bad_options(void **state)
{
	static const struct dfl_match_opts bad[] = {
		{ .k = 7 },
		{ .k = 17 },
		{ .k = 12, .stride = 6 },
		{ .look_back = 8 },
	};
	struct dfl_match *m = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dfl_match_new(&bad[i], seen_run, NULL, &m), -EINVAL);
	assert_null(m);
	dfl_match_free(NULL);
	dfl_match_view_close(NULL);
	dfl_match_source_free(NULL);
}

static void after_end(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src = add_source(s, 1, NULL, text, LEN(text));

	dfl_match_source_end(src);
	assert_int_equal(dfl_match_source_append(src, "x", 1), -EINVAL);
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_run),
		cmocka_unit_test(times_and_ranges),
		cmocka_unit_test(splits_do_not_matter),
		cmocka_unit_test(gaps),
		cmocka_unit_test(whole_leaves),
		cmocka_unit_test(short_base64_leaf),
		cmocka_unit_test(common_runs),
		cmocka_unit_test(short_runs_are_dropped),
		cmocka_unit_test(whole_characters),
		cmocka_unit_test(ends_of_life),
		cmocka_unit_test(late_text),
		cmocka_unit_test(late_text_of_ranges_and_gaps),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(after_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
