/* SPDX-License-Identifier: Apache-2.0 */
/* Scans: the canonical text of a view, or of what was nested in it, and what is found in it. */
#pragma once

#include "match/match_priv.h"

/*
 * parent: the run of base64 or hex that it reads; NULL: it is the view itself. enc: what was undone
 * above it. 0 or -ENOMEM.
 */
int dfl_scan_new(struct dfl_match *m, struct dfl_match_view *view, struct dfl_base64_hex *parent,
		 uint32_t depth, uint8_t enc, struct dfl_scan **ret_scan);
/*
 * Takes raw bytes; pos and pos_len as dfl_match_view_feed. 0, or -ENOMEM: the bytes are not
 * scanned, and there is a gap.
 */
int dfl_scan_feed(struct dfl_scan *s, const uint8_t *data, size_t len, uint64_t pos,
		  uint64_t pos_len, uint64_t ts_ns);
/* Bytes are missing here. */
void dfl_scan_gap(struct dfl_scan *s);
/* Nothing came for a while: what was held back at its end is scanned, and joins nothing more. */
void dfl_scan_rest(struct dfl_scan *s);
/* Ends it and frees it. leaf: the scan is all there is of the leaf. */
void dfl_scan_close(struct dfl_scan *s, bool leaf);
/*
 * Frees it and reports nothing: no run of it is open. It leaves all that points to it, and is
 * wiped; its memory is used again.
 */
void dfl_scan_drop(struct dfl_scan *s);
/* Frees the memory that is kept of closed scans. */
void dfl_scan_free_spare(struct dfl_match *m);
