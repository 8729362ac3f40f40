// SPDX-License-Identifier: Apache-2.0
/* The matcher: the object that holds sources, views, index and fingerprints; its options. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/match_priv.h"
#include "match/scan.h"
#include "match/short_source.h"
#include "match/simd/simd_best.h"
#include "match/view.h"

/* The limits of k, stride and look_back are invariants 1, 2 and 6 of README.md. 0 or -EINVAL. */
static int set_defaults(struct dfl_match_opts *o)
{
	o->k = o->k ? o->k : 12;
	o->stride = o->stride ? o->stride : 5;
	o->max_sources = o->max_sources ? o->max_sources : 16384;
	o->max_source_bytes = o->max_source_bytes ? o->max_source_bytes : 64ull << 20;
	o->max_depth = o->max_depth ? o->max_depth : 3;
	o->min_run = o->min_run ? o->min_run : 16;
	o->look_back = o->look_back ? o->look_back : 4096;
	o->max_prints = o->max_prints ? o->max_prints : 1u << 20;
	if (o->k < 8 || o->k + o->stride - 1 > 16 || o->look_back < 64 || o->look_back > 1u << 24 ||
	    o->max_prints > 1u << 30)
		return -EINVAL;
	return 0;
}

int dfl_match_new(const struct dfl_match_opts *opts, dfl_match_run_fn fn, void *ud,
		  struct dfl_match **ret_match)
{
	struct dfl_match *m;
	int r;

	if (sodium_init() < 0)
		return -EIO;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	if (opts)
		m->opts = *opts;
	m->fn = fn;
	m->ud = ud;
	m->simd = dfl_simd_best();
	r = set_defaults(&m->opts);
	if (!r)
		r = dfl_index_init(&m->index, &m->secret, m->opts.k);
	if (!r)
		r = dfl_short_source_init(m);
	dfl_fingerprint_table_init(&m->prints, &m->secret, m->opts.print_key);
	m->opts.print_key = NULL; /* borrowed: it was copied */
	if (r) {
		dfl_match_free(m);
		return r;
	}
	*ret_match = m;
	return 0;
}

void dfl_match_free(struct dfl_match *m)
{
	if (!m)
		return;
	/* Views and sources that were left are ended by whoever owns them before this. */
	while (m->views)
		dfl_match_view_close(m->views);
	while (m->sources)
		dfl_match_source_free(m->sources);
	dfl_scan_free_spare(m);
	dfl_view_free_spare(m);
	dfl_short_source_fini(m);
	for (uint32_t i = 1; i < m->prints.cap_sets; i++)
		dfl_fingerprint_set_free(m->prints.sets[i]);
	dfl_fingerprint_table_fini(&m->prints);
	if (m->index.secret)
		dfl_index_fini(&m->index);
	dfl_secret_fini(&m->secret);
	explicit_bzero(m, sizeof(*m));
	free(m);
}

void dfl_match_show_all_coded(struct dfl_match *m, bool all)
{
	m->show_all_coded = all;
}

void dfl_match_stats(const struct dfl_match *m, struct dfl_match_stats *ret_stats)
{
	*ret_stats = m->stats;
	ret_stats->index_entries = m->index.entries;
	ret_stats->capped_prints = m->prints.capped;
	ret_stats->prints = m->prints.total;
	ret_stats->old_texts = m->prints.n_sets;
	ret_stats->secret_bytes = m->secret.bytes;
	ret_stats->unlocked_bytes = m->secret.unlocked_bytes;
}

/* Nested scans come and go meanwhile; those of views stay. */
void dfl_match_rest(struct dfl_match *m, uint64_t since_ns)
{
	for (struct dfl_scan *s = m->scans; s; s = s->next)
		if (!s->depth && s->n_marks && s->marks[s->n_marks - 1].ts_ns <= since_ns)
			dfl_scan_rest(s);
}
