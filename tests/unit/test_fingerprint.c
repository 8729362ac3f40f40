// SPDX-License-Identifier: Apache-2.0
/* Fingerprints: which k-grams have one, that texts are found by them again, and their bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "match/match_priv.h"
#include "match/simd/simd_best.h"
#include "match/simd/simd_portable.h"

#define MAX_FOUND 4096

static const uint8_t key_a[DFL_PRINT_KEY_BYTES] = "the key of one store, 32 bytes..";
static const uint8_t key_b[DFL_PRINT_KEY_BYTES] = "that of another, also 32 bytes..";

struct found {
	void *set;
	struct dfl_fingerprint_run run;
};

struct fixture {
	struct dfl_match *m;
	struct found found[MAX_FOUND];
	size_t n;
};

static void on_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
}

static void on_print(void *ud, void *view, void *set, const struct dfl_fingerprint_run *run)
{
	struct fixture *f = ud;

	assert_true(f->n < MAX_FOUND);
	assert_true(run->distinct > 1 && run->distinct <= run->hits && run->pos_from < run->pos_to);
	assert_true(run->reach_from <= run->pos_from && run->pos_to <= run->reach_to);
	f->found[f->n] = (struct found){ set, *run };
	f->found[f->n++].run.seen = NULL;
}

static struct fixture *new_fixture(const uint8_t *key, uint32_t max_prints)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dfl_match_opts opts = { .print_key = key,
				       .max_prints = max_prints,
				       .print_fn = on_print };

	assert_int_equal(dfl_match_new(&opts, on_run, f, &f->m), 0);
	return f;
}

static void free_fixture(struct fixture *f)
{
	dfl_match_free(f->m);
	free(f);
}

static uint32_t prints_of(struct dfl_match *m, const char *text, size_t len, uint8_t **ret_prints)
{
	struct dfl_match_source *s;
	uint32_t n;

	assert_int_equal(dfl_match_source_new(m, 1, NULL, &s), 0);
	assert_int_equal(dfl_match_source_append(s, text, len), 0);
	dfl_match_source_end(s);
	assert_int_equal(dfl_fingerprint_of(s, ret_prints, &n), 0);
	dfl_match_source_free(s);
	return n;
}

/* The text as an old one. Returns how many fingerprints it has. */
static uint32_t remember(struct fixture *f, const char *text, uint64_t owner, void *ud,
			 struct dfl_fingerprint_set **ret_set)
{
	struct dfl_fingerprint_set *set;
	uint8_t *prints;
	uint32_t n = prints_of(f->m, text, strlen(text), &prints);

	assert_int_equal(dfl_fingerprint_set_new(f->m, owner, (int64_t)owner, ud, prints, n, &set),
			 0);
	free(prints);
	if (ret_set)
		*ret_set = set;
	return n;
}

/* Looks at a view in pieces of `step` bytes. */
static void see(struct fixture *f, const char *text, size_t step)
{
	struct dfl_match_view *v;
	size_t len = strlen(text), n;

	f->n = 0;
	assert_int_equal(dfl_match_view_new(f->m, NULL, &v), 0);
	for (size_t i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		assert_int_equal(dfl_match_view_feed(v, text + i, n, i, n, i + 1), 0);
	}
	dfl_match_view_close(v);
}

/* Text without repetitions: numbers in words. */
static char *prose(uint32_t seed, size_t words)
{
	static const char *const parts[] = { "ka",  "ri", "mo",	 "tesu", "no",	"hen", "ba", "lo",
					     "qui", "za", "ter", "vin",	 "sho", "ge",  "pu", "xo" };
	char *text = calloc(words, 16), *p = text;

	for (size_t i = 0; i < words; i++) {
		uint32_t r = seed = seed * 1664525u + 1013904223u;

		p += sprintf(p, "%s%s%s ", parts[r >> 28], parts[r >> 24 & 15],
			     parts[r >> 20 & 15]);
	}
	return text;
}

/* Kanji and kana. */
static char *japanese(uint32_t seed, size_t chars)
{
	char *text = calloc(chars + 1, 3), *p = text;

	for (size_t i = 0; i < chars; i++) {
		uint32_t r = seed = seed * 1664525u + 1013904223u,
			 c = r >> 31 ? 0x4e00 + (r >> 19) % 2000 : 0x3042 + (r >> 19) % 80;

		p += sprintf(p, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 63)),
			     (int)(0x80 | (c & 63)));
	}
	return text;
}

static char *hexadecimal(uint32_t seed, size_t digits)
{
	char *text = calloc(digits + 1, 1);

	for (size_t i = 0; i < digits; i++)
		text[i] = "0123456789abcdef"[(seed = seed * 1664525u + 1013904223u) >> 28];
	return text;
}

static void about_one_in_16(void **state)
{
	struct fixture *f = new_fixture(key_a, 0);
	char *texts[] = { prose(7, 10000), japanese(7, 20000), hexadecimal(7, 60000) };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t *prints;
		uint32_t n = prints_of(f->m, texts[i], strlen(texts[i]), &prints);
		size_t canon = 0;

		for (const char *p = texts[i]; *p; p++)
			canon += *p != ' ';
		assert_in_range(n, canon / 18, canon / 14);
		assert_true(dfl_fingerprint_valid(prints, n));
		free(prints);
		free(texts[i]);
	}
	free_fixture(f);
}

#define WORDS(n) (((n) + 63) / 64)

/*
 * One processor's way on n k-grams of text that ends with the last of them, against the portable
 * one. Returns how many are chosen.
 */
static size_t chooses_the_same(const struct dfl_simd *simd, const struct dfl_fingerprint_table *p,
			       const uint8_t *text, size_t n)
{
	uint64_t want[WORDS(DFL_SIFTED)], got[WORDS(DFL_SIFTED)];
	uint16_t want_at[DFL_SIFTED / 2 + 1 + DFL_SIFT_SLACK],
		got_at[DFL_SIFTED / 2 + 1 + DFL_SIFT_SLACK];
	size_t hits = dfl_simd_portable.sift(p, text, n, want, want_at), count = 0;
	uint8_t *copy = malloc(n + DFL_PRINT_K - 1); /* no byte more, for the sanitizer */

	memcpy(copy, text, n + DFL_PRINT_K - 1);
	simd->choose(copy, n, got);
	assert_memory_equal(want, got, WORDS(n) * sizeof(*want));
	memset(got, 0xa5, sizeof(got));
	assert_int_equal(simd->sift(p, copy, n, got, got_at), hits);
	assert_memory_equal(want, got, WORDS(n) * sizeof(*want));
	assert_memory_equal(want_at, got_at, hits * sizeof(*want_at));
	for (size_t i = 0; i < WORDS(n); i++)
		count += (unsigned)__builtin_popcountll(want[i]);
	free(copy);
	return count;
}

/*
 * Every processor's way chooses the same and finds the same in the filter, wherever the text begins
 * and ends.
 */
static void all_choose_the_same(void **state)
{
	char *text = japanese(3, 3000), *dense = calloc(1, 9000);
	uint64_t filter[128];
	struct dfl_fingerprint_table p = { .filter = filter,
					   .bits = 7 + DFL_PRINT_FILTER_SHIFT,
					   .key = { 0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full,
						    0xff51afd7ed558ccdull } };
	uint64_t all = 0;
	int byte = 0;

	for (unsigned i = 0; i < 128; i++)
		filter[i] = 0x9e3779b97f4a7c15ull * (i + 1) | 0xff51afd7ed558ccdull * (i + 3);
	/* A byte of which all k-grams are chosen. */
	do
		memset(dense, ++byte, 9000);
	while (dfl_simd_portable.choose((uint8_t *)dense, 1, &all), !all);
	for (size_t i = 0; dfl_simds[i]; i++) {
		if (!dfl_simds[i]->usable())
			continue;
		for (size_t from = 0; from < 70; from += 3)
			for (size_t n = 0; n < 400; n++)
				chooses_the_same(dfl_simds[i], &p, (uint8_t *)text + from, n);
		assert_in_range(chooses_the_same(dfl_simds[i], &p, (uint8_t *)text, DFL_SIFTED),
				DFL_SIFTED / 20, DFL_SIFTED / 12);
		for (size_t n = DFL_SIFTED - 130; n <= DFL_SIFTED; n++)
			assert_int_equal(chooses_the_same(dfl_simds[i], &p, (uint8_t *)dense, n),
					 n);
	}
	free(dense);
	free(text);
}

/* The key changes the values, not which are chosen. */
static void key_decides_values_only(void **state)
{
	struct fixture *a = new_fixture(key_a, 0), *b = new_fixture(key_b, 0),
		       *again = new_fixture(key_a, 0);
	char *text = prose(8, 400);
	uint8_t *pa, *pb, *pc;
	uint32_t na = prints_of(a->m, text, strlen(text), &pa),
		 nb = prints_of(b->m, text, strlen(text), &pb);
	uint32_t nc = prints_of(again->m, text, strlen(text), &pc), same = 0;

	assert_int_equal(na, nb);
	assert_int_equal(na, nc);
	assert_memory_equal(pa, pc, na * DFL_PRINT_BYTES);
	for (uint32_t i = 0; i < na; i++)
		for (uint32_t j = 0; j < nb; j++)
			same += !memcmp(pa + i * DFL_PRINT_BYTES, pb + j * DFL_PRINT_BYTES,
					DFL_PRINT_BYTES);
	assert_int_equal(same, 0);
	free(pa);
	free(pb);
	free(pc);
	free(text);
	free_fixture(a);
	free_fixture(b);
	free_fixture(again);
}

static char *embed(const char *before, const char *text, const char *after)
{
	size_t n = strlen(before) + strlen(text) + strlen(after) + 1;
	char *all = malloc(n);

	snprintf(all, n, "%s%s%s", before, text, after);
	return all;
}

/*
 * A text that returns among others, however it is spelt and split, is one run of all its
 * fingerprints.
 */
static void found_again(void **state)
{
	static const size_t steps[] = { 1, 7, 4096, 1 << 20 };
	struct fixture *f = new_fixture(key_a, 0);
	char *text = prose(9, 300), *other = prose(10, 3000),
	     *view = embed(other, text, other + 100);
	char *base64 = malloc(
		sodium_base64_ENCODED_LEN(strlen(view), sodium_base64_VARIANT_ORIGINAL));
	uint32_t n = remember(f, text, 1, text, NULL);

	assert_true(n > 100);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		see(f, view, steps[i]);
		assert_int_equal(f->n, 1);
		assert_ptr_equal(f->found[0].set, text);
		assert_int_equal(f->found[0].run.distinct, n);
		assert_int_equal(f->found[0].run.others, 0);
		assert_int_equal(f->found[0].run.encodings, DFL_ENC_RAW);
		assert_in_range(f->found[0].run.pos_from, strlen(other), strlen(other) + 300);
		assert_in_range(f->found[0].run.pos_to, strlen(other) + strlen(text) - 300,
				strlen(other) + strlen(text));
		assert_in_range(f->found[0].run.ts_first_ns, 1, f->found[0].run.pos_from + 1);
		assert_in_range(f->found[0].run.reach_from, strlen(other) - 200, strlen(other));
		assert_in_range(f->found[0].run.reach_to, strlen(other) + strlen(text) - 1,
				strlen(other) + strlen(text) + 200);
	}
	sodium_bin2base64(base64,
			  sodium_base64_ENCODED_LEN(strlen(view), sodium_base64_VARIANT_ORIGINAL),
			  (const uint8_t *)view, strlen(view), sodium_base64_VARIANT_ORIGINAL);
	see(f, base64, 1000);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->found[0].run.distinct, n);
	assert_true(f->found[0].run.encodings & DFL_ENC_BASE64);
	assert_true(f->found[0].run.pos_from > strlen(other) &&
		    f->found[0].run.pos_to <= strlen(base64));
	see(f, other, 1000);
	assert_int_equal(f->n, 0);
	free(base64);
	free(view);
	free(other);
	free(text);
	free_fixture(f);
}

/*
 * An opening that more texts have than a fingerprint leads to: it may be of the text that goes on
 * behind it, also of the oldest.
 */
static void reaches_over_a_common_opening(void **state)
{
	struct fixture *f = new_fixture(key_a, 0);
	char *opening = prose(31, 7), *other = prose(32, 400), *oldest = NULL, *view;
	uint8_t *prints;

	assert_true(prints_of(f->m, opening, strlen(opening), &prints) > 2);
	free(prints);
	for (uint32_t i = 0; i < DFL_PRINT_SHARED + 3; i++) {
		char *rest = prose(40 + i, 60),
		     *text = calloc(strlen(opening) + strlen(rest) + 1, 1);

		strcat(strcpy(text, opening), rest);
		remember(f, text, i + 1, i ? NULL : f, NULL);
		free(rest);
		if (i)
			free(text);
		else
			oldest = text;
	}
	view = embed(other, oldest, other + 1000);
	for (size_t step = 1; step < 5000; step += 1000) {
		size_t i = 0;

		see(f, view, step);
		while (i < f->n && f->found[i].set != f)
			i++;
		assert_true(i < f->n);
		assert_in_range(f->found[i].run.pos_from,
				strlen(other) + strlen(opening) - DFL_PRINT_K, strlen(view));
		assert_in_range(f->found[i].run.reach_from, strlen(other) - 200, strlen(other));
	}
	free(view);
	free(oldest);
	free(other);
	free(opening);
	free_fixture(f);
}

static bool same_run(const struct found *a, const struct found *b)
{
	return a->set == b->set && a->run.pos_from == b->run.pos_from &&
	       a->run.pos_to == b->run.pos_to && a->run.reach_from == b->run.reach_from &&
	       a->run.reach_to == b->run.reach_to && a->run.span == b->run.span &&
	       a->run.hits == b->run.hits && a->run.distinct == b->run.distinct &&
	       a->run.others == b->run.others;
}

/*
 * Only every other chosen k-gram is looked up, and the last one of each feed: so all are when bytes
 * come one by one, and what is found is the same. The views are pieces of some texts, of all
 * lengths; many of the texts begin alike.
 */
static void looks_at_enough(void **state)
{
	enum { TEXTS = 24, ALIKE = 8 };
	struct fixture *f = new_fixture(key_a, 0), *slow = new_fixture(key_a, 0);
	char *texts[TEXTS], *view = calloc(1, 200000), *opening = prose(31, 60);
	uint32_t seed = 77;
	size_t n = 0, len = 0;

	for (int i = 0; i < TEXTS; i++) {
		texts[i] = i % 3 ? prose(100 + (uint32_t)(i / 2), 150) :
				   japanese(100 + (uint32_t)i, 500); /* some twice */
		if (i >= ALIKE)
			memcpy(texts[i], opening, strlen(opening));
		remember(f, texts[i], (uint64_t)i, texts[i], NULL);
		remember(slow, texts[i], (uint64_t)i, texts[i], NULL);
	}
	for (int round = 0; round < 40; round++) {
		for (len = 0; len < 20000;) {
			const char *text = texts[(seed = seed * 1664525u + 1013904223u) >> 8 & 15];
			size_t from = (seed = seed * 1664525u + 1013904223u) % 1000,
			       piece = 5 + (seed >> 10) % 90;

			piece = from + piece < strlen(text) ? piece : strlen(text) - from;
			memcpy(view + len, text + from, piece);
			len += piece;
		}
		view[len] = 0;
		see(slow, view, 1);
		see(f, view, round % 2 ? 1 << 20 : 100 + (size_t)round);
		assert_int_equal(f->n, slow->n);
		for (size_t i = 0; i < f->n; i++)
			assert_true(same_run(&f->found[i], &slow->found[i]));
		n += f->n;
	}
	assert_true(n > 1000);
	for (int i = 0; i < TEXTS; i++)
		free(texts[i]);
	free(opening);
	free(view);
	free_fixture(f);
	free_fixture(slow);
}

/* What is kept of a text is of use to another process with the same key, and to no other. */
static void another_process(void **state)
{
	struct fixture *first = new_fixture(key_a, 0), *same = new_fixture(key_a, 0),
		       *other = new_fixture(key_b, 0);
	char *text = prose(11, 100);
	struct dfl_fingerprint_set *set;
	uint8_t *prints;
	uint32_t n = prints_of(first->m, text, strlen(text), &prints);

	assert_int_equal(dfl_fingerprint_set_new(same->m, 1, 1, NULL, prints, n, &set), 0);
	assert_int_equal(dfl_fingerprint_set_new(other->m, 1, 1, NULL, prints, n, &set), 0);
	see(same, text, 4096);
	assert_int_equal(same->n, 1);
	assert_int_equal(same->found[0].run.distinct, n);
	see(other, text, 4096);
	assert_int_equal(other->n, 0);
	free(prints);
	free(text);
	free_fixture(first);
	free_fixture(same);
	free_fixture(other);
}

static void parts_and_gaps(void **state)
{
	struct fixture *f = new_fixture(key_a, 0);
	char *text = prose(12, 200), *mixed;
	size_t half = strlen(text) / 2;
	uint32_t n = remember(f, text, 1, NULL, NULL);
	struct dfl_match_view *v;

	mixed = embed("", text, "");
	memcpy(mixed + half,
	       "THIS IS ANOTHER TEXT HERE, AND LONG ENOUGH TO BE CHOSEN FROM: 0123456789", 72);
	see(f, mixed, 4096);
	assert_int_equal(f->n, 2);
	assert_true(f->found[0].run.distinct + f->found[1].run.distinct < n);
	assert_in_range(f->found[0].run.pos_to, half - 200, half);
	assert_in_range(f->found[1].run.pos_from, half + 72, half + 272);
	f->n = 0;
	assert_int_equal(dfl_match_view_new(f->m, NULL, &v), 0);
	dfl_match_view_feed(v, text, half, 0, half, 1);
	dfl_match_view_gap(v);
	assert_int_equal(f->n, 1);
	dfl_match_view_feed(v, text + half + 9, half - 9, half + 9, half - 9, 2);
	dfl_match_view_close(v);
	assert_int_equal(f->n, 2);
	free(mixed);
	free(text);
	free_fixture(f);
}

/* The same text many times over, and a text that repeats itself. */
static void common_and_periodic(void **state)
{
	struct fixture *f = new_fixture(key_a, 0);
	char *text = prose(13, 60), *tail = prose(14, 60), *both = embed(text, tail, ""),
	     *twice = embed(text, text, text);
	struct dfl_match_stats stats;
	struct dfl_fingerprint_set *one;
	uint32_t n = remember(f, text, 1, (void *)1, NULL), all;

	for (uintptr_t i = 2; i <= 20; i++)
		remember(f, text, i, (void *)i, NULL);
	dfl_match_stats(f->m, &stats);
	assert_int_equal(stats.capped_prints, 12 * n);
	see(f, text, 4096);
	assert_int_equal(f->n, DFL_PRINT_SHARED);
	for (size_t i = 0; i < f->n; i++) {
		assert_true((uintptr_t)f->found[i].set > 12); /* the newest */
		assert_int_equal(f->found[i].run.others, DFL_PRINT_SHARED - 1);
		assert_int_equal(f->found[i].run.distinct, n);
	}
	/* What is too common to be kept does not hide what follows it, nor end a run. */
	all = remember(f, both, 0, both, &one);
	see(f, both, 4096);
	for (size_t i = 0; i < f->n; i++)
		if (f->found[i].set == both)
			break;
		else
			assert_true(i + 1 < f->n);
	assert_true(all > n && f->found[f->n - 1].run.distinct >= 2);
	dfl_fingerprint_set_free(one);
	see(f, twice, 4096);
	for (size_t i = all = 0; i < f->n; i++)
		all += f->found[i].set == (void *)20 ? f->found[i].run.hits : 0;
	assert_in_range(all, 3 * n - 1, 3 * n + 2);
	free(text);
	free(tail);
	free(both);
	free(twice);
	free_fixture(f);
}

/* What is in the table is found, what was taken out is not, in any order. */
static void comes_and_goes(void **state)
{
	enum { N = 300 };
	struct fixture *f = new_fixture(key_a, 0);
	struct dfl_fingerprint_set *sets[N];
	char *texts[N];

	for (int i = 0; i < N; i++) {
		texts[i] = prose(1000 + i, 60);
		remember(f, texts[i], i, texts[i], &sets[i]);
	}
	for (int i = 0; i < N; i += 2) {
		dfl_fingerprint_set_free(sets[i]);
		sets[i] = NULL;
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			see(f, texts[i], 4096);
			assert_int_equal(f->n, sets[i] ? 1 : 0);
			assert_true(!f->n || f->found[0].set == texts[i]);
		}
		for (int i = 0; i < N; i += 4)
			if (!round)
				remember(f, texts[i], i, texts[i], &sets[i]);
	}
	assert_int_equal(f->m->prints.n_sets, N / 2 + N / 4);
	for (int i = 0; i < N; i++) {
		dfl_fingerprint_set_free(sets[i]);
		free(texts[i]);
	}
	assert_int_equal(f->m->prints.used, 0);
	assert_int_equal(f->m->prints.total, 0);
	free_fixture(f);
}

static void bounds_and_nonsense(void **state)
{
	struct fixture *f = new_fixture(key_a, 100);
	uint8_t prints[200 * DFL_PRINT_BYTES] = { 0 };
	struct dfl_fingerprint_set *set, *more;

	for (int i = 0; i < 200; i++)
		prints[i * DFL_PRINT_BYTES + 4] = (uint8_t)i;
	assert_int_equal(dfl_fingerprint_set_new(f->m, 1, 1, NULL, prints, 101, &set), -ENOSPC);
	assert_int_equal(dfl_fingerprint_set_new(f->m, 1, 1, NULL, prints, 0, &set), -EINVAL);
	assert_int_equal(dfl_fingerprint_set_new(f->m, 1, 1, NULL, prints, 100, &set), 0);
	assert_int_equal(dfl_fingerprint_set_new(f->m, 1, 1, NULL, prints, 1, &more), -ENOSPC);
	dfl_fingerprint_set_free(set);
	prints[9 * DFL_PRINT_BYTES + 4] = 8; /* twice the same */
	assert_int_equal(dfl_fingerprint_set_new(f->m, 1, 1, NULL, prints, 20, &set), -EINVAL);
	dfl_fingerprint_set_free(NULL);
	free_fixture(f);
}

/* A set may go while a view is in the middle of it, and come while views are open. */
static void while_a_view_is_open(void **state)
{
	struct fixture *f = new_fixture(key_a, 0);
	char *text = prose(15, 200);
	struct dfl_fingerprint_set *set;
	struct dfl_match_view *v;
	size_t half = strlen(text) / 2;

	remember(f, text, 1, NULL, &set);
	assert_int_equal(dfl_match_view_new(f->m, NULL, &v), 0);
	dfl_match_view_feed(v, text, half, 0, half, 1);
	dfl_fingerprint_set_free(set);
	remember(f, text, 1, NULL, &set);
	dfl_match_view_feed(v, text + half, half, half, half, 2);
	dfl_match_view_close(v);
	assert_int_equal(f->n, 1);
	assert_true(f->found[0].run.pos_from >= half - DFL_PRINT_K * 2);
	free(text);
	free_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(about_one_in_16),
		cmocka_unit_test(all_choose_the_same),
		cmocka_unit_test(looks_at_enough),
		cmocka_unit_test(key_decides_values_only),
		cmocka_unit_test(found_again),
		cmocka_unit_test(reaches_over_a_common_opening),
		cmocka_unit_test(another_process),
		cmocka_unit_test(parts_and_gaps),
		cmocka_unit_test(common_and_periodic),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(bounds_and_nonsense),
		cmocka_unit_test(while_a_view_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
