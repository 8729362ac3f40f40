/* SPDX-License-Identifier: Apache-2.0 */
/* The fast ways for x86-64 with AVX-512 VBMI2 (Ice Lake, Zen 4 and later). */
#pragma once

#include "match/simd/simd.h"

#if defined(__x86_64__)
extern const struct dfl_simd dfl_simd_avx512;
#endif
