/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions: from canonical bytes back to raw bytes of the source, to stream positions of the
 * view, and to the time when they were seen.
 */
#pragma once

#include "match/match_priv.h"

/* Raw bytes [src_from, src_to) of the source that canonical bytes [canon_from, canon_to) mean. */
void dfl_position_in_source(const struct dfl_match_source *src, struct dfl_run *run);

/*
 * Stream positions of the bytes [from, to) that the scan was fed. For a nested scan those are
 * decoded bytes: it goes up through each run of base64 or hex to the view.
 */
void dfl_position_in_stream(const struct dfl_scan *s, uint64_t from, uint64_t to,
			    uint64_t *ret_from, uint64_t *ret_to);

/*
 * Stream positions of bytes [from, to) of a run that is decoded in that phase; from < to. The
 * run's own chars must still be known.
 */
void dfl_position_of_coded(const struct dfl_base64_hex *c, unsigned phase, uint64_t from,
			   uint64_t to, uint64_t *ret_from, uint64_t *ret_to);

/* The first byte that the scan was fed whose position may still be asked for. */
uint64_t dfl_position_oldest(const struct dfl_scan *s);

/* What the scan is fed from now on was seen at ts_ns. 0 or -ENOMEM. */
int dfl_position_mark(struct dfl_scan *s, uint64_t ts_ns);
/* Forgets the times of canonical bytes that were dropped. */
void dfl_position_drop_marks(struct dfl_scan *s);
/* When canonical byte `at` was seen, in ns. */
uint64_t dfl_position_time(const struct dfl_scan *s, uint64_t at);
