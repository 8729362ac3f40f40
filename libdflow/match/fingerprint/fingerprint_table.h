/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that says which old texts have a fingerprint, with a filter before it: almost all
 * k-grams that are looked up are in no old text.
 */
#pragma once

#include "base/bytes.h"
#include "base/secret.h"
#include "match/fingerprint/fingerprint.h"

/* Eight bytes. */
struct dfl_fingerprint_slot {
	uint64_t print : 40;
	uint64_t more : 1; /* it is in more sets than there are slots of it */
	uint64_t set : 23; /* number of the set; 0: the slot is empty */
};

struct dfl_fingerprint_set {
	struct dfl_match *m;
	void *ud;	 /* the caller's */
	uint64_t owner;	 /* its request */
	int64_t since;	 /* the newer of two has the greater one */
	uint8_t *prints; /* DFL_PRINT_BYTES each, sorted, different; in secret memory */
	uint32_t n;
	uint32_t index; /* its number in the table, from 1 on */
};

struct dfl_fingerprint_table {
	struct dfl_secret *secret;
	uint64_t key[3]; /* odd */
	/* Open addressing; at most half are used. NULL: there were no sets yet. */
	struct dfl_fingerprint_slot *slots;
	uint64_t *filter;	/* three bits of one word for each slot; a word for eight slots */
	unsigned bits;		/* slots: 1 << bits */
	uint32_t used, removed; /* slots; removed since the filter was made */
	struct dfl_fingerprint_set **sets; /* by number; a free number is NULL */
	uint32_t cap_sets, n_sets, last_set;
	uint64_t total;	 /* fingerprints of all sets */
	uint64_t capped; /* those that were in too many sets: capped_prints */
};

/* The sets that have one fingerprint. */
struct dfl_fingerprint_found {
	struct dfl_fingerprint_set *set[DFL_PRINT_SHARED];
	uint32_t n;
	bool more; /* and there are others */
};

/* key: DFL_PRINT_KEY_BYTES; NULL: a random one. */
void dfl_fingerprint_table_init(struct dfl_fingerprint_table *p, struct dfl_secret *secret,
				const uint8_t *key);
/* There are no sets any more. */
void dfl_fingerprint_table_fini(struct dfl_fingerprint_table *p);
/* Gives the set its number and adds what it has. 0, or -ENOMEM and nothing is added. */
int dfl_fingerprint_table_add(struct dfl_fingerprint_table *p, struct dfl_fingerprint_set *set);
void dfl_fingerprint_table_remove(struct dfl_fingerprint_table *p,
				  const struct dfl_fingerprint_set *set);
void dfl_fingerprint_table_find(const struct dfl_fingerprint_table *p, uint64_t print,
				struct dfl_fingerprint_found *ret_found);
/* The number of a fingerprint within the set. It is one of them. */
uint32_t dfl_fingerprint_table_index(const struct dfl_fingerprint_set *set, uint64_t print);

/* One of a set as a number. Most significant byte first: memcmp orders them as numbers. */
static inline uint64_t dfl_fingerprint_load(const uint8_t *p)
{
	return (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 8 | p[4];
}

/*
 * The fingerprint of a k-gram. Multiply-shift hashing (Dietzfelbinger et al. 1997) of both halves
 * with secret odd numbers; then mixed, so that grams that differ alike do not collide alike.
 */
static inline uint64_t dfl_fingerprint_hash(const struct dfl_fingerprint_table *p,
					    const uint8_t *gram)
{
	uint64_t h = dfl_bytes_load64_le(gram) * p->key[0] +
		     dfl_bytes_load64_le(gram + DFL_PRINT_K - 8) * p->key[1];

	return (h ^ h >> 32) * p->key[2] >> (64 - 8 * DFL_PRINT_BYTES);
}

#define DFL_PRINT_FILTER_SHIFT 3

/* A fingerprint shifted by this is the number of its word in the filter. */
static inline unsigned dfl_fingerprint_shift(const struct dfl_fingerprint_table *p)
{
	return 8 * DFL_PRINT_BYTES - p->bits + DFL_PRINT_FILTER_SHIFT;
}

static inline uint64_t *dfl_fingerprint_filter(const struct dfl_fingerprint_table *p,
					       uint64_t print)
{
	return &p->filter[print >> dfl_fingerprint_shift(p)];
}

/*
 * Its bits in that word: six bits of each of its three lower bytes name one. The word does not
 * depend on those (in a filter of up to 2^18 words, because 40 - 18 = 22 bits are left).
 */
static inline uint64_t dfl_fingerprint_bits(uint64_t print)
{
	return 1ull << (print & 63) | 1ull << (print >> 8 & 63) | 1ull << (print >> 16 & 63);
}

/*
 * May it be in the table? No is sure. Of those that are not, yes for at most 1 in 190: a word
 * stands for eight slots of which four are used, so at most 12 of its 64 bits are set, and
 * (1 - (1 - 1/64)^12)^3 = 0.0052.
 */
static inline bool dfl_fingerprint_maybe(const struct dfl_fingerprint_table *p, uint64_t print)
{
	uint64_t bits = dfl_fingerprint_bits(print);

	return (*dfl_fingerprint_filter(p, print) & bits) == bits;
}
