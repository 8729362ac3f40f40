/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: where each k-gram (k consecutive canonical bytes) of the texts looked for stands. A
 * hash table of cache lines behind a small filter. All of it is secret memory, but for the list of
 * pages.
 *
 * A k-gram at one place of one text is an *entry*: a number below 1 << 31. The entries of a text
 * come in pages of 256 places, so entry e is place e % 256 of page e / 256. Nothing is
 * kept of an entry but its number: the page says which text it is, and the text has the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret.h"

struct dfl_match_source;

#define DFL_NONE UINT32_MAX /* no entry, no line, no page */

/* ---- texts ---- */

#define DFL_INDEX_PAGE_SHIFT 8
#define DFL_INDEX_PAGE (1u << DFL_INDEX_PAGE_SHIFT) /* places of a page */

/* Named limits; the caller counts what they cut. */
#define DFL_POSITIONS_PER_SOURCE 8 /* places of one k-gram within one text */
#define DFL_INDEX_SHARE_OF 16	   /* of so many newest places of it, in any text */
#define DFL_ENTRIES_PER_PROBE 64   /* entries looked at for one k-gram */

/* A text that is in the index, as its holder keeps it. All zero but for `source`: it is not yet. */
struct dfl_index_text {
	struct dfl_match_source *source; /* whose text it is; the index only hands it back */
	const uint8_t *data;		 /* canonical bytes */
	uint32_t *pages;		 /* numbers of its pages, in the order of its places */
	uint32_t n_pages, cap_pages;
};

struct dfl_index_page {
	struct dfl_match_source *source; /* NULL: the page is free */
	const uint8_t *text;		 /* of its first place */
	uint32_t *line_of; /* each place: the line that holds its entry; DFL_NONE: not indexed */
	uint32_t first;	   /* its first place, counted in the text */
	uint32_t next_free;
};

/* ---- the hash table ---- */

#define DFL_INDEX_LINE_SLOTS 6
#define DFL_INDEX_LINE_ENTRIES 12
#define DFL_INDEX_LIST (1u << 31) /* in a slot: no entry, but the newest line of a list of them */

/*
 * One cache line. It belongs to a bucket (the k-grams whose hash begins alike) or to a list (the
 * entries of one k-gram that has more than three). Both are chains of lines, and in both the
 * oldest entry comes first. The table holds the newest line of each bucket; all other lines are in
 * the pool.
 */
struct dfl_index_line {
	union {
		struct {
			uint32_t slot[DFL_INDEX_LINE_SLOTS]; /* an entry, or a list */
			uint32_t tag[DFL_INDEX_LINE_SLOTS];  /* more bits of its hash */
		};
		uint32_t entry[DFL_INDEX_LINE_ENTRIES]; /* of a list */
	};
	uint32_t n;	/* slots or entries in use */
	uint32_t older; /* line; DFL_NONE: this is the last one */
	/* Of a list only: */
	uint32_t newer; /* line; in the newest one: the oldest one, so that both ends are near */
	uint32_t count; /* in the newest one: entries of the whole list */
};
_Static_assert(sizeof(struct dfl_index_line) == 64, "a cache line");

struct dfl_index {
	struct dfl_secret *secret;
	uint64_t key[2]; /* odd, random */
	uint32_t k;	 /* bytes of a k-gram, 8 … 16 */
	struct dfl_index_page *pages;
	uint32_t n_pages, cap_pages, free_page;
	struct dfl_index_line *table; /* 1 << table_bits lines */
	unsigned table_bits;
	struct dfl_index_line **pool; /* in pieces, so that lines never move */
	uint32_t n_pool, cap_pool, free_line;
	uint64_t *filter;		  /* four bits of one word for each k-gram */
	unsigned filter_bits;		  /* words: 1 << filter_bits */
	unsigned filter_shift;		  /* 64 - DFL_FILTER_BITS - filter_bits */
	uint64_t slots, entries, removed; /* removed: since the filter was built */
};

/*
 * Keyed hash of the k bytes at p (8 <= k <= 16): two overlapping words times two secret odd
 * numbers. Its upper bits are as good as random to who does not know those (multiply-shift hashing,
 * Dietzfelbinger et al. 1997); the lower ones are not used.
 */
static inline uint64_t dfl_index_hash(const struct dfl_index *ix, const uint8_t *p)
{
	return dfl_bytes_load64(p) * ix->key[0] + dfl_bytes_load64(p + ix->k - 8) * ix->key[1];
}

#define DFL_FILTER_BITS 32 /* of the hash say which bits of a word: six of each byte */

/*
 * The four bits of a k-gram in its word of the filter. top: the hash >> filter_shift; above its
 * lower DFL_FILTER_BITS bits stands the number of the word.
 */
static inline uint64_t dfl_index_bits(uint64_t top)
{
	return 1ull << (top & 63) | 1ull << (top >> 8 & 63) | 1ull << (top >> 16 & 63) |
	       1ull << (top >> 24 & 63);
}

/* May the k-gram with this hash be in the index? No is sure. */
static inline bool dfl_index_maybe(const struct dfl_index *ix, uint64_t h)
{
	uint64_t top = h >> ix->filter_shift;

	return !(dfl_index_bits(top) & ~ix->filter[top >> DFL_FILTER_BITS]);
}

static inline struct dfl_index_line *dfl_index_bucket(const struct dfl_index *ix, uint64_t h)
{
	return &ix->table[h >> (64 - ix->table_bits)];
}

static inline const struct dfl_index_page *dfl_index_page_of(const struct dfl_index *ix,
							     uint32_t entry)
{
	return &ix->pages[entry >> DFL_INDEX_PAGE_SHIFT];
}

/* The text from the entry's k-gram on. */
static inline const uint8_t *dfl_index_text(const struct dfl_index *ix, uint32_t entry)
{
	return dfl_index_page_of(ix, entry)->text + (entry & (DFL_INDEX_PAGE - 1));
}

/* Are the k bytes at a and b the same? Two words that overlap cover 8 <= k <= 16 bytes. */
static inline bool dfl_index_same(const struct dfl_index *ix, const uint8_t *a, const uint8_t *b)
{
	return dfl_bytes_load64(a) == dfl_bytes_load64(b) &&
	       dfl_bytes_load64(a + ix->k - 8) == dfl_bytes_load64(b + ix->k - 8);
}

/* 0 or -ENOMEM. Chooses the key. */
int dfl_index_init(struct dfl_index *ix, struct dfl_secret *secret, uint32_t k);
/* Wipes and frees all. */
void dfl_index_fini(struct dfl_index *ix);

/*
 * Makes room for the places [0, n) of the text. data: its bytes, which may have moved since the
 * last call; they must stay where they are until the next one. 0 or -ENOMEM.
 */
int dfl_index_reserve(struct dfl_index *ix, struct dfl_index_text *t, const uint8_t *data,
		      uint32_t n);
/*
 * Adds the k-gram at place `at`, for which there is room. False: it stays out, because the text
 * has DFL_POSITIONS_PER_SOURCE places of it already, or because memory is short.
 */
bool dfl_index_add(struct dfl_index *ix, struct dfl_index_text *t, uint32_t at);
/* Takes all of the text out; it can be freed then. */
void dfl_index_remove(struct dfl_index *ix, struct dfl_index_text *t);

/* What a look-up gives: entries, newest first; of too many, half the newest and half the oldest. */
struct dfl_index_found {
	uint32_t entries[DFL_ENTRIES_PER_PROBE];
	uint32_t n;
	uint32_t walked; /* slots and entries looked at: the work */
	uint32_t count;	 /* entries that there are; n, or more */
};

/*
 * At most `most` entries (4 … DFL_ENTRIES_PER_PROBE) whose k-gram has this hash. Almost surely:
 * their bytes have to be compared, because only 39 bits of the hash were.
 */
void dfl_index_find(const struct dfl_index *ix, uint64_t h, uint32_t most,
		    struct dfl_index_found *ret_found);
