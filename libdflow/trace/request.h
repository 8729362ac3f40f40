/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the stage remembers it, and the ids that are bound to it. */
#pragma once

#include "base/hash.h"
#include "trace/endpoint.h"

enum {
	MAX_IDS_PER_REQUEST = 1024, /* sessions of plugins come as long as it is open */
	MAX_LATER_HOPS = 4096,	    /* hops of later requests that one request is told of */
};

/* This text was history in a hop of a later request. */
struct later_hop {
	char trace_id[DFL_TRACE_ID_LEN + 1]; /* of the later request */
	uint64_t start_ns;		     /* of that one */
	uint32_t seq;			     /* of the hop */
};

/*
 * One inbound request. Its states (README.md): open, ended, settling, settled. After that it
 * becomes a past request (attribution/past_request.h), and this struct is freed.
 */
struct request {
	struct dfl_trace *trace;
	struct request *prev, *next; /* in the order of their start */
	/* Those that are not settled, in the order of their start; or those that are, in the order
	 * of keep_until_ns. */
	struct request *state_prev, *state_next;
	struct request *stale_prev, *stale_next; /* settled and dirty */
	UT_hash_handle hh;			 /* by trace id */
	uint64_t number;			 /* ascending in that order */
	char trace_id[DFL_TRACE_ID_LEN + 1];
	struct dfl_op *op; /* the inbound operation; NULL: it is not remembered any more */
	const char *operation;
	struct tconn *tc;	     /* it came in on this; holds a reference */
	uint64_t start_ns, ended_ns; /* ended_ns: of its response */
	uint64_t last_ns;	     /* the newest operation in which its text was found */
	uint64_t keep_until_ns;	     /* settled: its text is looked for until then, or longer */
	uint64_t stored_ns;	     /* when the document was stored last */
	bool response_ended;	     /* ended: the response is complete */
	bool settling;		     /* its time is over: no id is waited for any more */
	bool settled;		     /* the document is final but for what is still found */
	bool dirty;	    /* the stored document is out of date; dfl_request_changed() sets it */
	uint64_t news_ns;   /* dirty: news are not stored since then; 0: there are none */
	bool later_pending; /* the numbers of its later hops are not final, and not stored */
	uint64_t printed_bytes;	  /* of all text, when its fingerprints were handed out */
	uint64_t printed_inbound; /* the same of the inbound text */
	char *ids[DFL_N_ID];	  /* the first of each kind; NULL */
	struct dfl_addr client;
	bool have_client, via_alb;
	struct dfl_src *sources; /* its text, by field */
	struct dfl_src *dropped; /* taken out while it settles; runs still point at them */
	unsigned n_sources, n_derived;
	struct bound_id *bound; /* its ids of all kinds */
	unsigned n_bound;
	unsigned cut_derived;	    /* derived texts beyond a limit, which are not looked for */
	struct request_conn *conns; /* those on which something of it was */
	struct conn_part *others; /* settled: what it saw of other connections; holds references */
	size_t n_others;
	struct hop *hops;
	uint64_t newest_ns;		  /* no hop began later */
	uint32_t last_seq;		  /* number of the newest hop */
	uint32_t weak_matches;		  /* runs that are too short to be evidence */
	uint64_t lost_events, lost_bytes; /* while it was not settled */
	uint32_t loss_reasons;		  /* bits: enum dfl_loss_reason */
	bool capped;			  /* a limit cut something off: the trace is not complete */
	unsigned long alloc_failures;	  /* the count of base/alloc.h when it opened */
	bool short_of_memory;		  /* an allocation failed that it may have needed */
	bool text_gap;			  /* a part of its own text was not seen */
	struct later_hop *later;
	size_t n_later;
	struct dfl_doc_link *links;
	size_t n_links;
};

/* Which request an id belongs to. */
struct bound_id {
	UT_hash_handle hh;
	struct bound_id *next;	 /* of its request */
	char key[160];		 /* kind and value */
	struct request *request; /* the newest one, when the id names a conversation */
};

/*
 * Binds an id to the request. The first binding wins; but a conversation goes to its newest
 * request. When the id is another request's file or conversation, the two are linked.
 */
void dfl_request_bind(struct dfl_trace *t, struct request *r, enum dfl_id_kind kind,
		      const char *value);
/* The request that an operation at ts_ns means by this id. NULL: none, or it began later. */
struct request *dfl_request_by_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				  uint64_t ts_ns);
/* The request goes: its ids name nobody any more. */
void dfl_request_unbind(struct dfl_trace *t, struct request *r);
/* The stored document is out of date: something grew or was counted. It may wait some seconds. */
void dfl_request_changed(struct request *r);
/* The same: there is something new, which must be stored within a second. */
void dfl_request_news(struct request *r);
/* … and is up to date again. */
void dfl_request_unchanged(struct request *r);
/* A limit cut something off: its trace is not complete. */
void dfl_request_cap(struct request *r);
/* Links it with another trace, once. why: "file", "conversation". */
void dfl_request_link(struct request *r, const char *trace_id, const char *why);
/*
 * Text of r was found as history in hop seq of the later request. It is stored when that request
 * settles, because until then its numbers change.
 */
void dfl_request_found_later(struct request *r, const struct request *later, uint32_t seq);
/* "POST *": the route of a request of that operation is in no table. */
bool dfl_request_is_route_unknown(const char *operation);
/* Events were lost: all requests that are not settled may lack something. */
void dfl_requests_lost(struct dfl_trace *t, const struct dfl_ev_loss *loss);

/* Its response was complete before that time. */
static inline bool dfl_request_was_over(const struct request *r, uint64_t ts_ns)
{
	return r->response_ended && r->ended_ns < ts_ns;
}

/*
 * It is settling just now: what is not known of its operations will not become known. Between
 * `settling` and `settled` lies one look at all of them.
 */
static inline bool dfl_request_is_last_call(const struct dfl_trace *t, const struct request *r)
{
	return t->finishing || (r->settling && !r->settled);
}
