// SPDX-License-Identifier: Apache-2.0
/* What all runs of the trace stage's fuzzer use. */
#include <unistd.h>

#include "fuzz_trace.h"

struct dfl_rules *rules[N_RULES];
char texts[N_TEXTS][1200];
struct print_set prints[N_TEXTS];
const uint8_t print_key[DFL_PRINT_KEY_BYTES] = { 1, 2, 3 };

static struct dfl_rules *make_rules(unsigned max_open)
{
	char path[] = "/tmp/dflow-fuzz-rules-XXXXXX", text[100];
	int fd = mkstemp(path),
	    n = snprintf(text, sizeof(text), "settings:\n  max_open_traces: %u\n", max_open);
	struct dfl_rules *r;
	struct dfl_err err;

	need(fd >= 0 && write(fd, text, n) == n && !close(fd));
	need(!dfl_rules_load(path, &r, &err) && dfl_rules_settings(r)->max_open_traces == max_open);
	unlink(path);
	return r;
}

/* Words that differ from place to place. */
static void fill(char *to, unsigned seed, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		to[i] = (seed >> 16) % 6 ? 'a' + (seed >> 20) % 26 : ' ';
	}
	to[len] = 0;
}

/* A text, parts of it, its beginning, a longer one with it inside, short ones, and others. */
static void make_texts(void)
{
	fill(texts[0], 1, 300);
	memcpy(texts[1], texts[0] + 90, 110);
	memcpy(texts[2], texts[0], 60);
	fill(texts[3], 2, 1000);
	memcpy(texts[3] + 400, texts[0], 300);
	memcpy(texts[4], texts[0], 20);
	fill(texts[5], 3, 36);
	fill(texts[6], 4, 120);
	memcpy(texts[7], texts[6], 120);
	memcpy(texts[7] + 100, texts[1], 100);
	fill(texts[8], 5, 8);
	memcpy(texts[9], texts[3], 380);
}

static void no_run(void *ud, void *view, void *source, const struct dfl_run *r)
{
}

static void make_prints(unsigned i)
{
	const struct dfl_match_opts opts = { .print_key = print_key };
	struct dfl_match_source *s;
	struct dfl_match *m;

	need(!dfl_match_new(&opts, no_run, NULL, &m) && !dfl_match_source_new(m, 1, NULL, &s));
	need(!dfl_match_source_append(s, texts[i], strlen(texts[i])));
	dfl_match_source_end(s);
	need(!dfl_fingerprint_of(s, &prints[i].prints, &prints[i].n));
	prints[i].canon = dfl_match_source_canon_bytes(s);
	dfl_match_free(m);
}

void make_once(void)
{
	if (rules[0])
		return;
	for (unsigned i = 0; i < N_RULES; i++)
		rules[i] = make_rules(2 + i);
	make_texts();
	for (unsigned i = 0; i < N_TEXTS; i++)
		make_prints(i);
}
