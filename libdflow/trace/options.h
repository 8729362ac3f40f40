/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace stage is given, what it calls back, and what it counts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "doc/doc.h"
#include "doc/past_text.h"
#include "match/match.h"
#include "rules/rules.h"

/* What happened to a request. */
enum dfl_doc_change {
	DFL_DOC_OPENED,
	DFL_DOC_HOP_NEW,
	DFL_DOC_HOP_CHANGED,
	DFL_DOC_SETTLED,
	DFL_DOC_DROPPED, /* it had to make room before it was settled */
};

struct dfl_change; /* document/notify.h */

/* The callbacks must not call back into the stage. All that they are given is borrowed. */
struct dfl_trace_opts {
	const struct dfl_rules *rules; /* borrowed; lives longer than the stage */
	uint64_t max_source_bytes;     /* canonical bytes of all payload that is looked for; 0: the
					  matcher's default */
	/* Each change, as soon as it is known. May be NULL. */
	void (*on_change)(void *ud, enum dfl_doc_change what, struct dfl_change *change);
	/*
	 * A trace to be stored: it is new, it changed since the last call, or it settled. Something
	 * new comes within 0.7 s; what only grew, within 8 s. May be NULL.
	 */
	void (*on_store)(void *ud, const struct dfl_doc *doc);
	/*
	 * The fingerprints of one text of a request that was just stored. They are to be kept as
	 * long as the request, and replace those that were handed out for this text before. Called
	 * when the inbound text is complete, when the request settled, and when its text changed
	 * after that. May be NULL.
	 */
	void (*on_prints)(void *ud, const struct dfl_past_text *text);
	/*
	 * Text of the stored request trace_id is history in these hops of another request, which
	 * was just stored. Each call has all hops of that pair, in ascending order. May be NULL.
	 */
	void (*on_history)(void *ud, const char *trace_id, const char *in_trace_id,
			   const uint32_t *seqs, size_t n);
	void *ud;
	const uint8_t *print_key; /* key of the fingerprints (match/fingerprint/fingerprint.h),
				     copied; NULL: a random one */
	uint32_t max_prints;	  /* fingerprints in memory; 0: the matcher's default */
};

struct dfl_trace_stats {
	uint64_t requests, open_requests, hops, settled;
	uint64_t dropped; /* requests that had to make room before they were settled */
	uint64_t scanned_bytes;
	/* How often each limit was reached. */
	uint64_t capped_ops, capped_runs, capped_owners, capped_candidates, capped_conns,
		capped_strings, capped_derived;
	struct dfl_match_stats match;
	uint64_t forgotten; /* texts of past requests for which there was no room */
};
