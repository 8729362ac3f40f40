/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace: joins what decoders found (operations, ids, views, sources) with what match found (runs)
 * into requests and their hops. It is the decoders' sink and it owns the matcher. No I/O, no clock.
 * README.md tells where to start reading.
 */
#pragma once

#include "capture/event.h"
#include "decode/sink.h"
#include "stream/stream.h"
#include "trace/document/notify.h"
#include "trace/options.h"

/* The stage. One thread at a time may call it. */
struct dfl_trace;

/* Copies opts. 0 or -ENOMEM. */
int dfl_trace_new(const struct dfl_trace_opts *opts, struct dfl_trace **ret_trace);
/* Frees all that it remembers; nobody is told. NULL is fine. All connections must be closed before.
 */
void dfl_trace_free(struct dfl_trace *t);

/* What the decoders are given. Borrowed from the stage. */
const struct dfl_decode_sink *dfl_trace_sink(struct dfl_trace *t);

/*
 * Uses NODE, PROC, PROC_EXIT, LOSS, BLIND and TICK, and ignores the others. Call it before the
 * streams see the event. 0 or -ENOMEM.
 */
int dfl_trace_event(struct dfl_trace *t, const struct dfl_event *ev);

/* From the stream stage. Call these before the decoders see the same … */
void dfl_trace_conn(struct dfl_trace *t, struct dfl_conn *conn);
void dfl_trace_data(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_chunk *chunk);
void dfl_trace_gap(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_gap *gap);
/* … and this after the decoders closed it. */
void dfl_trace_close(struct dfl_trace *t, struct dfl_conn *conn, uint64_t ts_ns);

/*
 * Gives back what on_prints handed out in an earlier life. Call it before the first event, for the
 * newest requests first. 0; -ENOSPC: there is no room, also not for older ones; -EINVAL: the trace
 * id is malformed, or fingerprints are switched off; -ENOMEM.
 */
int dfl_trace_remember(struct dfl_trace *t, const struct dfl_past_text *text);
/* Past requests that started before (UTC) are not looked for any more. */
void dfl_trace_forget_before(struct dfl_trace *t, int64_t started_ns);

/* No event comes any more: stores all that is open, as open. */
void dfl_trace_finish(struct dfl_trace *t);
void dfl_trace_stats(const struct dfl_trace *t, struct dfl_trace_stats *ret_stats);
