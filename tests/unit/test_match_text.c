// SPDX-License-Identifier: Apache-2.0
/*
 * Matching real shapes of text: every spelling, what is known not to work, partial copies, late and
 * growing sources.
 */
#include "match_help.h"

static double coverage(const char *text, const uint8_t *data, size_t len, size_t step,
		       uint64_t *ret_from, uint64_t *ret_to)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src = add_source(s, 1, s, text, strlen(text));
	double c;

	scan(s, NULL, data, len, step);
	c = (double)covered(s, s) / dfl_match_source_canon_bytes(src);
	*ret_from = UINT64_MAX;
	*ret_to = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->hits[i].run.pos_from < *ret_from)
			*ret_from = s->hits[i].run.pos_from;
		if (s->hits[i].run.pos_to > *ret_to)
			*ret_to = s->hits[i].run.pos_to;
	}
	seen_free(s);
	return c;
}

static void spelled(const char *name, const char *text, const uint8_t *data, size_t len)
{
	uint64_t from, to, f, t;

	if (coverage(text, data, len, 0, &from, &to) != 1.0)
		fail_msg("%s whole: not covered", name);
	for (size_t step = 1; step < 70; step += step < 8 ? 1 : 13) {
		if (coverage(text, data, len, step, &f, &t) != 1.0)
			fail_msg("%s by %zu: not covered", name, step);
		assert_int_equal(f, from);
		assert_int_equal(t, to);
	}
}

/* Inside other bytes, the positions move along. */
static void spelled_inside(const char *name, const char *text, const uint8_t *data, size_t len)
{
	static const char around[] = "{\"a\": [1, 2], \"text\": \"";
	size_t n = sizeof(around) - 1;
	uint8_t *b = malloc(2 * n + len);
	uint64_t from, to, f, t;

	memcpy(b, around, n);
	memcpy(b + n, data, len);
	memcpy(b + n + len, around, n);
	coverage(text, data, len, 0, &from, &to);
	if (coverage(text, b, 2 * n + len, 0, &f, &t) != 1.0)
		fail_msg("%s inside: not covered", name);
	assert_int_equal(f, from + n);
	assert_int_equal(t, to + n);
	free(b);
}

static void every_spelling(void **state)
{
	each_vector("spellings.json", spelled);
	each_vector("spellings.json", spelled_inside);
}

/* A gap at every byte: never a crash, never a run across it, and most of the text is found. */
static void spelled_with_gap(const char *name, const char *text, const uint8_t *data, size_t len)
{
	for (size_t cut = 1; cut < len; cut += 3) {
		struct seen *s = seen_new(NULL);
		struct dfl_match_source *src = add_source(s, 1, s, text, strlen(text));
		struct dfl_match_view *v;

		assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
		feed(v, data, cut, 0, 0);
		dfl_match_view_gap(v);
		feed(v, data + cut, len - cut, cut + 1000, 0);
		dfl_match_view_close(v);
		for (size_t i = 0; i < s->n; i++)
			assert_true(s->hits[i].run.pos_to <= cut ||
				    s->hits[i].run.pos_from >= cut + 1000);
		/* Two ends that are too short for a run, and for nested base64 or hex. */
		if (covered(s, s) + 110 < dfl_match_source_canon_bytes(src))
			fail_msg("%s: gap at %zu", name, cut);
		seen_free(s);
	}
}

static void every_spelling_with_gap(void **state)
{
	each_vector("spellings.json", spelled_with_gap);
}

static unsigned n_limits, n_misses;

static void limited(const char *name, const char *text, const uint8_t *data, size_t len)
{
	uint64_t f, t;
	double c = coverage(text, data, len, 0, &f, &t);

	/* These texts happen not to hold what would be lost. */
	bool fine = !strncmp(text, "<p", 2) &&
		    (!strcmp(name, "nfd") || !strcmp(name, "latin-1-escape") ||
		     !strcmp(name, "named-entities"));

	fine = fine || (!strcmp(name, "html-every-character") && !strncmp(text, "東", 3));
	n_limits++;
	n_misses += c < 1.0;
	if ((c == 1.0) != fine)
		fail_msg("%s: coverage %.3f", name, c);
}

static void known_limits(void **state)
{
	each_vector("limits.json", limited);
	assert_true(n_limits - n_misses <= 4);
}

/* ---- partial copies ---- */

#define SENTENCE(n)                                                                                                              \
	"項目" n "：この文は番号" n "だけが違い、ほかの言葉はどの項目でも同じように繰り返されます" \
	"。"

static const char repeats[] = SENTENCE("1") SENTENCE("2") SENTENCE("3") SENTENCE("4") SENTENCE("5")
	SENTENCE("6") SENTENCE("7") SENTENCE("8") SENTENCE("9") SENTENCE("10") SENTENCE("11")
		SENTENCE("12") SENTENCE("13") SENTENCE("14") SENTENCE("15") SENTENCE("16");

static void title_of_twenty(void **state)
{
	static const char
		text[] = "新しい勤怠管理システムの導入時期と移行手順、費用の見積もりを教えて";
	struct seen *s = seen_new(NULL);
	char view[200];

	add_source(s, 1, s, text, sizeof(text) - 1);
	snprintf(view, sizeof(view), "'%.60s…'", text); /* 20 characters of 3 bytes */
	scan(s, NULL, view, strlen(view), 0);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->hits[0].run.src_from, 0);
	assert_int_equal(s->hits[0].run.src_to, 60);
	seen_free(s);
}

/* 300 + 300 characters of a text that repeats itself: two places, not everywhere. */
static void head_and_tail(void **state)
{
	const size_t len = sizeof(repeats) - 1;
	struct seen *s = seen_new(NULL);
	struct dfl_match_source *src = add_source(s, 1, s, repeats, len);
	char view[2000];
	size_t head = 300, tail = len - 300, n;

	while ((repeats[head] & 0xc0) == 0x80)
		head--;
	while ((repeats[tail] & 0xc0) == 0x80)
		tail++;
	n = (size_t)snprintf(view, sizeof(view), "%.*s……%s", (int)head, repeats, repeats + tail);
	scan(s, NULL, view, n, 0);
	assert_true(s->n >= 2);
	assert_in_range(covered(s, s), head + (len - tail) - 12, head + (len - tail) + 12);
	assert_true(covered(s, s) * 4 < 3 * dfl_match_source_canon_bytes(src));
	seen_free(s);
}

/* The same part twice: the second time it takes another free place only where there is one. */
static void repeated_place(void **state)
{
	static const char part[] = "one and the same paragraph of boilerplate text";
	char source[400], view[400];
	struct seen *s = seen_new(NULL);

	snprintf(source, sizeof(source), "%s A %s B unique words at the end", part, part);
	snprintf(view, sizeof(view), "%s X %s Y %s", part, part, part);
	add_source(s, 1, s, source, strlen(source));
	scan(s, NULL, view, strlen(view), 0);
	assert_int_equal(s->n, 3);
	assert_int_equal(s->hits[0].run.src_from, 0);
	assert_int_equal(s->hits[1].run.src_from, sizeof(part) - 1 + 3);
	assert_int_equal(s->hits[2].run.src_from, 0);
	assert_int_equal(covered(s, s), 2 * s->hits[0].run.canon_to);
	/* Another view counts on its own. */
	scan(s, NULL, part, sizeof(part) - 1, 0);
	assert_int_equal(s->hits[3].run.src_from, 0);
	seen_free(s);
}

/* Celery's argsrepr: 1,024 characters, cut in the middle of an escape. */
static void cut_in_an_escape(void **state)
{
	struct seen *s = seen_new(NULL);
	char view[1100], *p = view;
	size_t chars = 0;

	add_source(s, 1, s, repeats, sizeof(repeats) - 1);
	for (const uint8_t *t = (const uint8_t *)repeats; p < view + 1020; chars++) {
		if (*t < 0x80)
			*p++ = (char)*t++;
		else {
			p += sprintf(p, "\\u%04x",
				     (t[0] & 15) << 12 | (t[1] & 63) << 6 | (t[2] & 63));
			t += 3;
		}
	}
	for (size_t len = 900; len < 1010; len++) {
		s->n = 0;
		scan(s, NULL, view, len, 0);
		assert_true(s->n >= 1);
		assert_int_equal(s->hits[0].run.src_from, 0);
		assert_int_equal(s->hits[0].run.pos_from, 0);
		assert_true(s->hits[0].run.pos_to <= len);
		assert_true(s->hits[0].run.pos_to + 6 > len);
	}
	seen_free(s);
}

/* ---- late and growing sources ---- */

static const char answer[] = "The quarterly revenue rose by twelve percent, mostly because of new "
			     "customers in Osaka "
			     "and Nagoya; costs were flat. "
			     "四半期の売上は十二パーセント増えました。主な理由は新規のお客様です。";

#define ANSWER_LEN (sizeof(answer) - 1)

static void late_source(void **state)
{
	for (size_t after = 0; after < 4000; after += 399) {
		struct seen *s = seen_new(NULL);
		struct dfl_match_view *v;
		struct dfl_match_source *src;

		assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
		feed(v, answer, ANSWER_LEN, 0, 11);
		for (size_t i = 0; i < after; i++)
			feed(v, "x", 1, ANSWER_LEN + i, 0);
		src = add_source(s, 1, s, answer, ANSWER_LEN);
		dfl_match_view_close(v);
		if (after + dfl_match_source_canon_bytes(src) <= 4096)
			assert_int_equal(covered(s, s), dfl_match_source_canon_bytes(src));
		else
			assert_true(covered(s, s) <= 4096 - after);
		seen_free(s);
	}
}

/* In nested base64 and in several views at once. */
static void late_source_nested(void **state)
{
	struct seen *s = seen_new(NULL);
	struct dfl_match_view *v[3];
	char b64[1000];
	struct dfl_match_source *src;
	size_t n;

	sodium_bin2base64(b64, sizeof(b64), (const uint8_t *)answer, ANSWER_LEN,
			  sodium_base64_VARIANT_ORIGINAL);
	n = strlen(b64);
	for (int i = 0; i < 3; i++)
		assert_int_equal(dfl_match_view_new(s->m, NULL, &v[i]), 0);
	feed(v[0], b64, n, 0, 0);
	feed(v[1], answer, ANSWER_LEN, 0, 0);
	feed(v[2], b64, n, 0, 1);
	src = add_source(s, 1, s, answer, ANSWER_LEN);
	for (int i = 0; i < 3; i++) {
		s->n = 0;
		dfl_match_view_close(v[i]);
		assert_int_equal(covered(s, s), dfl_match_source_canon_bytes(src));
	}
	seen_free(s);
}

/* Source and view grow side by side, either ahead, in deltas that cut characters and escapes. */
static void growing(void **state)
{
	uint64_t rng = 1;

	for (int round = 0; round < 300; round++) {
		struct seen *s = seen_new(NULL);
		struct dfl_match_view *v;
		struct dfl_match_source *src;
		size_t a = 0, b = 0;

		assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
		assert_int_equal(dfl_match_source_new(s->m, 1, s, &src), 0);
		while (a < ANSWER_LEN || b < ANSWER_LEN) {
			size_t n;

			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			n = 1 + (rng >> 40) % 9;
			if ((rng >> 33) % 3 < (unsigned)(round % 3) ? a < ANSWER_LEN :
								      b >= ANSWER_LEN) {
				n = n < ANSWER_LEN - a ? n : ANSWER_LEN - a;
				assert_int_equal(dfl_match_source_append(src, answer + a, n), 0);
				a += n;
			} else if (b < ANSWER_LEN) {
				n = n < ANSWER_LEN - b ? n : ANSWER_LEN - b;
				feed(v, answer + b, n, b, 0);
				b += n;
			}
		}
		dfl_match_source_end(src);
		dfl_match_view_close(v);
		assert_int_equal(s->n, 1);
		assert_int_equal(s->hits[0].run.canon_to, dfl_match_source_canon_bytes(src));
		assert_int_equal(s->hits[0].run.src_to, ANSWER_LEN);
		assert_true(s->hits[0].run.whole_leaf);
		seen_free(s);
	}
}

/* A view that is far ahead gives up waiting after look_back. */
static void waits_no_longer_than_look_back(void **state)
{
	struct dfl_match_opts opts = { .look_back = 256 };
	struct seen *s = seen_new(&opts);
	struct dfl_match_view *v;
	struct dfl_match_source *src;

	assert_int_equal(dfl_match_source_new(s->m, 1, s, &src), 0);
	assert_int_equal(dfl_match_source_append(src, answer, 40), 0);
	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	feed(v, "--", 2, 0, 0);
	feed(v, answer, ANSWER_LEN, 2, 0);
	assert_int_equal(s->n, 0); /* it waits for the source */
	for (size_t i = 0; i < 6000; i++)
		feed(v, "z", 1, 2 + ANSWER_LEN + i, 0);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->hits[0].run.src_to, 40);
	assert_int_equal(dfl_match_source_append(src, answer + 40, 40), 0);
	assert_int_equal(s->n, 1);
	dfl_match_view_close(v);
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling),
		cmocka_unit_test(every_spelling_with_gap),
		cmocka_unit_test(known_limits),
		cmocka_unit_test(title_of_twenty),
		cmocka_unit_test(head_and_tail),
		cmocka_unit_test(repeated_place),
		cmocka_unit_test(cut_in_an_escape),
		cmocka_unit_test(late_source),
		cmocka_unit_test(late_source_nested),
		cmocka_unit_test(growing),
		cmocka_unit_test(waits_no_longer_than_look_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
