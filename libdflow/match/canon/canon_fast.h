/* SPDX-License-Identifier: Apache-2.0 */
/* What the slow and the fast ways of the canonicaliser share. */
#pragma once

#include <stdbool.h>

#include "match/canon/canon.h"

/* Is nothing held back, so that the next byte can be read on its own? */
bool dfl_canon_idle(const struct dfl_canon *c);

extern const bool dfl_canon_escapes[256]; /* may begin an escape */

/* Is the UTF-8 character at p (its lead and continuation bytes are there) malformed or dropped? */
bool dfl_canon_drops_utf8(const uint8_t *p);

/*
 * Takes \uXXXX escapes of one form (as many backslashes each) that are kept and three bytes long.
 * Returns the bytes taken.
 */
size_t dfl_canon_units(struct dfl_canon *c, const uint8_t *p, size_t len, uint64_t pos);
