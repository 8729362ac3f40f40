/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace: joins what decoders found (operations, ids, views, sources) with what match found (runs)
 * into requests and their hops. It is the decoders' sink and it owns the matcher. No I/O, no clock.
 */
#pragma once

#include <stdint.h>

#include "capture/event.h"
#include "decode/decode.h"
#include "stream/stream.h"
#include "trace/doc.h"
#include "trace/rules.h"

struct dfl_trace;

enum dfl_doc_change { DFL_DOC_OPENED, DFL_DOC_HOP_NEW, DFL_DOC_HOP_CHANGED, DFL_DOC_SETTLED, DFL_DOC_DROPPED };

struct dfl_trace_opts {
	const struct dfl_rules *rules; /* borrowed */
	uint64_t max_source_bytes;     /* canonical bytes of all payload that is looked for; 0: the matcher's default */
	/* Each change as it is known; hop_index: into doc->hops. doc is borrowed. May be NULL. */
	void (*on_change)(void *ud, enum dfl_doc_change what, const struct dfl_doc *doc, size_t hop_index);
	/* A trace to be stored: opened, changed since the last call (at most once a second), settled. */
	void (*on_store)(void *ud, const struct dfl_doc *doc);
	void *ud;
};

struct dfl_trace_stats {
	uint64_t requests, open_requests, hops, settled, dropped, capped_ops, capped_runs, capped_owners, capped_conns, capped_strings,
		scanned_bytes;
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

/* Stores what is open, as "open". */
void dfl_trace_finish(struct dfl_trace *t);
void dfl_trace_stats(const struct dfl_trace *t, struct dfl_trace_stats *ret_stats);
