/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the trace stage: what all files of this folder share. Each table belongs to the file
 * that is named beside it; only that file changes the table itself.
 */
#pragma once

#include "decode/sink.h"
#include "match/binary.h"
#include "trace/options.h"

struct dfl_trace {
	struct dfl_trace_opts opts;
	const struct dfl_settings *settings; /* those of opts.rules */
	struct dfl_decode_sink sink;
	struct dfl_match *match;
	struct dfl_pieces pieces; /* source.c: of binary texts */
	struct dfl_trace_stats stats;
	uint64_t now_ns;	      /* the newest time stamp of all events */
	bool finishing;		      /* no event comes any more */
	unsigned long alloc_failures; /* the count of base/alloc.h, when it was looked at last … */
	uint64_t alloc_failed_ns;     /* … and when it was seen to have grown; 0: never */

	/* The node that the events come from (trace.c); NULL until it is known. */
	char *node_id, *hostname, *boot_id;
	int64_t realtime_offset_ns; /* UTC minus the clock of the events */

	struct string *strings;	  /* string.c */
	struct proc *procs;	  /* endpoint.c, by pid */
	struct name *names;	  /* endpoint.c, by address */
	struct dfl_op *ops;	  /* op.c, the oldest first */
	unsigned n_ops;		  /* op.c */
	unsigned n_run_slots;	  /* run.c: allocated for the runs of all operations */
	struct bound_id *ids;	  /* request.c, by kind and value */
	struct request *requests; /* lifecycle.c, in the order of their start */
	unsigned n_requests;
	struct request *unsettled, *settled; /* lifecycle.c: each request is in one of them */
	struct request *stale;		     /* request.c: settled ones to be stored again */
	struct request *by_trace_id;	     /* lifecycle.c */
	struct tconn *marked; /* request_conn.c: those with marks, in the order of the newest */
	unsigned n_marked;
	struct past_request *past; /* attribution/past_request.c, in the order of their start */
	struct past_request *past_by_id;

	struct item_table *item_tables; /* item.c */
	struct item *items;		/* item.c, by table and first key */
	struct effect *applied;		/* deposit.c, the newest ones */
	unsigned n_applied;

	/* The number that was given last, of each kind. 0 is no number. */
	uint64_t last_request, last_view, last_op, last_source, last_past;
};
