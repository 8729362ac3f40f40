/* SPDX-License-Identifier: Apache-2.0 */
/* What decoders make of a tape, as text, and its comparison with a file of tests/golden/decode. */
#pragma once

#include "decode_tape.h"

/* free() the result. */
char *listing_of(const struct tape *t, const struct tape_play *how);
/* Fails the test when they differ. DFLOW_UPDATE=1 writes the file anew instead. */
void listing_compare(const char *path, const char *text);
