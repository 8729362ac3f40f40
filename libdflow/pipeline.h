/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the stages: events go in; traces come out, to the store and to a callback. It is the only
 * file that knows all stages.
 *
 *     dfl_pipeline_event() ─► trace (facts about processes, time)
 *                          └► stream ─► trace, decode      connections, bytes in order, gaps
 *                                       decode ─► trace    operations, views, sources
 *                                                 trace ⇄ match
 *                             on_change, store ◄─ trace    changes, documents, fingerprints
 *
 * All of it happens within the call that gave the event, on the caller's thread. Each arrow is a
 * function call; nothing is queued between stages. A pipeline does no I/O of its own: the store and
 * the recording do, which the caller opened.
 */
#pragma once

#include <stdint.h>

#include "base/log.h"
#include "capture/recording.h"
#include "store/outbox.h"
#include "doc/doc.h"
#include "rules/rules.h"
#include "trace/trace.h"

struct dfl_pipeline;

/* All pointers are borrowed and outlive the pipeline. */
struct dfl_pipeline_opts {
	const struct dfl_rules *rules;
	struct dfl_outbox *store;     /* NULL: traces are not stored */
	struct dfl_recording *record; /* gets every event before the stages; NULL: none */
	/* As in struct dfl_trace_opts. NULL: nobody listens. It must not call the pipeline. */
	void (*on_change)(void *ud, enum dfl_doc_change what, struct dfl_change *change);
	void *ud;
	uint64_t memory_limit_bytes; /* of the tables of all stages; 0: 512 MiB */
	struct dfl_log log;	     /* gets when losses begin and end; zero: nobody */
};

/* Counted since the start. */
struct dfl_pipeline_stats {
	uint64_t events;
	uint64_t bytes;			  /* that the streams gave on, in order */
	uint64_t lost_events, lost_bytes; /* that the source told as lost */
	uint64_t gap_bytes;		  /* that the streams found missing */
	uint64_t requests, open_requests, hops, settled, dropped;
	/*
	 * Texts of past requests, known by their fingerprints: those in memory; those left out for
	 * want of room; those of no use (another key, other rules of the canonical form, damaged).
	 */
	uint64_t old_texts, old_left_out, old_unusable;
};

/* 0 or -ENOMEM. Free it with dfl_pipeline_free(). */
int dfl_pipeline_new(const struct dfl_pipeline_opts *opts, struct dfl_pipeline **ret_pipeline);

/* Without dfl_pipeline_finish() before it, what is not stored yet is lost. NULL is allowed. */
void dfl_pipeline_free(struct dfl_pipeline *p);

/*
 * Gives the fingerprints in the store to the trace stage. Call it once, before the first event.
 * Returns 0 or the store's error, with its sentence in err (may be NULL).
 */
int dfl_pipeline_load(struct dfl_pipeline *p, struct dfl_err *err);

/* The store dropped what started before (UTC): those texts are not looked for any more. */
void dfl_pipeline_forget_before(struct dfl_pipeline *p, int64_t started_ns);

/*
 * Takes one event. It is a dfl_event_fn, so a source of events calls it; ud is the pipeline.
 * Returns 0, or the first error of writing the store or the recording. After an error it may be
 * called on: the stages go on, and the same error comes again. An event for which there is no
 * memory is lost, and the traces that it may have touched say so.
 */
int dfl_pipeline_event(void *pipeline, const struct dfl_event *ev);

/*
 * Commits now what is to be stored. Ticks commit too, by the clock of the events. That clock is
 * slow in a backlog, so a caller who knows the time calls this. Returns 0 or the first error of the
 * store.
 */
int dfl_pipeline_commit(struct dfl_pipeline *p);

/*
 * No more events come. Flushes the streams and stores every trace; those that have not settled are
 * stored as open. Returns 0 or the first error of the store. May be called twice.
 */
int dfl_pipeline_finish(struct dfl_pipeline *p);

/* The sentence of the store's first error; "": there was none. Borrowed from the pipeline. */
const char *dfl_pipeline_error(const struct dfl_pipeline *p);

void dfl_pipeline_stats(const struct dfl_pipeline *p, struct dfl_pipeline_stats *ret_stats);

/* Gets a limit that was reached, and how often. Returns 0 to go on. */
typedef int (*dfl_limit_fn)(void *ud, const char *name, uint64_t hits);

/*
 * Calls fn for each limit of all stages that was reached. The name is valid for good. Returns 0, or
 * what fn returned to stop.
 */
int dfl_pipeline_limits(const struct dfl_pipeline *p, dfl_limit_fn fn, void *ud);
