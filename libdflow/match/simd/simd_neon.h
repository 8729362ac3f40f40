/* SPDX-License-Identifier: Apache-2.0 */
/* The fast ways for arm64: NEON, which every one has. */
#pragma once

#include "match/simd/simd.h"

#if defined(__aarch64__)
extern const struct dfl_simd dfl_simd_neon;
#endif
