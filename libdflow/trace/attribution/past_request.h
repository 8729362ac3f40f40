/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Past requests: they are no more in memory, or were before the recorder began. Only fingerprints
 * are left of their text, by which it is known again when it returns as history.
 */
#pragma once

#include "base/hash.h"
#include "trace/source.h"

/* The fingerprints of one text. */
struct past_source {
	struct past_source *next; /* of the request */
	struct past_request *request;
	struct dfl_fingerprint_set *set;
	uint64_t number; /* among the sources */
	const char *field;
	uint64_t canon; /* canonical bytes of the text */
	uint32_t n;	/* fingerprints */
};

struct past_request {
	UT_hash_handle hh;		  /* by trace id */
	struct past_request *prev, *next; /* in the order of their start */
	uint64_t number;
	char trace_id[DFL_TRACE_ID_LEN + 1];
	int64_t started_ns; /* UTC since 1970 */
	char *conversation; /* id; NULL */
	struct past_source *sources;
};

/* As dfl_trace_remember() and dfl_trace_forget_before() of trace.h. */
int dfl_past_remember(struct dfl_trace *t, const struct dfl_past_text *text);
void dfl_past_forget_before(struct dfl_trace *t, int64_t started_ns);

/*
 * The request leaves memory: its fingerprints stay. When the table is full, those of the oldest
 * past request make room.
 */
void dfl_past_keep(struct dfl_trace *t, const struct request *r);
/* Hands the fingerprints of all its text to the store, if it changed since the last time. */
void dfl_past_store(struct dfl_trace *t, struct request *r);
/* The same of the inbound text as soon as it is complete, in case that the recorder is killed. */
void dfl_past_store_inbound(struct dfl_trace *t, struct request *r);
/* Forgets a past request; none of that id is fine. */
void dfl_past_drop(struct dfl_trace *t, const char *trace_id);
void dfl_past_free(struct dfl_trace *t);
