// SPDX-License-Identifier: Apache-2.0
/*
 * Canonical scan + match on one core, as a ratio to memcpy of the same 64 MiB, alternating in the
 * same run: for four kinds of text, at 0, 100 and 10,000 active sources, and at 100 with fingerprints of 16,384 earlier
 * texts of 1 KB. Prints one JSON object: each ratio is that of the medians, with the least and the greatest of the
 * pairs; `ratio` is the slowest at 100 sources without fingerprints.
 *
 * Usage: match [MiB [rounds [text [sources]]]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match/match.h"

#define CALL (64 * 1024) /* bytes a feed: what a large read brings */

static uint64_t rng = 0x2545f4914f6cdd1dull;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 32) * n >> 32);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- texts ---- */

/* Made-up languages: as many words as a real one uses, some far more often than others. */
#define WORDS 6000

static char english[WORDS][16], japanese[WORDS][16];

static size_t put_utf8(char *p, uint32_t cp)
{
	return (size_t)sprintf(p, "%c%c%c", (int)(0xe0 | cp >> 12), (int)(0x80 | (cp >> 6 & 63)),
			       (int)(0x80 | (cp & 63)));
}

static void make_words(void)
{
	static const char letters[] = "eeeettaaooiinnsshhrrddllucmfwygpbvkxqjz";

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned n = i < 100 ? 1 + rnd(3) : 3 + rnd(8);

		for (unsigned j = 0; j < n; j++)
			english[i][j] = letters[rnd(sizeof(letters) - 1)];
		n = i < 60 ? 1 : 1 + rnd(4);
		for (unsigned j = 0, kanji = rnd(2); j < n; j++)
			put_utf8(japanese[i] + 3 * j, kanji ? 0x4e00 + rnd(3000) : 0x3042 + rnd(80));
	}
}

static const char *pick(char words[WORDS][16])
{
	double u = rnd(1 << 20) / (double)(1 << 20);

	return words[(unsigned)(WORDS * u * u * u)];
}

static size_t put_english(char *p)
{
	return (size_t)sprintf(p, "%s%s", pick(english), rnd(9) ? " " : rnd(3) ? ", " : ".\n");
}

static size_t put_japanese(char *p)
{
	return (size_t)sprintf(p, "%s%s", pick(japanese), rnd(12) ? "" : rnd(2) ? "、" : "。");
}

/* One character of UTF-8 as \uXXXX. */
static size_t put_escaped(char *p)
{
	char word[64];
	size_t n = put_japanese(word), len = 0;

	for (size_t i = 0; i < n; i += 3)
		len += (size_t)sprintf(p + len, "\\u%04x",
				       (word[i] & 15) << 12 | (word[i + 1] & 63) << 6 |
					       (word[i + 2] & 63));
	if (!rnd(60))
		len += (size_t)sprintf(p + len, "\", \"content\": \"");
	return len;
}

static void fill(char *p, size_t n, size_t (*put)(char *p))
{
	char word[128];

	for (size_t i = 0; i < n;) {
		size_t len = put(word);

		len = len < n - i ? len : n - i;
		memcpy(p + i, word, len);
		i += len;
	}
}

static void encode_base64(char *out, const char *in, size_t n)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i + 2 < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)in[i] << 16 | (uint32_t)(uint8_t)in[i + 1] << 8 |
			     (uint8_t)in[i + 2];

		for (int j = 18; j >= 0; j -= 6)
			*out++ = alphabet[v >> j & 63];
	}
}

/* Messages of a few KiB of JSON, each base64 in a JSON string: Celery bodies. */
static size_t put_field(char *p, size_t (*put)(char *p))
{
	size_t n = (size_t)sprintf(p, "\"%s\": \"", pick(english));

	for (unsigned words = 20 + rnd(40); words; words--)
		n += put(p + n);
	return n + (size_t)sprintf(p + n, "\", ");
}

static void fill_base64(char *p, size_t n)
{
	char json[8000], *end = p + n;

	while (p < end) {
		size_t len = (size_t)sprintf(json, "[[{");
		char chunk[8000];

		while (len < 2900)
			len += put_field(json + len, rnd(3) ? put_escaped : put_english);
		len -= len % 3;
		memcpy(chunk, "{\"body\": \"", 10);
		encode_base64(chunk + 10, json, len);
		len = 10 + len / 3 * 4;
		memcpy(chunk + len, "\"}\r\n", 4);
		len += 4;
		len = len < (size_t)(end - p) ? len : (size_t)(end - p);
		memcpy(p, chunk, len);
		p += len;
	}
}

static void fill_random(char *p, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		rnd(2);
		memcpy(p + i, &rng, 8);
	}
}

enum kind { PLAIN, ESCAPED, BASE64, RANDOM, N_KIND };

static const char *const kind_names[] = { "plain", "u-japanese", "base64-json", "random" };

static void fill_kind(enum kind k, char *p, size_t n)
{
	if (k == PLAIN)
		fill(p, n, put_english);
	else if (k == ESCAPED)
		fill(p, n, put_escaped);
	else if (k == BASE64)
		fill_base64(p, n);
	else
		fill_random(p, n);
}

/* ---- measuring ---- */

static void count_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
	++*(uint64_t *)ud;
}

static void add_sources(struct dfl_match *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct dfl_match_source *s;
		char text[1200];
		size_t len = 200 + rnd(800);

		fill(text, len, i % 2 ? put_english : put_japanese);
		if (dfl_match_source_new(m, i, NULL, &s))
			exit(1);
		dfl_match_source_append(s, text, len);
		dfl_match_source_end(s);
	}
}

static void count_print(void *ud, void *view, void *set, const struct dfl_print_run *run)
{
	++*(uint64_t *)ud;
}

/* Of n texts, 64 each: what the table holds at most. */
static void add_prints(struct dfl_match *m, unsigned n)
{
	uint8_t prints[64 * DFL_PRINT_BYTES];
	struct dfl_print_set *set;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < 64; j++) { /* one in each 64th of all values: sorted */
			uint8_t *p = prints + j * DFL_PRINT_BYTES;

			p[0] = (uint8_t)(j << 2 | rnd(4));
			for (int k = 1; k < DFL_PRINT_BYTES; k++)
				p[k] = (uint8_t)rnd(256);
		}
		if (dfl_print_set_new(m, i, i, NULL, prints, 64, &set))
			exit(1);
	}
}

static double scan(struct dfl_match *m, const char *data, size_t n)
{
	struct dfl_match_view *v;
	double start = now();

	if (dfl_match_view_new(m, NULL, &v))
		exit(1);
	for (size_t i = 0; i < n; i += CALL)
		dfl_match_view_feed(v, data + i, n - i < CALL ? n - i : CALL, i,
				    n - i < CALL ? n - i : CALL, i);
	dfl_match_view_close(v);
	return now() - start;
}

static double copy(char *to, const char *from, size_t n)
{
	double start = now();

	memcpy(to, from, n);
	__asm__ volatile("" : : "r"(to) : "memory");
	return now() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The middle one of n; they come out in order. */
static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* One cell of the table; returns the ratio. */
static double measure(enum kind k, unsigned n_sources, unsigned n_old, char *data, char *to, size_t n, unsigned rounds,
		      bool first)
{
	double scans[64], copies[64], pairs[64], s, c;
	struct dfl_match_stats st;
	struct dfl_match *m;
	uint64_t runs = 0;

	if (dfl_match_new(&(struct dfl_match_opts){ .print_fn = count_print }, count_run, &runs, &m))
		exit(1);
	rng = 7; /* the same sources for every kind */
	add_sources(m, n_sources);
	add_prints(m, n_old);
	scan(m, data, n / 8);
	copy(to, data, n);
	for (unsigned i = 0; i < rounds; i++) {
		copies[i] = copy(to, data, n);
		scans[i] = scan(m, data, n);
		pairs[i] = copies[i] / scans[i];
	}
	median(pairs, rounds);
	dfl_match_stats(m, &st);
	dfl_match_free(m);
	s = median(scans, rounds);
	c = median(copies, rounds);
	printf("%s{\"text\":\"%s\",\"sources\":%u,\"old_texts\":%u,\"ratio\":%.3f,"
	       "\"ratio_min\":%.3f,\"ratio_max\":%.3f,\"gb_per_s\":%.2f,"
	       "\"memcpy_gb_per_s\":%.2f,\"runs\":%" PRIu64 ",\"candidates\":%" PRIu64
	       ",\"index_entries\":%" PRIu64 "}",
	       first ? "" : ",", kind_names[k], n_sources, n_old, c / s, pairs[0], pairs[rounds - 1], (double)n / s / 1e9,
	       (double)n / c / 1e9, runs, st.candidates, st.index_entries);
	fflush(stdout);
	return c / s;
}

int main(int argc, char **argv)
{
	static const unsigned sources[] = { 0, 100, 10000, 100 }, olds[] = { 0, 0, 0, 16384 };
	size_t n = (argc > 1 ? strtoul(argv[1], NULL, 10) : 64) << 20;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
	char *data = malloc(n), *to = malloc(n);
	const char *only = argc > 3 ? argv[3] : NULL;
	unsigned only_n = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : ~0u;
	bool first = true;
	double slowest = 1e9;

	if (!data || !to || !n || !rounds || rounds > 64)
		return 1;
	memset(to, 1, n);
	make_words();
	printf("{\"bench\":\"match\",\"bytes\":%zu,\"rounds\":%u,\"cells\":[", n, rounds);
	for (int k = 0; k < N_KIND; k++) {
		if (only && strcmp(only, kind_names[k]))
			continue;
		rng = 0x2545f4914f6cdd1dull + (unsigned)k;
		fill_kind((enum kind)k, data, n);
		for (int i = 0; i < 4; i++) {
			double r;

			if (only_n != ~0u && only_n != sources[i])
				continue;
			r = measure((enum kind)k, sources[i], olds[i], data, to, n, rounds, first);
			first = false;
			if (sources[i] == 100 && !olds[i] && r < slowest)
				slowest = r;
		}
	}
	printf("],\"ratio\":%.3f}\n", slowest);
	free(data);
	free(to);
	return 0;
}
