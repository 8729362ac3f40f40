/* SPDX-License-Identifier: Apache-2.0 */
/* Operations and their views, as the stage remembers them. */
#pragma once

#include "base/buf.h"
#include "base/opacity.h"
#include "trace/deposit.h"
#include "trace/run.h"

enum {
	MAX_OPS_KEPT = 32768,	/* ended operations that an id may still tie to a request … */
	MAX_RUNS_KEPT = 262144, /* … and the text runs of all operations: 36 MiB */
	MAX_IDS_PER_OP = 16,
	MAX_OWNERS = 16, /* requests to which one operation may belong, when that is ambiguous */
};

struct op_id {
	enum dfl_id_kind kind;
	char *value;
};

/*
 * One exchange of a protocol: a request and what answers it. Its states (README.md): open, ended,
 * and kept as long as an id may still tie it to a request.
 */
struct dfl_op {
	struct dfl_op *prev, *next; /* of all that are remembered, the oldest first */
	struct dfl_trace *trace;
	struct tconn *tc; /* holds a reference */
	uint64_t number;
	bool ended;
	const char *protocol, *operation, *place; /* interned; NULL: not known yet */
	enum dfl_residency residency;
	int64_t ttl_s;		     /* -1: none, or unknown */
	enum dfl_dir dir;	     /* in which it was asked */
	enum dfl_station station[2]; /* of its ends, as the protocol told */
	const char *station_rule[2];
	bool may_store;		/* as in struct dfl_op_desc */
	struct verdict verdict; /* of the store that is asked */
	uint32_t pid[2];	/* 0: not seen */
	uint64_t begin_ns, last_ns;
	uint64_t scanned0;	 /* of the connection, when the operation began */
	struct request *request; /* it is the inbound operation of this request */
	bool no_request;	 /* the rules said that it opens no request */

	/* To which request it belongs (attribution/owner.c). */
	struct request *owner; /* NULL: not known, or one of several */
	bool owned_by_id;      /* an id said so, not text */
	struct {
		uint64_t view, from, to;
	} owner_text; /* the text that told the owner, when no id did; view 0: none */
	struct request *maybe[MAX_OWNERS]; /* no owner: the requests whose texts tell the same */
	unsigned n_maybe;

	struct dfl_addr client;
	bool have_client, via_alb;
	struct op_id ids[MAX_IDS_PER_OP];
	unsigned n_ids;
	bool names_message; /* one of the ids is of a message */
	struct text_run *runs;
	unsigned n_runs, cap_runs;
	unsigned n_new_runs; /* since the beaten ones were dropped last */
	unsigned n_known;    /* goes up when more is known of it: a run, an id */
	struct past_run *past_runs;
	unsigned n_past_runs, cap_past_runs;
	bool changed;	 /* something new is known since it was judged last */
	bool answers[2]; /* by direction: an answer is told there */
	bool no_wait;	 /* it is let go: its ids are told now or never */
	unsigned open_views;
};

static inline struct run_list dfl_op_text_runs(const struct dfl_op *op)
{
	return (struct run_list){ op->runs, sizeof(*op->runs), op->n_runs };
}

static inline struct run_list dfl_op_past_runs(const struct dfl_op *op)
{
	return (struct run_list){ op->past_runs, sizeof(*op->past_runs), op->n_past_runs };
}

/* One leaf of an operation in which text is looked for. */
struct dfl_view {
	struct dfl_op *op;
	struct dfl_match_view *match;
	uint64_t number;
	const char *place;	      /* NULL: the operation's */
	const char *holds;	      /* as in struct text_run */
	enum dfl_residency residency; /* UNKNOWN: the operation's */
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t first_ns; /* of its first byte */
	struct dfl_opacity opacity;
	struct dfl_binary_view *binary; /* opaque.c; NULL: no binary text is looked for */
	uint64_t coded_opaque;		/* bytes of base64 and hex that decode to no text … */
	uint64_t opaque; /* … and all that count as unread, because they are no text */

	/* The rest is of text that may become derived payload (attribution/derived.c). */
	const char *derives;		/* its kind, "answer"; NULL: none of the rest is used */
	bool relay;			/* it may be only a part of such a text */
	struct dfl_buf held;		/* the text so far, until it is decided whose it is */
	uint64_t held_pos, held_pos_to; /* where that stands in the stream */
	bool decided;
	unsigned asked;		 /* n_known of the operation at the last try */
	struct dfl_src *derived; /* the sources made of it, by next_twin: one for each request that
				     it may belong to */
};

/* NULL without memory. Takes a reference to the connection. */
struct dfl_op *dfl_op_new(struct dfl_trace *t, struct tconn *tc, uint64_t ts_ns);
/* Forgets the operation and frees it. */
void dfl_op_free(struct dfl_trace *t, struct dfl_op *op);
bool dfl_op_has_id(const struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len);
/* Takes over what the decoder says now; what it does not say stays as it is. */
void dfl_op_describe(struct dfl_trace *t, struct dfl_op *op, const struct dfl_op_desc *d);
/* A statement whose verb or table is still to come: its hops wait for their name. */
bool dfl_op_is_unnamed(const struct dfl_op *op);
/* Of HTTP: its route is in no table. */
bool dfl_op_is_route_unknown(const struct dfl_op *op);
/* It names a message, and that is not the request's. */
bool dfl_op_is_of_other_message(const struct dfl_op *op, const struct request *r);

/* The request goes: no operation points at it any more. */
void dfl_ops_forget_request(struct dfl_trace *t, struct request *r);
/* The past source goes: no run points at it any more. */
void dfl_ops_forget_past(struct dfl_trace *t, const struct past_source *s);
void dfl_ops_free(struct dfl_trace *t);
