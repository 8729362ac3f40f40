// SPDX-License-Identifier: Apache-2.0
/* Memory for payload and its index: locked, undumpable, wiped. */
#include "base/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLAB_BYTES ((size_t)1 << 20) /* small pieces are cut from mappings of this size */
#define MIN_SHIFT 8		     /* the smallest piece: 256 bytes */
#define MAX_CLASS_BYTES ((size_t)1 << (MIN_SHIFT + DFL_SECRET_CLASSES - 1))

struct dfl_secret_slab {
	struct dfl_secret_slab *next;
	uint8_t *mem; /* SLAB_BYTES */
	size_t used;  /* bytes cut off its front */
};

/*
 * Maps whole pages. MADV_DONTDUMP keeps them out of core dumps, mlock out of swap. A limit on
 * locked memory must not stop the recorder, so it is only counted.
 */
static void *map_pages(struct dfl_secret *s, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTDUMP);
	s->bytes += size;
	if (sodium_mlock(p, size))
		s->unlocked_bytes += size;
	return p;
}

static void unmap_pages(struct dfl_secret *s, void *p, size_t size)
{
	sodium_munlock(p, size); /* wipes, locked or not */
	munmap(p, size);
	s->bytes -= size;
	/* Which mapping could not be locked is not kept: any unlocked bytes go first. */
	if (s->unlocked_bytes)
		s->unlocked_bytes -= s->unlocked_bytes < size ? s->unlocked_bytes : size;
}

/* Class c has pieces of 256 << c bytes. */
static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (((size_t)1 << (MIN_SHIFT + c)) < size)
		c++;
	return c;
}

/*
 * Cuts a piece of a class off the newest slab. What is left of a slab that is too small for a large
 * piece is lost: at most 64 KiB of each MiB.
 */
static void *carve(struct dfl_secret *s, size_t size)
{
	struct dfl_secret_slab *slab = s->slabs;

	if (!slab || SLAB_BYTES - slab->used < size) {
		slab = calloc(1, sizeof(*slab));
		if (!slab)
			return NULL;
		slab->mem = map_pages(s, SLAB_BYTES);
		if (!slab->mem) {
			free(slab);
			return NULL;
		}
		slab->next = s->slabs;
		s->slabs = slab;
	}
	slab->used += size;
	return slab->mem + slab->used - size;
}

void *dfl_secret_alloc(struct dfl_secret *s, size_t size)
{
	unsigned c;
	void *p;

	if (size > MAX_CLASS_BYTES)
		return map_pages(s, size);
	c = class_of(size);
	p = s->free[c];
	if (!p)
		return carve(s, (size_t)1 << (MIN_SHIFT + c));
	/* A free piece holds the address of the next one in its first bytes, and is else zero. */
	memcpy(&s->free[c], p, sizeof(void *));
	memset(p, 0, sizeof(void *));
	return p;
}

void dfl_secret_free(struct dfl_secret *s, void *p, size_t size)
{
	unsigned c;

	if (!p)
		return;
	if (size > MAX_CLASS_BYTES) {
		unmap_pages(s, p, size);
		return;
	}
	c = class_of(size);
	explicit_bzero(p, size);
	memcpy(p, &s->free[c], sizeof(void *));
	s->free[c] = p;
}

void dfl_secret_fini(struct dfl_secret *s)
{
	while (s->slabs) {
		struct dfl_secret_slab *next = s->slabs->next;

		unmap_pages(s, s->slabs->mem, SLAB_BYTES);
		free(s->slabs);
		s->slabs = next;
	}
	memset(s->free, 0, sizeof(s->free));
}
