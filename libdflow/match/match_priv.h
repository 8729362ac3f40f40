/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the match stage know of each other: the types of sources, scans, runs and
 * views, and the limits. Functions are declared in one header for each file.
 *
 * Words and invariants: README.md.
 */
#pragma once

#include <errno.h>

#include "base/secret.h"
#include "match/canon/base64_hex.h"
#include "match/canon/canon.h"
#include "match/canon/text.h"
#include "match/fingerprint/fingerprint_table.h"
#include "match/index.h"
#include "match/match.h"
#include "match/raw_text.h"

/* Named limits; dfl_match_stats counts what they cut. More of them in index.h. */
#define DFL_OPEN_RUNS 128      /* of one scan: capped_candidates */
#define DFL_OPEN_PER_SOURCE 16 /* of those, of one source: capped_candidates */
#define DFL_UNSURE 256	       /* canonical bytes that a run of very common k-grams is held back */
#define DFL_LONG_WORDS 256     /* 16,384 bits: a view has long runs of some hundred sources */
#define DFL_ROW 4	       /* common k-grams of which the rarest is looked at in full */
#define DFL_COVERED 256	       /* reported runs that a view remembers */
#define DFL_SPARE_SCANS 32     /* closed ones whose memory is kept */
#define DFL_SPARE_VIEWS 32     /* so here */
_Static_assert(DFL_MATCH_LOOKED_AT == DFL_ENTRIES_PER_PROBE, "what match.h says of it");

/* ---- sources: text to look for ---- */

struct dfl_match_source {
	struct dfl_match *m;
	struct dfl_match_source *next, *prev; /* all sources */
	uint64_t owner;			      /* its request; runs of one owner are not "others" */
	void *ud;			      /* the caller's */
	struct dfl_canon canon;
	struct dfl_text text; /* all of it, in secret memory */
	uint64_t raw_bytes;   /* fed so far */
	struct dfl_index_text indexed_text;
	uint32_t indexed; /* k-grams that begin before this were added to the index */
	bool ended;	  /* no more comes */
	bool settled;	  /* its brief runs say little: dfl_match_source_settle */
	uint32_t number;  /* in the order in which sources came */
	bool capped;	  /* not all places of all k-grams are in the index */
	struct dfl_match_source *short_next, *short_prev; /* short_source.c: of one bucket */
	bool is_short;					  /* it is in a bucket */
	uint64_t counted; /* the last count of sources that it was part of: dfl_match.count */
};

/* ---- runs ---- */

/* A run that is not reported yet. */
struct dfl_open_run {
	struct dfl_match_source *source;
	uint64_t from, end;   /* canonical bytes of the scan */
	uint32_t source_from; /* canonical byte of the source that stands at `from` */
	/*
	 * Places of a k-gram of which not all were looked at; DFL_NONE: all were. Of the one at
	 * which it was found, and the least of those since.
	 */
	uint32_t held_first, held;
	bool exact;	/* of some k-gram all places were looked at: all that hold it are known */
	bool long_only; /* it is of no interest if it turns out to be brief */
	uint64_t pos_from, ts_first_ns; /* of `from`; set when it is long enough to be reported */
	uint64_t enc_to;		/* enc holds what was undone up to here */
	uint32_t others;		/* sources of other owners that hold it; see `counted` */
	uint8_t enc;			/* enum dfl_encoding bits */
	bool over;			/* it cannot go on beyond `end`, … */
	bool exhausted;			/* … because the source ends there */
	bool ended;			/* … because the scan or the source is over */
	bool unsure;			/* its k-gram had more places than were looked at … */
	bool waits;			/* … so it waits for a longer run that holds it */
	bool counted;			/* `others` is filled in */
	bool brief;			/* it was short and over when it was found */
};

/* ---- scans: the canonical text of a view, or of what was nested in it ---- */

/* From canonical byte `at` on, the text was seen at ts_ns. */
struct dfl_mark {
	uint64_t at;
	uint64_t ts_ns;
};

/* Runs of base64 and hex in a scan; each may have a scan of what it decodes to. */
struct dfl_nest {
	struct dfl_scan *scan;
	bool after_newline; /* blanks after a newline are line-wrapping too */
	struct dfl_base64_hex base64, hex;
};

/* The newest places that were looked up in a row and have a common k-gram (probe.c). */
struct dfl_common_row {
	uint64_t next; /* canonical byte of the place behind the row; 0: the last one is not common
			*/
	uint64_t hash[DFL_ROW];
	uint32_t count[DFL_ROW]; /* entries of each */
	uint32_t n;
};

struct dfl_scan {
	struct dfl_match *m;
	struct dfl_match_view *view;
	struct dfl_base64_hex *parent; /* the run it was decoded from; NULL: the view itself */
	struct dfl_scan *next, *prev;  /* all scans */
	uint32_t depth;		       /* of nesting; 0: the view itself */
	uint8_t enc;		       /* undone above */
	bool rested;		       /* nothing is held back at its end: dfl_scan_rest */
	bool gapped;		       /* bytes are missing somewhere before the end */
	struct dfl_canon canon;
	struct dfl_text text; /* the look-back; text.base canonical bytes before it were dropped */
	struct dfl_nest *nest;
	uint64_t next_probe; /* canonical byte of the next k-gram to look up */
	struct dfl_common_row row;
	uint64_t barrier;    /* canonical byte; nothing joins across it */
	uint64_t next_print; /* canonical byte of the next k-gram that may have a fingerprint … */
	uint64_t after_print; /* … and behind the last one that is not in too many texts to tell */
	struct dfl_fingerprint_chains *chains; /* NULL: none yet */
	struct dfl_open_run *open;
	uint32_t n_open, cap_open;
	uint8_t *find;		/* runs.c: table of the open runs; NULL: there were none yet */
	bool open_moved;	/* it has to be built anew */
	uint64_t next_due;	/* no open run is due before so many canonical bytes were seen */
	struct dfl_mark *marks; /* by `at`; ts_ns differs from one to the next */
	uint32_t n_marks, cap_marks;
	uint64_t *seen;	     /* lookback.c: filter of the k-grams that stand in the text */
	uint64_t seen_total; /* canonical bytes when that was made */
};

/* A run that was reported: where in the source, and where in which scan. */
struct dfl_covered {
	const struct dfl_match_source *source; /* NULL: it is gone */
	const struct dfl_scan *scan;	       /* NULL: it is gone */
	uint32_t source_from, source_to;
	uint64_t from, end;
};

struct dfl_match_view {
	struct dfl_match *m;
	struct dfl_match_view *next, *prev; /* all views */
	void *ud;			    /* the caller's */
	struct dfl_scan *scan;		    /* NULL: nothing was scanned yet */
	struct dfl_raw_text raw;	    /* what came then, while nothing was looked for */
	bool gapped;			    /* bytes are missing before all that was scanned */
	uint8_t undone;			    /* before it was fed: enum dfl_encoding bits */
	struct dfl_covered *covered;	    /* a ring of DFL_COVERED; NULL: none yet */
	uint32_t n_covered, next_covered;
	/*
	 * Sources of which a run that is not brief was found: a bit each, by the lower bits of
	 * their numbers. A number, not an address, so that what is told is the same in each
	 * process. NULL: there is none yet.
	 */
	uint64_t *long_of;
};

/* ---- the matcher ---- */

struct dfl_match {
	struct dfl_match_opts opts;
	dfl_match_run_fn fn;
	void *ud;
	struct dfl_secret secret;
	struct dfl_index index;
	struct dfl_fingerprint_table prints;
	const struct dfl_simd *simd;
	struct dfl_match_source *sources;
	struct dfl_match_source **short_sources; /* short_source.c: buckets */
	struct dfl_match_view *views;
	struct dfl_match_view *spare_views; /* closed ones, linked by `next` */
	uint32_t n_spare_views;
	struct dfl_scan *scans;
	struct dfl_scan *spare; /* closed scans, linked by `next`, whose memory is used again */
	uint32_t n_spare;
	uint64_t count; /* counts of different sources so far */
	uint32_t last_number;
	bool show_all_coded;
	bool catching_up; /* views scan what they kept while nothing was looked for */
	struct dfl_match_stats stats;
};

/* Was a run of the source found in the view that is not brief? Now and then yes for no reason. */
static inline bool dfl_view_has_long(const struct dfl_match_view *v,
				     const struct dfl_match_source *source)
{
	return v->long_of &&
	       v->long_of[source->number / 64 % DFL_LONG_WORDS] >> source->number % 64 & 1;
}

/* Canonical bytes that the scan has seen. */
static inline uint64_t dfl_scan_total(const struct dfl_scan *s)
{
	return s->text.base + s->text.len;
}

/* Canonical byte `at`, which is still there, and those behind it. */
static inline const uint8_t *dfl_scan_at(const struct dfl_scan *s, uint64_t at)
{
	return s->text.data + (at - s->text.base);
}

/*
 * First canonical byte that may be matched backwards when `total` were seen. More than look_back
 * bytes may still be there: they are not used, so that what is found does not depend on how the
 * input was split.
 */
static inline uint64_t dfl_scan_floor(const struct dfl_scan *s, uint64_t total)
{
	uint64_t back = s->m->opts.look_back;
	uint64_t floor = total > back ? total - back : 0;

	return floor > s->barrier ? floor : s->barrier;
}
