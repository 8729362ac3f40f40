/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the canonicaliser's fast way that are the same on all processors. */
#pragma once

#include <stdbool.h>

#include "match/canon/canon.h"

extern const bool dfl_canon_escapes[256]; /* may begin an escape */

/* Is the UTF-8 character at p (its lead and continuation bytes are there) malformed or dropped? */
bool dfl_canon_drops_utf8(const uint8_t *p);

/*
 * Takes \uXXXX escapes of one form (as many backslashes each) that are kept and three bytes long.
 * Returns the bytes taken.
 */
size_t dfl_canon_units(struct dfl_canon *c, const uint8_t *p, size_t len, uint64_t pos);
