// SPDX-License-Identifier: Apache-2.0
/* Which fast ways there are, and the best for this processor. */
#include "match/simd/simd_best.h"

#include <stddef.h>

#include "match/simd/simd_avx2.h"
#include "match/simd/simd_avx512.h"
#include "match/simd/simd_neon.h"
#include "match/simd/simd_portable.h"

const struct dfl_simd *const dfl_simds[] = {
#if defined(__x86_64__)
	&dfl_simd_avx512,
	&dfl_simd_avx2,
#elif defined(__aarch64__)
	&dfl_simd_neon,
#endif
	&dfl_simd_portable,
	NULL,
};

const struct dfl_simd *dfl_simd_best(void)
{
	unsigned i = 0;

	while (!dfl_simds[i]->usable())
		i++;
	return dfl_simds[i];
}
