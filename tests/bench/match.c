// SPDX-License-Identifier: Apache-2.0
/*
 * Canonical scan + match on one core, as a ratio to memcpy of the same 64 MiB, alternating in the
 * same run: for four kinds of text, at 0, 100 and 10,000 active sources; and at 0 and 100 with
 * fingerprints of earlier texts. Prints one JSON object. Each ratio is that of the medians, with
 * the least and the greatest of the rounds; times_without_old is the median of how many times
 * longer it took in a round than without fingerprints. `ratio` is the slowest at 100 sources
 * without fingerprints.
 *
 * Usage: match [MiB [rounds [text [sources [alike]]]]]
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
			put_utf8(japanese[i] + 3 * j,
				 kanji ? 0x4e00 + rnd(3000) : 0x3042 + rnd(80));
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
	static const char
		alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

static void count_print(void *ud, void *view, void *set, const struct dfl_fingerprint_run *run)
{
	++*(uint64_t *)ud;
}

#define PRINTS_PER_TEXT 64 /* of 1 KB */

/* Of n texts: random ones, as those of foreign texts are. */
static void add_prints(struct dfl_match *m, unsigned n)
{
	uint8_t prints[PRINTS_PER_TEXT * DFL_PRINT_BYTES];
	struct dfl_fingerprint_set *set;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < PRINTS_PER_TEXT; j++) { /* one in each 64th of all values:
								    sorted */
			uint8_t *p = prints + j * DFL_PRINT_BYTES;

			p[0] = (uint8_t)(j << 2 | rnd(4));
			for (int k = 1; k < DFL_PRINT_BYTES; k++)
				p[k] = (uint8_t)rnd(256);
		}
		if (dfl_fingerprint_set_new(m, i, i, NULL, prints, PRINTS_PER_TEXT, &set))
			exit(1);
	}
}

/*
 * n fingerprints of texts in the languages of the streams: words and phrases are found, but no
 * whole text.
 */
static void add_alike(struct dfl_match *m, unsigned n)
{
	struct dfl_match_source *s;
	struct dfl_fingerprint_set *set;
	char text[1200];

	for (uint32_t i = 0, have = 0, of_text; have + PRINTS_PER_TEXT < n; i++, have += of_text) {
		size_t len = 200 + rnd(800);
		uint8_t *prints;

		fill(text, len, i % 2 ? put_english : put_japanese);
		if (dfl_match_source_new(m, i, NULL, &s) || dfl_match_source_append(s, text, len))
			exit(1);
		dfl_match_source_end(s);
		if (dfl_fingerprint_of(s, &prints, &of_text) ||
		    (of_text && dfl_fingerprint_set_new(m, i, i, NULL, prints, of_text, &set)))
			exit(1);
		dfl_match_source_free(s);
		free(prints);
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

#define MAX_ROUNDS 64
#define N_OLD 4

static const unsigned olds[N_OLD] = { 0, 16384, 131072, 1048576 }; /* fingerprints; the last: as
								      many as there may be */

/* One cell of the table: a matcher, and how long it took in each round. */
struct cell {
	struct dfl_match *m;
	uint64_t runs;
	double took[MAX_ROUNDS], ratio[MAX_ROUNDS], more[MAX_ROUNDS];
};

static void set_up(struct cell *c, unsigned n_sources, unsigned n_old, bool alike)
{
	*c = (struct cell){ 0 };
	if (dfl_match_new(&(struct dfl_match_opts){ .print_fn = count_print }, count_run, &c->runs,
			  &c->m))
		exit(1);
	rng = 7; /* the same sources for every kind */
	add_sources(c->m, n_sources);
	if (alike)
		add_alike(c->m, n_old);
	else
		add_prints(c->m, n_old / PRINTS_PER_TEXT);
}

static void print_cell(struct cell *c, unsigned n_old, const char *head, double copy_s, size_t n,
		       unsigned rounds)
{
	struct dfl_match_stats st;
	double s = median(c->took, rounds), more = median(c->more, rounds);

	median(c->ratio, rounds);
	dfl_match_stats(c->m, &st);
	printf("%s\"old_prints\":%u,\"ratio\":%.3f,\"ratio_min\":%.3f,\"ratio_max\":%.3f,\"times_"
	       "without_old\":%.3f,"
	       "\"times_min\":%.3f,\"times_max\":%.3f,\"gb_per_s\":%.2f,\"memcpy_gb_per_s\":%.2f,"
	       "\"runs\":%" PRIu64 ",\"candidates\":%" PRIu64 ",\"index_entries\":%" PRIu64 "}",
	       head, n_old, copy_s / s, c->ratio[0], c->ratio[rounds - 1], more, c->more[0],
	       c->more[rounds - 1], (double)n / s / 1e9, (double)n / copy_s / 1e9, c->runs,
	       st.candidates, st.index_entries);
	fflush(stdout);
}

/*
 * The cells of so many sources, in turn in each round, each round beginning with another. Returns
 * the ratio of the first.
 */
static double measure(const char *kind, unsigned n_sources, unsigned n_cells, bool alike,
		      char *data, char *to, size_t n, unsigned rounds, bool first)
{
	static struct cell cells[N_OLD];
	double copies[MAX_ROUNDS], copy_s;
	char head[128];

	for (unsigned i = 0; i < n_cells; i++) {
		set_up(&cells[i], n_sources, olds[i], alike);
		scan(cells[i].m, data, n / 8);
	}
	copy(to, data, n);
	for (unsigned r = 0; r < rounds; r++) {
		copies[r] = copy(to, data, n);
		for (unsigned i = 0; i < n_cells; i++) {
			struct cell *c = &cells[(r + i) % n_cells];

			c->took[r] = scan(c->m, data, n);
			c->ratio[r] = copies[r] / c->took[r];
		}
		for (unsigned i = 0; i < n_cells; i++)
			cells[i].more[r] = cells[i].took[r] / cells[0].took[r];
	}
	copy_s = median(copies, rounds);
	for (unsigned i = 0; i < n_cells; i++) {
		snprintf(head, sizeof(head), "%s{\"text\":\"%s\",\"sources\":%u,",
			 first && !i ? "" : ",\n", kind, n_sources);
		print_cell(&cells[i], olds[i], head, copy_s, n, rounds);
		dfl_match_free(cells[i].m);
	}
	return copy_s / cells[0].took[rounds / 2];
}

static int kind_of(const char *name)
{
	for (int k = 0; k < N_KIND; k++)
		if (!strcmp(name, kind_names[k]))
			return k;
	return -1;
}

static bool is_number(const char *s, unsigned long most, unsigned long *ret_n)
{
	char *end;

	*ret_n = strtoul(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && *ret_n <= most;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: match [MiB [rounds [text [sources [alike]]]]]\n"
		"MiB: 1 to 4096; rounds: 1 to %d; text: all",
		MAX_ROUNDS);
	for (int k = 0; k < N_KIND; k++)
		fprintf(stderr, ", %s", kind_names[k]);
	fprintf(stderr,
		"; sources: up to 16384;\nalike: old texts that share words with the streams\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const unsigned all_sources[] = { 0, 100, 10000 };
	unsigned long mib = 64, rounds = 5, only_n = 0;
	int only = argc > 3 && strcmp(argv[3], "all") ? kind_of(argv[3]) : N_KIND;
	unsigned n_sources = argc > 4 ? 1 : sizeof(all_sources) / sizeof(all_sources[0]);
	bool first = true;
	double slowest = 0;
	char *data, *to;

	if (only < 0)
		fprintf(stderr, "match: no text '%s'\n", argv[3]);
	if (argc > 6 || only < 0 || (argc > 5 && strcmp(argv[5], "alike")) ||
	    (argc > 1 && (!is_number(argv[1], 4096, &mib) || !mib)) ||
	    (argc > 2 && (!is_number(argv[2], MAX_ROUNDS, &rounds) || !rounds)) ||
	    (argc > 4 && !is_number(argv[4], 16384, &only_n)))
		return usage();
	data = malloc(mib << 20);
	to = malloc(mib << 20);
	if (!data || !to)
		return 1;
	memset(to, 1, mib << 20);
	make_words();
	printf("{\"bench\":\"match\",\"bytes\":%lu,\"rounds\":%lu,\"cells\":[\n", mib << 20,
	       rounds);
	for (int k = 0; k < N_KIND; k++) {
		if (only != N_KIND && only != k)
			continue;
		rng = 0x2545f4914f6cdd1dull + (unsigned)k;
		fill_kind((enum kind)k, data, mib << 20);
		for (unsigned i = 0; i < n_sources; i++) {
			unsigned sources = argc > 4 ? (unsigned)only_n : all_sources[i];
			double r = measure(kind_names[k], sources, sources > 1000 ? 1 : N_OLD,
					   argc > 5, data, to, mib << 20, (unsigned)rounds, first);

			first = false;
			if (sources == 100 && (!slowest || r < slowest))
				slowest = r;
		}
	}
	if (slowest)
		printf("],\"ratio\":%.3f}\n", slowest);
	else
		printf("],\"ratio\":null}\n");
	free(data);
	free(to);
	return 0;
}
