/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fingerprint chains: fingerprints of one old text that stand one after the other in a scan. They
 * are to fingerprints what runs are to k-grams.
 */
#pragma once

#include "match/match_priv.h"

/* Looks at what the canonical text of the scan has grown by. */
void dfl_fingerprint_chain_scan(struct dfl_scan *s);
/* Reports the chains that are open: bytes are missing here, or the text is over. */
void dfl_fingerprint_chain_end(struct dfl_scan *s);
/* Frees the chains of the scan, unreported. */
void dfl_fingerprint_chain_free(struct dfl_scan *s);
/* The set goes: its chain is dropped, unreported. */
void dfl_fingerprint_chain_forget(struct dfl_scan *s, const struct dfl_fingerprint_set *set);
