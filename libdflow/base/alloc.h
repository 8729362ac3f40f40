/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts failed allocations, so that none goes unnoticed. The compiler includes this header before
 * every file of the library (meson.build): code calls malloc and the like as usual, and need not
 * say anything when they fail. The trace stage looks at the count: a failure makes all traces
 * incomplete that it may have touched (trace/lifecycle.h, docs/completeness.md).
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Failures of the calling thread, since it began. */
unsigned long dfl_alloc_failures(void);
/* Passes a result on, and counts it when it is NULL. */
void *dfl_alloc_result(void *p);
/* The same of mmap. */
void *dfl_alloc_mapped(void *p);

/* The names inside are no macros again (C17 6.10.3.4), so they are the functions. */
#define malloc(n) dfl_alloc_result(malloc(n))
#define calloc(n, size) dfl_alloc_result(calloc(n, size))
#define realloc(p, n) dfl_alloc_result(realloc(p, n))
#define reallocarray(p, n, size) dfl_alloc_result(reallocarray(p, n, size))
#define strdup(s) ((char *)dfl_alloc_result(strdup(s)))
#define strndup(s, n) ((char *)dfl_alloc_result(strndup(s, n)))
#define mmap(addr, len, prot, flags, fd, offset)                                                   \
	dfl_alloc_mapped(mmap(addr, len, prot, flags, fd, offset))
