/* SPDX-License-Identifier: Apache-2.0 */
/* The fast ways in plain C: the reference of the others. */
#pragma once

#include "match/simd/simd.h"

extern const struct dfl_simd dfl_simd_portable;
