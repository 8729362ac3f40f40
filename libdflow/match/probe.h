/* SPDX-License-Identifier: Apache-2.0 */
/* Probing: looks up k-grams of a scan in the index, and opens a run at each that a source has. */
#pragma once

#include "match/match_priv.h"

/* Looks up what has become whole k-grams since the last call: every stride-th one. */
void dfl_probe_text(struct dfl_scan *s);

/*
 * Opens runs where the k-gram at canonical byte `at`, whose hash is h, stands in sources. only:
 * not in all of them but in this one, from place `first` on; NULL: in all.
 */
void dfl_probe_gram(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first);
