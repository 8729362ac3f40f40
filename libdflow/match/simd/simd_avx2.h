/* SPDX-License-Identifier: Apache-2.0 */
/* The fast ways for x86-64 with AVX2 and BMI2 (Haswell, Zen and later). */
#pragma once

#include "match/simd/simd.h"

#if defined(__x86_64__)
extern const struct dfl_simd dfl_simd_avx2;

/* As dfl_simd.choose. Those with AVX-512 use it too: it is as fast. */
void dfl_choose_avx2(const uint8_t *text, size_t n, uint64_t *ret_chosen);
#endif
