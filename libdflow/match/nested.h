/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of base64 and hex in what both layers of the form leave. They are decoded, and what comes
 * out is scanned like a view. So this calls scan.c, which calls this: true recursion, as deep as
 * opts.max_depth.
 */
#pragma once

#include "match/match_priv.h"

/* What the canonicaliser of a scan shows its nest. */
extern const struct dfl_canon_tap dfl_nested_tap;

/* 0 or -ENOMEM. */
int dfl_nested_new(struct dfl_scan *s, struct dfl_nest **ret_nest);
/* Ends the runs: nothing that comes next joins them. */
void dfl_nested_cut(struct dfl_nest *n);
/* No more comes. leaf: the scan was all of a leaf. */
void dfl_nested_finish(struct dfl_nest *n, bool leaf);
/* Closes what is nested and wipes what it holds; it can be used again, by the same scan. */
void dfl_nested_clear(struct dfl_nest *n);
void dfl_nested_free(struct dfl_nest *n);
/* Scans what was decoded and collected so far. */
void dfl_nested_flush(struct dfl_nest *n);
/* What is decoded from now on was seen at ts_ns. */
void dfl_nested_time(struct dfl_nest *n, uint64_t ts_ns);
