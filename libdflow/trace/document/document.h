/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that build a trace document share. Inner to build.c and build_*.c. */
#pragma once

#include "trace/state.h"

#define MAX_PIDS 64

/* Which processes took part, and the state of one build. */
struct build {
	struct dfl_trace *t;
	struct request *r;
	struct dfl_doc *doc;
	uint32_t pids[MAX_PIDS]; /* dfl_build_pids */
	size_t n_pids;
	bool have_pids;
	const struct hop **hops; /* by time */
	size_t n_hops;
	const struct rconn **conns; /* by connection */
	size_t n_conns;
	bool failed; /* out of memory */
};

/* A copy; NULL of nothing. */
char *dfl_build_string(struct build *b, const char *s);
/* Zeroed, owned by the document; NULL of nothing, and without memory. */
void *dfl_build_array(struct build *b, size_t n, size_t size);
/* One more string in a list that grows, each once. */
void dfl_build_add(struct build *b, char ***list, size_t *n, const char *s);
/* Finds the processes, unless that was done. */
void dfl_build_pids(struct build *b);
/* Its number in the document; 0: it is not in it. */
uint32_t dfl_build_conn_number(const struct build *b, const struct tconn *tc);

/* After the connections. */
void dfl_build_completeness(struct build *b);
/* After the hops. */
void dfl_build_places(struct build *b);
