/* SPDX-License-Identifier: Apache-2.0 */
/* Look-back: a source that comes late, or grows, is looked for in what the scans still hold. */
#pragma once

#include "match/match_priv.h"

/* k-grams of the source from place `first` on were added to the index: matches them backwards. */
void dfl_lookback_match(struct dfl_match_source *s, uint32_t first);
