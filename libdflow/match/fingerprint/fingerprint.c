// SPDX-License-Identifier: Apache-2.0
/*
 * Fingerprints and the table they are looked up in. Which k-grams have one depends on the text
 * alone, so that what is found does not depend on the key.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/match_priv.h"

#define BITS (8 * DFL_PRINT_BYTES)
#define MIN_BITS 10 /* of slots */

static uint64_t load_print(const uint8_t *p)
{
	return (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 8 | p[4];
}

static void store_print(uint8_t *p, uint64_t print)
{
	for (int i = DFL_PRINT_BYTES; i--; print >>= 8)
		p[i] = (uint8_t)print;
}

/* ---- from text ---- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, DFL_PRINT_BYTES);
}

static uint32_t sort(uint8_t *prints, uint32_t n)
{
	uint32_t kept = 0;

	qsort(prints, n, DFL_PRINT_BYTES, compare);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *p = prints + (size_t)i * DFL_PRINT_BYTES;

		if (!kept || compare(p, prints + (size_t)(kept - 1) * DFL_PRINT_BYTES))
			memmove(prints + (size_t)kept++ * DFL_PRINT_BYTES, p, DFL_PRINT_BYTES);
	}
	return kept;
}

/* Those of some more of the text, behind n others; returns how many there are then. */
static uint32_t add_prints(const struct dfl_match *m, const uint8_t *text, size_t len,
			   uint8_t *prints, uint32_t n)
{
	uint64_t chosen[DFL_SLICE / 64];

	m->simd->choose(text, len, chosen);
	for (size_t i = 0; i < len; i += 64)
		for (uint64_t w = chosen[i / 64]; w && n < DFL_PRINTS_PER_TEXT; w &= w - 1) {
			const uint8_t *gram = text + i + (unsigned)__builtin_ctzll(w);

			store_print(prints + (size_t)n++ * DFL_PRINT_BYTES,
				    dfl_fingerprint_hash(&m->prints, gram));
		}
	return n;
}

int dfl_fingerprint_of(const struct dfl_match_source *s, uint8_t **ret_prints, uint32_t *ret_n)
{
	size_t grams = s->text.len < DFL_PRINT_K ? 0 : s->text.len - DFL_PRINT_K + 1, len;
	size_t room = grams < DFL_PRINTS_PER_TEXT ? grams : DFL_PRINTS_PER_TEXT;
	uint8_t *prints = malloc(room * DFL_PRINT_BYTES + 1);
	uint32_t n = 0;

	if (!prints)
		return -ENOMEM;
	for (size_t i = 0; i < grams; i += len) {
		len = grams - i < DFL_SLICE ? grams - i : DFL_SLICE;
		n = add_prints(s->m, s->text.data + i, len, prints, n);
	}
	*ret_prints = prints;
	*ret_n = sort(prints, n);
	return 0;
}

bool dfl_fingerprint_valid(const uint8_t *prints, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (compare(prints + (size_t)(i - 1) * DFL_PRINT_BYTES,
			    prints + (size_t)i * DFL_PRINT_BYTES) >= 0)
			return false;
	return n && n <= DFL_PRINTS_PER_TEXT;
}

uint32_t dfl_fingerprint_index(const struct dfl_fingerprint_set *set, uint64_t print)
{
	uint32_t from = 0, half;

	for (uint32_t n = set->n; n > 1; n -= half) {
		half = n / 2;
		if (load_print(set->prints + (size_t)(from + half) * DFL_PRINT_BYTES) <= print)
			from += half;
	}
	return from;
}

uint32_t dfl_fingerprint_union(uint8_t *seen, const uint8_t *more, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < (n + 7) / 8; i++) {
		seen[i] |= more[i];
		sum += (uint32_t)__builtin_popcount(seen[i]);
	}
	return sum;
}

/* ---- the table ---- */

void dfl_fingerprint_init(struct dfl_fingerprints *p, struct dfl_secret *secret, const uint8_t *key)
{
	p->secret = secret;
	if (key)
		memcpy(p->key, key, sizeof(p->key));
	else
		randombytes_buf(p->key, sizeof(p->key));
	for (int i = 0; i < 3; i++)
		p->key[i] = dfl_load_le((const uint8_t *)&p->key[i]) | 1;
}

static size_t slots_size(unsigned bits)
{
	return sizeof(struct dfl_fingerprint_slot) << bits;
}

static size_t filter_size(unsigned bits)
{
	return sizeof(uint64_t) << (bits - DFL_PRINT_FILTER_SHIFT);
}

static void free_table(struct dfl_fingerprints *p)
{
	dfl_secret_free(p->secret, p->slots, slots_size(p->bits));
	dfl_secret_free(p->secret, p->filter, filter_size(p->bits));
}

void dfl_fingerprint_fini(struct dfl_fingerprints *p)
{
	for (uint32_t i = 1; i < p->cap_sets; i++)
		dfl_fingerprint_set_free(p->sets[i]);
	free(p->sets);
	if (p->slots)
		free_table(p);
	explicit_bzero(p, sizeof(*p));
}

static uint32_t next_slot(const struct dfl_fingerprints *p, uint32_t i)
{
	return (i + 1) & ((1u << p->bits) - 1);
}

static uint32_t home(const struct dfl_fingerprints *p, uint64_t print)
{
	return (uint32_t)(print >> (BITS - p->bits));
}

static void filter_set(struct dfl_fingerprints *p, uint64_t print)
{
	*dfl_fingerprint_filter(p, print) |= dfl_fingerprint_bits(print);
}

static uint32_t free_slot(const struct dfl_fingerprints *p, uint64_t print)
{
	uint32_t i = home(p, print);

	while (p->slots[i].set)
		i = next_slot(p, i);
	return i;
}

static void refilter(struct dfl_fingerprints *p)
{
	memset(p->filter, 0, filter_size(p->bits));
	p->removed = 0;
	for (uint32_t i = 0; i < 1u << p->bits; i++)
		if (p->slots[i].set)
			filter_set(p, p->slots[i].print);
}

/* Room for n more slots of which at most half are used. */
static int reserve(struct dfl_fingerprints *p, uint32_t n)
{
	struct dfl_fingerprints old = *p;
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

static void mark_more(struct dfl_fingerprints *p, uint64_t print)
{
	for (uint32_t i = home(p, print); p->slots[i].set; i = next_slot(p, i))
		if (p->slots[i].print == print)
			p->slots[i].more = 1;
}

/* Of those that are in too many sets the newest sets keep it. */
static void insert(struct dfl_fingerprints *p, struct dfl_fingerprint_set *set, uint64_t print)
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
	set->m->stats.capped_prints++;
	if (set->since > p->sets[oldest->set]->since)
		oldest->set = set->index;
	mark_more(p, print);
}

/* Moves those behind it up, where they are nearer to their home. */
static void close_gap(struct dfl_fingerprints *p, uint32_t gap)
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

static void take_out(struct dfl_fingerprints *p, uint32_t set, uint64_t print)
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

void dfl_fingerprint_find(const struct dfl_fingerprints *p, uint64_t print,
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

/* ---- sets ---- */

/* Gives it a number that none has: the next one round that is free. */
static int number(struct dfl_fingerprints *p, struct dfl_fingerprint_set *set)
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

static int new_set(struct dfl_match *m, uint32_t n, struct dfl_fingerprint_set **ret_set)
{
	struct dfl_fingerprint_set *set = calloc(1, sizeof(*set));
	int r;

	if (!set)
		return -ENOMEM;
	set->m = m;
	set->n = n;
	set->prints = dfl_secret_alloc(&m->secret, (size_t)n * DFL_PRINT_BYTES);
	r = set->prints ? reserve(&m->prints, n) : -ENOMEM;
	if (!r)
		r = number(&m->prints, set);
	if (r) {
		dfl_secret_free(&m->secret, set->prints, (size_t)n * DFL_PRINT_BYTES);
		free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

int dfl_fingerprint_set_new(struct dfl_match *m, uint64_t owner, int64_t since, void *set_ud,
			    const uint8_t *prints, uint32_t n, struct dfl_fingerprint_set **ret_set)
{
	struct dfl_fingerprints *p = &m->prints;
	struct dfl_fingerprint_set *set;
	int r;

	if (!m->opts.print_fn || !dfl_fingerprint_valid(prints, n))
		return -EINVAL;
	if (p->total + n > m->opts.max_prints || p->n_sets >= DFL_PRINT_SETS)
		return -ENOSPC;
	r = new_set(m, n, &set);
	if (r)
		return r;
	set->ud = set_ud;
	set->owner = owner;
	set->since = since;
	memcpy(set->prints, prints, (size_t)n * DFL_PRINT_BYTES);
	p->sets[set->index] = set;
	p->n_sets++;
	p->total += n;
	for (uint32_t i = 0; i < n; i++)
		insert(p, set, load_print(prints + (size_t)i * DFL_PRINT_BYTES));
	*ret_set = set;
	return 0;
}

void dfl_fingerprint_set_free(struct dfl_fingerprint_set *set)
{
	struct dfl_fingerprints *p;

	if (!set)
		return;
	p = &set->m->prints;
	for (struct dfl_scan *s = set->m->scans; s; s = s->next)
		dfl_streaks_forget(s, set);
	for (uint32_t i = 0; i < set->n; i++)
		take_out(p, set->index, load_print(set->prints + (size_t)i * DFL_PRINT_BYTES));
	if (p->removed > p->used)
		refilter(p);
	p->sets[set->index] = NULL;
	p->n_sets--;
	p->total -= set->n;
	dfl_secret_free(&set->m->secret, set->prints, (size_t)set->n * DFL_PRINT_BYTES);
	free(set);
}
