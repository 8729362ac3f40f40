/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a connection: processes, host names, and the facts of the connection itself. From
 * these it tells which station an end is.
 */
#pragma once

#include "base/hash.h"
#include "capture/event.h"
#include "trace/cover.h"
#include "trace/stage.h"

enum {
	MAX_NAMES = 65536,
	MAX_PROCS = 65536,
	MAX_BLIND_WAYS = 64, /* of one process; more are one "other" */
};

/* A process. It stays after its exit, because hops still name it. Strings are interned. */
struct proc {
	UT_hash_handle hh;
	uint32_t pid;
	bool exited;
	bool takes_requests; /* one came in there */
	enum dfl_station station;
	const char *rule; /* that told the station */
	const char *comm;
	const char *container_id, *container_name, *image, *pod, *namespace_, *task;
	uint32_t parent;	 /* that forked it; 0: not known */
	uint64_t born_ns;	 /* when it was forked; 0: not known */
	uint64_t seen_ns;	 /* when it was told first */
	struct blind_way *blind; /* ways out of it that cannot be watched */
};

/* A way out of a process that cannot be watched. */
struct blind_way {
	struct blind_way *next;
	const char *way; /* interned */
	bool lasts;	 /* it stays open; else it was used at last_ns */
	uint64_t last_ns;
};

/* Why bytes could not be read (docs/completeness.md). */
enum unread_why {
	UNREAD_TLS,	  /* ciphertext whose plaintext was not seen */
	UNREAD_ENCODING,  /* a decoder said that it cannot read them */
	UNREAD_OPAQUE,	  /* they are no text, and no decoder explains them */
	UNREAD_NO_BUFFER, /* sendfile, splice: no buffer held them */
	UNREAD_SKIPPED,	  /* no decoder has shown them (cover.h) */
	N_UNREAD
};

/* Bytes of one connection, by what is known of them. */
struct conn_bytes {
	uint64_t scanned; /* text was looked for in them */
	uint64_t unread[N_UNREAD];
	uint64_t gap; /* they were not seen */
	/* By direction: at most so many bytes of plaintext are in the unread ciphertext. */
	uint64_t tls_room[2];
};

/* The counters of a connection when it was used first after requests up to this number began. */
struct conn_mark {
	uint64_t newest_request;
	struct conn_bytes before;
};

/*
 * What the traces need of a connection. It outlives the stream's own struct: requests and hops hold
 * references, and the last one frees it.
 */
struct tconn {
	unsigned refs;
	uint64_t id; /* the stream's; ascending in the order of their begin */
	enum dfl_medium medium;
	bool tap;	/* seen by a tap on the network (pcap), not by a process */
	bool forwarded; /* its requests carry what a load balancer adds */
	struct dfl_conn_end end[2];
	char *path;		  /* of a file or a Unix socket; NULL */
	bool encrypted;		  /* there is TLS on the wire */
	bool tls_read;		  /* … and its plaintext is seen as well */
	struct dfl_tls_info *tls; /* NULL: no hello was seen */
	const char *protocol;	  /* as a decoder told; NULL */
	enum dfl_station server;  /* what its server is by that protocol */
	struct conn_bytes bytes;  /* so far */
	uint64_t wire_bytes;	  /* both directions */
	uint64_t cipher_bytes[2]; /* by direction: no plaintext was seen for them yet */
	uint64_t n_requests;	  /* inbound requests so far */
	uint64_t newest_request;  /* requests up to this number know the connection */
	struct conn_mark *marks;  /* request_conn.c, in the order of their requests */
	unsigned n_marks, cap_marks;
	struct tconn *marked_prev, *marked_next; /* of all that have marks; the list holds a
						    reference */
	struct covers covers;			 /* cover.c: what of its bytes was shown */
	bool carried_text;			 /* text of some request was found on it */
};

/*
 * What a process reads from a file has gone nowhere, and programs read too many to list them: such
 * a file is in an account only when text was found in it.
 */
static inline bool dfl_tconn_is_file_read(const struct tconn *tc, enum dfl_dir dir)
{
	return tc->medium == DFL_FILE && dir == DFL_RESPONSE;
}

/* Learns, or learns anew, what a process is. */
void dfl_proc_learn(struct dfl_trace *t, const struct dfl_ev_proc *ev);
/* It uses a way out that cannot be watched. */
void dfl_proc_learn_blind(struct dfl_trace *t, const struct dfl_ev_blind *ev, uint64_t ts_ns);
/* NULL: not known. Borrowed until the next dfl_proc_learn(). */
struct proc *dfl_proc_find(struct dfl_trace *t, uint32_t pid);
/* Learns from DNS which name an address has; the newest answer counts. */
void dfl_name_learn(struct dfl_trace *t, const char *name, const struct dfl_addr *addr);

/*
 * Attaches a tconn to the stream's connection, or brings it up to date. Without memory there is
 * none, and the connection is not traced. The stream's connection holds a reference until it
 * closes.
 */
void dfl_tconn_open(struct dfl_conn *conn);
/* One reference more; returns tc. */
struct tconn *dfl_tconn_ref(struct tconn *tc);
/* One reference less; the last one frees it. */
void dfl_tconn_unref(struct tconn *tc);
/*
 * The host name of one end: by SNI, else by DNS, else by the configuration. NULL: unknown. Borrowed
 * until the connection's facts change. ret_evidence: "sni", "dns", "config"; NULL without a name.
 */
const char *dfl_tconn_name(struct dfl_trace *t, const struct tconn *tc, enum dfl_end end,
			   const char **ret_evidence);

/* Asks which station an end of a connection is. */
struct end_question {
	const struct tconn *tc;
	enum dfl_end end;
	uint32_t pid;		       /* of the process there; 0: none was seen */
	const char *operation, *place; /* rules may look at them; NULL */
	enum dfl_station told;	       /* what the operation itself said of this end */
	const char *told_rule;
};
/* The station, and by which rule. UNKNOWN is an answer as well. */
struct dfl_station_answer dfl_end_station(struct dfl_trace *t, const struct end_question *q);

/* Frees processes and names. */
void dfl_endpoints_free(struct dfl_trace *t);
