/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace stage remembers; for the files of this folder. */
#pragma once

#include "base/buf.h"
#include "base/hash.h"
#include "base/ranges.h"
#include "match/match.h"
#include "trace/trace.h"

/* Limits; what they cut is counted in dfl_trace_stats. */
enum {
	MAX_OPS_KEPT = 32768,	/* ended operations that may still be tied by an id … */
	MAX_RUNS_KEPT = 262144, /* … and the runs of all operations: 36 MiB */
	MAX_RUNS_PER_OP = 512,
	MAX_OLD_RUNS_PER_OP = 256, /* found by fingerprints */
	RUNS_TO_TIDY = 32,
	MAX_IDS_PER_OP = 16,
	MAX_IDS_PER_REQUEST = 1024, /* bound to it; sessions of plugins come as long as it is open
				     */
	MAX_CONNS_PER_REQUEST = 4096,
	MAX_HOPS_PER_REQUEST = 2048,
	MAX_STRINGS = 65536,
	MAX_NAMES = 65536,
	MAX_PROCS = 65536,
	MAX_FIELDS_PER_REQUEST = 64,
	MAX_DERIVED_PER_REQUEST = 1024, /* texts; vectors share a field, each other has one of its
					   own */
	MAX_COPIES = 256,		/* of one field in one hop */
	ANSWER_HEAD = 256, /* bytes of an answer that tell an echo from another answer */
	ANSWER_SURE = 24,  /* bytes after which that is decided */
	ANSWER_HELD_MAX = 65536,
	BEGUN_PERCENT = 50,  /* of a text that is here whole, when it is one that still comes in */
	MAX_CANDIDATES = 64, /* of one hop */
	MAX_OWNERS = 16,     /* requests that an operation may be of: ambiguous */
	MAX_REPLAYS_TOLD = 4096, /* hops of later requests that one request is told of */
};

/* What counts as a content hop (docs/accuracy.md says why). */
enum {
	RUN_SURE = 64, /* canonical bytes */
	RUN_FULL = 32, /* canonical bytes, when it is also nearly the whole field */
	FULL_PERCENT = 90,
	KNOWN_PERCENT = 75,  /* of a derived text, when it is no other than one that came before */
	LISTED_PERCENT = 50, /* of a list, when it is one of such */
	RUN_WEAK = 12, /* below that: only in tied operations; a 20-character title in English has
			  about 15 */
};

/*
 * What counts when only fingerprints are left, unless both are of one conversation
 * (docs/canonical.md says why).
 */
enum {
	SPAN_SURE = 192, /* canonical bytes from the first to the last, of a text that returns in
			    part */
	PRINTS_FULL = 4, /* fingerprints of a text that returns whole … */
	SPAN_SLACK = 32, /* … of which at most so much, or a tenth, lies outside of their span */
};

struct proc {
	UT_hash_handle hh;
	uint32_t pid;
	bool exited;
	enum dfl_station station;
	const char *rule;
	const char *comm;
	const char *container_id, *container_name, *image, *pod, *namespace_, *task;
	const char *blind_why;
};

/* Host name of an address by a DNS answer. */
struct name {
	UT_hash_handle hh;
	struct dfl_addr addr; /* port 0 */
	const char *name;
};

/* A connection as the traces need it; outlives the stream's while a request refers to it. */
struct tconn {
	struct dfl_conn *conn; /* NULL after it closed */
	struct tconn *prev, *next;
	unsigned refs;
	uint64_t id;
	enum dfl_medium medium;
	bool tap;
	bool forwarded; /* its requests carry what a load balancer adds */
	struct dfl_conn_end end[2];
	char *path;
	bool encrypted, plain_seen, tls_read; /* TLS on the wire; plaintext protocol on the wire;
						 its plaintext is read */
	bool unreadable;		      /* plaintext passed that no decoder can read */
	struct dfl_tls_info *tls;
	const char *protocol;		     /* by a decoder */
	enum dfl_station server;	     /* by its protocol */
	uint64_t scanned, unread, gap_bytes; /* so far */
	uint64_t wire_bytes;		     /* both directions */
	uint64_t cipher_bytes[2];	     /* by direction, until their plaintext is seen */
	uint64_t n_requests;		     /* inbound */
	uint64_t seen_request;		     /* requests up to this number have an entry for it */
	bool of_others;			     /* carried content of some request */
};

/* How much one request saw of a connection. */
struct rconn {
	UT_hash_handle hh;
	struct tconn *tc; /* holds a reference */
	uint64_t scanned0, unread0, gap0, matched;
	uint64_t scanned, unread, gap; /* set when it closed or at the end */
	bool closed, mine;
};

struct dfl_src {
	struct dfl_src *next;
	struct request *request; /* NULL: the request is gone, what follows is swallowed */
	struct dfl_match_source *match;
	uint64_t number;
	const char *field;
	const char *derived_from;  /* operation; NULL: inbound */
	const char *kind;	   /* derived: "answer", "chunk", … */
	bool is_chunk;		   /* it stands in a store, where others can get the same text */
	uint64_t op;		   /* number of the operation it came from */
	uint64_t asked_ns;	   /* derived: when that was asked for, at the latest */
	uint64_t view;		   /* derived: number of the view it came from */
	struct dfl_view *from;	   /* derived: that view, while it appends */
	struct dfl_src *next_twin; /* derived: the same text, for another request that it may be of
				    */
	bool shared;		   /* derived: it came with twins */
	bool claimed;		   /* derived: an id said that it is this request's */
	bool open;		   /* inbound: the decoder holds it */
	bool cut;		   /* a limit kept the rest of it out: its length is not known */
	uint64_t begin_ns;
	uint64_t pos_from, pos_to; /* where it stood in its stream */
	uint32_t canon_from;	   /* that, from there on: vectors came before */
	uint64_t raw_from;
	enum dfl_dir dir;
	uint8_t head[ANSWER_HEAD]; /* derived: tells an echo from another answer */
	uint32_t head_len;
};

/* A request of which only fingerprints are left. */
struct old {
	UT_hash_handle hh;
	struct old *prev, *next; /* by start */
	uint64_t number;
	char trace_id[DFL_TRACE_ID_LEN + 1];
	int64_t started_ns; /* UTC */
	char *conversation;
	struct old_field {
		struct old_field *next;
		struct old *old;
		struct dfl_fingerprint_set *set;
		uint64_t number; /* among the sources */
		const char *field;
		uint64_t canon;
		uint32_t n; /* fingerprints */
	} * fields;
};

struct hop_key {
	const struct tconn *tc;
	const char *operation, *place; /* interned */
	uint64_t source;	       /* number */
	char replayed_from[DFL_TRACE_ID_LEN + 1];
	uint8_t dir;
	bool ambiguous; /* it may be of others as well: hop.candidates */
};

/* One operation × one place × one field on one connection. */
struct hop {
	UT_hash_handle hh;
	struct hop_key key;
	struct tconn *tc; /* holds a reference */
	uint32_t seq;
	const char *protocol, *field;
	enum dfl_station station[2]; /* told by the operation; UNKNOWN: ask the rules */
	const char *station_rule[2];
	uint32_t pid[2];
	enum dfl_layer layer;
	enum dfl_residency residency;
	int64_t ttl_s;
	struct dfl_ranges canon, raw, wire; /* of the field, and stream positions */
	const struct dfl_src *source;	    /* the request's own text; NULL: it is another's */
	uint64_t source_canon;		    /* size of that when the hop last changed */
	uint8_t *seen; /* which fingerprints were found; then canon and raw are not known */
	uint32_t n_prints, distinct, print_hits; /* of the field; found; found again and again */
	struct copy {
		uint64_t from, to; /* stream positions */
		uint32_t len;	   /* canonical bytes */
	} * copies;
	size_t n_copies;
	uint32_t encodings;
	uint32_t common_sources;
	bool by_id;
	uint64_t first_ns, last_ns, removed_ns;	  /* removed_ns 0: not seen to be removed */
	char (*candidates)[DFL_TRACE_ID_LEN + 1]; /* ambiguous: whose it may be */
	size_t n_candidates;
	bool candidates_cut; /* there are more */
};

struct bound_id {
	UT_hash_handle hh;
	char key[160];		 /* kind and value */
	struct request *request; /* the newest, for conversations */
};

/* The text of a request was seen again, in this hop of a later one. */
struct replay {
	char trace_id[DFL_TRACE_ID_LEN + 1];
	uint64_t start_ns;
	uint32_t seq;
};

struct request {
	struct request *prev, *next; /* by start */
	uint64_t number;
	char trace_id[DFL_TRACE_ID_LEN + 1];
	uint64_t op; /* number of the inbound operation */
	const char *operation;
	struct tconn *tc;
	uint64_t start_ns, ended_ns, last_ns, stored_ns;
	uint64_t printed_bytes, printed_inbound; /* of its text, when its fingerprints were stored:
						    of all, of what came in */
	bool settled, dirty;
	bool settling; /* no id that ties an operation to it is waited for any more */
	char *ids[DFL_N_ID];
	struct dfl_addr client;
	bool have_client, via_alb;
	struct dfl_src *sources;
	struct dfl_src *dropped;		/* when it settles; runs still name them */
	unsigned n_sources, n_derived, n_bound; /* n_bound: ids */
	unsigned cut_derived;			/* beyond a limit: they are not looked for */
	bool response_ended;
	struct rconn *conns;
	struct hop *hops;
	uint64_t newest_ns; /* no hop began later */
	uint32_t next_seq;
	uint32_t weak_matches;
	uint64_t lost_events, lost_bytes;
	uint32_t loss_reasons; /* bits: enum dfl_loss_reason */
	bool capped;
	bool text_gap; /* a part of its text was not seen */
	struct replay *replayed_in;
	size_t n_replayed_in;
	struct dfl_doc_link *links;
	size_t n_links;
};

struct op_id {
	enum dfl_id_kind kind;
	char *value;
};

/* A run that match found, with what is known of where it was found. */
struct op_run {
	struct dfl_src *source; /* NULL: its request is gone */
	const char *place;
	const char *holds; /* what the place is made for, by the decoder's word: "chunk"; NULL
			      unknown */
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t view; /* number: only runs of one view can overlap */
	enum dfl_residency residency;
	int64_t ttl_s;
	struct dfl_run run;
	bool counted; /* is in a hop */
	bool weak;    /* is in weak_matches, may still be tied */
	bool tied;    /* others explain the same bytes as well */
	bool content; /* its group (attribute.h) is evidence without anything else … */
	bool doubted; /* … and something of it is tied */
	bool beaten;  /* another source explains the same bytes better */
	bool out;     /* it explains nothing: chunks of another request, a document that is here as
			 chunks */
	bool own;     /* it is the very text that became the source */
	bool final;   /* its view is closed: all runs that compete with it are here */
};

/* The same of fingerprints. */
struct old_run {
	struct old_field *field; /* NULL: it was forgotten */
	const char *place;
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t view;
	enum dfl_residency residency;
	int64_t ttl_s;
	uint32_t encodings;
	uint64_t pos_from, pos_to, reach_from, reach_to;
	uint32_t span, hits, distinct, others;
	uint64_t ts_first_ns, ts_last_ns;
	uint8_t *seen;
	bool counted, beaten, final;
};

struct dfl_op {
	struct dfl_op *prev, *next; /* all operations that are remembered */
	struct dfl_trace *trace;
	struct tconn *tc;
	uint64_t number;
	bool ended;
	const char *protocol, *operation, *place;
	enum dfl_residency residency;
	int64_t ttl_s;
	enum dfl_dir dir;
	enum dfl_station station[2];
	const char *station_rule[2];
	uint32_t pid[2];
	uint64_t begin_ns, last_ns;
	uint64_t scanned0;	 /* of the connection, when it began */
	struct request *request; /* it is this request's inbound operation */
	struct request *owner;	 /* whose operation it is, as far as known */
	bool owned_by_id;
	struct {
		uint64_t view, from, to; /* where the text stands that told the owner, when no id
					    did */
	} told;
	struct request *maybe[MAX_OWNERS]; /* no owner: whose it may be, when several requests'
					      texts tell the same */
	unsigned n_maybe;
	struct dfl_addr client;
	bool have_client, via_alb;
	struct op_id ids[MAX_IDS_PER_OP];
	unsigned n_ids;
	struct op_run *runs;
	unsigned n_runs, cap_runs, since_tidy;
	struct old_run *olds;
	unsigned n_olds, cap_olds;
	bool changed;	 /* runs since the last evaluation */
	bool answers[2]; /* by direction: an answer is told there */
	bool no_request; /* the rules said that it is none */
	bool no_wait;	 /* it is let go: its ids are told now or never */
	unsigned open_views;
};

struct dfl_view {
	struct dfl_op *op;
	struct dfl_match_view *match; /* NULL: out of memory, swallows what follows */
	uint64_t number;
	const char *place;
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t first_ns, last_ns;
	const char *holds; /* as of a run */
	/* text that may become a derived payload */
	const char *derives;
	bool relay; /* it may be a part of that */
	struct dfl_buf held;
	uint64_t held_pos, held_pos_to;
	bool decided;
	unsigned asked;		 /* how much was known of the operation when that was tried last */
	struct dfl_src *answers; /* it is the origin of these, by next_twin: one for each request it
				    may be of */
};

struct dfl_trace {
	struct dfl_trace_opts opts;
	const struct dfl_settings *settings;
	struct dfl_decode_sink sink;
	struct dfl_match *match;
	struct dfl_trace_stats stats;
	uint64_t now_ns;
	/* facts.c */
	char *node_id, *hostname, *boot_id;
	int64_t realtime_offset_ns;
	struct proc *procs;
	struct name *names;
	struct string *strings;
	struct tconn *tconns;
	struct dfl_op *ops; /* utlist, by begin */
	unsigned n_ops;
	unsigned n_run_slots;	  /* of all operations */
	struct request *requests; /* utlist, by start */
	unsigned n_requests;
	struct bound_id *ids;
	struct old *olds; /* utlist, by start */
	struct old *old_by_id;
	bool finishing; /* nothing comes any more */
	uint64_t next_request, next_view, next_op, next_source, next_old;
};

/* facts.c */
const char *dfl_trace_string(struct dfl_trace *t, const char *s); /* interned; NULL and "" give
								     NULL; "*" when full */
void dfl_trace_proc(struct dfl_trace *t, const struct dfl_ev_proc *ev, uint64_t ts_ns);
struct proc *dfl_trace_find_proc(struct dfl_trace *t, uint32_t pid);
void dfl_trace_name(struct dfl_trace *t, const char *name, const struct dfl_addr *addr);
const char *dfl_trace_find_name(const struct dfl_trace *t, const struct dfl_addr *addr);
struct tconn *dfl_tconn_ref(struct tconn *tc);
void dfl_tconn_unref(struct dfl_trace *t, struct tconn *tc);
/*
 * Borrowed until the connection's facts change; NULL: none. ret_evidence: "sni", "dns", "config" or
 * NULL.
 */
const char *dfl_tconn_name(struct dfl_trace *t, const struct tconn *tc, enum dfl_end end,
			   const char **ret_evidence);
void dfl_facts_free(struct dfl_trace *t);

/* Which station an end of a connection is, and by which rule. */
struct end_question {
	const struct tconn *tc;
	enum dfl_end end;
	uint32_t pid; /* 0: none seen */
	const char *operation, *place;
	enum dfl_station told; /* by the operation */
	const char *told_rule;
};
struct dfl_station_answer dfl_trace_station(struct dfl_trace *t, const struct end_question *q);

/* request.c */
struct request *dfl_request_open(struct dfl_trace *t, struct dfl_op *op); /* NULL: the operation is
									     no request */
void dfl_request_bind(struct dfl_trace *t, struct request *r, enum dfl_id_kind kind,
		      const char *value);
/* The request that the id was bound to when an operation began then; NULL. */
struct request *dfl_request_by_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				  uint64_t ts_ns);
struct dfl_src *dfl_request_source(struct dfl_trace *t, struct request *r, const char *field,
				   uint64_t ts_ns);
/* While it settles: operations forget it, and it is freed, right after. */
void dfl_request_drop_source(struct dfl_trace *t, struct request *r, struct dfl_src *s);
/* The decoder ends an inbound source; frees one whose request is gone. */
void dfl_source_ended(struct dfl_src *s);
void dfl_source_append(struct dfl_trace *t, struct dfl_src *s, const void *data, size_t len,
		       uint64_t pos, uint64_t pos_len);
void dfl_request_changed(struct dfl_trace *t, struct request *r, enum dfl_doc_change what,
			 const struct hop *hop);
/* Once for each other trace. why: static. */
void dfl_request_link(struct request *r, const char *trace_id, const char *why);
void dfl_request_replayed(struct request *r, const struct request *in, uint32_t seq);
void dfl_requests_tick(struct dfl_trace *t);
void dfl_requests_lost(struct dfl_trace *t, const struct dfl_ev_loss *loss);
/*
 * What is known of the connection ends at a limit: so does what is known of the requests that use
 * it.
 */
void dfl_requests_limited(struct dfl_trace *t, struct tconn *tc);
void dfl_requests_finish(struct dfl_trace *t);
void dfl_requests_free(struct dfl_trace *t);

/* conns.c: what each request saw of each connection */
void dfl_conn_touch(struct dfl_trace *t, struct tconn *tc); /* before its counters change */
struct rconn *dfl_request_conn(struct dfl_trace *t, struct request *r, struct tconn *tc);
void dfl_rconn_now(const struct rconn *rc, uint64_t *ret_scanned, uint64_t *ret_unread,
		   uint64_t *ret_gap);
void dfl_request_conns_freeze(struct request *r);
void dfl_request_conns_free(struct dfl_trace *t, struct request *r);

/* attribute.c */
void dfl_attribute_run(void *trace, void *view, void *source,
		       const struct dfl_run *run); /* dfl_match_run_fn
						    */
void dfl_attribute_view_closed(struct dfl_view *v);
void dfl_attribute_op(struct dfl_trace *t, struct dfl_op *op); /* turns its runs into hops */
struct request *dfl_attribute_owner(struct dfl_trace *t, struct dfl_op *op); /* whose operation it
										is; NULL */
/*
 * The same, or all requests whose equal texts are in it. Returns how many: 0, 1, or up to
 * MAX_OWNERS.
 */
unsigned dfl_attribute_owners(struct dfl_trace *t, struct dfl_op *op, struct request **ret_owners);
void dfl_attribute_late(struct dfl_trace *t); /* looks again at what was weak */

/* olds.c */
void dfl_past_keep(struct dfl_trace *t, const struct request *r); /* it leaves memory */
void dfl_past_store(struct dfl_trace *t, struct request *r); /* hands its fingerprints to the store,
								when they changed */
/* Those of what came in, once that is whole: they are there also when the recorder is killed. */
void dfl_past_store_inbound(struct dfl_trace *t, struct request *r);
void dfl_past_drop(struct dfl_trace *t, const char *trace_id);
void dfl_past_free(struct dfl_trace *t);

/* replay.c */
void dfl_history_run(void *trace, void *view, void *set,
		     const struct dfl_fingerprint_run *run); /* dfl_fingerprint_fn
							      */
void dfl_history_view_closed(struct dfl_view *v);
void dfl_history_op(struct dfl_trace *t, struct dfl_op *op, struct request *owner); /* makes hops of
										      them */
/*
 * Does an older text explain these bytes of a run better, because it goes on where the run's ends?
 */
bool dfl_history_beats(const struct dfl_op *op, const struct op_run *run);
uint32_t dfl_fingerprint_union(uint8_t *seen, const uint8_t *more, uint32_t n); /* returns how many
									      bits are set */
void dfl_history_tell(struct dfl_trace *t, const struct request *r); /* tells the stored requests
								       whose text returned */
void dfl_history_forget(struct dfl_trace *t, const struct old_field *f);
void dfl_history_free(struct dfl_op *op);

/* hop.c */
struct hop_add {
	struct request *request;
	struct dfl_op *op;
	struct dfl_src *source;
	struct old_field *old; /* instead of source */
	const char *place;
	const char *replayed_from; /* trace id; NULL */
	enum dfl_dir dir;
	enum dfl_layer layer;
	enum dfl_residency residency;
	int64_t ttl_s;
	bool by_id;
	bool ambiguous;
	const struct dfl_src *twins; /* the requests of these are candidates */
};
struct hop *dfl_hop_get(struct dfl_trace *t, const struct hop_add *a, bool *ret_new);
void dfl_hop_add_run(struct hop *h, const struct dfl_run *run);
void dfl_hop_add_old(struct hop *h, const struct old_run *run);
uint32_t dfl_hop_occurrences(const struct hop *h);
/*
 * The hop by which a field came in, or by which a model's answer came: all of it, by the decoder's
 * word.
 */
void dfl_hop_whole(struct dfl_trace *t, const struct hop_add *a);
/*
 * The operation takes something away: from the one request that has text there, if it is just one.
 */
void dfl_hop_removed(struct dfl_trace *t, const struct dfl_op *op);
void dfl_hop_candidate(struct dfl_trace *t, struct hop *h, const char *trace_id);
void dfl_hop_free(struct dfl_trace *t, struct hop *h);
/*
 * Of one source of the request: all its hops go, have its name, or are not another's (false: none
 * was).
 */
void dfl_hops_drop(struct dfl_trace *t, struct request *r, const struct dfl_src *s);
void dfl_hops_rename(struct request *r, const struct dfl_src *s);
bool dfl_hops_no_candidate(struct request *r, const struct dfl_src *s, const struct request *other);

/* ops.c */
void dfl_ops_sink(struct dfl_trace *t, struct dfl_decode_sink *sink); /* fills in its functions */
void dfl_ops_forget_sources(struct dfl_trace *t); /* those that are not looked for any more (match
						     NULL) */
void dfl_ops_forget_request(struct dfl_trace *t, const struct request *r);
void dfl_ops_expire(struct dfl_trace *t);
void dfl_ops_free(struct dfl_trace *t);

bool dfl_source_is(const struct dfl_src *s, const char *name); /* "chunk" is the name of "chunk.2"
								  too */
/* Uploaded: it goes into stores, and comes back by itself. */
bool dfl_field_is_document(const char *field);
bool dfl_source_is_document(const struct dfl_src *s);

/* answer.c */
void dfl_derived_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len);
void dfl_derived_close(struct dfl_view *v);
void dfl_derived_forget(struct dfl_src *s); /* its request goes */
/*
 * The request is settled: what was only perhaps its answer, and is another's by an id, is not its.
 */
void dfl_derived_settle(struct dfl_trace *t, struct request *r);

/* build.c */
int dfl_build_doc(struct dfl_trace *t, struct request *r, struct dfl_doc **ret_doc);
/*
 * What costs the same however much the request has: no lists but the one hop, if any; completeness
 * is not told.
 */
int dfl_build_head(struct dfl_trace *t, struct request *r, const struct hop *only,
		   struct dfl_doc **ret_doc);
size_t dfl_build_hop_index(const struct request *r, const struct hop *h); /* where it is in the
									     whole document */
int dfl_hop_order(const struct hop *a, const struct hop *b);		  /* by time */

/* change.c */
void dfl_change_tell(struct dfl_trace *t, struct request *r, enum dfl_doc_change what,
		     const struct hop *hop);
