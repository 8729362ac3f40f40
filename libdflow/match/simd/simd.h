/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast ways, one set for each kind of processor. All give what the portable set gives; a
 * fuzzer and a test compare them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dfl_canon;
struct dfl_index;
struct dfl_fingerprints;

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
	size_t (*sift)(const struct dfl_fingerprints *p, const uint8_t *text, size_t n,
		       uint64_t *ret_chosen, uint16_t *ret_hits);
};

extern const struct dfl_simd dfl_simd_portable;
#if defined(__x86_64__)
extern const struct dfl_simd dfl_simd_avx2;
extern const struct dfl_simd dfl_simd_avx512;
void dfl_choose_avx2(const uint8_t *text, size_t n, uint64_t *ret_chosen); /* with AVX-512 too */
#elif defined(__aarch64__)
extern const struct dfl_simd dfl_simd_neon;
#endif

/* All that were compiled in, best first, the portable one last; NULL ends. */
extern const struct dfl_simd *const dfl_simds[];
/* The best usable one. */
const struct dfl_simd *dfl_simd_best(void);
