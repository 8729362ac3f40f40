/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: bytes of an operation that are equal to a part of a known text. A text run is of a text
 * that is in memory; a past run is of fingerprints, which is all that is left of a past request.
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
	RUN_WEAK = 12, /* shorter runs are not looked for. Below RUN_FULL a run is evidence only in
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

struct dfl_src;
struct past_source;

/* A run of a text in memory, and what is known of the place where it was found. */
struct text_run {
	struct dfl_src *source; /* NULL: its request is gone */
	const char *place;	/* interned, as all strings here */
	const char *holds; /* the kind of text that the place is made for: "chunk"; NULL: unknown */
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t view; /* number; only runs of one view can overlap */
	enum dfl_residency residency;
	int64_t ttl_s;
	struct dfl_run run;
	bool counted; /* is in a hop */
	bool weak;    /* is in weak_matches, may still be tied */
	bool tied;    /* others explain the same bytes as well */
	bool content; /* its group is evidence without anything else … */
	bool doubted; /* … and something of it is tied */
	bool beaten;  /* another source explains the same bytes better */
	bool out;     /* it explains nothing: chunks of another request, a document that is here as
			 chunks */
	bool own;     /* it is the very text that became the source */
	bool final;   /* its view is closed: all runs that compete with it are here */
};

/* The same of the fingerprints of a past request. */
struct past_run {
	struct past_source *source; /* NULL: it was forgotten */
	const char *place;
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t view;
	enum dfl_residency residency;
	int64_t ttl_s;
	uint32_t encodings;
	uint64_t pos_from, pos_to, reach_from, reach_to;
	uint32_t span, hits, distinct, others;
	uint64_t ts_first_ns, ts_last_ns;
	uint8_t *seen;
	bool counted, beaten, final;
};

/* Canonical bytes. */
static inline uint32_t dfl_run_len(const struct text_run *r)
{
	return r->run.canon_to - r->run.canon_from;
}
