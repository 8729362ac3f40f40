/* SPDX-License-Identifier: Apache-2.0 */
/* What each request saw of each connection: bytes scanned, unread and missed while it was open. */
#pragma once

#include "base/hash.h"
#include "trace/endpoint.h"
#include "trace/request.h"

enum {
	MAX_CONNS_PER_REQUEST = 4096,
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

/* Gives the request its part of the connection; NULL at a limit or without memory (capped). */
struct request_conn *dfl_request_conn_get(struct dfl_trace *t, struct request *r, struct tconn *tc);
/* Must be called before the counters of the connection change: requests that are new learn of it.
 */
void dfl_request_conns_touch(struct dfl_trace *t, struct tconn *tc);
/* What passed while the request was open, until now or until it settled. */
struct conn_bytes dfl_request_conn_bytes(const struct request_conn *rc);
/* Of these, the bytes that could not be read, for whatever reason. */
uint64_t dfl_conn_bytes_unread(const struct conn_bytes *n);
/* The request settles: from now on its counters stay as they are. */
void dfl_request_conns_freeze(struct request *r);
void dfl_request_conns_free(struct request *r);
/*
 * Something of the connection was given up at a limit: the open requests that saw it are not
 * complete.
 */
void dfl_request_conns_limited(struct dfl_trace *t, struct tconn *tc);
