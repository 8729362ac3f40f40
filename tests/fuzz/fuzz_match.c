// SPDX-License-Identifier: Apache-2.0
/*
 * The matcher: the first bytes say how source and view are split, then come a source and a view
 * (with gaps). However they are split, the runs are the same; each is where it says. So are those
 * of the source's fingerprints. Of text so periodic that a limit is reached, which of its equal
 * places are told may differ.
 *
 * The view may also come first, when nothing is looked for yet: then the runs are those of a
 * matcher that looked for something all the time.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "match/match.h"

#define MAX_RUNS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
	size_t n, n_prints;
	bool capped;
	struct dfl_run runs[MAX_RUNS];
	struct dfl_fingerprint_run prints[MAX_RUNS];
};

static void on_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
	struct found *f = ud;

	if (run->canon_from >= run->canon_to || run->src_from >= run->src_to ||
	    run->pos_from >= run->pos_to)
		abort();
	if (f->n == MAX_RUNS)
		return;
	f->runs[f->n] = *run;
	f->runs[f->n].ts_first_ns = f->runs[f->n].ts_last_ns = 0;
	f->n++;
}

static void on_print(void *ud, void *view, void *set, const struct dfl_fingerprint_run *run)
{
	struct found *f = ud;

	if (run->pos_from >= run->pos_to || run->reach_from > run->pos_from ||
	    run->reach_to < run->pos_to || run->distinct < 2 || run->hits < run->distinct ||
	    run->span < DFL_PRINT_K || run->others)
		abort();
	if (f->n_prints == MAX_RUNS)
		return;
	f->prints[f->n_prints++] = *run;
}

/* Pieces of `step` bytes (0: whole) in buffers of their size. */
static void feed_source(struct dfl_match_source *s, const uint8_t *p, size_t n, size_t step)
{
	while (n) {
		size_t k = step && step < n ? step : n;
		uint8_t *copy = malloc(k);

		if (!copy)
			abort();
		memcpy(copy, p, k);
		if (dfl_match_source_append(s, copy, k))
			abort();
		free(copy);
		p += k;
		n -= k;
	}
}

static void feed_view(struct dfl_match_view *v, const uint8_t *p, size_t n, size_t step,
		      uint64_t pos)
{
	while (n) {
		size_t k = step && step < n ? step : n;
		uint8_t *copy = malloc(k);

		if (!copy)
			abort();
		memcpy(copy, p, k);
		if (dfl_match_view_feed(v, copy, k, pos, k, pos))
			abort();
		free(copy);
		p += k;
		n -= k;
		pos += k;
	}
}

/* What a matcher is given: a source, a view with a gap before byte `gap`, and how both are split.
 */
struct input {
	const uint8_t *src, *view;
	size_t src_len, view_len, gap, step;
};

static void feed_gapped(struct dfl_match_view *v, const struct input *in)
{
	feed_view(v, in->view, in->gap, in->step, 0);
	if (in->gap < in->view_len)
		dfl_match_view_gap(v);
	feed_view(v, in->view + in->gap, in->view_len - in->gap, in->step, in->gap);
}

static struct dfl_match *new_match(struct found *ret)
{
	static const uint8_t key[DFL_PRINT_KEY_BYTES] = { 1, 2, 3 };
	static const struct dfl_match_opts opts = { .look_back = 512,
						    .print_fn = on_print,
						    .print_key = key };
	struct dfl_match *m;

	ret->n = ret->n_prints = 0;
	if (dfl_match_new(&opts, on_run, ret, &m))
		abort();
	return m;
}

static void free_match(struct dfl_match *m, struct found *ret)
{
	struct dfl_match_stats stats;

	dfl_match_stats(m, &stats);
	ret->capped = stats.capped_candidates || stats.capped_positions;
	dfl_match_free(m);
}

/* The source and its fingerprints first. */
static void run(const struct input *in, struct found *ret)
{
	struct dfl_match *m = new_match(ret);
	struct dfl_fingerprint_set *set;
	struct dfl_match_source *s;
	struct dfl_match_view *v;
	uint8_t *prints;
	uint32_t n;

	if (dfl_match_source_new(m, 1, NULL, &s) || dfl_match_view_new(m, NULL, &v))
		abort();
	feed_source(s, in->src, in->src_len, in->step);
	dfl_match_source_end(s);
	if (dfl_fingerprint_of(s, &prints, &n) ||
	    (n && dfl_fingerprint_set_new(m, 1, 1, NULL, prints, n, &set)))
		abort();
	free(prints);
	feed_gapped(v, in);
	dfl_match_view_close(v);
	free_match(m, ret);
}

/* The view first. idle: nothing is looked for until then; else a source without text is there. */
static void run_late(const struct input *in, bool idle, struct found *ret)
{
	struct dfl_match *m = new_match(ret);
	struct dfl_match_source *s, *empty;
	struct dfl_match_view *v;

	if ((!idle && dfl_match_source_new(m, 2, NULL, &empty)) || dfl_match_view_new(m, NULL, &v))
		abort();
	feed_gapped(v, in);
	if (dfl_match_source_new(m, 1, NULL, &s))
		abort();
	feed_source(s, in->src, in->src_len, in->step);
	dfl_match_source_end(s);
	dfl_match_view_close(v);
	free_match(m, ret);
}

/* Everything about a run, so that equal sets come in one order. */
static int by_all(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dfl_run));
}

/* But for the times. Not memcmp: there are bytes between the fields. */
static bool same_print(const struct dfl_fingerprint_run *a, const struct dfl_fingerprint_run *b)
{
	return a->pos_from == b->pos_from && a->pos_to == b->pos_to &&
	       a->reach_from == b->reach_from && a->reach_to == b->reach_to && a->span == b->span &&
	       a->hits == b->hits && a->distinct == b->distinct && a->others == b->others &&
	       a->encodings == b->encodings;
}

static void compare(struct found *a, struct found *b)
{
	if (a->capped || b->capped)
		return;
	if (a->n != b->n || a->n_prints != b->n_prints)
		abort();
	for (size_t i = 0; i < a->n_prints; i++)
		if (!same_print(&a->prints[i], &b->prints[i]))
			abort();
	if (a->n == MAX_RUNS)
		return;
	qsort(a->runs, a->n, sizeof(*a->runs), by_all);
	qsort(b->runs, b->n, sizeof(*b->runs), by_all);
	if (memcmp(a->runs, b->runs, a->n * sizeof(*a->runs)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct found a, b;
	struct input in = { 0 };
	size_t step;

	if (size < 4 || size > 1 << 16)
		return 0;
	step = 1 + data[0] % 100;
	in.src = data + 4;
	in.src_len = (size - 4) * data[1] / 256;
	in.view = in.src + in.src_len;
	in.view_len = size - 4 - in.src_len;
	in.gap = in.view_len * data[2] / 255;
	run(&in, &a);
	in.step = step;
	run(&in, &b);
	compare(&a, &b);
	/* More is not kept while nothing is looked for. */
	if (data[3] % 2 || in.view_len > 16384)
		return 0;
	run_late(&in, true, &a);
	run_late(&in, false, &b);
	compare(&a, &b);
	return 0;
}
