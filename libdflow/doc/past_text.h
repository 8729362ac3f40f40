/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace stage hands to the store of one text, and gets back when the recorder starts. */
#pragma once

#include <stdint.h>

/*
 * The fingerprints of one text of a past request: one that is no more in memory. They cannot be
 * turned back into the text. All pointers are borrowed for the duration of the call.
 */
struct dfl_past_text {
	const char *trace_id, *field;
	const char *conversation_id; /* NULL: none */
	int64_t started_ns;	     /* start of the request, UTC since 1970 */
	uint64_t canonical_bytes;    /* length of the whole text */
	const uint8_t *prints; /* sorted, DFL_PRINT_BYTES each (match/fingerprint/fingerprint.h) */
	uint32_t n_prints;
};
