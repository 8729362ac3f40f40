/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that build a trace document share: one build, and its strings and lists. */
#pragma once

#include "trace/hop.h"
#include "trace/request_conn.h"

#define MAX_PIDS 256 /* processes of one document whose connections are told */

/* One entry of the list of connections. */
struct conn_entry {
	const struct conn_part *first; /* the oldest of them */
	uint32_t count;
	struct conn_bytes bytes; /* of all of them */
	uint64_t idle;		 /* unread ciphertext of those that are idle for the request */
};

/* One build of a document. */
struct build {
	struct dfl_trace *t;
	struct request *r;
	struct dfl_doc *doc;
	uint32_t pids[MAX_PIDS]; /* dfl_part_pids() */
	size_t n_pids;
	bool have_pids;
	bool more_pids;		 /* than MAX_PIDS */
	const struct hop **hops; /* by time */
	size_t n_hops;
	struct conn_part *conns; /* those that are listed; dfl_connections_find() */
	size_t n_conns;
	struct conn_entry *entries; /* number 1 of the document is entry 0 */
	size_t n_entries;
	bool failed; /* out of memory: the document is not whole */
};

/* A copy, owned by the document. NULL of nothing, and without memory. */
char *dfl_part_string(struct build *b, const char *s);
/* n zeroed elements, owned by the document. NULL of none, and without memory. */
void *dfl_part_array(struct build *b, size_t n, size_t size);
/* Appends a string to a list, unless it is there. */
void dfl_part_add(struct build *b, char ***list, size_t *n, const char *s);
/*
 * Finds the processes at the ends of the hops and their children since the request began, unless
 * that was done.
 */
void dfl_part_pids(struct build *b);
/* The number of a connection with text in the document; 0: it is not in it. */
uint32_t dfl_part_conn_number(const struct build *b, const struct tconn *tc);
/* Who an end is: station, process, container, address and name. */
void dfl_part_endpoint(struct build *b, const struct end_question *q, struct dfl_doc_endpoint *e);
/* Asks which station an end of a hop is. */
struct end_question dfl_part_question(const struct hop *h, enum dfl_end end);
