/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the match stage share: sources and their index, scans of views, runs. */
#pragma once

#include <errno.h>

#include "match/canon/canon.h"
#include "match/match.h"
#include "match/fingerprint/fingerprint_priv.h"
#include "base/secret.h"
#include "match/canon/text.h"

/* Named limits; each overflow is counted in dfl_match_stats. */
#define DFL_POSITIONS_PER_SOURCE 8 /* of one k-gram within one source: capped_positions */
#define DFL_ENTRIES_PER_PROBE                                                                      \
	DFL_MATCH_LOOKED_AT    /* looked at for one k-gram, half newest, half oldest:              \
				  capped_candidates */
#define DFL_OPEN_RUNS 128      /* of one scan: capped_candidates */
#define DFL_OPEN_PER_SOURCE 16 /* of those, of one source: capped_candidates */
#define DFL_UNSURE 256	       /* canonical bytes that a run of very common k-grams is held back */
#define DFL_COVERED 256	       /* places remembered per view, to find free ones */
#define DFL_SLICE 8192	       /* raw bytes taken at a time */
#define DFL_SIFTED                                                                                 \
	(DFL_SLICE + DFL_TEXT_SLACK + DFL_PRINT_K) /* k-grams that become whole with a slice, at   \
						      most */
#define DFL_NONE UINT32_MAX

/* ---- index.c: where each k-gram of the sources is ---- */

#define DFL_CHUNK_SHIFT 8
#define DFL_CHUNK (1u << DFL_CHUNK_SHIFT) /* positions of one source */

/* DFL_CHUNK positions of a source. Position i of chunk c is the entry c << DFL_CHUNK_SHIFT | i. */
struct dfl_chunk_ix {
	struct dfl_match_source *source; /* NULL: free */
	const uint8_t *text;		 /* of position 0 */
	uint32_t *line_of; /* each: the line that holds the entry; DFL_NONE: not in the index */
	uint32_t first;	   /* position 0 in the source */
	uint32_t next_free;
};

#define DFL_LINE_SLOTS 6
#define DFL_LINE_ENTRIES 12
#define DFL_LIST (1u << 31) /* in a slot: not an entry, but the newest line of a list of them */

/*
 * One cache line: of a bucket, or of the list of a k-gram that has several entries. Both are oldest
 * first. The table holds the newest line of each bucket; all other lines are in the pool.
 */
struct dfl_line {
	union {
		struct {
			uint32_t slot[DFL_LINE_SLOTS];
			uint32_t tag[DFL_LINE_SLOTS]; /* of each: more of the hash */
		};
		uint32_t entry[DFL_LINE_ENTRIES];
	};
	uint32_t n;
	uint32_t older; /* line; DFL_NONE: this is the last one */
	/* Of a list: */
	uint32_t newer; /* line; in the newest one: the oldest one */
	uint32_t count; /* in the newest one: entries of the list */
};
_Static_assert(sizeof(struct dfl_line) == 64, "a cache line");

struct dfl_index {
	struct dfl_secret *secret;
	uint64_t key[2];
	uint32_t k;
	struct dfl_chunk_ix *chunks;
	uint32_t n_chunks, cap_chunks, free_chunk;
	struct dfl_line *table;
	unsigned table_bits;
	struct dfl_line **pool; /* in pieces */
	uint32_t n_pool, cap_pool, free_line;
	uint64_t *filter;		  /* four bits of one word for each k-gram */
	unsigned filter_bits;		  /* words: 1 << filter_bits */
	unsigned filter_shift;		  /* 64 - DFL_FILTER_BITS - filter_bits */
	uint64_t slots, entries, removed; /* removed: since the filter was built */
};

static inline uint64_t dfl_load64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, 8);
	return v;
}

/*
 * Keyed hash of the k bytes at p (8 <= k <= 16): two overlapping words times two secret odd
 * numbers. Its upper bits are as good as random to who does not know those (multiply-shift hashing,
 * Dietzfelbinger et al. 1997); the lower ones are not used.
 */
static inline uint64_t dfl_gram(const struct dfl_index *ix, const uint8_t *p)
{
	return dfl_load64(p) * ix->key[0] + dfl_load64(p + ix->k - 8) * ix->key[1];
}

#define DFL_FILTER_BITS 32 /* of the hash say which bits of a word: six of each byte */

/*
 * Four bits of one word of the filter; filter_shift leaves the word and DFL_FILTER_BITS of the
 * hash.
 */
static inline uint64_t dfl_index_bits(uint64_t top)
{
	return 1ull << (top & 63) | 1ull << (top >> 8 & 63) | 1ull << (top >> 16 & 63) |
	       1ull << (top >> 24 & 63);
}

static inline bool dfl_index_maybe(const struct dfl_index *ix, uint64_t h)
{
	uint64_t top = h >> ix->filter_shift;

	return !(dfl_index_bits(top) & ~ix->filter[top >> DFL_FILTER_BITS]);
}

static inline struct dfl_line *dfl_index_bucket(const struct dfl_index *ix, uint64_t h)
{
	return &ix->table[h >> (64 - ix->table_bits)];
}

static inline const struct dfl_chunk_ix *dfl_index_chunk(const struct dfl_index *ix, uint32_t entry)
{
	return &ix->chunks[entry >> DFL_CHUNK_SHIFT];
}

/* The text from the entry's k-gram on. */
static inline const uint8_t *dfl_index_text(const struct dfl_index *ix, uint32_t entry)
{
	return dfl_index_chunk(ix, entry)->text + (entry & (DFL_CHUNK - 1));
}

int dfl_index_init(struct dfl_index *ix, struct dfl_secret *secret, uint32_t k);
void dfl_index_fini(struct dfl_index *ix);
/* Room for positions [0, n) of the source, whose text may have moved. 0 or -ENOMEM. */
int dfl_index_reserve(struct dfl_index *ix, struct dfl_match_source *s, uint32_t n);
/* Adds the k-gram at `at`; false when the source has too many of it already, or without memory. */
bool dfl_index_add(struct dfl_index *ix, struct dfl_match_source *s, uint32_t at);
void dfl_index_remove(struct dfl_index *ix, struct dfl_match_source *s);

struct dfl_found {
	uint32_t entries[DFL_ENTRIES_PER_PROBE];
	uint32_t n;
	uint32_t walked; /* slots and entries looked at */
	uint32_t count;	 /* entries that there are */
};
/* Entries that (almost surely) are the k-gram with this hash: the newest ones, then the oldest. */
void dfl_index_find(const struct dfl_index *ix, uint64_t h, struct dfl_found *ret_found);
/* Are the k bytes at a and b the same? (8 <= k <= 16) */
static inline bool dfl_index_same(const struct dfl_index *ix, const uint8_t *a, const uint8_t *b)
{
	return dfl_load64(a) == dfl_load64(b) &&
	       dfl_load64(a + ix->k - 8) == dfl_load64(b + ix->k - 8);
}

/* ---- source.c ---- */

struct dfl_match_source {
	struct dfl_match *m;
	struct dfl_match_source *next, *prev;
	uint64_t owner;
	void *ud;
	struct dfl_canon canon;
	struct dfl_text text;
	uint64_t raw_bytes;
	uint32_t indexed; /* k-grams that begin before this are in the index */
	bool ended;
	bool capped; /* not all places of all k-grams are in the index */
	uint32_t *chunks;
	uint32_t n_chunks, cap_chunks;
	struct dfl_match_source *short_next, *short_prev; /* shorts.c */
	bool is_short;
};

/* Raw bytes of the source that canon_from and canon_to stand for. */
void dfl_source_range(const struct dfl_match_source *src, struct dfl_run *run);

/* ---- runs.c: runs that go on ---- */

struct dfl_open_run {
	struct dfl_match_source *source;
	uint64_t from, end; /* canonical bytes of the scan */
	uint32_t source_from;
	uint32_t held; /* least number of places of any of its k-grams, DFL_NONE: known exactly */
	uint64_t pos_from, ts_first_ns;
	uint64_t enc_to; /* enc holds what was undone up to here */
	uint32_t others; /* other owners' sources that hold it; filled in when it is due */
	uint8_t enc;
	bool over;	/* it cannot go on beyond end, … */
	bool exhausted; /* … because the source ends there */
	bool ended;	/* … because the scan or the source is over */
	bool unsure;	/* its k-gram had more places than were looked at … */
	bool waits;	/* … so it waits for a longer run that holds it */
	bool counted;	/* others is filled in */
};

/* ---- scan.c: canonical text of a view, or of what was nested in it ---- */

struct dfl_nest;
struct dfl_coded;

struct dfl_mark {
	uint64_t at; /* canonical byte */
	uint64_t ts_ns;
};

struct dfl_scan {
	struct dfl_match *m;
	struct dfl_match_view *view;
	struct dfl_coded *parent; /* the run of base64 or hex it was decoded from; NULL: the view */
	struct dfl_scan *next, *prev; /* all scans */
	uint32_t depth;
	uint8_t enc; /* undone above */
	bool gapped;
	struct dfl_canon canon;
	struct dfl_text text;
	struct dfl_nest *nest;
	uint64_t next_probe; /* canonical byte of the next k-gram to look up */
	uint64_t barrier;    /* nothing joins across it */
	uint64_t next_print; /* canonical byte of the next k-gram that may have a fingerprint … */
	uint64_t after_print; /* … and behind the last one that is not in too many texts to tell */
	struct dfl_streaks *streaks; /* of fingerprints; NULL: none yet */
	struct dfl_open_run *open;
	uint32_t n_open, cap_open;
	struct dfl_mark *marks;
	uint32_t n_marks, cap_marks;
	uint64_t *seen;	     /* late.c: filter of the k-grams that stand in the text */
	uint64_t seen_total; /* bytes when it was made */
};

/* A run that was reported: where in the source, and where in which scan. */
struct dfl_covered {
	const struct dfl_match_source *source;
	const struct dfl_scan *scan;
	uint32_t source_from, source_to;
	uint64_t from, end;
};

struct dfl_match_view {
	struct dfl_match *m;
	void *ud;
	struct dfl_scan *scan;
	struct dfl_covered *covered; /* a ring of DFL_COVERED */
	uint32_t n_covered, next_covered;
};

struct dfl_match {
	struct dfl_match_opts opts;
	dfl_match_run_fn fn;
	void *ud;
	struct dfl_secret secret;
	struct dfl_index index;
	struct dfl_fingerprints prints;
	const struct dfl_simd *simd;
	struct dfl_match_source *sources;
	struct dfl_match_source **shorts;
	struct dfl_scan *scans;
	struct dfl_match_stats stats;
};

static inline uint64_t dfl_scan_total(const struct dfl_scan *s)
{
	return s->text.base + s->text.len;
}

static inline const uint8_t *dfl_scan_at(const struct dfl_scan *s, uint64_t at)
{
	return s->text.data + (at - s->text.base);
}

/* First canonical byte that may be matched backwards when `total` were seen. */
static inline uint64_t dfl_scan_floor(const struct dfl_scan *s, uint64_t total)
{
	uint64_t back = s->m->opts.look_back;
	uint64_t floor = total > back ? total - back : 0;

	return floor > s->barrier ? floor : s->barrier;
}

int dfl_scan_new(struct dfl_match *m, struct dfl_match_view *view, struct dfl_coded *parent,
		 uint32_t depth, uint8_t enc, struct dfl_scan **ret_scan);
int dfl_scan_feed(struct dfl_scan *s, const uint8_t *data, size_t len, uint64_t pos,
		  uint64_t pos_len, uint64_t ts_ns);
void dfl_scan_gap(struct dfl_scan *s);
/* leaf: the scan is all there is of the leaf. */
void dfl_scan_close(struct dfl_scan *s, bool leaf);
/* Stream positions of [from, to) of what the scan was fed. */
void dfl_scan_outer(const struct dfl_scan *s, uint64_t from, uint64_t to, uint64_t *ret_from,
		    uint64_t *ret_to);
/* The first byte it was fed whose position may still be asked for. */
uint64_t dfl_scan_oldest(const struct dfl_scan *s);
/* When canonical byte `at` was seen. */
uint64_t dfl_scan_ts(const struct dfl_scan *s, uint64_t at);

/* Opens runs where the k-gram at `at` stands in sources (only: in that one, from `first` on). */
void dfl_scan_probe(struct dfl_scan *s, uint64_t at, uint64_t h, uint64_t floor,
		    const struct dfl_match_source *only, uint32_t first);

void dfl_run_open(struct dfl_scan *s, struct dfl_match_source *source, uint64_t at,
		  uint32_t source_at, uint64_t floor, uint32_t held, bool unsure);
/* Walks all runs on as far as both texts go. */
void dfl_runs_extend(struct dfl_scan *s);
/* Reports the runs that were known to be over when `total` canonical bytes had been seen. */
void dfl_runs_retire(struct dfl_scan *s, uint64_t total);
/* Reports all, or all of one source; leaf: the text is the whole leaf. */
void dfl_runs_end(struct dfl_scan *s, const struct dfl_match_source *source, bool leaf);

/* late.c: k-grams [first, …) of the source were added to the index: match them backwards. */
void dfl_late_match(struct dfl_match_source *s, uint32_t first);

/* shorts.c: ended sources that are too short for runs; they match whole leaves. */
int dfl_shorts_init(struct dfl_match *m);
void dfl_shorts_fini(struct dfl_match *m);
void dfl_shorts_add(struct dfl_match_source *s);
void dfl_shorts_remove(struct dfl_match_source *s);
void dfl_shorts_leaf(struct dfl_scan *s);

/* ---- nested.c: runs of base64 and hex ---- */

extern const struct dfl_canon_tap dfl_nest_tap;
int dfl_nest_new(struct dfl_scan *s, struct dfl_nest **ret_nest);
/* Nothing joins what comes next. */
void dfl_nest_cut(struct dfl_nest *n);
/* No more comes. leaf: the scan was all of a leaf. */
void dfl_nest_finish(struct dfl_nest *n, bool leaf);
void dfl_nest_free(struct dfl_nest *n);
/* Scans what was decoded and collected. */
void dfl_nest_flush(struct dfl_nest *n);
void dfl_nest_ts(struct dfl_nest *n, uint64_t ts_ns);
/* The first raw byte of the scan whose position may still be asked for. */
uint64_t dfl_nest_oldest(const struct dfl_nest *n);
/* Positions of decoded bytes [from, to) in what the parent scan was fed, and that scan. */
struct dfl_scan *dfl_coded_outer(const struct dfl_coded *c, uint64_t from, uint64_t to,
				 uint64_t *ret_from, uint64_t *ret_to);
