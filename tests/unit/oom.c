// SPDX-License-Identifier: Apache-2.0
/* Memory that runs short when a test says so. */
#include "oom.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t only; /* of this size; 0: any */
static long fails_at = -1, count;

void oom_at_size(long n, size_t size_bytes)
{
	only = size_bytes;
	fails_at = n;
	count = 0;
}

void oom_at(long n)
{
	oom_at_size(n, 0);
}

long oom_count(void)
{
	return count;
}

static bool fails(size_t size)
{
	if ((only && size != only) || count++ != fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

/* ld(1), --wrap. What libc allocates by itself does not come here. */
#define WRAP(type, name, arguments, size, call)                                                    \
	type __real_##name arguments;                                                              \
	type __wrap_##name arguments;                                                              \
	type __wrap_##name arguments                                                               \
	{                                                                                          \
		return fails(size) ? NULL : __real_##name call;                                    \
	}

WRAP(void *, malloc, (size_t size), size, (size))
WRAP(void *, calloc, (size_t n, size_t size), n *size, (n, size))
WRAP(void *, realloc, (void *p, size_t size), size, (p, size))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), n *size, (p, n, size))
WRAP(char *, strdup, (const char *s), strlen(s) + 1, (s))
WRAP(char *, strndup, (const char *s, size_t n), strnlen(s, n) + 1, (s, n))

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return fails(size) ? MAP_FAILED : __real_mmap(at, size, prot, flags, fd, offset);
}
