/* SPDX-License-Identifier: Apache-2.0 */
/* Reads integers from bytes that need not be aligned. */
#pragma once

#include <stdint.h>

/* Eight bytes in the order of this machine: to compare or to hash within one process. */
static inline uint64_t dfl_bytes_load64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, 8);
	return v;
}

/* Four of them. */
static inline uint32_t dfl_bytes_load32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return v;
}

/* Eight bytes as a little-endian number: the same on all machines, so that it can be stored. */
static inline uint64_t dfl_bytes_load64_le(const uint8_t *p)
{
	uint64_t v = dfl_bytes_load64(p);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/*
 * x and y are the XOR of two loads, and not 0. How many bytes the two loads have in common before
 * they differ: at the front (the lowest addresses) and at the back.
 */
static inline unsigned dfl_bytes_same_front64(uint64_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (unsigned)__builtin_ctzll(x) / 8;
#else
	return (unsigned)__builtin_clzll(x) / 8;
#endif
}

static inline unsigned dfl_bytes_same_front32(uint32_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (unsigned)__builtin_ctz(x) / 8;
#else
	return (unsigned)__builtin_clz(x) / 8;
#endif
}

static inline unsigned dfl_bytes_same_back32(uint32_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (unsigned)__builtin_clz(x) / 8;
#else
	return (unsigned)__builtin_ctz(x) / 8;
#endif
}
