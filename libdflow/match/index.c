// SPDX-License-Identifier: Apache-2.0
/*
 * Where each k-gram of the sources is: hash buckets of circular lists through fixed chunks of
 * positions, behind a small filter. All of it is secret memory.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/match_int.h"

#define MIN_BUCKET_BITS 10
#define MAX_BUCKET_BITS 28
#define MIN_FILTER_BITS 7  /* 1 KiB */
#define MAX_FILTER_BITS 21 /* 16 MiB: for 5 million entries (10,000 sources of 500 bytes) */

static uint32_t tag_of(uint64_t h)
{
	return (uint32_t)(h >> 8);
}

static uint32_t bucket_of(const struct dfl_index *ix, uint64_t h)
{
	return (uint32_t)(h >> (64 - ix->bucket_bits));
}

static struct dfl_chunk_ix *chunk_of(const struct dfl_index *ix, uint32_t e)
{
	return ix->chunks[e >> DFL_CHUNK_SHIFT];
}

static struct dfl_entry *entry_of(const struct dfl_index *ix, uint32_t e)
{
	return &chunk_of(ix, e)->entries[e & (DFL_CHUNK - 1)];
}

static const uint8_t *gram_at(const struct dfl_index *ix, uint32_t e)
{
	const struct dfl_chunk_ix *c = chunk_of(ix, e);

	return c->source->text.data + c->first + (e & (DFL_CHUNK - 1));
}

/* Are the k bytes at a and b the same? (8 <= k <= 16) */
static bool same_gram(const struct dfl_index *ix, const uint8_t *a, const uint8_t *b)
{
	return dfl_load64(a) == dfl_load64(b) &&
	       dfl_load64(a + ix->k - 8) == dfl_load64(b + ix->k - 8);
}

static struct dfl_bucket *new_buckets(struct dfl_index *ix, unsigned bits)
{
	size_t n = (size_t)1 << bits;
	struct dfl_bucket *b = dfl_secret_alloc(ix->secret, n * sizeof(*b));

	for (size_t i = 0; b && i < n; i++)
		b[i].head = DFL_NONE;
	return b;
}

static void set_filter_bits(struct dfl_index *ix, unsigned bits)
{
	ix->filter_bits = bits;
	ix->filter_shift = 64 - 12 - bits;
}

int dfl_index_init(struct dfl_index *ix, struct dfl_secret *secret, uint32_t k)
{
	*ix = (struct dfl_index){ .secret = secret, .k = k, .free_chunk = DFL_NONE };
	randombytes_buf(ix->key, sizeof(ix->key));
	ix->key[0] |= 1;
	ix->key[1] |= 1;
	ix->bucket_bits = MIN_BUCKET_BITS;
	set_filter_bits(ix, MIN_FILTER_BITS);
	ix->buckets = new_buckets(ix, ix->bucket_bits);
	ix->filter = dfl_secret_alloc(secret, sizeof(uint64_t) << ix->filter_bits);
	if (ix->buckets && ix->filter)
		return 0;
	dfl_index_fini(ix);
	return -ENOMEM;
}

void dfl_index_fini(struct dfl_index *ix)
{
	for (uint32_t i = 0; i < ix->n_chunks; i++)
		dfl_secret_free(ix->secret, ix->chunks[i], sizeof(*ix->chunks[i]));
	free(ix->chunks);
	dfl_secret_free(ix->secret, ix->buckets, sizeof(*ix->buckets) << ix->bucket_bits);
	dfl_secret_free(ix->secret, ix->filter, sizeof(uint64_t) << ix->filter_bits);
	sodium_memzero(ix, sizeof(*ix));
}

/* Puts entry e in front of its bucket. */
static void link_entry(struct dfl_index *ix, uint32_t e, uint64_t h)
{
	struct dfl_bucket *b = &ix->buckets[bucket_of(ix, h)];

	if (b->head == DFL_NONE) {
		entry_of(ix, e)->next = entry_of(ix, e)->prev = e;
	} else {
		uint32_t old = b->head, tail = entry_of(ix, old)->prev;

		entry_of(ix, e)->next = old;
		entry_of(ix, e)->prev = tail;
		entry_of(ix, old)->prev = e;
		entry_of(ix, tail)->next = e;
	}
	b->head = e;
	b->count++;
}

static void unlink_entry(struct dfl_index *ix, uint32_t e)
{
	struct dfl_bucket *b = &ix->buckets[bucket_of(ix, dfl_gram(ix, gram_at(ix, e)))];
	uint32_t next = entry_of(ix, e)->next, prev = entry_of(ix, e)->prev;

	if (next == e) {
		b->head = DFL_NONE;
	} else {
		entry_of(ix, prev)->next = next;
		entry_of(ix, next)->prev = prev;
		if (b->head == e)
			b->head = next;
	}
	b->count--;
	entry_of(ix, e)->next = DFL_NONE;
}

static void filter_set(struct dfl_index *ix, uint64_t h)
{
	uint64_t top = h >> ix->filter_shift;

	ix->filter[top >> 12] |= dfl_index_bits(top);
}

/* Calls f for every entry, oldest chunk first. */
static void each_entry(struct dfl_index *ix,
		       void (*f)(struct dfl_index *ix, uint32_t e, uint64_t h))
{
	for (uint32_t c = 0; c < ix->n_chunks; c++)
		for (uint32_t i = 0; ix->chunks[c]->source && i < DFL_CHUNK; i++) {
			uint32_t e = c << DFL_CHUNK_SHIFT | i;

			if (entry_of(ix, e)->next != DFL_NONE)
				f(ix, e, dfl_gram(ix, gram_at(ix, e)));
		}
}

static void filter_entry(struct dfl_index *ix, uint32_t e, uint64_t h)
{
	filter_set(ix, h);
}

/* Makes the filter anew: 2 bits an entry in 16 or more, as long as it is small enough. */
static void build_filter(struct dfl_index *ix)
{
	unsigned bits = MIN_FILTER_BITS;
	uint64_t *filter;

	while (bits < MAX_FILTER_BITS && (64ull << bits) < ix->entries * 32)
		bits++;
	filter = bits == ix->filter_bits ?
			 NULL :
			 dfl_secret_alloc(ix->secret, sizeof(uint64_t) << bits);
	if (filter) {
		dfl_secret_free(ix->secret, ix->filter, sizeof(uint64_t) << ix->filter_bits);
		ix->filter = filter;
		set_filter_bits(ix, bits);
	} else {
		memset(ix->filter, 0, sizeof(uint64_t) << ix->filter_bits);
	}
	ix->removed = 0;
	each_entry(ix, filter_entry);
}

/* Doubles the buckets when there are more entries than those; without memory lists get longer. */
static void grow(struct dfl_index *ix)
{
	struct dfl_bucket *b;

	if (ix->entries < (1ull << ix->bucket_bits) || ix->bucket_bits == MAX_BUCKET_BITS)
		return;
	b = new_buckets(ix, ix->bucket_bits + 1);
	if (!b)
		return;
	dfl_secret_free(ix->secret, ix->buckets, sizeof(*b) << ix->bucket_bits);
	ix->buckets = b;
	ix->bucket_bits++;
	each_entry(ix, link_entry);
}

static int new_chunk(struct dfl_index *ix, uint32_t *ret_chunk)
{
	uint32_t c = ix->free_chunk;

	if (c != DFL_NONE) {
		ix->free_chunk = ix->chunks[c]->next_free;
		*ret_chunk = c;
		return 0;
	}
	if (ix->n_chunks == DFL_NONE >> DFL_CHUNK_SHIFT)
		return -ENOMEM;
	if (ix->n_chunks == ix->cap_chunks) {
		uint32_t cap = ix->cap_chunks ? ix->cap_chunks * 2 : 64;
		void *p = reallocarray(ix->chunks, cap, sizeof(*ix->chunks));

		if (!p)
			return -ENOMEM;
		ix->chunks = p;
		ix->cap_chunks = cap;
	}
	ix->chunks[ix->n_chunks] = dfl_secret_alloc(ix->secret, sizeof(struct dfl_chunk_ix));
	if (!ix->chunks[ix->n_chunks])
		return -ENOMEM;
	*ret_chunk = ix->n_chunks++;
	return 0;
}

int dfl_index_reserve(struct dfl_index *ix, struct dfl_match_source *s, uint32_t n)
{
	uint32_t c;

	while ((uint64_t)s->n_chunks << DFL_CHUNK_SHIFT < n) {
		if (s->n_chunks == s->cap_chunks) {
			uint32_t cap = s->cap_chunks ? s->cap_chunks * 2 : 4;
			void *p = reallocarray(s->chunks, cap, sizeof(*s->chunks));

			if (!p)
				return -ENOMEM;
			s->chunks = p;
			s->cap_chunks = cap;
		}
		if (new_chunk(ix, &c))
			return -ENOMEM;
		ix->chunks[c]->source = s;
		ix->chunks[c]->first = s->n_chunks << DFL_CHUNK_SHIFT;
		memset(ix->chunks[c]->entries, 0xff, sizeof(ix->chunks[c]->entries));
		s->chunks[s->n_chunks++] = c;
	}
	return 0;
}

/* Does the source have its share of this k-gram? Looks at the newest entries only. */
static bool too_many(struct dfl_index *ix, const struct dfl_match_source *s, const uint8_t *gram,
		     uint64_t h)
{
	const struct dfl_bucket *b = &ix->buckets[bucket_of(ix, h)];
	uint32_t e = b->head, own = 0;

	for (uint32_t i = 0; i < b->count && i < 4 * DFL_POSITIONS_PER_SOURCE; i++) {
		if (chunk_of(ix, e)->source == s && same_gram(ix, gram_at(ix, e), gram))
			own++;
		e = entry_of(ix, e)->next;
	}
	return own >= DFL_POSITIONS_PER_SOURCE;
}

bool dfl_index_add(struct dfl_index *ix, struct dfl_match_source *s, uint32_t at)
{
	const uint8_t *gram = s->text.data + at;
	uint64_t h = dfl_gram(ix, gram);
	uint32_t e = s->chunks[at >> DFL_CHUNK_SHIFT] << DFL_CHUNK_SHIFT | (at & (DFL_CHUNK - 1));

	if (too_many(ix, s, gram, h))
		return false;
	entry_of(ix, e)->tag = tag_of(h);
	link_entry(ix, e, h);
	ix->entries++;
	filter_set(ix, h);
	grow(ix);
	if (ix->filter_bits < MAX_FILTER_BITS && ix->entries * 16 > (64ull << ix->filter_bits))
		build_filter(ix);
	return true;
}

void dfl_index_remove(struct dfl_index *ix, struct dfl_match_source *s)
{
	for (uint32_t i = 0; i < s->n_chunks; i++) {
		struct dfl_chunk_ix *c = ix->chunks[s->chunks[i]];

		for (uint32_t j = 0; j < DFL_CHUNK; j++) {
			if (c->entries[j].next == DFL_NONE)
				continue;
			unlink_entry(ix, s->chunks[i] << DFL_CHUNK_SHIFT | j);
			ix->entries--;
			ix->removed++;
		}
		c->source = NULL;
		c->next_free = ix->free_chunk;
		ix->free_chunk = s->chunks[i];
	}
	free(s->chunks);
	s->chunks = NULL;
	s->n_chunks = s->cap_chunks = 0;
	if (ix->removed > ix->entries)
		build_filter(ix);
}

void dfl_index_find(const struct dfl_index *ix, const uint8_t *gram, uint64_t h,
		    struct dfl_index_iter *ret_iter)
{
	const struct dfl_bucket *b = &ix->buckets[bucket_of(ix, h)];

	*ret_iter = (struct dfl_index_iter){
		.gram = gram,
		.at = b->head,
		.head = b->head,
		.oldest = DFL_NONE,
		.count = b->count,
		.tag = tag_of(h),
		.left = DFL_ENTRIES_PER_PROBE / 2,
		.walk = DFL_WALK_PER_PROBE / 2,
	};
}

/* Turns round: what is left are the oldest entries, up to the last one looked at. */
static bool turn(const struct dfl_index *ix, struct dfl_index_iter *it)
{
	if (it->backwards) {
		it->capped = true;
		it->at = DFL_NONE;
		return false;
	}
	it->backwards = true;
	it->left = DFL_ENTRIES_PER_PROBE / 2;
	it->walk = DFL_WALK_PER_PROBE / 2;
	it->oldest = it->at; /* looked at forwards: [head, oldest) */
	it->at = entry_of(ix, it->head)->prev;
	return true;
}

static void step(const struct dfl_index *ix, struct dfl_index_iter *it)
{
	if (!it->backwards) {
		it->at = entry_of(ix, it->at)->next;
		if (it->at == it->head)
			it->at = DFL_NONE;
	} else if (it->at == it->oldest) {
		it->at = DFL_NONE;
	} else {
		it->at = entry_of(ix, it->at)->prev;
	}
}

bool dfl_index_next(const struct dfl_index *ix, struct dfl_index_iter *it,
		    struct dfl_match_source **ret_source, uint32_t *ret_at)
{
	while (it->at != DFL_NONE) {
		uint32_t e;

		if ((!it->left || !it->walk) && !turn(ix, it))
			return false;
		e = it->at;
		step(ix, it);
		it->walk--;
		it->walked++;
		if (entry_of(ix, e)->tag != it->tag || !same_gram(ix, gram_at(ix, e), it->gram))
			continue;
		it->left--;
		*ret_source = chunk_of(ix, e)->source;
		*ret_at = chunk_of(ix, e)->first + (e & (DFL_CHUNK - 1));
		return true;
	}
	return false;
}
