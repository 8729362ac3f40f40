/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdflow: where has the text of this chat message been?
 *
 * The parts, the simple one first: reading a store, replaying a file, recording (driven by the
 * caller's event loop), checking what this host allows. docs/library.md is the guide to it.
 *
 * Results: a function returns 0 (or a count, where said) for success and a negative errno for
 * failure. Outputs are named ret_… and are untouched on failure. The exception is `ret_error`: it
 * may be NULL; else it gets a sentence for a person, which says what is wrong and what to do next.
 *
 * Structs that begin with `sz`: set `sz` to sizeof(the struct) and zero the rest before the call,
 * also in structs that the call fills. Zero is the default of every option. Later versions only add
 * members at the end, so programs and libraries of different versions work together:
 * - sz is 0, or smaller than in the first version of the struct: -EINVAL.
 * - The struct is longer than the library knows, and the rest is zero: fine. The caller asks for
 *   nothing that the library lacks. Members that the library does not know stay zero.
 * - The struct is longer, and the rest is not zero: -E2BIG. The caller wants something that this
 *   library cannot do.
 * - The struct is shorter than the library knows: fine. The library uses the defaults.
 *
 * In structs that the library hands to a callback, the library sets sz. A member is there if it
 * lies within sz.
 *
 * Ownership: what a function returns through `**ret_` belongs to the caller, who frees it with the
 * function that is named there. Plain returned pointers and strings in filled structs are borrowed:
 * they live as long as the object they were asked of. Every destructor takes NULL. Strings are
 * NUL-terminated UTF-8 without control characters; NULL means unknown.
 *
 * Threads: libdflow starts no threads. One thread at a time may use an object; different threads
 * may use different objects at once. Any number of readers may read a store while one recorder
 * writes it.
 *
 * Global state: the library keeps none of its own, so that any number of its objects can be used
 * side by side. dflow_recorder_new() says what it changes of the process.
 *
 * Units are in the names: _ns nanoseconds, _s seconds, _bytes bytes. Times of day are nanoseconds
 * since 1970 UTC.
 *
 * The library never prints, exits or aborts, and never changes signal handlers.
 */
#ifndef DFLOW_H
#define DFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DFLOW_API __attribute__((visibility("default")))
#else
#define DFLOW_API
#endif

/* ======== Versions ======== */

/* The version of this header. */
#define DFLOW_VERSION_MAJOR 0
#define DFLOW_VERSION_MINOR 1
#define DFLOW_VERSION_PATCH 0

/* One number that can be compared: #if DFLOW_VERSION_NUMBER >= 200 means 0.2.0 or later. */
#define DFLOW_VERSION_NUMBER                                                                       \
	(DFLOW_VERSION_MAJOR * 10000 + DFLOW_VERSION_MINOR * 100 + DFLOW_VERSION_PATCH)

/* The version of the library that runs: "0.1.0". Static storage. */
DFLOW_API const char *dflow_version(void);

/* The same as a number, to be compared with DFLOW_VERSION_NUMBER. */
DFLOW_API unsigned dflow_version_number(void);

/* ======== Errors and log lines ======== */

/* What an error is about. */
enum dflow_about {
	DFLOW_ABOUT_CALL,   /* the arguments: an id that is not there, a bad option */
	DFLOW_ABOUT_CONFIG, /* the configuration file */
	DFLOW_ABOUT_STORE,  /* the store */
	DFLOW_ABOUT_FILE,   /* a recording or packet capture */
	DFLOW_ABOUT_HOST    /* privileges, kernel, targets */
};

/* The sentence that goes with an error. Never holds payload. This struct does not grow. */
struct dflow_error {
	enum dflow_about about;
	char message[252];
};

/* How important a log line is. */
enum dflow_log_level {
	DFLOW_LOG_ERROR, /* something that the caller asked for was given up */
	DFLOW_LOG_WARN,	 /* it goes on, but less is seen than was hoped for */
	DFLOW_LOG_INFO,	 /* what an operator wants to know once */
	DFLOW_LOG_DEBUG	 /* for developers; may be many lines */
};

/*
 * Gets what the library has to say besides errors. line: NUL-terminated, no newline at its end,
 * never payload; borrowed until the function returns. It is called in the thread that called the
 * library, before that call returns. It must not call the object that speaks.
 */
typedef void (*dflow_log_fn)(void *ud, enum dflow_log_level level, const char *line);

/* ======== Reading a store ======== */

struct dflow_store;  /* a store opened for reading */
struct dflow_traces; /* the traces that one id names, in memory */
struct dflow_cursor; /* walks over many traces */
struct dflow_trace;  /* one request and where its text went */

/*
 * Opens a store for reading. Close it with dflow_store_close(), after its cursors.
 * Errors: -ENOENT no store is there; -EACCES no permission; -EBADMSG it is no store, or damaged;
 * -EPROTO another version of dflow wrote it; -ENOMEM.
 */
DFLOW_API int dflow_store_open(const char *path, struct dflow_store **ret_store,
			       struct dflow_error *ret_error);
DFLOW_API void dflow_store_close(struct dflow_store *store);

/*
 * Finds the requests that an id names, in the order of their start. An id is: X-Amzn-Trace-Id,
 * X-Request-Id, traceparent, message_id, task_id, conversation_id, workflow_run_id, upload_file_id,
 * document_id (of what was uploaded), or dflow's own trace id. The beginning of an id is enough if
 * it has at least 4 characters and fits only one. A conversation_id names all requests of the
 * conversation. Free the list with dflow_traces_free().
 * Errors: -ENOENT no request has such an id; -ENOTUNIQ the beginning fits several, and
 * dflow_store_candidates() tells them; -EINVAL it is shorter than 4 characters; -EBADMSG, -EIO,
 * -EAGAIN the store cannot be read; -ENOMEM.
 */
DFLOW_API int dflow_store_find(struct dflow_store *store, const char *id,
			       struct dflow_traces **ret_traces, struct dflow_error *ret_error);

/* How to wait. */
struct dflow_wait_opts {
	size_t sz;
	uint64_t timeout_ns; /* give up after this long; 0: never */
	int cancel_fd; /* give up when it is readable; it is not read. 0 or less: none, so standard
			  input cannot be used */
	/*
	 * Asked several times a second, and after each signal that this thread handled. 0 goes on;
	 * a negative number gives up, and dflow_store_wait() returns it. NULL: none.
	 */
	int (*cancel)(void *ud);
	void *ud;
};

/*
 * Waits until the id is there and all its traces are settled, then does as dflow_store_find(). A
 * trace that a recorder left open when it ended counts as settled, and is not complete. It blocks,
 * and looks again whenever the recorder wrote or ended. When timeout_ns is over it returns what is
 * there although it is not settled, or the error of dflow_store_find(). opts may be NULL: waits
 * without an end.
 * Errors: those of dflow_store_find(); -ECANCELED cancel_fd became readable; what `cancel`
 * returned; -EINVAL, -E2BIG opts->sz is wrong.
 */
DFLOW_API int dflow_store_wait(struct dflow_store *store, const char *id,
			       const struct dflow_wait_opts *opts, struct dflow_traces **ret_traces,
			       struct dflow_error *ret_error);

/*
 * Calls fn for each id that begins with `prefix`, in order; at most `limit` (0: all). key is the id
 * in lower case, kind what it is ("message_id", "trace_id", …), trace_id a request that has it; all
 * are borrowed until fn returns. fn returns 0 to go on; anything else stops and is returned.
 * Errors: -EBADMSG, -EIO, -EAGAIN the store cannot be read.
 */
DFLOW_API int dflow_store_candidates(struct dflow_store *store, const char *prefix, uint32_t limit,
				     int (*fn)(void *ud, const char *key, const char *kind,
					       const char *trace_id),
				     void *ud, struct dflow_error *ret_error);

/*
 * From when to when events were not seen. A request of that time may have no trace at all; the
 * traces that a loss may have touched are not complete.
 */
struct dflow_loss {
	size_t sz;
	int64_t from_ns, to_ns;
	uint64_t events, bytes; /* known to be missing; bytes of some kinds are not known */
	const char *why;	/* "the ring was full", …; several are joined by ", " */
};

/*
 * Calls fn for each loss that touches the time from since_ns on and before until_ns (0: no end),
 * oldest first. It is borrowed until fn returns. fn returns 0 to go on; anything else stops and is
 * returned.
 * Errors: -EBADMSG, -EIO, -EAGAIN the store cannot be read.
 */
DFLOW_API int dflow_store_losses(struct dflow_store *store, int64_t since_ns, int64_t until_ns,
				 int (*fn)(void *ud, const struct dflow_loss *loss), void *ud,
				 struct dflow_error *ret_error);

/* A condition that can be true or false. */
enum dflow_when {
	DFLOW_ANY, /* no condition */
	DFLOW_YES, /* only if it is true */
	DFLOW_NO   /* only if it is false */
};

/* The order of a list: by the start of the requests. */
enum dflow_order { DFLOW_OLDEST_FIRST, DFLOW_NEWEST_FIRST };

/* Which requests to list. All conditions have to be true. */
struct dflow_list_opts {
	size_t sz;
	int64_t since_ns;	  /* requests that started at this time or later */
	int64_t until_ns;	  /* and before this one; 0: no end */
	const char *id;		  /* that have an id that begins so; NULL: all */
	const char *operation;	  /* a shell glob that ignores case: "POST *chat*"; NULL: all */
	const char *station;	  /* with a hop from it or to it: "llm"; NULL: all */
	enum dflow_when settled;  /* nothing more is expected */
	enum dflow_when complete; /* settled, and nothing of it was lost or unread */
	uint32_t limit;		  /* of those that fit, only the newest so many; 0: all */
	enum dflow_order order;
};

/*
 * Begins to walk over the requests that fit. Memory does not grow with their number, and the
 * recorder is not held up. opts may be NULL: all. Close it with dflow_cursor_close(), before the
 * store.
 * Errors: -EINVAL a condition has a value that there is not; -EINVAL, -E2BIG opts->sz is wrong;
 * -EBADMSG, -EIO, -EAGAIN the store cannot be read; -ENOMEM.
 */
DFLOW_API int dflow_cursor_open(struct dflow_store *store, const struct dflow_list_opts *opts,
				struct dflow_cursor **ret_cursor, struct dflow_error *ret_error);

/*
 * Steps to the next request. Returns 1 and sets ret_trace, which is borrowed until the next step or
 * the close; or 0 when there are no more. A request that is written while the cursor walks is seen
 * or not; each is seen at most once. Ids, times, the operation, counts of hops and
 * dflow_trace_complete() are cheap to ask for; the rest loads the whole trace. That can fail with
 * -ENOENT: the store dropped the trace after this step, because it was too old.
 * Errors: -EBADMSG, -EIO, -EAGAIN the store cannot be read; -ENOMEM. Only close may follow.
 */
DFLOW_API int dflow_cursor_next(struct dflow_cursor *cursor, const struct dflow_trace **ret_trace,
				struct dflow_error *ret_error);
DFLOW_API void dflow_cursor_close(struct dflow_cursor *cursor);

/* How many traces the list has. */
DFLOW_API size_t dflow_traces_count(const struct dflow_traces *traces);
/* The trace at i < count. Borrowed from the list. */
DFLOW_API const struct dflow_trace *dflow_traces_at(const struct dflow_traces *traces, size_t i);
/* Frees the list and its traces. */
DFLOW_API void dflow_traces_free(struct dflow_traces *traces);

/* ======== What a trace tells ======== */

/* dflow's own id of the request: 32 hex digits. */
DFLOW_API const char *dflow_trace_id(const struct dflow_trace *trace);

/*
 * Another id of the request by its kind ("message_id", "conversation_id", "x_amzn_trace_id", …).
 * NULL: not seen, or no such kind.
 */
DFLOW_API const char *dflow_trace_other_id(const struct dflow_trace *trace, const char *kind);

/* What the client asked for: "POST /v1/chat-messages". */
DFLOW_API const char *dflow_trace_operation(const struct dflow_trace *trace);

/* The address of the client, as the first station saw it. */
DFLOW_API const char *dflow_trace_client_address(const struct dflow_trace *trace);

/* When the request began. */
DFLOW_API int64_t dflow_trace_started_ns(const struct dflow_trace *trace);

/* When the request ended; -1: not yet, or unknown. */
DFLOW_API int64_t dflow_trace_ended_ns(const struct dflow_trace *trace);

/* Nothing more is expected of the request. */
DFLOW_API bool dflow_trace_settled(const struct dflow_trace *trace);

/* It is settled, and nothing of it was lost, unreadable or unwatchable. */
DFLOW_API bool dflow_trace_complete(const struct dflow_trace *trace);

/* Why a trace is not complete, in numbers. */
struct dflow_completeness {
	size_t sz;
	bool complete;
	uint64_t lost_events; /* that it may have needed */
	uint64_t lost_bytes;
	uint64_t unread_bytes; /* seen, but not in a form that can be read */
	uint32_t n_reasons;    /* beside lost, unread, blind: dflow_trace_reason() tells them */
	uint32_t n_blind;      /* dflow_trace_blind() tells them */
};

/*
 * Fills ret_completeness, whose sz is set.
 * Errors: -EINVAL, -E2BIG its sz is wrong; -ENOMEM, -ENOENT as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_completeness(const struct dflow_trace *trace,
				       struct dflow_completeness *ret_completeness);

/* A reason why it is not complete, for a person. NULL: i is not below n_reasons. */
DFLOW_API const char *dflow_trace_reason(const struct dflow_trace *trace, size_t i);

/* A way out of a process that cannot be watched: "io_uring". NULL: i is not below n_blind. */
DFLOW_API const char *dflow_trace_blind(const struct dflow_trace *trace, size_t i);

/* How many hops the trace has. */
DFLOW_API size_t dflow_trace_hop_count(const struct dflow_trace *trace);

/* How it is known that a hop belongs to the request. Bits. */
enum dflow_evidence {
	DFLOW_EVIDENCE_CONTENT = 1, /* its text was seen */
	DFLOW_EVIDENCE_ID = 2,	    /* an id of the request was seen */
	DFLOW_EVIDENCE_CAUSAL = 4   /* connection, process and time fit */
};

/* The text was seen crossing from one station to another. Strings are borrowed from the trace. */
struct dflow_hop {
	size_t sz;
	uint32_t seq;	     /* 1, 2, … in order of time */
	uint32_t connection; /* 1, 2, … within the trace */

	/* The end that the bytes came from. */
	const char *from_station;	/* "api" */
	const char *from_rule;		/* the rule that says which station it is */
	const char *from_name;		/* host name */
	const char *from_name_evidence; /* how the name is known: "sni", "dns", "config" */
	const char *from_address;	/* with port */
	const char *from_node;
	const char *from_comm;	    /* name of the process */
	const char *from_container; /* id */
	const char *from_container_name;
	const char *from_image;
	const char *from_pod;
	const char *from_namespace;
	const char *from_task;
	/* The end that they went to. */
	const char *to_station;
	const char *to_rule;
	const char *to_name;
	const char *to_name_evidence;
	const char *to_address;
	const char *to_node;
	const char *to_comm;
	const char *to_container;
	const char *to_container_name;
	const char *to_image;
	const char *to_pod;
	const char *to_namespace;
	const char *to_task;
	uint32_t from_pid, to_pid; /* 0: unknown */

	const char *medium;    /* "tcp", "unix", "pipe", "file" */
	const char *protocol;  /* "http", "redis", … */
	const char *operation; /* "INSERT messages" */
	const char *place;     /* "messages.query" */
	const char *direction; /* "request", "response" */
	const char *residency; /* "transit", "cache", "persistent", … */
	int64_t ttl_s;	       /* of a cache; -1: none or unknown */
	int encrypted;	       /* 1, 0, or -1 unknown */
	int in_vpc;	       /* 1, 0, or -1 unknown or off the network */
	const char *region;
	const char *tls_version; /* "TLSv1.3" */
	const char *tls_cipher;
	const char *tls_sni;

	const char *field;    /* "query" */
	uint64_t field_bytes; /* how many raw bytes of the field were in it; UINT64_MAX: unknown */
	uint64_t wire_bytes;
	double coverage;	    /* 0 to 1: share of the field's canonical bytes */
	const char *coverage_basis; /* "exact"; "sampled": told from fingerprints */
	uint32_t occurrences;	    /* how often it was seen; the hop is the sum */
	uint32_t evidence;	    /* bits of enum dflow_evidence */
	/* Other sources have the same text: how many, and whether that is so. */
	int common;
	uint32_t common_sources;
	int ambiguous;		   /* 1: it may belong to another request as well */
	uint32_t n_candidates;	   /* those requests: dflow_trace_hop_candidate() */
	uint32_t n_encodings;	   /* dflow_trace_hop_encoding() */
	uint32_t n_ranges;	   /* dflow_trace_hop_range() */
	uint32_t n_via;		   /* dflow_trace_hop_via() */
	const char *replayed_from; /* the trace whose text this is: it came back as history */
	int64_t first_ns, last_ns; /* after the start of the request */
	/*
	 * What the store said of the text: "attempted" (it has not answered), "present" (it
	 * confirmed), "not_kept" (it refused, or took it back), "removed" (or overwritten),
	 * "expired", "unknown". NULL: nothing is kept where the hop went, or the trace is older.
	 */
	const char *kept;
	int64_t kept_ns; /* since when, after the start of the request; -1: unknown */
};

/*
 * Fills ret_hop, whose sz is set.
 * Errors: -EINVAL i is not below the hop count; -EINVAL, -E2BIG ret_hop->sz is wrong; -ENOMEM,
 * -ENOENT as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_hop(const struct dflow_trace *trace, size_t i, struct dflow_hop *ret_hop);

/* Another request that hop i may belong to: its trace id. NULL: k is not below n_candidates. */
DFLOW_API const char *dflow_trace_hop_candidate(const struct dflow_trace *trace, size_t i,
						size_t k);
/* How the text was spelled in hop i: "uescape", "base64", …. NULL: k is not below n_encodings. */
DFLOW_API const char *dflow_trace_hop_encoding(const struct dflow_trace *trace, size_t i, size_t k);
/* A station that hop i passed on its way: "nat". NULL: k is not below n_via. */
DFLOW_API const char *dflow_trace_hop_via(const struct dflow_trace *trace, size_t i, size_t k);

/*
 * Which raw bytes of the field were in hop i: those from ret_from up to, not including, ret_to.
 * Errors: -EINVAL k is not below n_ranges; -ENOMEM, -ENOENT as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_hop_range(const struct dflow_trace *trace, size_t i, size_t k,
				    uint64_t *ret_from, uint64_t *ret_to);

/* A piece of the user's data that the request brought, or that was made of it. */
struct dflow_field {
	size_t sz;
	const char *field;	  /* "query" */
	const char *derived_from; /* the operation it came from; NULL: the request brought it */
	const char *matchable;	/* "content", "whole-leaf", "binary", "none": how it can be found */
	const char *from_trace; /* the trace it belongs to (history, a file); NULL: this one */
	uint64_t bytes;		/* UINT64_MAX: unknown */
	uint64_t canonical_bytes; /* of its canonical form, which coverage counts */
};

/* How many fields the trace has; 0 also when it cannot be loaded. */
DFLOW_API size_t dflow_trace_field_count(const struct dflow_trace *trace);

/*
 * Fills ret_field, whose sz is set.
 * Errors: -EINVAL i is not below the field count; -EINVAL, -E2BIG its sz is wrong; -ENOMEM, -ENOENT
 * as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_field(const struct dflow_trace *trace, size_t i,
				struct dflow_field *ret_field);

/* Where the text is kept, as far as was seen. */
struct dflow_place {
	size_t sz;
	const char *station;   /* "postgres" */
	const char *place;     /* "messages.query" */
	const char *residency; /* "persistent", "cache", … */
	const char *now;       /* "present", "attempted", …: the words of dflow_hop.kept */
	uint32_t n_fields;     /* dflow_trace_place_field() */
	int64_t ttl_s;	       /* -1: none or unknown */
	int64_t first_ns;      /* after the start of the request */
	int64_t removed_ns;    /* -1: not removed, or unknown */
	int64_t now_ns;	       /* since when `now` is so; -1: unknown */
};

/* How many places the trace has; 0 also when it cannot be loaded. */
DFLOW_API size_t dflow_trace_place_count(const struct dflow_trace *trace);

/*
 * Fills ret_place, whose sz is set.
 * Errors: -EINVAL i is not below the place count; -EINVAL, -E2BIG its sz is wrong; -ENOMEM, -ENOENT
 * as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_place(const struct dflow_trace *trace, size_t i,
				struct dflow_place *ret_place);
/* A field that place i has. NULL: k is not below n_fields. */
DFLOW_API const char *dflow_trace_place_field(const struct dflow_trace *trace, size_t i, size_t k);

/* Another request that has to do with this one. */
struct dflow_link {
	size_t sz;
	const char *trace_id;
	uint32_t seq; /* of the hop in that trace, where it came back; 0: of no hop */
	/* "conversation", "file", "title"; "replayed": the text of this one came back in it */
	const char *why;
};

/*
 * How many links the trace has, those where its text came back among them; 0 also when it cannot be
 * loaded.
 */
DFLOW_API size_t dflow_trace_link_count(const struct dflow_trace *trace);

/*
 * Fills ret_link, whose sz is set.
 * Errors: -EINVAL i is not below the link count; -EINVAL, -E2BIG its sz is wrong; -ENOMEM, -ENOENT
 * as dflow_cursor_next() says.
 */
DFLOW_API int dflow_trace_link(const struct dflow_trace *trace, size_t i,
			       struct dflow_link *ret_link);

/*
 * The whole trace as one line of JSON (schema dflow.trace/1; docs/formats.md). free() it.
 * Errors: -ENOMEM.
 */
DFLOW_API int dflow_trace_json(const struct dflow_trace *trace, char **ret_json);

/*
 * What lists tell of a trace, as one line of JSON: an element of "requests" of schema dflow.ls/1
 * (docs/formats.md). free() it. For a trace of a cursor it costs no look at the store.
 * Errors: -ENOMEM.
 */
DFLOW_API int dflow_trace_list_json(const struct dflow_trace *trace, char **ret_json);

/* ======== Callbacks of recording and replaying ======== */

/*
 * Called from within dispatch, stop and dflow_replay(). The trace is borrowed until the callback
 * returns; take what you need. A callback may be NULL. It must not call the recorder that calls it.
 *
 * A callback returns 0 to go on. A negative number stops: the call that it came from makes no more
 * callbacks, works off the events that it had already taken, and returns that number. Nothing is
 * lost by that, and the recorder is well: it can go on with the next dispatch, or be stopped.
 * dflow_replay() stores what it knows so far and reads no more; a trace that was cut off so is not
 * complete. (A positive number counts as -ECANCELED.)
 *
 * The hop at hop_index, ids, times and counts are cheap to ask for. Another hop, lists,
 * dflow_trace_complete() of a settled trace and dflow_trace_json() build the whole trace, once a
 * callback.
 */
struct dflow_callbacks {
	size_t sz;
	void *ud;
	int (*trace_opened)(void *ud, const struct dflow_trace *trace);
	int (*hop_new)(void *ud, const struct dflow_trace *trace, size_t hop_index);
	int (*hop_changed)(void *ud, const struct dflow_trace *trace, size_t hop_index);
	int (*trace_settled)(void *ud, const struct dflow_trace *trace);
	/* It was given up for want of room before it settled; what was known is stored. */
	int (*trace_dropped)(void *ud, const struct dflow_trace *trace);
};

/* What a recorder has counted since its start. */
struct dflow_stats {
	size_t sz;
	uint64_t events, bytes;		  /* seen */
	uint64_t lost_events, lost_bytes; /* known to be missing */
	uint64_t requests, open_requests, hops, settled, dropped;
	/*
	 * Texts of earlier requests that are known again by their fingerprints; those that are not
	 * for want of room; those of which the fingerprints are of no use (another key, or
	 * damaged).
	 */
	uint64_t old_texts, old_texts_left_out, old_texts_unusable;
};

/* ======== Replaying ======== */

/* How to replay a file. */
struct dflow_replay_opts {
	size_t sz;
	const char *store;			 /* path; NULL: none, callbacks only */
	const char *config;			 /* path of a YAML file; NULL: built-in rules */
	uint64_t memory_limit_bytes;		 /* 0: 512 MiB */
	const struct dflow_callbacks *callbacks; /* copied; NULL: none */
	dflow_log_fn log;			 /* NULL: nobody listens */
	void *log_ud;				 /* given to log */
};

/*
 * Reads a pcap or pcapng file, or a recording (.dfrec), to its end. ret_stats may be NULL; else its
 * sz has to be set. opts may be NULL.
 * Errors: -ENOENT, -EACCES the file cannot be read; -EBADMSG it has neither of these formats, or is
 * damaged; -EBUSY another recorder has the store; -EINVAL a bad configuration; -EINVAL, -E2BIG a sz
 * is wrong; what a callback returned; those of dflow_store_open(); -ENOSPC, -EIO the store cannot
 * be written; -ENOMEM.
 */
DFLOW_API int dflow_replay(const char *path, const struct dflow_replay_opts *opts,
			   struct dflow_stats *ret_stats, struct dflow_error *ret_error);

struct dflow_recorder; /* turns events into traces: from the kernel, or from a file */

/*
 * Opens a file to replay it in steps: a recorder that takes its events from a file.
 * dflow_recorder_dispatch() returns 0 at the end of the file; dflow_recorder_fd() is -1. Free it
 * with dflow_recorder_free(), after dflow_recorder_stop(). Errors: those of dflow_replay().
 */
DFLOW_API int dflow_recorder_open_file(const char *path, const struct dflow_replay_opts *opts,
				       struct dflow_recorder **ret_recorder,
				       struct dflow_error *ret_error);

/*
 * How far the file was read.
 * Errors: -ENOTSUP the recorder does not read a file, or one without a size, such as a pipe.
 */
DFLOW_API int dflow_recorder_progress(const struct dflow_recorder *recorder,
				      uint64_t *ret_done_bytes, uint64_t *ret_total_bytes);

/* ======== Recording ======== */

/* What to record, and how. */
struct dflow_recorder_opts {
	size_t sz;
	/* Whom to record; at least one of these. Children of recorded processes are recorded. */
	const char *const *cgroups; /* paths under /sys/fs/cgroup, with all below them */
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	bool all;
	/*
	 * Give up, for the whole process and for good, every capability that recording does not
	 * need. The process then gains no privileges by exec (no_new_privs), and leaves no core.
	 */
	bool drop_privileges;

	const char *store;  /* path; NULL: none, callbacks only */
	const char *config; /* path of a YAML file (docs/configuration.md); NULL: built-in rules */
	const char *keep_payload; /* path of a recording that will HOLD PAYLOAD (mode 0600); NULL:
				     none */
	uint64_t memory_limit_bytes; /* of the recorder's own tables; 0: 512 MiB */
	uint64_t copy_cap_bytes;     /* payload copied per system call; 0: 4 MiB */
	uint64_t store_max_age_s;    /* 0: 30 days */
	uint64_t store_max_bytes;    /* 0: 1 GiB */
	/*
	 * dflow_recorder_stop() takes about this long at most. Events that it could not look at by
	 * then are counted as lost and said to the log. 0: 10 s.
	 */
	uint64_t stop_deadline_ns;
	const struct dflow_callbacks *callbacks; /* copied; NULL: none */
	const char *host_root; /* where the host's root is mounted, for the names of containers;
				  NULL: "/" */
	dflow_log_fn log;      /* NULL: nobody listens */
	void *log_ud;	       /* given to log */
};

/*
 * Attaches to the kernel and opens the store. Recording begins when it returns. Free it with
 * dflow_recorder_free().
 *
 * What changes in the whole process: RLIMIT_MEMLOCK and RLIMIT_NOFILE are raised as far as is
 * allowed, until the last recorder of the process is freed. While a call into the library runs,
 * what libbpf prints in that thread goes to `log`. drop_privileges is for good.
 *
 * Errors: -EPERM not root, or a capability is missing; -ENOTSUP the kernel cannot; -ESRCH, -ENOENT
 * no such target; -EINVAL no target, or a bad configuration; -EINVAL, -E2BIG a sz is wrong; -EBUSY
 * another recorder has the store; those of dflow_store_open(); -ENOMEM.
 */
DFLOW_API int dflow_recorder_new(const struct dflow_recorder_opts *opts,
				 struct dflow_recorder **ret_recorder,
				 struct dflow_error *ret_error);

/*
 * A file descriptor that polls readable (POLLIN) as long as there is something to dispatch. Owned
 * by the recorder. -1: it reads a file, and there is always something.
 */
DFLOW_API int dflow_recorder_fd(const struct dflow_recorder *recorder);

/* How long dispatch may wait to be called even when the fd is quiet. UINT64_MAX: for ever. */
DFLOW_API uint64_t dflow_recorder_timeout_ns(const struct dflow_recorder *recorder);

/*
 * Takes events, calls callbacks, and writes to the store. It takes at most max_events (0 means
 * 4096), works for some 20 ms at most, never blocks on the kernel, and returns how many it took.
 * dflow_recorder_timeout_ns() is 0 while more events wait. As long as this is called, what it
 * learns is on disk within a second.
 * Errors: what a callback returned: the recorder is well, and more dispatches may follow. Those of
 * writing the store or recording (-ENOSPC, -EIO, …) and of reading the file (-EBADMSG, -EIO): only
 * stop, stats, limits and free may follow.
 */
DFLOW_API int dflow_recorder_dispatch(struct dflow_recorder *recorder, unsigned max_events,
				      struct dflow_error *ret_error);

/*
 * Detaches, takes what is still under way, and stores every trace. One that had not settled is over
 * when the store is closed, and says why it is not complete. Only stats, limits and free may
 * follow. Everything is tried; the first error is returned.
 * Errors: what a callback returned; those of writing the store or recording.
 */
DFLOW_API int dflow_recorder_stop(struct dflow_recorder *recorder, struct dflow_error *ret_error);

/*
 * Fills ret_stats, whose sz is set.
 * Errors: -EINVAL, -E2BIG its sz is wrong.
 */
DFLOW_API int dflow_recorder_stats(const struct dflow_recorder *recorder,
				   struct dflow_stats *ret_stats);

/*
 * Calls fn for each limit that was reached. A limit keeps memory or work bounded; the traces that
 * one may have touched say so. name: "Redis channels of one connection", valid for good; hits: how
 * often. fn returns 0 to go on; anything else stops and is returned.
 */
DFLOW_API int dflow_recorder_limits(const struct dflow_recorder *recorder,
				    int (*fn)(void *ud, const char *name, uint64_t hits), void *ud);

/* Ends the recorder. Without a stop before it, what was not stored yet is lost. */
DFLOW_API void dflow_recorder_free(struct dflow_recorder *recorder);

/* ======== What this host allows ======== */

/* How a check came out. */
enum dflow_check_result { DFLOW_CHECK_OK, DFLOW_CHECK_LIMITED, DFLOW_CHECK_MISSING };

/* One thing that recording needs or likes. Strings are borrowed until the callback returns. */
struct dflow_check {
	size_t sz;
	const char *name; /* "kernel BTF" */
	enum dflow_check_result result;
	const char *found;  /* what is there */
	const char *advice; /* what to do; NULL when all is well */
};

/* Targets whose TLS libraries are to be looked at; NULL or without targets: the host only. */
struct dflow_host_opts {
	size_t sz;
	const char *const *cgroups;
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	dflow_log_fn log; /* NULL: nobody listens */
	void *log_ud;	  /* given to log */
};

/*
 * Calls fn for each check. fn returns 0 to go on; anything else stops and is returned. Returns 0
 * when recording is possible, else what dflow_recorder_new() would return.
 * Errors: those of dflow_recorder_new().
 */
DFLOW_API int dflow_host_check(const struct dflow_host_opts *opts,
			       int (*fn)(void *ud, const struct dflow_check *check), void *ud,
			       struct dflow_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
