/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: puts the pieces of every connection, direction and layer in order, and says where bytes
 * are missing. Pairs the two ends of a connection, so that bytes that are seen at both ends are
 * delivered once. No I/O and no clock: time comes with the events. One thread.
 */
#pragma once

#include <stdint.h>

#include "capture/event.h"
#include "stream/sink.h"

struct dfl_stream; /* the stage */

struct dfl_stream_opts {
	uint64_t reorder_ns;   /* a hole older than this becomes a gap; 0: default 200 ms */
	uint64_t pipe_hold_ns; /* wait this long for the reader of a pipe; 0: default 500 ms */
	/*
	 * What is held back, of all streams: bytes, and the head of each piece. Beyond it the
	 * oldest holes become gaps. 0: default 64 MiB.
	 */
	uint64_t pending_max_bytes;
	uint32_t max_conns; /* 0: default 65536; the one that is idle longest goes first */
};

struct dfl_stream_stats {
	uint64_t conns;		 /* seen so far */
	uint64_t evicted_conns;	 /* closed because max_conns was reached */
	uint64_t gaps;		 /* that lost bytes */
	uint64_t gap_bytes;	 /* lost */
	uint64_t overlap_bytes;	 /* came twice, and were delivered once */
	uint64_t disagree_bytes; /* came twice from the only end that is seen */
	uint64_t hurried_holes;	 /* became gaps because pending_max_bytes was reached */
	uint64_t pending_bytes;	 /* held back now */
};

/* opts and sink are copied. 0 or -ENOMEM. Free with dfl_stream_free(). */
int dfl_stream_new(const struct dfl_stream_opts *opts, const struct dfl_stream_sink *sink,
		   struct dfl_stream **ret_stream);
/* Calls no callback: call dfl_stream_finish() first. s may be NULL. */
void dfl_stream_free(struct dfl_stream *s);

/*
 * CHAN, CHAN_CLOSE, DATA and TICK are used, others ignored. -ENOMEM: the event was not taken, and
 * may be given again.
 */
int dfl_stream_event(struct dfl_stream *s, const struct dfl_event *ev);
/* Delivers what is held back and closes every connection. */
void dfl_stream_finish(struct dfl_stream *s, uint64_t ts_ns);
void dfl_stream_stats(const struct dfl_stream *s, struct dfl_stream_stats *ret_stats);
