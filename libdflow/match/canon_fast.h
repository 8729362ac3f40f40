/* SPDX-License-Identifier: Apache-2.0 */
/* Shortcuts of the canonicaliser for stretches that need no state. */
#pragma once

#include <stdbool.h>

#include "match/canon.h"

/* Is nothing held back, so that the next byte can be read on its own? */
bool dfl_canon_idle(const struct dfl_canon *c);

/* Takes as much as it can from the front; returns the bytes taken (0: use the slow way). */
size_t dfl_canon_fast(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos);
