/* SPDX-License-Identifier: Apache-2.0 */
/* Which fast ways there are, and the best for this processor. */
#pragma once

#include "match/simd/simd.h"

/* All that were compiled in, best first, the portable one last; NULL ends. */
extern const struct dfl_simd *const dfl_simds[];

/* The best one that this processor can use. Static storage. */
const struct dfl_simd *dfl_simd_best(void);
