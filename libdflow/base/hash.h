/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uthash in its mode that survives want of memory: the only way to it, because without that mode it
 * calls exit().
 */
#pragma once

#ifdef UTHASH_H
#error "include base/hash.h instead of uthash.h"
#endif

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/*
 * After HASH_ADD…(): is the element in? If not, memory was short, also where only more buckets were
 * wanted; then the table is as it was before, and the element is in no table (uthash's user guide,
 * "Out of memory"). hh: name of its handle.
 */
#define DFL_HASHED(hh, element) ((element)->hh.tbl != NULL)
