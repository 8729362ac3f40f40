/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast ways, one set for each kind of processor. All give what the portable set gives; a
 * fuzzer and a test compare them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/canon/text.h"
#include "match/fingerprint/fingerprint.h"

struct dfl_canon;
struct dfl_index;
struct dfl_fingerprint_table;

/*
 * k-grams of DFL_PRINT_K bytes that become whole with one slice of text, at most: what the slice
 * gives, what was held back before it, and those that were cut by its beginning.
 */
#define DFL_SIFTED (DFL_TEXT_SLICE + DFL_TEXT_SLACK + DFL_PRINT_K)
#define DFL_SIFT_SLACK 8

struct dfl_simd {
	const char *name;
	bool (*usable)(void); /* on this processor */
	/* As dfl_canon_fast. */
	size_t (*canon)(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos);
	/*
	 * Looks up every stride-th k-gram of n bytes (below 64 KiB) in the filter. Writes where
	 * those begin that may be in the index; returns how many.
	 */
	size_t (*probe)(const struct dfl_index *ix, const uint8_t *text, size_t n, uint32_t stride,
			uint16_t *hits);
	/*
	 * Takes \uXXXX escapes (with so many backslashes) of U+3001 … U+D7FF from the front; writes
	 * their UTF-8. Returns how many; it may stop early. out has room for 64 bytes more.
	 */
	size_t (*units)(uint8_t *out, const uint8_t *p, size_t len, size_t slashes);
	/*
	 * Base64 chars to their values, up to the first that is none; returns how many. out has
	 * room for n rounded up to 64.
	 */
	size_t (*values)(uint8_t *out, const uint8_t *chars, size_t n);
	/*
	 * Bytes that are printable ASCII, tabs, newlines, or of whole UTF-8 characters (those that
	 * cross a multiple of 64 do not count).
	 */
	size_t (*text_bytes)(const uint8_t *p, size_t n);
	/*
	 * Base64: 64 chars to 48 bytes, up to n times, as long as all are chars and what comes out
	 * is printable ASCII, tabs and newlines. Returns how often. out has room for 16 bytes more.
	 */
	size_t (*text)(uint8_t *out, const uint8_t *chars, size_t n);
	/*
	 * n groups of four values to three bytes each. out has room for 32 bytes more, values too.
	 */
	void (*join)(uint8_t *out, const uint8_t *values, size_t n);
	/*
	 * Which k-grams that begin in n bytes have a fingerprint: bit i % 64 of word i / 64; no bit
	 * from n on is set. text has DFL_PRINT_K - 1 bytes more.
	 */
	void (*choose)(const uint8_t *text, size_t n, uint64_t *ret_chosen);
	/*
	 * The same of at most DFL_SIFTED bytes, and looks up the first, third, fifth … of them in
	 * the filter. Writes where those begin that may be in the table; returns how many. ret_hits
	 * has room for (n + 1) / 2 and DFL_SIFT_SLACK.
	 */
	size_t (*sift)(const struct dfl_fingerprint_table *p, const uint8_t *text, size_t n,
		       uint64_t *ret_chosen, uint16_t *ret_hits);
};
