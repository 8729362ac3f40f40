/* SPDX-License-Identifier: Apache-2.0 */
/* Short sources: texts too short for runs ("はい"), which are found where they are a whole leaf. */
#pragma once

#include "match/match_priv.h"

/* 0 or -ENOMEM. */
int dfl_short_source_init(struct dfl_match *m);
void dfl_short_source_fini(struct dfl_match *m);
/* The source ended: from now on leaves are compared with it, if it is short. */
void dfl_short_source_add(struct dfl_match_source *s);
void dfl_short_source_remove(struct dfl_match_source *s);
/* The scan is a whole leaf, now closed: reports the short sources that are equal to it. */
void dfl_short_source_leaf(struct dfl_scan *s);
