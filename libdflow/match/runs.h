/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what a scan and a source have in common, from the first k-gram found to both ends. */
#pragma once

#include "match/match_priv.h"

/* How a run was found; bits. */
enum dfl_run_found {
	/* The source may have places that are not in the index, one of which may go on longer. */
	DFL_RUN_UNSURE = 1,
	/* Only because runs of common k-grams may be long: if it is brief, it is dropped. */
	DFL_RUN_LONG_ONLY = 2,
};

/*
 * A k-gram of the source, at source_at, stands in the scan at canonical byte `at`: begins the run
 * that holds it, unless it is open already. The run begins at `floor` at the earliest. held: how
 * many places the k-gram has, when they are too many to look at; else DFL_NONE.
 */
void dfl_runs_open(struct dfl_scan *s, struct dfl_match_source *source, uint64_t at,
		   uint32_t source_at, uint64_t floor, uint32_t held, enum dfl_run_found found);

/*
 * The open run that holds this k-gram, or NULL. It holds at most `held` places then. Borrowed until
 * a run is opened or retired.
 */
struct dfl_open_run *dfl_runs_find(struct dfl_scan *s, const struct dfl_match_source *source,
				   uint64_t at, uint32_t source_at, uint32_t held);

/*
 * Adds a run [from, end) of the scan that is known to be over: it need not be walked. It is trimmed
 * to whole characters; if it is too short then, it is none. others: sources of other owners that
 * hold it.
 */
void dfl_runs_add(struct dfl_scan *s, struct dfl_match_source *source, uint64_t from, uint64_t end,
		  uint32_t source_from, uint32_t others);

/* Are there so many open runs, in all or of this source, that none can be opened? */
bool dfl_runs_full(const struct dfl_scan *s, const struct dfl_match_source *source);

/* Walks all open runs on as far as both texts go. */
void dfl_runs_extend(struct dfl_scan *s);

/*
 * Reports the runs that were known to be over when `total` canonical bytes had been seen. To ask
 * for the state at `total`, not for the newest one, makes the reports independent of how the input
 * was split.
 */
void dfl_runs_retire(struct dfl_scan *s, uint64_t total);

/*
 * Ends and reports the open runs of one source, or all of them (NULL), because that source or the
 * scan is over. leaf: the scan is a whole leaf, so a run over all of it equals the leaf.
 */
void dfl_runs_end(struct dfl_scan *s, const struct dfl_match_source *source, bool leaf);
