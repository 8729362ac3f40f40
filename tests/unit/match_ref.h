/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slow, obviously correct canonical form and matcher, written from docs/canonical.md alone, to
 * compare the real ones with.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ref_byte {
	uint64_t from, to; /* raw bytes it stands for */
	uint8_t c;
};

struct ref_text {
	struct ref_byte *b;
	size_t n;
};

/* The canonical form of a whole text. free(ret->b). */
void ref_canon(const uint8_t *data, size_t len, struct ref_text *ret);
/* What both layers leave, before anything is dropped (bytes only; code points come as UTF-8). */
void ref_layers(const uint8_t *data, size_t len, struct ref_text *ret);

struct ref_run {
	size_t from, to, source_from; /* canonical bytes */
};

/*
 * Longest common runs of at least `min` canonical bytes, those that no other one holds, in the
 * order of their ends, each at the leftmost free place of the source. free(*ret_runs).
 */
size_t ref_match(const struct ref_text *view, const struct ref_text *source, size_t min,
		 struct ref_run **ret_runs);
