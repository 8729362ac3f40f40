/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdflow: where has the text of this chat message been?
 *
 * Three parts, the simple one first: reading a store, recording into one (driven by the caller's
 * event loop), replaying a file.
 *
 * Results: 0 (or a count, where said) for success, a negative errno otherwise; outputs are named
 * ret_… and untouched on failure, but for `ret_error`, which may be NULL and then gets a sentence
 * for a person: what is wrong and what to do next.
 *
 * Structs that begin with `sz`: set it to sizeof(the struct) and zero the rest before use, so that
 * a program built against an older dflow.h keeps working. Zero is the default of every option.
 *
 * Ownership: what a function returns through `**ret_` the caller frees with the function that is
 * named there. Plain returned pointers are borrowed from the object they were asked of. Every
 * destructor takes NULL. Strings are NUL-terminated UTF-8; NULL means unknown.
 *
 * Threads: libdflow starts none and keeps no global state. An object may be used by one thread at a
 * time; different objects by different threads at once. A store is read while it is recorded
 * into, by any number of readers.
 *
 * Units are in the names: _ns nanoseconds, _s seconds, _bytes bytes. Times of day are nanoseconds
 * since 1970 UTC.
 *
 * The library never prints, exits, aborts, or changes signal handlers.
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

/* What an error is about. */
enum dflow_about {
	DFLOW_ABOUT_CALL,   /* the arguments: an id that is not there, a bad option */
	DFLOW_ABOUT_CONFIG, /* the configuration file */
	DFLOW_ABOUT_STORE,
	DFLOW_ABOUT_FILE, /* a recording or packet capture */
	DFLOW_ABOUT_HOST  /* privileges, kernel, targets */
};

/* The sentence that goes with an error. Never holds payload. */
struct dflow_error {
	enum dflow_about about;
	char message[252];
};

/* "0.1.0". Static storage. */
DFLOW_API const char *dflow_version(void);

/* ======== Reading a store ======== */

struct dflow_store;  /* a store opened for reading */
struct dflow_traces; /* a list of traces */
struct dflow_trace;  /* one request and where its text went */

/*
 * Opens a store for reading. Close it with dflow_store_close().
 * Errors: -ENOENT no store there; -EACCES; -EBADMSG not a store, or damaged; -EPROTO written by
 * another version of dflow; -ENOMEM.
 */
DFLOW_API int dflow_store_open(const char *path, struct dflow_store **ret_store,
			       struct dflow_error *ret_error);
DFLOW_API void dflow_store_close(struct dflow_store *store);

/*
 * The requests that an id names, in the order of their start: X-Amzn-Trace-Id, X-Request-Id,
 * traceparent, message_id, task_id, conversation_id, workflow_run_id, upload_file_id, document_id
 * (of what was uploaded), dflow's own trace id, or the beginning of one, if it has at least 4
 * characters and fits only one. A conversation_id names all requests of the conversation. Free the
 * list with dflow_traces_free(). Errors: -ENOENT no request has such an id; -ENOTUNIQ the beginning
 * fits several (dflow_store_candidates() tells them); -EINVAL shorter than 4 characters; -EBADMSG,
 * -EIO, -EAGAIN the store cannot be read; -ENOMEM.
 */
DFLOW_API int dflow_store_find(struct dflow_store *store, const char *id,
			       struct dflow_traces **ret_traces, struct dflow_error *ret_error);

/*
 * As dflow_store_find(), but returns when the id is there and all its traces are settled; those
 * that a recorder left open when it ended are, too, and are not complete. Blocks, looking again
 * whenever the recorder wrote or ended. timeout_ns: give up after this long; then it returns what
 * is there although it is not settled, or the error of dflow_store_find().
 */
DFLOW_API int dflow_store_wait(struct dflow_store *store, const char *id, uint64_t timeout_ns,
			       struct dflow_traces **ret_traces, struct dflow_error *ret_error);

/*
 * Calls fn for each id that begins with `prefix`, in order; at most `limit` (0: all). key is the id
 * in lower case, kind what it is ("message_id", "trace_id", …), trace_id a request that has it; all
 * borrowed until fn returns. fn returns 0 to go on; anything else stops and is returned.
 */
DFLOW_API int dflow_store_candidates(struct dflow_store *store, const char *prefix, uint32_t limit,
				     int (*fn)(void *ud, const char *key, const char *kind,
					       const char *trace_id),
				     void *ud, struct dflow_error *ret_error);

struct dflow_list_opts {
	size_t sz;
	int64_t since_ns; /* requests that started at this time or later */
	int64_t until_ns; /* and before this one; 0: no end */
	uint32_t limit;	  /* only the newest so many; 0: all */
	const char *id;	  /* only those that have an id that begins so; NULL: all */
};

/* Lists requests, oldest first. opts may be NULL: all. An empty list is no error. */
DFLOW_API int dflow_store_list(struct dflow_store *store, const struct dflow_list_opts *opts,
			       struct dflow_traces **ret_traces, struct dflow_error *ret_error);

DFLOW_API size_t dflow_traces_count(const struct dflow_traces *traces);
/* i < count. Borrowed from the list. */
DFLOW_API const struct dflow_trace *dflow_traces_at(const struct dflow_traces *traces, size_t i);
DFLOW_API void dflow_traces_free(struct dflow_traces *traces);

/* dflow's own id of the request: 32 hex digits. */
DFLOW_API const char *dflow_trace_id(const struct dflow_trace *trace);
/*
 * Another id of it by its kind ("message_id", "conversation_id", "x_amzn_trace_id", …); NULL: not
 * seen.
 */
DFLOW_API const char *dflow_trace_other_id(const struct dflow_trace *trace, const char *kind);
/* What the client asked for: "POST /v1/chat-messages". */
DFLOW_API const char *dflow_trace_operation(const struct dflow_trace *trace);
DFLOW_API int64_t dflow_trace_started_ns(const struct dflow_trace *trace);
/* Nothing more is expected. */
DFLOW_API bool dflow_trace_settled(const struct dflow_trace *trace);
/* Settled, and nothing of it was lost, unreadable or unwatchable. */
DFLOW_API bool dflow_trace_complete(const struct dflow_trace *trace);
DFLOW_API size_t dflow_trace_hop_count(const struct dflow_trace *trace);

/* The text was seen crossing from one station to another. Strings are borrowed from the trace. */
struct dflow_hop {
	size_t sz;
	uint32_t seq;	     /* 1, 2, … in order of time */
	uint32_t connection; /* 1, 2, … within the trace */
	const char *from_station, *from_name, *from_address, *from_pod;
	uint32_t from_pid; /* 0: unknown */
	const char *to_station, *to_name, *to_address, *to_pod;
	uint32_t to_pid;
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
	const char *field;    /* "query" */
	uint64_t field_bytes; /* how many raw bytes of the field were in it; UINT64_MAX: unknown */
	uint64_t wire_bytes;
	double coverage;	   /* 0 to 1: share of the field's canonical bytes */
	int64_t first_ns, last_ns; /* after the start of the request */
};

/* Fills ret_hop, whose sz is set. i < hop count, else -EINVAL. -ENOMEM: in a callback only. */
DFLOW_API int dflow_trace_hop(const struct dflow_trace *trace, size_t i, struct dflow_hop *ret_hop);

/*
 * The whole trace as one line of JSON (schema dflow.trace/1; docs/formats.md). free() it. 0 or
 * -ENOMEM.
 */
DFLOW_API int dflow_trace_json(const struct dflow_trace *trace, char **ret_json);

/* ======== Callbacks of recording and replaying ======== */

/*
 * Called from within dispatch, stop and replay. The trace is borrowed until the callback returns;
 * take what you need. Callbacks may be NULL. They must not call into the recorder that calls them.
 * The hop at hop_index, ids, times and counts are cheap to ask for. Another hop,
 * dflow_trace_complete() of a settled trace and dflow_trace_json() build the whole trace, once a
 * callback.
 */
struct dflow_callbacks {
	size_t sz;
	void *ud;
	void (*trace_opened)(void *ud, const struct dflow_trace *trace);
	void (*hop_new)(void *ud, const struct dflow_trace *trace, size_t hop_index);
	void (*hop_changed)(void *ud, const struct dflow_trace *trace, size_t hop_index);
	void (*trace_settled)(void *ud, const struct dflow_trace *trace);
	/* It was given up for want of room before it settled; what was known is stored. */
	void (*trace_dropped)(void *ud, const struct dflow_trace *trace);
};

/* A limit that keeps memory or work bounded, and how often it was reached. */
struct dflow_limit {
	const char *name; /* "redis channels of one connection"; valid for good */
	uint64_t hits;
};

#define DFLOW_LIMITS_MAX 32

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
	uint32_t n_limits; /* that were reached; the traces that one may have touched say so */
	struct dflow_limit limits[DFLOW_LIMITS_MAX];
};

/* ======== Recording ======== */

struct dflow_recorder;

struct dflow_recorder_opts {
	size_t sz;
	/* Whom to record; at least one of these. Children of recorded processes are recorded. */
	const char *const *cgroups; /* paths under /sys/fs/cgroup, with all below them */
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	bool all;

	const char *store;  /* path; NULL: none, callbacks only */
	const char *config; /* path of a YAML file (docs/configuration.md); NULL: built-in rules */
	const char *keep_payload; /* path of a recording that will HOLD PAYLOAD (mode 0600); NULL:
				     none */
	uint64_t memory_limit_bytes;		 /* of the recorder's own tables; 0: 512 MiB */
	uint64_t copy_cap_bytes;		 /* payload copied per system call; 0: 4 MiB */
	uint64_t store_max_age_s;		 /* 0: 30 days */
	uint64_t store_max_bytes;		 /* 0: 1 GiB */
	const struct dflow_callbacks *callbacks; /* copied; NULL: none */
	const char *host_root; /* where the host's root is mounted, for the names of containers;
				  NULL: "/" */
	/*
	 * Give up, for the whole process and for good, every capability that recording does not
	 * need.
	 */
	bool drop_privileges;
};

/*
 * Attaches to the kernel and opens the store. Recording begins when it returns. Free with
 * dflow_recorder_free().
 * Errors: -EPERM not root or a capability is missing; -ENOTSUP the kernel cannot; -ESRCH, -ENOENT
 * no such target; -EINVAL no target, or a bad configuration; -EBUSY another recorder has the store;
 * those of dflow_store_open(); -ENOMEM.
 */
DFLOW_API int dflow_recorder_new(const struct dflow_recorder_opts *opts,
				 struct dflow_recorder **ret_recorder,
				 struct dflow_error *ret_error);

/* Polls readable (POLLIN, edge-free) when there is something to dispatch. Owned by the recorder. */
DFLOW_API int dflow_recorder_fd(const struct dflow_recorder *recorder);

/* Call dispatch after at most this long, even when the fd is quiet; UINT64_MAX: no need. */
DFLOW_API uint64_t dflow_recorder_timeout_ns(const struct dflow_recorder *recorder);

/*
 * Takes at most max_events (0: 4096) events, calls callbacks, writes to the store. Never blocks on
 * the kernel. Returns how many events it took; fewer than max_events: there are no more now.
 * Errors: those of writing the store or recording (-ENOSPC, -EIO, …); then only stop, stats and
 * free may follow.
 */
DFLOW_API int dflow_recorder_dispatch(struct dflow_recorder *recorder, unsigned max_events,
				      struct dflow_error *ret_error);

/*
 * Detaches, takes what is still under way, and stores every trace. One that had not settled is over
 * when the store is closed, and says why it is not complete. Only stats and free may follow.
 * Returns 0 or the error of writing the store or recording.
 */
DFLOW_API int dflow_recorder_stop(struct dflow_recorder *recorder, struct dflow_error *ret_error);

/* ret_stats->sz has to be set. */
DFLOW_API void dflow_recorder_stats(const struct dflow_recorder *recorder,
				    struct dflow_stats *ret_stats);

/* Without a stop before it, what was not stored yet is lost. */
DFLOW_API void dflow_recorder_free(struct dflow_recorder *recorder);

/* ======== Replaying ======== */

struct dflow_replay_opts {
	size_t sz;
	const char *store;			 /* path; NULL: none, callbacks only */
	const char *config;			 /* path of a YAML file; NULL: built-in rules */
	uint64_t memory_limit_bytes;		 /* 0: 512 MiB */
	const struct dflow_callbacks *callbacks; /* NULL: none */
};

/*
 * Reads a pcap or pcapng file, or a recording (.dfrec), to its end. ret_stats may be NULL; else its
 * sz has to be set. opts may be NULL. Errors: -ENOENT, -EACCES; -EBADMSG neither of these formats;
 * and as dflow_recorder_new().
 */
DFLOW_API int dflow_replay(const char *path, const struct dflow_replay_opts *opts,
			   struct dflow_stats *ret_stats, struct dflow_error *ret_error);

/* ======== What this host allows ======== */

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
};

/*
 * Calls fn for each check. Returns 0 when recording is possible, else what dflow_recorder_new()
 * would return.
 */
DFLOW_API int dflow_host_check(const struct dflow_host_opts *opts,
			       void (*fn)(void *ud, const struct dflow_check *check), void *ud,
			       struct dflow_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
