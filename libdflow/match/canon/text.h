/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical text with its position map: what the canonicaliser writes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "match/canon/map.h"

struct dfl_text {
	uint8_t *data;
	size_t len, cap;
	uint64_t base; /* canonical bytes that were dropped from the front */
	struct dfl_map map;
	struct dfl_secret *secret; /* where data lives; NULL: the heap, wiped when freed */
};

#define DFL_TEXT_SLICE 8192 /* raw bytes canonicalised at a time */

/*
 * Bytes and segments that feeding n raw bytes may add: a byte gives at most one, and what the
 * canonicaliser holds back (DFL_CANON_HELD) may come out too. 64: whole blocks are stored.
 */
#define DFL_TEXT_SLACK 128

/* Room for the text of `raw` more raw bytes; 0 or -ENOMEM. */
int dfl_text_reserve(struct dfl_text *t, size_t raw);
/* Forgets the first n bytes. */
void dfl_text_drop(struct dfl_text *t, size_t n);
/* Wipes all of it, and keeps the memory. Of texts on the heap only. */
void dfl_text_clear(struct dfl_text *t);
void dfl_text_fini(struct dfl_text *t);
