/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fingerprints, for prints.c and streaks.c. */
#pragma once

#include "match/prints.h"

struct dfl_scan;
struct dfl_streaks;

struct dfl_print_slot {
	uint64_t print : 40;
	uint64_t more : 1; /* it is in more sets than there are slots of it */
	uint64_t set : 23; /* 0: empty */
};

struct dfl_print_set {
	struct dfl_match *m;
	void *ud;
	uint64_t owner;
	int64_t since;
	uint8_t *prints;
	uint32_t n, index;
};

struct dfl_prints {
	struct dfl_secret *secret;
	uint64_t key[3];
	struct dfl_print_slot *slots; /* open addressing; at most half are used; NULL: no sets yet */
	uint64_t *filter;	      /* four bits a slot */
	unsigned bits;		      /* of the number of slots */
	uint32_t used, removed;	      /* slots; removed since the filter was made */
	struct dfl_print_set **sets;  /* from 1 on; a free one is NULL */
	uint32_t cap_sets, n_sets, last_set;
	uint64_t total; /* fingerprints of all sets */
};

struct dfl_prints_found {
	struct dfl_print_set *set[DFL_PRINT_SHARED];
	uint32_t n;
	bool more; /* and in others */
};

void dfl_prints_init(struct dfl_prints *p, struct dfl_secret *secret, const uint8_t *key);
void dfl_prints_fini(struct dfl_prints *p);
/* Which k-grams begin in n bytes (below 64 KiB) and are chosen? text has DFL_PRINT_K - 1 bytes more. Returns how many. */
size_t dfl_prints_choose(const uint8_t *text, size_t n, uint16_t *ret_at);
uint64_t dfl_prints_hash(const struct dfl_prints *p, const uint8_t *gram);
void dfl_prints_find(const struct dfl_prints *p, uint64_t print, struct dfl_prints_found *ret_found);
/* Its number in the set; it is one of them. */
uint32_t dfl_print_index(const struct dfl_print_set *set, uint64_t print);

static inline bool dfl_prints_maybe(const struct dfl_prints *p, uint64_t print)
{
	uint64_t bit = print >> (8 * DFL_PRINT_BYTES - p->bits - 2);

	return p->filter[bit >> 6] >> (bit & 63) & 1;
}

/* streaks.c: looks at what the canonical text of a scan has grown by. */
void dfl_streaks_scan(struct dfl_scan *s);
/* Reports what is open: bytes are missing here, or the text is over. */
void dfl_streaks_end(struct dfl_scan *s);
void dfl_streaks_free(struct dfl_scan *s);
void dfl_streaks_forget(struct dfl_scan *s, const struct dfl_print_set *set);
