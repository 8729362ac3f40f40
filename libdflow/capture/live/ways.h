/* SPDX-License-Identifier: Apache-2.0 */
/* The words for ways out of a process: those that cannot be watched, and texts given to the kernel.
 */
#pragma once

#include "../bpf/event.h"
#include "capture/event.h"

#define DFL_WAYS_WORD 64 /* bytes of the longest word, NUL included */

/*
 * Kind and word of a way out that cannot be watched. number: what the kernel program says beside
 * `why` (dfl_k_blind). ret_ev->way points to `word` or to static storage.
 */
void dfl_ways_blind(enum dfl_k_blind why, uint64_t number, char word[static DFL_WAYS_WORD],
		    struct dfl_ev_blind *ret_ev);

/* The path of the channel that stands for texts of this kind: "[arguments]". Static storage. */
const char *dfl_ways_text_path(uint64_t text);
