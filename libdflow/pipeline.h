/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the stages: events in; traces out to the store and to callbacks. The only file that knows
 * all of them. One thread; no I/O of its own but through store and recording.
 */
#pragma once

#include <stdint.h>

#include "capture/recording.h"
#include "store/store.h"
#include "doc/doc.h"
#include "rules/rules.h"
#include "trace/trace.h"

struct dfl_pipeline;

struct dfl_pipeline_opts {
	const struct dfl_rules *rules; /* borrowed */
	struct dfl_store *store;       /* borrowed; NULL: none */
	struct dfl_recording *record;  /* borrowed; NULL: none. Gets every event first. */
	void (*on_change)(void *ud, enum dfl_doc_change what,
			  struct dfl_change *change); /* as
							 dfl_trace_opts
						       */
	void *ud;
	uint64_t memory_limit_bytes; /* 0: default 512 MiB */
};

struct dfl_pipeline_stats {
	uint64_t events, bytes, lost_events, lost_bytes, gap_bytes, requests, open_requests, hops,
		settled, dropped;
	/*
	 * Texts of earlier requests, by their fingerprints: in memory; for want of room not; of
	 * another key or damaged.
	 */
	uint64_t old_texts, old_left_out, old_unusable;
};

int dfl_pipeline_new(const struct dfl_pipeline_opts *opts, struct dfl_pipeline **ret_pipeline);
void dfl_pipeline_free(struct dfl_pipeline *p);
/* Takes the fingerprints that the store holds, before the first event. The store's errors. */
int dfl_pipeline_load(struct dfl_pipeline *p, struct dfl_err *err);
/* Traces that started before are not in the store any more. */
void dfl_pipeline_forget_before(struct dfl_pipeline *p, int64_t started_ns);
/* A dfl_event_fn: ud is the pipeline. 0, -ENOMEM, or the store's error. */
int dfl_pipeline_event(void *pipeline, const struct dfl_event *ev);
/* The source ended: flushes, stores what is open (state "open" unless it had settled). */
int dfl_pipeline_finish(struct dfl_pipeline *p);
/*
 * The sentence of the store's error that dfl_pipeline_event or _finish returned; "" none. Borrowed.
 */
const char *dfl_pipeline_error(const struct dfl_pipeline *p);
void dfl_pipeline_stats(const struct dfl_pipeline *p, struct dfl_pipeline_stats *ret_stats);
/*
 * Calls fn for each limit that was reached, with how often. The name is valid for good. fn returns
 * 0 to go on; anything else stops and is returned.
 */
typedef int (*dfl_limit_fn)(void *ud, const char *name, uint64_t hits);
int dfl_pipeline_limits(const struct dfl_pipeline *p, dfl_limit_fn fn, void *ud);
