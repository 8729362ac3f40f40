// SPDX-License-Identifier: Apache-2.0
/*
 * The index: a hash table of cache lines full of entries, behind a small filter.
 *
 * Why it is built so. A stream is looked up at every fifth byte, and almost none of those k-grams
 * is in any source: the filter (two to four bytes for each entry, so it stays in the cache) answers
 * for them. What passes costs one cache line of the table, which holds six entries with 32 more
 * bits of their hashes, so that other entries of the bucket are told apart without looking at their
 * texts. k-grams that many places have ("message", a system prompt) would make long buckets for all
 * that share the bucket: from the fourth place on a k-gram has a list of its own.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "match/index.h"

#define MIN_TABLE_BITS 7   /* 8 KiB */
#define MAX_TABLE_BITS 24  /* 1 GiB: for the 64 MiB of text that a matcher takes */
#define MEAN_SLOTS 4	   /* of a bucket, whose line has six: with more the table doubles */
#define MAX_SINGLES 3	   /* slots of one k-gram: more entries make a list */
#define MIN_FILTER_BITS 7  /* 1 KiB */
#define MAX_FILTER_BITS 21 /* 16 MiB: for 5 million entries (10,000 sources of 500 bytes) */
#define PIECE_SHIFT 10	   /* lines of a piece of the pool: 64 KiB */
#define PIECE (1u << PIECE_SHIFT)
#define IN_BUCKET (DFL_NONE - 1) /* line_of a single entry */
/*
 * A tag is bits 25 … 56 of the hash. The bucket is named by the upper 7 … 24 bits, so bits 25 … 39
 * tell the k-grams of one bucket apart however large the table is, and the bits between
 * (40 … 56) say which of two buckets a slot goes to when the table doubles.
 */
#define TAG_SHIFT 25

static uint32_t tag_of(uint64_t h)
{
	return (uint32_t)(h >> TAG_SHIFT);
}

static uint32_t *line_of(const struct dfl_index *ix, uint32_t entry)
{
	return &dfl_index_page_of(ix, entry)->line_of[entry & (DFL_INDEX_PAGE - 1)];
}

static struct dfl_index_line *pool_line(const struct dfl_index *ix, uint32_t line)
{
	return &ix->pool[line >> PIECE_SHIFT][line & (PIECE - 1)];
}

/* Empty buckets. NULL: no memory. */
static struct dfl_index_line *new_table(struct dfl_index *ix, unsigned bits)
{
	size_t n = (size_t)1 << bits;
	struct dfl_index_line *t = dfl_secret_alloc(ix->secret, n * sizeof(*t));

	for (size_t i = 0; t && i < n; i++)
		t[i].older = DFL_NONE;
	return t;
}

/* filter_shift leaves the bits of the hash that say the word, and DFL_FILTER_BITS below them. */
static void set_filter_bits(struct dfl_index *ix, unsigned bits)
{
	ix->filter_bits = bits;
	ix->filter_shift = 64 - DFL_FILTER_BITS - bits;
}

int dfl_index_init(struct dfl_index *ix, struct dfl_secret *secret, uint32_t k)
{
	*ix = (struct dfl_index){
		.secret = secret, .k = k, .free_page = DFL_NONE, .free_line = DFL_NONE
	};
	randombytes_buf(ix->key, sizeof(ix->key));
	ix->key[0] |= 1; /* an even factor would lose the upper bits of a word */
	ix->key[1] |= 1;
	ix->table_bits = MIN_TABLE_BITS;
	set_filter_bits(ix, MIN_FILTER_BITS);
	ix->table = new_table(ix, ix->table_bits);
	ix->filter = dfl_secret_alloc(secret, sizeof(uint64_t) << ix->filter_bits);
	if (ix->table && ix->filter)
		return 0;
	dfl_index_fini(ix);
	return -ENOMEM;
}

void dfl_index_fini(struct dfl_index *ix)
{
	for (uint32_t i = 0; i < ix->n_pages; i++)
		dfl_secret_free(ix->secret, ix->pages[i].line_of,
				DFL_INDEX_PAGE * sizeof(uint32_t));
	free(ix->pages);
	for (uint32_t i = 0; i < ix->n_pool; i++)
		dfl_secret_free(ix->secret, ix->pool[i], PIECE * sizeof(struct dfl_index_line));
	free(ix->pool);
	dfl_secret_free(ix->secret, ix->table, sizeof(*ix->table) << ix->table_bits);
	dfl_secret_free(ix->secret, ix->filter, sizeof(uint64_t) << ix->filter_bits);
	sodium_memzero(ix, sizeof(*ix));
}

/* ---- lines ---- */

/* Makes *p, an array of n things of `size`, have room for one more. 0 or -ENOMEM. */
static int room_for_one(void **p, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t more = *cap ? *cap * 2 : 16;
	void *q;

	if (n < *cap)
		return 0;
	q = reallocarray(*p, more, size);
	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = more;
	return 0;
}

/* All lines of one more piece are free. */
static int new_piece(struct dfl_index *ix)
{
	void *pool = ix->pool;
	struct dfl_index_line *piece;

	if (ix->n_pool == DFL_INDEX_LIST >> PIECE_SHIFT ||
	    room_for_one(&pool, ix->n_pool, &ix->cap_pool, sizeof(*ix->pool)))
		return -ENOMEM;
	ix->pool = pool;
	piece = dfl_secret_alloc(ix->secret, PIECE * sizeof(*piece));
	if (!piece)
		return -ENOMEM;
	for (uint32_t i = 0; i < PIECE; i++) {
		piece[i].older = ix->free_line;
		ix->free_line = ix->n_pool << PIECE_SHIFT | i;
	}
	ix->pool[ix->n_pool++] = piece;
	return 0;
}

/* Free lines are linked by `older`. */
static void free_pool_line(struct dfl_index *ix, uint32_t line)
{
	pool_line(ix, line)->older = ix->free_line;
	ix->free_line = line;
}

/* An empty line of the pool, or DFL_NONE. */
static uint32_t new_pool_line(struct dfl_index *ix)
{
	uint32_t line;

	if (ix->free_line == DFL_NONE && new_piece(ix))
		return DFL_NONE;
	line = ix->free_line;
	ix->free_line = pool_line(ix, line)->older;
	*pool_line(ix, line) = (struct dfl_index_line){ .older = DFL_NONE, .newer = line };
	return line;
}

/* ---- lists: entries of one k-gram ---- */

/*
 * Adds an entry to the list whose newest line *newest is. The newest line alone knows the oldest
 * one and the count, so a new line takes both over.
 */
static int list_put(struct dfl_index *ix, uint32_t *newest, uint32_t entry)
{
	struct dfl_index_line *l = pool_line(ix, *newest);

	if (l->n == DFL_INDEX_LINE_ENTRIES) {
		uint32_t line = new_pool_line(ix), old = *newest;

		if (line == DFL_NONE)
			return -ENOMEM;
		l = pool_line(ix, line);
		l->older = old;
		l->newer = pool_line(ix, old)->newer;
		l->count = pool_line(ix, old)->count;
		pool_line(ix, old)->newer = line;
		*newest = line;
	}
	l->entry[l->n++] = entry;
	l->count++;
	*line_of(ix, entry) = *newest;
	return 0;
}

/* Takes an empty line out of the list; *newest is DFL_NONE when it was the last one. */
static void list_unlink(struct dfl_index *ix, uint32_t *newest, uint32_t line)
{
	struct dfl_index_line *l = pool_line(ix, line), *older;

	if (line != *newest) {
		pool_line(ix, l->newer)->older = l->older;
		if (l->older == DFL_NONE)
			pool_line(ix, *newest)->newer = l->newer;
		else
			pool_line(ix, l->older)->newer = l->newer;
	} else if (l->older != DFL_NONE) {
		older = pool_line(ix, l->older);
		older->count = l->count;
		older->newer = l->newer;
		*newest = l->older;
	} else {
		*newest = DFL_NONE;
	}
	free_pool_line(ix, line);
}

/* Takes the entry out of the line of the list that holds it; the order of the others stays. */
static void list_take(struct dfl_index *ix, uint32_t *newest, uint32_t line, uint32_t entry)
{
	struct dfl_index_line *l = pool_line(ix, line);
	uint32_t i = 0;

	while (l->entry[i] != entry)
		i++;
	for (l->n--; i < l->n; i++)
		l->entry[i] = l->entry[i + 1];
	pool_line(ix, *newest)->count--;
	if (!l->n)
		list_unlink(ix, newest, line);
}

/* ---- buckets: slots of several k-grams ---- */

/* Which slots of the line have the tag, as bits. All six are compared: no branch. */
static uint32_t with_tag(const struct dfl_index_line *l, uint32_t tag)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < DFL_INDEX_LINE_SLOTS; i++)
		m |= (uint32_t)(l->tag[i] == tag) << i;
	return m & ((1u << l->n) - 1);
}

/* The next older line of the bucket, or NULL. */
static struct dfl_index_line *older_line(const struct dfl_index *ix, const struct dfl_index_line *l)
{
	return l->older == DFL_NONE ? NULL : pool_line(ix, l->older);
}

/*
 * Adds a slot as the newest of the bucket. A full line moves to the pool as it is, so that the line
 * in the table is always the newest.
 */
static int bucket_put(struct dfl_index *ix, struct dfl_index_line *b, uint32_t slot, uint32_t tag)
{
	if (b->n == DFL_INDEX_LINE_SLOTS) {
		uint32_t line = new_pool_line(ix);

		if (line == DFL_NONE)
			return -ENOMEM;
		*pool_line(ix, line) = *b;
		b->older = line;
		b->n = 0;
	}
	b->slot[b->n] = slot;
	b->tag[b->n++] = tag;
	ix->slots++;
	return 0;
}

/* The line of the bucket with that slot, which is in it, and the line newer than that (NULL: none).
 */
static struct dfl_index_line *line_with(const struct dfl_index *ix, struct dfl_index_line *b,
					uint32_t slot, uint32_t *ret_i,
					struct dfl_index_line **ret_newer)
{
	*ret_newer = NULL;
	for (struct dfl_index_line *l = b;; *ret_newer = l, l = older_line(ix, l))
		for (uint32_t i = 0; i < l->n; i++)
			if (l->slot[i] == slot) {
				*ret_i = i;
				return l;
			}
}

/* Takes the slot out. An empty line goes back to the pool, but not the one in the table. */
static void bucket_take(struct dfl_index *ix, struct dfl_index_line *b, uint32_t slot)
{
	struct dfl_index_line *newer, *l;
	uint32_t i, line;

	l = line_with(ix, b, slot, &i, &newer);
	for (l->n--; i < l->n; i++) {
		l->slot[i] = l->slot[i + 1];
		l->tag[i] = l->tag[i + 1];
	}
	ix->slots--;
	if (!newer || l->n)
		return;
	line = newer->older;
	newer->older = l->older;
	free_pool_line(ix, line);
}

/* The slot with the list of that k-gram, or NULL. Until there is one: its entries, newest first. */
static uint32_t *find_list(const struct dfl_index *ix, struct dfl_index_line *b, uint32_t tag,
			   uint32_t singles[static MAX_SINGLES], uint32_t *ret_n)
{
	*ret_n = 0;
	for (struct dfl_index_line *l = b; l; l = older_line(ix, l))
		for (uint32_t m = with_tag(l, tag); m;) {
			uint32_t i = 31 - (uint32_t)__builtin_clz(m);

			if (l->slot[i] & DFL_INDEX_LIST)
				return &l->slot[i];
			singles[(*ret_n)++] = l->slot[i];
			m &= ~(1u << i);
		}
	return NULL;
}

/* Makes a list of the entries and one more, in the slot of the newest. */
static int make_list(struct dfl_index *ix, struct dfl_index_line *b,
		     const uint32_t singles[static MAX_SINGLES], uint32_t entry)
{
	uint32_t line = new_pool_line(ix), i;
	struct dfl_index_line *l, *newer;

	if (line == DFL_NONE)
		return -ENOMEM;
	for (i = MAX_SINGLES; i--;)
		list_put(ix, &line, singles[i]); /* there is room in a line */
	list_put(ix, &line, entry);
	for (i = 1; i < MAX_SINGLES; i++)
		bucket_take(ix, b, singles[i]);
	l = line_with(ix, b, singles[0], &i, &newer);
	l->slot[i] = DFL_INDEX_LIST | line;
	return 0;
}

/*
 * Does the text have its share of this k-gram already? A text that repeats itself ("aaaa…") would
 * else make lists whose every entry is a candidate. Only the newest entries are looked at, in two
 * lines: those of a text that grows are among them, because little else grows meanwhile.
 */
static bool has_its_share(const struct dfl_index *ix, uint32_t newest,
			  const struct dfl_match_source *source)
{
	uint32_t own = 0, left = DFL_INDEX_SHARE_OF;

	for (uint32_t line = newest; line != DFL_NONE && left;) {
		const struct dfl_index_line *l = pool_line(ix, line);

		for (uint32_t i = l->n; i && left; left--)
			own += dfl_index_page_of(ix, l->entry[--i])->source == source;
		line = l->older;
	}
	return own >= DFL_POSITIONS_PER_SOURCE;
}

/* Adds an entry as the newest of its k-gram. False: see dfl_index_add. */
static bool put(struct dfl_index *ix, uint32_t entry, uint64_t h)
{
	struct dfl_index_line *b = dfl_index_bucket(ix, h);
	uint32_t singles[MAX_SINGLES], n, newest, *list;

	list = find_list(ix, b, tag_of(h), singles, &n);
	if (list) {
		newest = *list & ~DFL_INDEX_LIST;
		if (has_its_share(ix, newest, dfl_index_page_of(ix, entry)->source) ||
		    list_put(ix, &newest, entry))
			return false;
		*list = DFL_INDEX_LIST | newest;
		return true;
	}
	if (n == MAX_SINGLES)
		return !make_list(ix, b, singles, entry);
	if (bucket_put(ix, b, entry, tag_of(h)))
		return false;
	*line_of(ix, entry) = IN_BUCKET;
	return true;
}
_Static_assert(MAX_SINGLES < DFL_POSITIONS_PER_SOURCE, "the share is looked for in lists only");

/* Takes the entry, which is in the table, out of its bucket or its list. */
static void take_out(struct dfl_index *ix, uint32_t entry, uint64_t h)
{
	struct dfl_index_line *b = dfl_index_bucket(ix, h);
	uint32_t singles[MAX_SINGLES], n, newest, *list, line = *line_of(ix, entry);

	*line_of(ix, entry) = DFL_NONE;
	if (line == IN_BUCKET) {
		bucket_take(ix, b, entry);
		return;
	}
	list = find_list(ix, b, tag_of(h), singles, &n);
	newest = *list & ~DFL_INDEX_LIST;
	list_take(ix, &newest, line, entry);
	if (newest == DFL_NONE)
		bucket_take(ix, b, *list);
	else
		*list = DFL_INDEX_LIST | newest;
}

/* ---- growing ---- */

/* A filter has no way to forget: what was removed stays in it until it is built anew. */
static void filter_set(struct dfl_index *ix, uint64_t h)
{
	uint64_t top = h >> ix->filter_shift;

	ix->filter[top >> DFL_FILTER_BITS] |= dfl_index_bits(top);
}

static void filter_all(struct dfl_index *ix)
{
	for (uint32_t c = 0; c < ix->n_pages; c++)
		for (uint32_t i = 0; ix->pages[c].source && i < DFL_INDEX_PAGE; i++)
			if (ix->pages[c].line_of[i] != DFL_NONE)
				filter_set(ix, dfl_index_hash(ix, ix->pages[c].text + i));
}

/*
 * Makes the filter anew, with 32 to 64 bits for each entry. Four of them are set, so at most an
 * eighth of all: what is not in the index passes with (1/8)^4 = 1/4096 at most. It is doubled when
 * there are 16 bits an entry (1/256), and stays so from 16 MiB on.
 */
static void build_filter(struct dfl_index *ix)
{
	unsigned bits = MIN_FILTER_BITS;
	uint64_t *filter;

	while (bits < MAX_FILTER_BITS && (64ull << bits) < ix->entries * 32)
		bits++;
	filter = bits == ix->filter_bits ? NULL :
					   dfl_secret_alloc(ix->secret, sizeof(uint64_t) << bits);
	if (filter) {
		dfl_secret_free(ix->secret, ix->filter, sizeof(uint64_t) << ix->filter_bits);
		ix->filter = filter;
		set_filter_bits(ix, bits);
	} else {
		memset(ix->filter, 0, sizeof(uint64_t) << ix->filter_bits);
	}
	ix->removed = 0;
	filter_all(ix);
}

/* Puts the slots of a line into the two buckets that its own becomes. */
static void split_line(struct dfl_index *ix, const struct dfl_index_line *l,
		       struct dfl_index_line *two, unsigned bit)
{
	/* There is memory for what they need: as much as was freed. */
	for (uint32_t i = 0; i < l->n; i++)
		bucket_put(ix, &two[l->tag[i] >> bit & 1], l->slot[i], l->tag[i]);
	ix->slots -= l->n;
}

/*
 * Splits a bucket, oldest line first, so that the order stays. The lines are linked the other way
 * round for that, and each is freed before its slots are put: two buckets never need more lines
 * than one that holds the same slots.
 */
static void split_bucket(struct dfl_index *ix, struct dfl_index_line *b, struct dfl_index_line *two,
			 unsigned bit)
{
	uint32_t oldest = DFL_NONE;

	for (uint32_t line = b->older; line != DFL_NONE; line = pool_line(ix, line)->older) {
		pool_line(ix, line)->newer = oldest;
		oldest = line;
	}
	while (oldest != DFL_NONE) {
		const struct dfl_index_line l = *pool_line(ix, oldest);

		free_pool_line(ix, oldest);
		split_line(ix, &l, two, bit);
		oldest = l.newer;
	}
	split_line(ix, b, two, bit);
}

/* Doubles the table when buckets are full; without memory they get longer. */
static void grow(struct dfl_index *ix)
{
	uint64_t n = 1ull << ix->table_bits;
	unsigned bit = 63 - ix->table_bits - TAG_SHIFT; /* of the tag: the next one of the hash */
	struct dfl_index_line *t;

	if (ix->slots < n * MEAN_SLOTS || ix->table_bits == MAX_TABLE_BITS)
		return;
	t = new_table(ix, ix->table_bits + 1);
	if (!t)
		return;
	for (uint64_t i = 0; i < n; i++)
		split_bucket(ix, &ix->table[i], t + 2 * i, bit);
	dfl_secret_free(ix->secret, ix->table, sizeof(*t) << ix->table_bits);
	ix->table = t;
	ix->table_bits++;
}

/* ---- texts ---- */

/* A free page, or a new one. 0 or -ENOMEM. */
static int new_page(struct dfl_index *ix, uint32_t *ret_page)
{
	uint32_t page = ix->free_page;
	void *pages = ix->pages;

	if (page != DFL_NONE) {
		ix->free_page = ix->pages[page].next_free;
		*ret_page = page;
		return 0;
	}
	if (ix->n_pages == DFL_INDEX_LIST >> DFL_INDEX_PAGE_SHIFT ||
	    room_for_one(&pages, ix->n_pages, &ix->cap_pages, sizeof(*ix->pages)))
		return -ENOMEM;
	ix->pages = pages;
	ix->pages[ix->n_pages].line_of = dfl_secret_alloc(ix->secret,
							  DFL_INDEX_PAGE * sizeof(uint32_t));
	if (!ix->pages[ix->n_pages].line_of)
		return -ENOMEM;
	*ret_page = ix->n_pages++;
	return 0;
}

int dfl_index_reserve(struct dfl_index *ix, struct dfl_index_text *t, const uint8_t *data,
		      uint32_t n)
{
	void *pages;
	uint32_t page;

	t->data = data;
	for (uint32_t i = 0; i < t->n_pages; i++)
		ix->pages[t->pages[i]].text = data + (i << DFL_INDEX_PAGE_SHIFT);
	while ((uint64_t)t->n_pages << DFL_INDEX_PAGE_SHIFT < n) {
		pages = t->pages;
		if (room_for_one(&pages, t->n_pages, &t->cap_pages, sizeof(*t->pages)))
			return -ENOMEM;
		t->pages = pages;
		if (new_page(ix, &page))
			return -ENOMEM;
		ix->pages[page].source = t->source;
		ix->pages[page].first = t->n_pages << DFL_INDEX_PAGE_SHIFT;
		ix->pages[page].text = data + ix->pages[page].first;
		memset(ix->pages[page].line_of, 0xff, DFL_INDEX_PAGE * sizeof(uint32_t));
		t->pages[t->n_pages++] = page;
	}
	return 0;
}

bool dfl_index_add(struct dfl_index *ix, struct dfl_index_text *t, uint32_t at)
{
	uint64_t h = dfl_index_hash(ix, t->data + at);
	uint32_t entry = t->pages[at >> DFL_INDEX_PAGE_SHIFT] << DFL_INDEX_PAGE_SHIFT |
			 (at & (DFL_INDEX_PAGE - 1));

	if (!put(ix, entry, h))
		return false;
	ix->entries++;
	filter_set(ix, h);
	grow(ix);
	if (ix->filter_bits < MAX_FILTER_BITS && ix->entries * 16 > (64ull << ix->filter_bits))
		build_filter(ix);
	return true;
}

void dfl_index_remove(struct dfl_index *ix, struct dfl_index_text *t)
{
	for (uint32_t i = 0; i < t->n_pages; i++) {
		struct dfl_index_page *page = &ix->pages[t->pages[i]];

		for (uint32_t j = 0; j < DFL_INDEX_PAGE; j++) {
			if (page->line_of[j] == DFL_NONE)
				continue;
			take_out(ix, t->pages[i] << DFL_INDEX_PAGE_SHIFT | j,
				 dfl_index_hash(ix, page->text + j));
			ix->entries--;
			ix->removed++;
		}
		page->source = NULL;
		page->next_free = ix->free_page;
		ix->free_page = t->pages[i];
	}
	free(t->pages);
	t->pages = NULL;
	t->n_pages = t->cap_pages = 0;
	/* More is in the filter that is gone than that is there. Amortised: n removals pay for n.
	 */
	if (ix->removed > ix->entries)
		build_filter(ix);
}

/* ---- looking up ---- */

/* Up to `most` entries in all, newest first. */
static void list_newest(const struct dfl_index *ix, uint32_t newest, uint32_t most,
			struct dfl_index_found *f)
{
	for (uint32_t line = newest; line != DFL_NONE && f->n < most;) {
		const struct dfl_index_line *l = pool_line(ix, line);

		for (uint32_t i = l->n; i && f->n < most;)
			f->entries[f->n++] = l->entry[--i];
		line = l->older;
	}
}

/*
 * Then the oldest ones until the result is full. There are more entries than that, so those that
 * list_newest gave are not reached.
 */
static void list_oldest(const struct dfl_index *ix, uint32_t newest, uint32_t most,
			struct dfl_index_found *f)
{
	uint32_t line = newest;

	while (f->n < most) {
		const struct dfl_index_line *l = pool_line(ix, line = pool_line(ix, line)->newer);

		for (uint32_t i = 0; i < l->n && f->n < most; i++)
			f->entries[f->n++] = l->entry[i];
	}
}

/*
 * A k-gram that is in too many places: half of them the newest, because a text is looked for most
 * soon after it came, and half the oldest, because whoever floods the index with copies of a phrase
 * must not push out the text that was there before.
 */
static void add_list(const struct dfl_index *ix, uint32_t newest, uint32_t most,
		     struct dfl_index_found *f)
{
	f->count = pool_line(ix, newest)->count;
	if (f->count <= most) {
		list_newest(ix, newest, most, f);
		return;
	}
	list_newest(ix, newest, most / 2, f);
	list_oldest(ix, newest, most, f);
}

void dfl_index_find(const struct dfl_index *ix, uint64_t h, uint32_t most,
		    struct dfl_index_found *ret_found)
{
	uint32_t tag = tag_of(h);

	ret_found->n = ret_found->count = ret_found->walked = 0;
	for (const struct dfl_index_line *l = dfl_index_bucket(ix, h); l; l = older_line(ix, l)) {
		ret_found->walked += l->n;
		for (uint32_t m = with_tag(l, tag); m;) {
			uint32_t i = 31 - (uint32_t)__builtin_clz(m);

			if (l->slot[i] & DFL_INDEX_LIST) {
				add_list(ix, l->slot[i] & ~DFL_INDEX_LIST, most, ret_found);
				ret_found->walked += ret_found->n;
				return;
			}
			ret_found->entries[ret_found->n++] = l->slot[i];
			m &= ~(1u << i);
		}
	}
	ret_found->count = ret_found->n;
}
