/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each request saw of each connection: bytes scanned, unread and missed while it was open.
 *
 * A connection marks its counters when it is used for the first time after a request began: so its
 * use costs the same however many requests are open. A request keeps only the connections on which
 * something of it was (request_conn). Of the others it finds the marks when its document is built,
 * and keeps a copy of what can still be listed when it settles (conn_part).
 */
#pragma once

#include "base/hash.h"
#include "trace/endpoint.h"
#include "trace/request.h"

enum {
	MAX_CONNS_PER_REQUEST = 4096,
	MAX_CONNS_MARKED = 65536, /* used since the oldest request that is not settled began */
};

/* The part of a connection that passed while the request was open. */
struct request_conn {
	UT_hash_handle hh;
	struct tconn *tc;	  /* holds a reference */
	struct conn_bytes before; /* the connection's counters when the request began */
	struct conn_bytes after;  /* … and when it settled */
	bool frozen;		  /* it settled */
	bool mine;		  /* text or an id of the request was on it */
	bool has_text;		  /* text was: a hop */
};

/* The same, added up. */
struct conn_part {
	struct tconn *tc;
	struct conn_bytes bytes;
	bool mine, has_text;
};

/* Gives the request its part of the connection; NULL at a limit or without memory (capped). */
struct request_conn *dfl_request_conn_get(struct dfl_trace *t, struct request *r, struct tconn *tc);
/* Must be called before the counters of the connection change: requests that are new learn of it.
 */
void dfl_request_conns_touch(struct dfl_trace *t, struct tconn *tc);
/*
 * What passed on each connection while the request was open, until now or until it settled; free()
 * it. Without those that need not be listed: nothing of the request was on them, and nothing
 * passed but what was text of others. In no order. 0 or -ENOMEM.
 */
int dfl_request_conns_list(struct request *r, struct conn_part **ret_parts, size_t *ret_n);
/* Of these bytes, those that could not be read, for whatever reason. */
uint64_t dfl_conn_bytes_unread(const struct conn_bytes *n);
/* The request settles: from now on its counters stay as they are. */
void dfl_request_conns_freeze(struct request *r);
void dfl_request_conns_free(struct request *r);
/*
 * Something of the connection was given up at a limit: the open requests that saw it are not
 * complete.
 */
void dfl_request_conns_limited(struct dfl_trace *t, struct tconn *tc);
/* Drops the marks that no request needs any more. Call it when a request settled or goes. */
void dfl_request_conns_prune(struct dfl_trace *t);
