// SPDX-License-Identifier: Apache-2.0
/*
 * What texts have in common in canonical form: for each source and each view the longest common run
 * and how much of the source all runs cover. Runs of 12 canonical bytes and more are found for
 * certain (stride 1). The same by fingerprints.
 *
 *   pairs SOURCES VIEWS        files of texts, each ended by a NUL
 *
 * A line for each pair that has a run: "run" source view longest covered all, the last three in
 * canonical bytes. One for each that has two fingerprints in a row: "prints" source view span spans
 * different all canon: the longest span, all together, fingerprints, and all of the source.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match/match.h"

enum { MAX_BYTES = 1 << 24, BATCH = DFL_PRINT_SHARED };

struct source {
	struct dfl_match_source *match;
	unsigned number, longest;
	size_t canon;
	uint8_t *covered;
	struct dfl_fingerprint_set *set;
	uint32_t n_prints, span, spans;
	uint8_t *seen; /* of the fingerprints, bits */
};

static char *read_all(const char *path, size_t *ret_len)
{
	char *data = calloc(1, MAX_BYTES);
	FILE *f = fopen(path, "r");

	if (!f || !data) {
		perror(path);
		exit(2);
	}
	*ret_len = fread(data, 1, MAX_BYTES - 1, f);
	fclose(f);
	return data;
}

static void on_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
	struct source *s = source;
	unsigned len = run->canon_to - run->canon_from;

	if (len > s->longest)
		s->longest = len;
	memset(s->covered + run->canon_from, 1, len);
}

static void on_prints(void *ud, void *view, void *set, const struct dfl_fingerprint_run *run)
{
	struct source *s = set;

	if (run->span > s->span)
		s->span = run->span;
	s->spans += run->span;
	for (uint32_t i = 0; i < s->n_prints; i++)
		s->seen[i / 8] |= run->seen[i / 8];
}

static void scan(struct dfl_match *m, const char *text)
{
	struct dfl_match_view *v;

	if (dfl_match_view_new(m, NULL, &v) ||
	    dfl_match_view_feed(v, text, strlen(text), 0, strlen(text), 1))
		exit(2);
	dfl_match_view_close(v);
}

static void report(struct source *s, unsigned view)
{
	unsigned seen = 0;
	size_t covered = 0;

	for (size_t i = 0; i < s->canon; i++)
		covered += s->covered[i];
	if (s->longest)
		printf("run %u %u %u %zu %zu\n", s->number, view, s->longest, covered, s->canon);
	for (uint32_t i = 0; i < s->n_prints; i++)
		seen += s->seen[i / 8] >> (i & 7) & 1;
	if (s->span)
		printf("prints %u %u %u %u %u %u %zu\n", s->number, view, s->span, s->spans, seen,
		       s->n_prints, s->canon);
	memset(s->covered, 0, s->canon + 1);
	memset(s->seen, 0, s->n_prints / 8 + 1);
	s->longest = s->span = s->spans = 0;
}

static void add_prints(struct dfl_match *m, struct source *s)
{
	uint8_t *prints;

	if (dfl_fingerprint_of(s->match, &prints, &s->n_prints))
		exit(2);
	if (s->n_prints &&
	    dfl_fingerprint_set_new(m, s->number, s->number, s, prints, s->n_prints, &s->set))
		exit(2);
	s->seen = calloc(1, s->n_prints / 8 + 1);
	free(prints);
}

/*
 * A few sources at a time: no limit of the index is reached. Returns where the next batch begins.
 */
static const char *batch(const char *at, const char *end, const char *views, size_t views_len,
			 unsigned *number)
{
	const struct dfl_match_opts opts = {
		.k = 12, .stride = 1, .min_run = 12, .print_fn = on_prints
	};
	struct source sources[BATCH] = { 0 };
	struct dfl_match *m;
	unsigned n = 0, view = 0;

	if (dfl_match_new(&opts, on_run, NULL, &m))
		exit(2);
	for (; n < BATCH && at < end; at += strlen(at) + 1, n++) {
		struct source *s = &sources[n];

		s->number = (*number)++;
		if (dfl_match_source_new(m, s->number + 1, s, &s->match) ||
		    dfl_match_source_append(s->match, at, strlen(at)))
			exit(2);
		dfl_match_source_end(s->match);
		s->canon = dfl_match_source_canon_bytes(s->match);
		s->covered = calloc(1, s->canon + 1);
		add_prints(m, s);
	}
	for (const char *v = views; v < views + views_len; v += strlen(v) + 1, view++) {
		scan(m, v);
		for (unsigned i = 0; i < n; i++)
			report(&sources[i], view);
	}
	for (unsigned i = 0; i < n; i++) {
		dfl_match_source_free(sources[i].match);
		dfl_fingerprint_set_free(sources[i].set);
		free(sources[i].covered);
		free(sources[i].seen);
	}
	dfl_match_free(m);
	return at;
}

int main(int argc, char **argv)
{
	size_t sources_len, views_len;
	char *sources, *views;
	unsigned number = 0;

	if (argc != 3)
		return fprintf(stderr, "usage: pairs SOURCES VIEWS\n"), 2;
	sources = read_all(argv[1], &sources_len);
	views = read_all(argv[2], &views_len);
	for (const char *at = sources; at < sources + sources_len;)
		at = batch(at, sources + sources_len, views, views_len, &number);
	free(sources);
	free(views);
	return 0;
}
