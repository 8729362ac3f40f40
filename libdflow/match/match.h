/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Match: finds common runs of canonical text between sources (payload of requests) and views (what
 * decoders took out of streams). Protocol-blind. docs/canonical.md defines the canonical form.
 *
 * The index lives in locked memory under a random key of the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/encodings.h"
#include "match/fingerprint/fingerprint.h"

struct dfl_match;
struct dfl_match_source; /* text to look for */
struct dfl_match_view;	 /* text to look in */

/*
 * A maximal common run. src_*: in raw bytes of the source. pos_*: in stream positions of the view.
 */
struct dfl_run {
	uint32_t canon_from, canon_to; /* in canonical bytes of the source */
	uint64_t src_from, src_to;
	uint64_t pos_from, pos_to;
	uint32_t encodings; /* enum dfl_encoding bits */
	/*
	 * Sources of other owners that held this same run at that time (0: not common). From
	 * DFL_MATCH_TOLD - 1 on, runs of some of them may not have been told. It is an upper bound
	 * from DFL_MATCH_TOLD on if the run is brief, else from DFL_MATCH_LOOKED_AT - 1 on.
	 */
	uint32_t other_sources;
	uint64_t ts_first_ns, ts_last_ns;
	bool whole_leaf; /* the view's leaf is this run and nothing else */
};

#define DFL_MATCH_LOOKED_AT 64 /* places of one k-gram */
#define DFL_MATCH_BRIEF 32     /* canonical bytes: a shorter run is brief, most likely chance */
/*
 * Of the brief runs that hold one k-gram, so many are looked at and told: half those of the newest
 * sources, half those of the oldest.
 */
#define DFL_MATCH_TOLD 8

/*
 * A window of a run of base64 or hex, decoded from the beginning of the run on. Windows of one run
 * follow one another.
 */
struct dfl_coded {
	const uint8_t *data;
	size_t len_bytes;
	uint64_t pos, pos_to; /* stream positions of the window in the view */
	uint64_t ts_ns;
	uint32_t encodings; /* enum dfl_encoding bits, of what is around it as well */
	bool is_text;	    /* it is scanned as text */
	bool is_mixed;	    /* its chars are those of a code; else they may be words or a path */
	bool is_signature;  /* the signature of a JWT */
};

/*
 * Called for the windows of runs. *slot: the caller's, NULL when a run begins. coded NULL: the run
 * is over, and the slot is forgotten.
 */
typedef void (*dfl_coded_fn)(void *ud, void *view_ud, void **slot, const struct dfl_coded *coded);

struct dfl_match_opts {
	uint32_t k;		   /* 0: 12 */
	uint32_t stride;	   /* 0: 5; k + stride - 1 <= 16 */
	uint32_t max_sources;	   /* 0: 16384 */
	uint64_t max_source_bytes; /* canonical bytes of all sources; 0: 64 MiB */
	uint32_t max_depth;	   /* nested base64; 0: 3 */
	uint32_t min_run;   /* runs shorter than this many canonical bytes are dropped; 0: 16 */
	uint32_t look_back; /* canonical bytes kept per view for sources that come late or grow; 0:
			       4096 */
	/* Fingerprints of old texts (prints.h). */
	const uint8_t *print_key;    /* DFL_PRINT_KEY_BYTES, copied; NULL: a random one */
	uint32_t max_prints;	     /* in the table; 0: 1 Mi, 16 bytes each */
	dfl_fingerprint_fn print_fn; /* NULL: none are looked for */
	dfl_coded_fn coded_fn;	     /* NULL: nobody wants to see runs of base64 and hex */
};

struct dfl_match_stats {
	uint64_t sources, source_bytes, index_entries, scanned_bytes, probes, candidates;
	uint64_t untold_runs; /* chance: beyond DFL_MATCH_TOLD */
	uint64_t capped_candidates, capped_positions, capped_sources, capped_depth, capped_prints;
	/* The work that matching costs beyond looking up: all linear in what was scanned. */
	uint64_t walked_entries;    /* of the index */
	uint64_t compared_bytes;    /* of runs, both ways */
	uint64_t nested_bytes;	    /* decoded from base64 and hex and scanned */
	uint64_t prints, old_texts; /* fingerprints in the table, and their sets */
	/*
	 * Memory of the index and the sources; of that, what RLIMIT_MEMLOCK did not let be locked.
	 */
	uint64_t secret_bytes, unlocked_bytes;
};

/*
 * Called for each run when it ended. The run is borrowed. Neither callback may free its source or
 * view.
 */
typedef void (*dfl_match_run_fn)(void *ud, void *view_ud, void *source_ud,
				 const struct dfl_run *run);

int dfl_match_new(const struct dfl_match_opts *opts, dfl_match_run_fn fn, void *ud,
		  struct dfl_match **ret_match);
void dfl_match_free(struct dfl_match *m);
/*
 * Should coded_fn see the windows that are text as well? Without that it sees only some of them,
 * because most are decoded by a faster way.
 */
void dfl_match_show_all_coded(struct dfl_match *m, bool all);
void dfl_match_stats(const struct dfl_match *m, struct dfl_match_stats *ret_stats);

/*
 * A source grows by appends, split anywhere. `owner` groups sources of one request (for
 * other_sources). A view that was scanned before the text was appended is matched backwards within
 * look_back. Returns 0, -ENOMEM, or -ENOSPC at a limit (counted; what was taken so far stays).
 */
int dfl_match_source_new(struct dfl_match *m, uint64_t owner, void *source_ud,
			 struct dfl_match_source **ret_source);
int dfl_match_source_append(struct dfl_match_source *s, const void *data, size_t len_bytes);
/*
 * The same for a word that stands for raw_bytes bytes of the source (binary.h); no word: they have
 * none. A word is taken whole or not at all.
 */
int dfl_match_source_append_as(struct dfl_match_source *s, const char *word, size_t len_bytes,
			       uint64_t raw_bytes);
/* No more comes: whole-leaf equality can be decided. */
void dfl_match_source_end(struct dfl_match_source *s);
uint32_t dfl_match_source_canon_bytes(const struct dfl_match_source *s);
uint64_t dfl_match_source_raw_bytes(const struct dfl_match_source *s);
/*
 * Does the source hold what the run found in `other`? Then the run is made one of this source.
 * Nothing is held by none.
 */
bool dfl_match_source_holds(const struct dfl_match_source *s, const struct dfl_match_source *other,
			    struct dfl_run *run);
/*
 * Its request is settling: runs of it that wait for more bytes, at the end of views that stay open,
 * are told now. Call dfl_match_rest() before, once for all sources.
 */
void dfl_match_source_tell(struct dfl_match_source *s);
/*
 * Its request is over: that somebody uses the same words again says nothing of it. From now on a
 * brief run of it is told only in a view in which a longer one was found before, or when the run
 * reaches the end of the source or may be the whole leaf.
 */
void dfl_match_source_settle(struct dfl_match_source *s);
/* Ends open runs of it first (they are reported). */
void dfl_match_source_free(struct dfl_match_source *s);

/*
 * Views to which nothing came since that time: escapes, base64 and hex at their end are over, and
 * what they decode to is scanned. What comes next joins them no more.
 */
void dfl_match_rest(struct dfl_match *m, uint64_t since_ns);

/*
 * A view is one leaf (a column, a body, a joined answer). Feed it in order. pos is the stream
 * position of data[0]; pos_len is how many stream bytes data stands for: equal to len when byte i
 * is at pos + i, else every byte of it maps to [pos, pos + pos_len).
 */
int dfl_match_view_new(struct dfl_match *m, void *view_ud, struct dfl_match_view **ret_view);
/* What is fed was undone before: bits of enum dfl_encoding, told with its runs. */
void dfl_match_view_undone(struct dfl_match_view *v, uint32_t encodings);
int dfl_match_view_feed(struct dfl_match_view *v, const void *data, size_t len_bytes, uint64_t pos,
			uint64_t pos_len, uint64_t ts_ns);
/* Bytes are missing here: open runs end, escapes do not join across. */
void dfl_match_view_gap(struct dfl_match_view *v);
/* The leaf is complete: ends open runs, decides whole_leaf, frees the view. */
void dfl_match_view_close(struct dfl_match_view *v);
