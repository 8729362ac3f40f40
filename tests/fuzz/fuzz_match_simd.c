// SPDX-License-Identifier: Apache-2.0
/*
 * Every fast way against the slow one: canonical text, positions and what was undone are the same,
 * and so are base64 and the look-up of k-grams and of fingerprints.
 */
#include <stdlib.h>
#include <string.h>

#include "match/match_priv.h"
#include "match/simd/simd_best.h"
#include "match/simd/simd_portable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void canon(const struct dfl_simd *simd, const uint8_t *data, size_t len, size_t step,
		  struct dfl_text *ret)
{
	struct dfl_canon c;

	dfl_canon_init(&c, simd, ret, NULL, NULL);
	for (size_t i = 0; i < len; i += step) {
		size_t n = len - i < step ? len - i : step;

		must(!dfl_text_reserve(ret, n));
		dfl_canon_feed(&c, data + i, n, 100 + i, n);
	}
	must(!dfl_text_reserve(ret, 0));
	dfl_canon_flush(&c);
}

static void same_text(const struct dfl_text *a, const struct dfl_text *b)
{
	must(a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len)));
	for (uint32_t i = 0; i < a->len; i++) {
		uint64_t fa, ta, fb, tb;

		dfl_map_find(&a->map, i, &fa, &ta);
		dfl_map_find(&b->map, i, &fb, &tb);
		must(fa == fb && ta == tb);
		must(dfl_map_enc(&a->map, i, i + 1) == dfl_map_enc(&b->map, i, i + 1));
		if (i)
			must(dfl_map_enc(&a->map, i - 1, i + 1) ==
			     dfl_map_enc(&b->map, i - 1, i + 1));
	}
}

static void check_canon(const struct dfl_simd *simd, const uint8_t *data, size_t size)
{
	struct dfl_text slow = { 0 }, fast = { 0 };

	canon(simd, data, size, 1, &slow); /* a byte is never enough for the fast way */
	canon(simd, data, size, size, &fast);
	same_text(&slow, &fast);
	dfl_text_fini(&slow);
	dfl_text_fini(&fast);
}

static void check_base64(const struct dfl_simd *simd, const uint8_t *data, size_t size)
{
	uint8_t *va = calloc(1, size + 128), *vb = calloc(1, size + 128);
	uint8_t *oa = calloc(1, size + 128), *ob = calloc(1, size + 128);
	size_t na, nb;

	must(va && vb && oa && ob);
	na = dfl_simd_portable.values(va, data, size);
	nb = simd->values(vb, data, size);
	must(na == nb && !memcmp(va, vb, na));
	must(dfl_simd_portable.text_bytes(data, size) == simd->text_bytes(data, size));
	na = dfl_simd_portable.text(oa, data, size / 64);
	nb = simd->text(ob, data, size / 64);
	must(na == nb && !memcmp(oa, ob, na * 48));
	for (size_t i = 0; i < size; i++)
		va[i] = data[i] & 63;
	dfl_simd_portable.join(oa, va, size / 4);
	simd->join(ob, va, size / 4);
	must(!memcmp(oa, ob, size / 4 * 3));
	free(va);
	free(vb);
	free(oa);
	free(ob);
}

/* A filter of a quarter of ones, made of the input. */
static void check_probe(const struct dfl_simd *simd, const uint8_t *data, size_t size)
{
	uint64_t filter[128];
	uint32_t k = 8 + data[0] % 9, stride = 1 + data[1] % (17 - k);
	struct dfl_index ix = { .k = k,
				.key = { 0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full },
				.filter = filter,
				.filter_bits = 7,
				.filter_shift = 64 - DFL_FILTER_BITS - 7 };
	uint16_t *a = calloc(size + 64, sizeof(*a)), *b = calloc(size + 64, sizeof(*b));
	size_t na, nb;

	must(a && b);
	for (unsigned i = 0; i < 128; i++)
		filter[i] = (data[i % size] * 0x9e3779b97f4a7c15ull ^ i) * 0xff51afd7ed558ccdull |
			    1ull << (i & 63);
	na = dfl_simd_portable.probe(&ix, data, size, stride, a);
	nb = simd->probe(&ix, data, size, stride, b);
	must(na == nb && !memcmp(a, b, na * sizeof(*a)));
	free(a);
	free(b);
}

/* A filter of five eighths of ones. */
static void check_sift(const struct dfl_simd *simd, const uint8_t *data, size_t size)
{
	size_t n = size - DFL_PRINT_K + 1, words = (n + 63) / 64, na, nb;
	uint16_t *a = calloc((n + 1) / 2 + DFL_SIFT_SLACK, sizeof(*a)),
		 *b = calloc((n + 1) / 2 + DFL_SIFT_SLACK, sizeof(*b));
	uint64_t filter[128], *ca = calloc(words + 1, sizeof(*ca)),
			      *cb = calloc(words + 1, sizeof(*cb));
	struct dfl_fingerprint_table p = { .filter = filter,
					   .bits = 7 + DFL_PRINT_FILTER_SHIFT,
					   .key = { 0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full,
						    0xff51afd7ed558ccdull } };

	must(a && b && ca && cb);
	for (unsigned i = 0; i < 128; i++)
		filter[i] = (data[i % size] + 1ull) * 0x9e3779b97f4a7c15ull |
			    i * 0xff51afd7ed558ccdull;
	na = dfl_simd_portable.sift(&p, data, n, ca, a);
	simd->choose(data, n, cb);
	must(!memcmp(ca, cb, words * sizeof(*ca)));
	nb = simd->sift(&p, data, n, cb, b);
	must(!memcmp(ca, cb, words * sizeof(*ca)));
	must(na == nb && !memcmp(a, b, na * sizeof(*a)));
	free(a);
	free(b);
	free(ca);
	free(cb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 4096)
		return 0;
	for (unsigned i = 0; dfl_simds[i]; i++) {
		if (!dfl_simds[i]->usable())
			continue;
		check_canon(dfl_simds[i], data, size);
		check_base64(dfl_simds[i], data, size);
		check_probe(dfl_simds[i], data, size);
		if (size >= DFL_PRINT_K)
			check_sift(dfl_simds[i], data, size);
	}
	return 0;
}
