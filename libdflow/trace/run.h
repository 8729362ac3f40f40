/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: bytes of an operation that are equal to a part of a known text. A text run is of a text
 * that is in memory. A past run is of fingerprints, which is all that is left of a past request.
 * Both begin with a struct run, so that they are ranked and grouped by the same code.
 */
#pragma once

#include "match/match.h"
#include "stream/stream.h"

/*
 * How much text is evidence, in canonical bytes or percent of the whole text. docs/accuracy.md has
 * the measurements behind the numbers.
 */
enum {
	RUN_SURE = 64,	   /* evidence by its length alone */
	RUN_FULL = 32,	   /* evidence when it is also nearly the whole text */
	FULL_PERCENT = 90, /* "nearly the whole" */
	RUN_MIN = 12, /* shorter runs are not looked for. Below RUN_FULL a run is evidence only in
			 an operation that is tied to the request: a title of 20 characters has
			 about 15 in English */
};

/*
 * How much is evidence when only fingerprints are left, unless both requests are of one
 * conversation. docs/canonical.md has the measurements.
 */
enum {
	SPAN_SURE = 192, /* from the first to the last fingerprint, of a text that returns in part
			  */
	PRINTS_FULL = 4, /* fingerprints of a text that returns whole … */
	SPAN_SLACK = 32, /* … of which at most so much, or a tenth, lies outside of them */
};

enum {
	MAX_RUNS_PER_OP = 512, /* text runs */
	MAX_PAST_RUNS_PER_OP = 256,
	NO_RUN = UINT16_MAX,
};

struct dfl_src;
struct past_source;

/* How far a run has come. It only goes forward. */
enum run_stage {
	RUN_OPEN,    /* its view is open: runs that compete with it may still come */
	RUN_FINAL,   /* all runs that compete with it are known */
	RUN_WEAK,    /* … it is too little to be evidence, and counts as a weak match */
	RUN_COUNTED, /* … it is evidence: a hop holds it */
};

/* What the last look at the operation said of a run, as bits. Once it is counted, only RUN_OUT,
 * RUN_CONTENT and RUN_DOUBTED still change. */
enum run_mark {
	RUN_OWN = 1 << 0,     /* it is the very place where its text came from: no evidence */
	RUN_OUT = 1 << 1,     /* it explains nothing here, and competes with no other */
	RUN_BEATEN = 1 << 2,  /* another text explains the same bytes better */
	RUN_TIED = 1 << 3,    /* another text explains the same bytes as well */
	RUN_CONTENT = 1 << 4, /* its group is evidence without anything else … */
	RUN_DOUBTED = 1 << 5, /* … but needs runs that are tied for it */
};

/* What both kinds have. Strings are interned. */
struct run {
	union { /* the text; NULL: it is gone. Runs of one text have the same pointer */
		const void *text;
		struct dfl_src *source;		 /* of a text run */
		struct past_source *past_source; /* of a past run */
	};
	uint32_t len; /* canonical bytes; of a past run at least so many */
	const char *place;
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t view; /* number; only runs of one view can overlap */
	enum dfl_residency residency;
	int64_t ttl_s;
	uint64_t pos_from, pos_to; /* stream positions */
	uint32_t encodings;	   /* bits: enum dfl_encoding */
	uint64_t first_ns, last_ns;
	/* Written by the functions below only. */
	enum run_stage stage;
	uint8_t marks;
	/* Its group, as dfl_runs_rank() found it; indexes into the list. */
	uint16_t group_first, group_next; /* the list's first run of the group; NO_RUN: it is last
					   */
};

/* A run of a text in memory. */
struct text_run {
	struct run at;	   /* must be the first */
	const char *holds; /* the kind of text that the place is made for: "chunk"; NULL */
	uint32_t canon_from, canon_to; /* canonical bytes of the text */
	uint64_t src_from, src_to;     /* raw bytes of the text */
	uint32_t other_sources;	       /* as in struct dfl_run */
	bool whole_leaf;	       /* there is nothing else in its view */
};

/* Fingerprints of one past source, found one after the other. */
struct past_run {
	struct run at;		       /* must be the first */
	uint64_t reach_from, reach_to; /* at most so far the text may go on in the stream */
	uint32_t hits, distinct;       /* fingerprints found; different ones */
	uint32_t others;	       /* other past texts that hold all of them as well */
	uint8_t *seen;		       /* bit i: fingerprint i was found */
};

/* The runs of one kind that one operation has: a view on the array that the operation owns. */
struct run_list {
	void *first;
	size_t size; /* of one */
	unsigned n;
};

static inline struct run *dfl_run_nth(const struct run_list *l, unsigned i)
{
	return (struct run *)((char *)l->first + i * l->size);
}

/* ---- the only writers of stage and marks ---- */

/* All runs that compete with it are known now. */
static inline void dfl_run_finalize(struct run *r)
{
	if (r->stage == RUN_OPEN)
		r->stage = RUN_FINAL;
}

/* It is too little to be evidence so far. It must be final. */
static inline void dfl_run_weaken(struct run *r)
{
	r->stage = RUN_WEAK;
}

/* It is evidence. It must be final. */
static inline void dfl_run_count(struct run *r)
{
	r->stage = RUN_COUNTED;
}

static inline void dfl_run_mark(struct run *r, enum run_mark mark, bool on)
{
	r->marks = (uint8_t)(on ? r->marks | mark : r->marks & ~mark);
}

/* ---- what they say ---- */

static inline bool dfl_run_is(const struct run *r, enum run_mark mark)
{
	return r->marks & mark;
}

static inline bool dfl_run_is_counted(const struct run *r)
{
	return r->stage == RUN_COUNTED;
}

/*
 * May the run be evidence? The text in its place of origin is none, but it explains its bytes
 * better than what other texts have in common with it.
 */
static inline bool dfl_run_counts(const struct run *r)
{
	return r->text && r->stage != RUN_OPEN && !(r->marks & (RUN_OWN | RUN_BEATEN));
}

/* Do they stand on the same bytes, for at least half of the shorter one? */
static inline bool dfl_run_overlaps(const struct run *a, const struct run *b)
{
	uint64_t from = a->pos_from > b->pos_from ? a->pos_from : b->pos_from;
	uint64_t to = a->pos_to < b->pos_to ? a->pos_to : b->pos_to;
	uint64_t la = a->pos_to - a->pos_from, lb = b->pos_to - b->pos_from;

	return a->view == b->view && to > from && 2 * (to - from) >= (la < lb ? la : lb);
}

/* Are they of different texts, and stand on the same bytes? */
static inline bool dfl_run_rivals(const struct run *a, const struct run *b)
{
	return a->text && b->text && a->text != b->text && dfl_run_overlaps(a, b);
}

/* Do they form one group: runs of one text in one place of the operation? */
static inline bool dfl_run_same_group(const struct run *a, const struct run *b)
{
	return a->text == b->text && a->place == b->place && a->dir == b->dir &&
	       a->layer == b->layer;
}

/* ---- all runs of one kind ---- */

/* The view is complete: so are its runs. */
void dfl_runs_view_closed(const struct run_list *l, uint64_t view);
/* The shortest one that is not counted, to make room; NULL: all are. */
struct run *dfl_runs_shortest(const struct run_list *l);
/*
 * Groups are known from dfl_runs_rank() until a run is added or dropped. They are walked from the
 * first run to NO_RUN.
 */
static inline unsigned dfl_run_group_first(const struct run_list *l, unsigned i)
{
	return dfl_run_nth(l, i)->group_first;
}

static inline unsigned dfl_run_group_next(const struct run_list *l, unsigned i)
{
	return dfl_run_nth(l, i)->group_next;
}

/*
 * Is run number i the one to judge its group by? It is the first of its group that may be evidence
 * and is not counted.
 */
bool dfl_runs_leads(const struct run_list *l, unsigned i);

/* How runs of one kind compare. ctx is what dfl_runs_rank() was given. */
struct run_rules {
	/* Does another kind of text explain the bytes of the run better? */
	bool (*is_explained)(const void *ctx, const struct run *r);
	/* Of two rivals: does b explain the bytes better? */
	bool (*loses)(const void *ctx, const struct run *a, const struct run *b);
	/* Of two rivals, of which b is not beaten: does b put in doubt that it is a's text? */
	bool (*ties)(const void *ctx, const struct run *a, const struct run *b);
	bool keeps_ties; /* a run that is counted can no longer become tied */
};

/*
 * Marks each run that is not counted as beaten, tied, or neither, and finds the groups. RUN_OUT
 * must be marked before. Only runs that overlap are compared, so the work grows with those, and not
 * with the square of all runs.
 */
void dfl_runs_rank(const struct run_list *l, const struct run_rules *rules, const void *ctx);

/*
 * Makes room for one more in an array that grows to the double: 0 or -ENOMEM. at: the array's
 * address.
 */
int dfl_runs_grow(void **at, unsigned *cap, size_t size);
