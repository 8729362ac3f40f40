// SPDX-License-Identifier: Apache-2.0
/* The count of failed allocations. */
#include "base/alloc.h"

/* Of a thread, because an object of the library is used by one thread at a time. */
static _Thread_local unsigned long failures;

unsigned long dfl_alloc_failures(void)
{
	return failures;
}

void *dfl_alloc_result(void *p)
{
	failures += !p;
	return p;
}

void *dfl_alloc_mapped(void *p)
{
	failures += p == MAP_FAILED;
	return p;
}
