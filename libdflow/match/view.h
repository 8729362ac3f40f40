/* SPDX-License-Identifier: Apache-2.0 */
/* Views: what match.h says of them, and what the other files of this stage call. */
#pragma once

#include "match/match_priv.h"

/*
 * To be called before a text is looked for: if it is the first one, all views scan what they kept
 * while none was.
 */
void dfl_view_begin(struct dfl_match *m);

/* Frees the memory that is kept of closed views. */
void dfl_view_free_spare(struct dfl_match *m);
