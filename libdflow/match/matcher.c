// SPDX-License-Identifier: Apache-2.0
/* The matcher: the object that holds sources, views, index and fingerprints; its options; views. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/match_priv.h"
#include "match/scan.h"
#include "match/short_source.h"
#include "match/simd/simd_best.h"

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
	while (m->scans)
		dfl_match_view_close(m->scans->view);
	while (m->sources)
		dfl_match_source_free(m->sources);
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

/* A view is its scan, and what was reported of it. */
int dfl_match_view_new(struct dfl_match *m, void *view_ud, struct dfl_match_view **ret_view)
{
	struct dfl_match_view *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->m = m;
	v->ud = view_ud;
	r = dfl_scan_new(m, v, NULL, 0, 0, &v->scan);
	if (r) {
		free(v);
		return r;
	}
	*ret_view = v;
	return 0;
}

void dfl_match_view_undone(struct dfl_match_view *v, uint32_t encodings)
{
	v->scan->enc = (uint8_t)encodings;
}

int dfl_match_view_feed(struct dfl_match_view *v, const void *data, size_t len_bytes, uint64_t pos,
			uint64_t pos_len, uint64_t ts_ns)
{
	v->m->stats.scanned_bytes += len_bytes;
	return dfl_scan_feed(v->scan, data, len_bytes, pos, pos_len, ts_ns);
}

void dfl_match_view_gap(struct dfl_match_view *v)
{
	dfl_scan_gap(v->scan);
}

void dfl_match_view_close(struct dfl_match_view *v)
{
	if (!v)
		return;
	dfl_scan_close(v->scan, true);
	free(v->covered);
	free(v);
}
