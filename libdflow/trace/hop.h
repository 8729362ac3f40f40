/* SPDX-License-Identifier: Apache-2.0 */
/* Hops: what was found of one field in one place of one operation, added up. */
#pragma once

#include "base/ranges.h"
#include "trace/source.h"

enum {
	MAX_HOPS_PER_REQUEST = 2048,
	MAX_COPIES = 256,    /* of one field in one hop */
	MAX_CANDIDATES = 64, /* of one hop */
};

/* What is added up to one hop. Zeroed before it is filled in: it is hashed with its padding. */
struct hop_key {
	const struct tconn *tc;
	const char *operation, *place;	       /* interned */
	uint64_t text;			       /* number of the source or past source */
	char history_of[DFL_TRACE_ID_LEN + 1]; /* the text is of this earlier request; "": own */
	uint8_t dir;
	bool ambiguous; /* it may belong to other requests as well: candidates */
};

/* One copy of the text, or a piece of one. */
struct hop_copy {
	uint64_t from, to; /* stream positions */
	uint32_t len;	   /* canonical bytes */
};

/* One operation × one place × one field on one connection. */
struct hop {
	UT_hash_handle hh;
	struct hop_key key;
	struct tconn *tc; /* holds a reference */
	uint32_t seq;
	const char *protocol, *field;
	enum dfl_station station[2]; /* told by the operation; UNKNOWN: ask the rules */
	const char *station_rule[2];
	uint32_t pid[2];
	enum dfl_layer layer;
	enum dfl_residency residency;
	int64_t ttl_s;
	struct dfl_ranges canon, raw;  /* of the text; unknown of fingerprints */
	struct dfl_ranges wire;	       /* stream positions */
	const struct dfl_src *source;  /* the request's own text; NULL: it is history */
	uint64_t text_canon;	       /* size of the text when the hop last changed */
	uint8_t *seen;		       /* fingerprints: bit i, number i was found; else NULL */
	uint32_t n_prints;	       /* fingerprints of the text; 0: it is in memory */
	uint32_t distinct, print_hits; /* of these: different ones found; all that were found */
	struct hop_copy *copies;
	size_t n_copies;
	uint32_t encodings;	 /* bits: enum dfl_encoding */
	uint32_t common_sources; /* other texts that hold the longest run as well */
	bool by_id;		 /* an id ties the operation to the request */
	uint64_t first_ns, last_ns;
	struct deposit *deposits; /* what the store said of it; by next_of_hop. NULL: nothing is
				     stored */
	bool deposits_cut;	  /* there were more */
	char (*candidates)[DFL_TRACE_ID_LEN + 1]; /* requests to which it may belong */
	size_t n_candidates;
	bool candidates_cut; /* there are more */
};

/* What a hop is of: a source, or the fingerprints of a past source. */
struct hop_text {
	uint64_t number;
	const char *field;
	uint64_t canon;		      /* canonical bytes of the whole text */
	uint32_t n_prints;	      /* 0: a source */
	const struct dfl_src *source; /* the request's own; NULL: it is history */
};

/* Says which hop is meant, and what is known of it now. */
struct hop_add {
	struct request *request;
	struct dfl_op *op;
	struct hop_text text;
	const char *place;
	const char *history_of; /* trace id; NULL: it is the request's own text */
	enum dfl_dir dir;
	enum dfl_layer layer;
	enum dfl_residency residency;
	int64_t ttl_s;
	bool by_id;
	bool ambiguous;
};

/*
 * The hop that is meant, made when there is none. NULL at a limit or without memory: the request is
 * capped. The hop is borrowed until the request goes.
 */
struct hop *dfl_hop_get(struct dfl_trace *t, const struct hop_add *a, bool *ret_new);
/* Adds what was found. Runs of the same bytes are one copy. */
void dfl_hop_add_run(struct hop *h, const struct text_run *run);
void dfl_hop_add_past(struct hop *h, const struct past_run *run);
/* One more request to which the hop may belong; each is named once. */
void dfl_hop_candidate(struct dfl_trace *t, struct hop *h, const char *trace_id);
/* How many copies of the text there were. */
uint32_t dfl_hop_occurrences(const struct hop *h);
/*
 * What the store said of it, and since when. Meaningless when it has no deposits. Of deposits that
 * are not remembered nothing is known: it is not said that all are gone.
 */
enum dfl_kept dfl_hop_kept(const struct dfl_trace *t, const struct hop *h, uint64_t *ret_since_ns);
/* In the order of time; of the same time, as they were found. As strcmp(). */
int dfl_hop_order(const struct hop *a, const struct hop *b);

/* All hops of one source of the request go. */
void dfl_hops_drop(struct dfl_trace *t, struct request *r, const struct dfl_src *s);
/* All hops of one source get its name. */
void dfl_hops_rename(struct request *r, const struct dfl_src *s);
/* The hops of one source are not the other request's. False: none named it as a candidate. */
bool dfl_hops_no_candidate(struct request *r, const struct dfl_src *s, const struct request *other);
void dfl_hops_free(struct dfl_trace *t, struct request *r);
