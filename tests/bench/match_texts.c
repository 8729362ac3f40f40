// SPDX-License-Identifier: Apache-2.0
/*
 * What the scan of a byte costs while more and more natural texts are looked for. Texts come on
 * standard input, each with a NUL behind it (tests/bench/manpages.py makes them). Three kinds of
 * bodies are scanned:
 *
 *   foreign  paragraphs that nobody looks for; all that is found is chance
 *   chat     a system prompt, two earlier texts and a new one, as a model is asked
 *   shared   the same, where each text that is looked for begins with one of four prompts
 *
 * CPU time of the thread, so that other load matters little. Prints one JSON object.
 *
 * Usage: match-texts [-o json] [SOURCES …] <texts
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match/match.h"

#define MAX_TEXTS (1u << 16)
#define BODIES 256
#define FIRST_FOREIGN 12000 /* texts from here on are never looked for */
#define IN_FLIGHT 64	    /* the newest ones belong to requests that are under way */
#define N_PROMPTS 4
#define PROMPT_BYTES 2000

enum kind { FOREIGN, CHAT, SHARED, N_KIND };
static const char *const kind_names[N_KIND] = { "foreign", "chat", "shared" };

static char *texts[MAX_TEXTS];
static unsigned n_texts;
static char prompts[N_PROMPTS][PROMPT_BYTES + 4096];
static char body[1 << 20];
static uint64_t runs, run_bytes;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_texts(void)
{
	static char text[1 << 20];
	size_t n = 0;
	int c;

	while (n_texts < MAX_TEXTS && (c = getchar()) != EOF) {
		if (n < sizeof(text))
			text[n++] = (char)c;
		if (c)
			continue;
		text[sizeof(text) - 1] = 0;
		texts[n_texts] = strdup(text);
		if (!texts[n_texts++])
			exit(1);
		n = 0;
	}
}

/* The last texts make the prompts: they are in no other place. */
static void make_prompts(void)
{
	unsigned from = n_texts;

	for (unsigned i = 0; i < N_PROMPTS; i++)
		while (strlen(prompts[i]) < PROMPT_BYTES && from)
			strncat(prompts[i], texts[--from], 2000);
}

static const char *foreign(unsigned i)
{
	return texts[FIRST_FOREIGN + i % (n_texts - 200 - FIRST_FOREIGN)];
}

static void count_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
	runs++;
	run_bytes += run->canon_to - run->canon_from;
}

/* Those of all but the newest requests have settled. */
static void add_source(struct dfl_match *m, enum kind kind, unsigned i, unsigned n_sources)
{
	struct dfl_match_source *s;

	if (dfl_match_source_new(m, i + 1, NULL, &s))
		exit(1);
	if (kind == SHARED)
		dfl_match_source_append(s, prompts[i % N_PROMPTS], strlen(prompts[i % N_PROMPTS]));
	if (dfl_match_source_append(s, texts[i], strlen(texts[i])))
		exit(1);
	dfl_match_source_end(s);
	if (i + IN_FLIGHT < n_sources)
		dfl_match_source_settle(s);
}

static size_t make_body(enum kind kind, unsigned i, unsigned n_sources)
{
	const char *a = texts[(i * 7) % n_sources], *b = texts[(i * 7 + 1) % n_sources],
		   *c = texts[(i * 13 + n_sources / 2) % n_sources];

	if (kind == FOREIGN)
		return (size_t)snprintf(body, sizeof(body),
					"{\"model\":\"m\",\"messages\":[{\"content\":\"%s\"},"
					"{\"content\":\"%s\"},{\"content\":\"%s\"}]}",
					foreign(3 * i), foreign(3 * i + 1), foreign(3 * i + 2));
	return (size_t)snprintf(body, sizeof(body),
				"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
				"\"%s\"},{\"role\":\"user\",\"content\":\"%s\"},{\"role\":"
				"\"assistant\",\"content\":\"%s\"},{\"role\":\"user\",\"content\":"
				"\"%s\"}]}",
				prompts[i % N_PROMPTS], a, b, c);
}

static void measure(enum kind kind, unsigned n_sources, bool first)
{
	const struct dfl_match_opts opts = { .min_run = 12 };
	struct dfl_match_stats before, after;
	struct dfl_match *m;
	uint64_t bytes = 0;
	double s = 0;

	if (dfl_match_new(&opts, count_run, NULL, &m))
		exit(1);
	for (unsigned i = 0; i < n_sources; i++)
		add_source(m, kind, i, n_sources);
	runs = run_bytes = 0;
	dfl_match_stats(m, &before);
	for (unsigned i = 0; i < BODIES; i++) {
		size_t len = make_body(kind, i, n_sources);
		struct dfl_match_view *v;
		double from = now();

		if (dfl_match_view_new(m, NULL, &v) || dfl_match_view_feed(v, body, len, 0, len, i))
			exit(1);
		dfl_match_view_close(v);
		s += now() - from;
		bytes += len;
	}
	dfl_match_stats(m, &after);
	dfl_match_free(m);
	printf("%s{\"bodies\":\"%s\",\"sources\":%u,\"ns_per_byte\":%.2f,\"runs_per_kib\":%.2f,"
	       "\"candidates_per_kib\":%.1f,\"compared_per_byte\":%.2f,\"walked_per_byte\":%.2f,"
	       "\"capped\":%llu}",
	       first ? "" : ",\n", kind_names[kind], n_sources, s / (double)bytes * 1e9,
	       (double)runs / (double)bytes * 1024,
	       (double)(after.candidates - before.candidates) / (double)bytes * 1024,
	       (double)(after.compared_bytes - before.compared_bytes) / (double)bytes,
	       (double)(after.walked_entries - before.walked_entries) / (double)bytes,
	       (unsigned long long)(after.capped_candidates - before.capped_candidates));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const unsigned counts[] = { 64, 640, 6400, 10000 };
	bool first = true;
	unsigned n;

	if (argc > 2 && !strcmp(argv[1], "-o")) { /* JSON is all it prints */
		argc -= 2;
		argv += 2;
	}
	n = argc > 1 ? (unsigned)argc - 1 : 4;
	read_texts();
	if (n_texts < FIRST_FOREIGN + 1000) {
		fprintf(stderr, "match-texts: too few texts on standard input\n");
		return 2;
	}
	make_prompts();
	printf("{\"bench\":\"match-texts\",\"cells\":[\n");
	for (int kind = 0; kind < N_KIND; kind++)
		for (unsigned i = 0; i < n; i++) {
			unsigned sources = argc > 1 ? (unsigned)atoi(argv[i + 1]) : counts[i];

			if (!sources || sources > FIRST_FOREIGN)
				return 2;
			measure((enum kind)kind, sources, first);
			first = false;
		}
	printf("]}\n");
	return 0;
}
