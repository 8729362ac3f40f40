/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace: joins what decoders found (operations, ids, views, sources) with what match found (runs)
 * into requests and their hops. It is the decoders' sink and it owns the matcher. No I/O, no clock.
 */
#pragma once

#include <stdint.h>

#include "capture/event.h"
#include "decode/sink.h"
#include "match/match.h"
#include "stream/stream.h"
#include "doc/doc.h"
#include "doc/past_text.h"
#include "rules/rules.h"

struct dfl_trace;

enum dfl_doc_change {
	DFL_DOC_OPENED,
	DFL_DOC_HOP_NEW,
	DFL_DOC_HOP_CHANGED,
	DFL_DOC_SETTLED,
	DFL_DOC_DROPPED
};

/*
 * What changed; borrowed until the callback returns, with all that it tells. A document is built
 * when it is asked for: NULL when memory is short.
 */
struct dfl_change;
/*
 * All but the lists and the completeness; of hops the changed one, if it was one. Costs the same
 * however many there are.
 */
const struct dfl_doc *dfl_change_head(struct dfl_change *c);
const struct dfl_doc *dfl_change_doc(struct dfl_change *c); /* the whole */
size_t dfl_change_hop_count(const struct dfl_change *c);    /* of the whole */
size_t dfl_change_hop_index(const struct dfl_change *c);    /* of the changed hop, in the whole;
							       SIZE_MAX: no hop changed */

struct dfl_trace_opts {
	const struct dfl_rules *rules; /* borrowed */
	uint64_t max_source_bytes;     /* canonical bytes of all payload that is looked for; 0: the
					  matcher's default */
	/* Each change as it is known. May be NULL. */
	void (*on_change)(void *ud, enum dfl_doc_change what, struct dfl_change *change);
	/*
	 * A trace to be stored: opened, changed since the last call (at most once a second),
	 * settled.
	 */
	void (*on_store)(void *ud, const struct dfl_doc *doc);
	/*
	 * Fingerprints of a field of a request that was just stored, to be kept as long as it;
	 * instead of those that were handed out before. Called when all is there that came in, when
	 * it settled, and when its text changed later. May be NULL.
	 */
	void (*on_prints)(void *ud, const struct dfl_past_text *of);
	/*
	 * Text of that stored request is in these hops of another that was just stored: all of them
	 * each time, in order. May be NULL.
	 */
	void (*on_replayed)(void *ud, const char *trace_id, const char *in_trace_id,
			    const uint32_t *seqs, size_t n);
	void *ud;
	const uint8_t *print_key; /* of the fingerprints (match/fingerprint/fingerprint.h), copied;
				     NULL: a random one */
	uint32_t max_prints;	  /* 0: the matcher's default */
};

struct dfl_trace_stats {
	uint64_t requests, open_requests, hops, settled, dropped, scanned_bytes;
	uint64_t capped_ops, capped_runs, capped_owners, capped_candidates, capped_conns,
		capped_strings, capped_derived;
	struct dfl_match_stats match;
	uint64_t forgotten; /* texts whose fingerprints went, or did not come, for want of room */
};

int dfl_trace_new(const struct dfl_trace_opts *opts, struct dfl_trace **ret_trace);
void dfl_trace_free(struct dfl_trace *t);

/* What the decoders are given. Borrowed. */
const struct dfl_decode_sink *dfl_trace_sink(struct dfl_trace *t);

/* NODE, PROC, PROC_EXIT, LOSS, BLIND and TICK are used. Call before the streams see the event. */
int dfl_trace_event(struct dfl_trace *t, const struct dfl_event *ev);
/* From the stream stage; call before the decoders see the same. */
void dfl_trace_conn(struct dfl_trace *t, struct dfl_conn *conn);
void dfl_trace_data(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_chunk *chunk);
void dfl_trace_gap(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_gap *gap);
/* Call after the decoders closed it. */
void dfl_trace_close(struct dfl_trace *t, struct dfl_conn *conn, uint64_t ts_ns);

/*
 * Fields of earlier requests, before the first event; the newest first. 0; -ENOSPC: no room, those
 * that are older need not be tried; -EINVAL: no fingerprints, or they are switched off; -ENOMEM.
 */
int dfl_trace_remember(struct dfl_trace *t, const struct dfl_past_text *of);
/* Requests that started before are not looked for any more. */
void dfl_trace_forget_before(struct dfl_trace *t, int64_t started_ns);

/* Stores what is open, as "open". */
void dfl_trace_finish(struct dfl_trace *t);
void dfl_trace_stats(const struct dfl_trace *t, struct dfl_trace_stats *ret_stats);
