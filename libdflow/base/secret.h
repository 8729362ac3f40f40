/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for payload and its index: locked where the limit allows it, never in a core dump, wiped
 * when freed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DFL_SECRET_CLASSES 9 /* 256 bytes … 64 KiB; larger pieces have their own mapping */

/* Belongs to one matcher, and to its thread. All zero is empty. */
struct dfl_secret {
	struct dfl_secret_slab *slabs;
	void *free[DFL_SECRET_CLASSES];
	uint64_t bytes;		 /* mapped */
	uint64_t unlocked_bytes; /* of those, what could not be locked (RLIMIT_MEMLOCK) */
};

/*
 * Zeroed, aligned to 64 bytes (a cache line: pieces are powers of two from 256 bytes on). NULL: out
 * of memory.
 */
void *dfl_secret_alloc(struct dfl_secret *s, size_t size);
/* size: as it was allocated. p may be NULL. */
void dfl_secret_free(struct dfl_secret *s, void *p, size_t size);
/* Releases everything that was ever allocated from classes. */
void dfl_secret_fini(struct dfl_secret *s);
