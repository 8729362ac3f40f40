// SPDX-License-Identifier: Apache-2.0
/*
 * A hash table from fingerprints to sets: open addressing with linear probing, at most half full,
 * in the order of the fingerprints themselves. A fingerprint that several sets have stands in
 * several slots.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/fingerprint/fingerprint_table.h"

#define BITS (8 * DFL_PRINT_BYTES)
#define MIN_BITS 10 /* of slots */

void dfl_fingerprint_table_init(struct dfl_fingerprint_table *p, struct dfl_secret *secret,
				const uint8_t *key)
{
	p->secret = secret;
	if (key)
		memcpy(p->key, key, sizeof(p->key));
	else
		randombytes_buf(p->key, sizeof(p->key));
	for (int i = 0; i < 3; i++)
		p->key[i] = dfl_bytes_load64_le((const uint8_t *)&p->key[i]) | 1;
}

static size_t slots_size(unsigned bits)
{
	return sizeof(struct dfl_fingerprint_slot) << bits;
}

/* A word for eight slots, so 8 bits for each of them and 16 for each one that is used. */
static size_t filter_size(unsigned bits)
{
	return sizeof(uint64_t) << (bits - DFL_PRINT_FILTER_SHIFT);
}

static void free_table(struct dfl_fingerprint_table *p)
{
	dfl_secret_free(p->secret, p->slots, slots_size(p->bits));
	dfl_secret_free(p->secret, p->filter, filter_size(p->bits));
}

void dfl_fingerprint_table_fini(struct dfl_fingerprint_table *p)
{
	free(p->sets);
	if (p->slots)
		free_table(p);
	explicit_bzero(p, sizeof(*p));
}

static uint32_t next_slot(const struct dfl_fingerprint_table *p, uint32_t i)
{
	return (i + 1) & ((1u << p->bits) - 1);
}

/* The slot at which the search for a fingerprint begins: its upper bits. */
static uint32_t home(const struct dfl_fingerprint_table *p, uint64_t print)
{
	return (uint32_t)(print >> (BITS - p->bits));
}

static void filter_set(struct dfl_fingerprint_table *p, uint64_t print)
{
	*dfl_fingerprint_filter(p, print) |= dfl_fingerprint_bits(print);
}

/* There is one, because half of them are free. */
static uint32_t free_slot(const struct dfl_fingerprint_table *p, uint64_t print)
{
	uint32_t i = home(p, print);

	while (p->slots[i].set)
		i = next_slot(p, i);
	return i;
}

/* Makes the filter anew, without what was removed. */
static void refilter(struct dfl_fingerprint_table *p)
{
	memset(p->filter, 0, filter_size(p->bits));
	p->removed = 0;
	for (uint32_t i = 0; i < 1u << p->bits; i++)
		if (p->slots[i].set)
			filter_set(p, p->slots[i].print);
}

/* Room for n more, so that at most half of the slots are used. 0, or -ENOMEM and nothing changed.
 */
static int reserve(struct dfl_fingerprint_table *p, uint32_t n)
{
	struct dfl_fingerprint_table old = *p;
	unsigned bits = p->slots ? p->bits : MIN_BITS;

	while ((1ull << bits) < 2ull * (p->used + n))
		bits++;
	if (p->slots && bits == p->bits)
		return 0;
	p->slots = dfl_secret_alloc(p->secret, slots_size(bits));
	p->filter = dfl_secret_alloc(p->secret, filter_size(bits));
	p->bits = bits;
	if (!p->slots || !p->filter) {
		free_table(p);
		*p = old;
		return -ENOMEM;
	}
	for (uint32_t i = 0; old.slots && i < 1u << old.bits; i++)
		if (old.slots[i].set)
			p->slots[free_slot(p, old.slots[i].print)] = old.slots[i];
	refilter(p);
	if (old.slots)
		free_table(&old);
	return 0;
}

/* Every slot of it knows that there are more sets. The mark stays when sets go: it is a "maybe". */
static void mark_more(struct dfl_fingerprint_table *p, uint64_t print)
{
	for (uint32_t i = home(p, print); p->slots[i].set; i = next_slot(p, i))
		if (p->slots[i].print == print)
			p->slots[i].more = 1;
}

/*
 * Adds one. When DFL_PRINT_SHARED sets have it already, the newest sets keep it: a text that
 * returns is most likely one of the last turns.
 */
static void insert(struct dfl_fingerprint_table *p, struct dfl_fingerprint_set *set, uint64_t print)
{
	struct dfl_fingerprint_slot *oldest = NULL;
	uint32_t n = 0, i;

	for (i = home(p, print); p->slots[i].set; i = next_slot(p, i)) {
		if (p->slots[i].print != print)
			continue;
		n++;
		if (!oldest || p->sets[p->slots[i].set]->since < p->sets[oldest->set]->since)
			oldest = &p->slots[i];
	}
	if (n < DFL_PRINT_SHARED) {
		p->slots[i] = (struct dfl_fingerprint_slot){ .print = print, .set = set->index };
		p->used++;
		filter_set(p, print);
		return;
	}
	p->capped++;
	if (set->since > p->sets[oldest->set]->since)
		oldest->set = set->index;
	mark_more(p, print);
}

/*
 * Closes the gap that a removed slot leaves (Knuth, TAOCP 3, 6.4, algorithm R): whatever stands
 * behind it and has its home at the gap or before it moves up; else a search would end at the gap.
 */
static void close_gap(struct dfl_fingerprint_table *p, uint32_t gap)
{
	uint32_t mask = (1u << p->bits) - 1;

	for (uint32_t i = next_slot(p, gap); p->slots[i].set; i = next_slot(p, i)) {
		uint32_t from_home = (i - home(p, p->slots[i].print)) & mask;

		if (from_home < ((i - gap) & mask))
			continue;
		p->slots[gap] = p->slots[i];
		gap = i;
	}
	p->slots[gap] = (struct dfl_fingerprint_slot){ 0 };
}

/* Removes one slot: this fingerprint of this set. It is not there if the set did not get one. */
static void take_out(struct dfl_fingerprint_table *p, uint32_t set, uint64_t print)
{
	for (uint32_t i = home(p, print); p->slots[i].set; i = next_slot(p, i)) {
		if (p->slots[i].print != print || p->slots[i].set != set)
			continue;
		close_gap(p, i);
		p->used--;
		p->removed++;
		return;
	}
}

void dfl_fingerprint_table_find(const struct dfl_fingerprint_table *p, uint64_t print,
				struct dfl_fingerprint_found *ret_found)
{
	*ret_found = (struct dfl_fingerprint_found){ .n = 0 };
	for (uint32_t i = home(p, print); p->slots[i].set; i = next_slot(p, i)) {
		if (p->slots[i].print != print)
			continue;
		ret_found->more |= p->slots[i].more;
		ret_found->set[ret_found->n++] = p->sets[p->slots[i].set];
	}
}

/* Gives it a number that none has: the next one round that is free. */
static int number(struct dfl_fingerprint_table *p, struct dfl_fingerprint_set *set)
{
	uint32_t cap = p->cap_sets ? 2 * p->cap_sets : 64;
	struct dfl_fingerprint_set **sets;

	if (p->n_sets + 1 >= p->cap_sets) {
		sets = reallocarray(p->sets, cap, sizeof(*sets));
		if (!sets)
			return -ENOMEM;
		memset(sets + p->cap_sets, 0, (cap - p->cap_sets) * sizeof(*sets));
		p->sets = sets;
		p->last_set = p->cap_sets;
		p->cap_sets = cap;
	}
	do
		p->last_set = p->last_set + 1 < p->cap_sets ? p->last_set + 1 : 1;
	while (p->sets[p->last_set]);
	set->index = p->last_set;
	return 0;
}

uint32_t dfl_fingerprint_table_index(const struct dfl_fingerprint_set *set, uint64_t print)
{
	uint32_t from = 0, half;

	for (uint32_t n = set->n; n > 1; n -= half) {
		half = n / 2;
		if (dfl_fingerprint_load(set->prints + (size_t)(from + half) * DFL_PRINT_BYTES) <=
		    print)
			from += half;
	}
	return from;
}

int dfl_fingerprint_table_add(struct dfl_fingerprint_table *p, struct dfl_fingerprint_set *set)
{
	int r = reserve(p, set->n);

	if (!r)
		r = number(p, set);
	if (r)
		return r;
	p->sets[set->index] = set;
	p->n_sets++;
	p->total += set->n;
	for (uint32_t i = 0; i < set->n; i++)
		insert(p, set, dfl_fingerprint_load(set->prints + (size_t)i * DFL_PRINT_BYTES));
	return 0;
}

void dfl_fingerprint_table_remove(struct dfl_fingerprint_table *p,
				  const struct dfl_fingerprint_set *set)
{
	for (uint32_t i = 0; i < set->n; i++)
		take_out(p, set->index,
			 dfl_fingerprint_load(set->prints + (size_t)i * DFL_PRINT_BYTES));
	if (p->removed > p->used)
		refilter(p);
	p->sets[set->index] = NULL;
	p->n_sets--;
	p->total -= set->n;
}
