/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs short when a test says so: linked in place of the allocation functions
 * (meson.build: oom_args).
 */
#pragma once

#include <stddef.h>

/* The allocation number n from now on, counted from 0, fails; those after it do not. -1: none. */
void oom_at(long n);
/*
 * The same, of those of just so many bytes: the buckets of a table of uthash are told by that. 0:
 * any.
 */
void oom_at_size(long n, size_t size_bytes);
/* How many of those were asked for since. */
long oom_count(void);
