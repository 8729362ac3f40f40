/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fingerprints, for prints.c and streaks.c. */
#pragma once

#include "match/fingerprint/fingerprint.h"

struct dfl_scan;
struct dfl_streaks;

struct dfl_fingerprint_slot {
	uint64_t print : 40;
	uint64_t more : 1; /* it is in more sets than there are slots of it */
	uint64_t set : 23; /* 0: empty */
};

struct dfl_fingerprint_set {
	struct dfl_match *m;
	void *ud;
	uint64_t owner;
	int64_t since;
	uint8_t *prints;
	uint32_t n, index;
};

struct dfl_fingerprints {
	struct dfl_secret *secret;
	uint64_t key[3];
	struct dfl_fingerprint_slot *slots; /* open addressing; at most half are used; NULL: no sets
					     * yet
					     */
	uint64_t *filter;	/* three bits of one word for each; a word for eight slots */
	unsigned bits;		/* of the number of slots */
	uint32_t used, removed; /* slots; removed since the filter was made */
	struct dfl_fingerprint_set **sets; /* from 1 on; a free one is NULL */
	uint32_t cap_sets, n_sets, last_set;
	uint64_t total; /* fingerprints of all sets */
};

struct dfl_fingerprint_found {
	struct dfl_fingerprint_set *set[DFL_PRINT_SHARED];
	uint32_t n;
	bool more; /* and in others */
};

void dfl_fingerprint_init(struct dfl_fingerprints *p, struct dfl_secret *secret,
			  const uint8_t *key);
void dfl_fingerprint_fini(struct dfl_fingerprints *p);
void dfl_fingerprint_find(const struct dfl_fingerprints *p, uint64_t print,
			  struct dfl_fingerprint_found *ret_found);
/* Its number in the set; it is one of them. */
uint32_t dfl_fingerprint_index(const struct dfl_fingerprint_set *set, uint64_t print);

/* The same on all machines. */
static inline uint64_t dfl_load_le(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/*
 * The fingerprint of a k-gram. Multiply-shift hashing (Dietzfelbinger et al. 1997) of both halves
 * with secret odd numbers; then mixed, so that grams that differ alike do not collide alike.
 */
static inline uint64_t dfl_fingerprint_hash(const struct dfl_fingerprints *p, const uint8_t *gram)
{
	uint64_t h = dfl_load_le(gram) * p->key[0] +
		     dfl_load_le(gram + DFL_PRINT_K - 8) * p->key[1];

	return (h ^ h >> 32) * p->key[2] >> (64 - 8 * DFL_PRINT_BYTES);
}

#define DFL_PRINT_FILTER_SHIFT 3

/* What leaves the word of a print. */
static inline unsigned dfl_fingerprint_shift(const struct dfl_fingerprints *p)
{
	return 8 * DFL_PRINT_BYTES - p->bits + DFL_PRINT_FILTER_SHIFT;
}

static inline uint64_t *dfl_fingerprint_filter(const struct dfl_fingerprints *p, uint64_t print)
{
	return &p->filter[print >> dfl_fingerprint_shift(p)];
}

/*
 * Six bits of each of the lower bytes, which the word does not depend on (in a filter of up to 2^18
 * words).
 */
static inline uint64_t dfl_fingerprint_bits(uint64_t print)
{
	return 1ull << (print & 63) | 1ull << (print >> 8 & 63) | 1ull << (print >> 16 & 63);
}

/* May it be in the table? At most 1 in 190 that are not. */
static inline bool dfl_fingerprint_maybe(const struct dfl_fingerprints *p, uint64_t print)
{
	uint64_t bits = dfl_fingerprint_bits(print);

	return (*dfl_fingerprint_filter(p, print) & bits) == bits;
}

/* streaks.c: looks at what the canonical text of a scan has grown by. */
void dfl_streaks_scan(struct dfl_scan *s);
/* Reports what is open: bytes are missing here, or the text is over. */
void dfl_streaks_end(struct dfl_scan *s);
void dfl_streaks_free(struct dfl_scan *s);
void dfl_streaks_forget(struct dfl_scan *s, const struct dfl_fingerprint_set *set);
