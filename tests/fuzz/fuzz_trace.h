/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the trace stage's fuzzer share. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match/fingerprint/fingerprint.h"
#include "trace/trace.h"

#define N_CONNS 5
#define N_OPS 5
#define N_VIEWS 6
#define N_SOURCES 4
#define N_TEXTS 10
#define N_RULES 3
#define MAX_IDS 4096

#define need(ok)                                                                                   \
	do {                                                                                       \
		if (ok)                                                                            \
			break;                                                                     \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok);                   \
		abort();                                                                           \
	} while (0)

struct slot_op {
	struct dfl_op *op;
	unsigned conn;
};

struct slot_view {
	struct dfl_view *view;
	int op; /* -1: none */
	unsigned conn;
	enum dfl_dir dir;
};

struct slot_source {
	struct dfl_src *source;
	unsigned op;
};

struct run {
	const uint8_t *in;
	size_t left;
	struct dfl_trace *t;
	const struct dfl_decode_sink *sink;
	struct dfl_conn conns[N_CONNS];
	struct slot_op ops[N_OPS];
	struct slot_view views[N_VIEWS];
	struct slot_source sources[N_SOURCES];
	uint64_t now, pos;
	uint64_t next_conn;
	char ids[MAX_IDS][DFL_TRACE_ID_LEN + 1]; /* traces that there are or were */
	size_t n_ids;
};

/*
 * fuzz_trace_made.c: rules that let few traces be open, texts that have much in common, and their
 * fingerprints.
 */
extern struct dfl_rules *rules[N_RULES];
extern char texts[N_TEXTS][1200];
struct print_set {
	uint8_t *prints;
	uint32_t n, canon;
};
extern struct print_set prints[N_TEXTS];
extern const uint8_t print_key[DFL_PRINT_KEY_BYTES];
void make_once(void);

/* fuzz_trace_check.c: the trace stage's callbacks, which check what it hands out; ud: the run. */
void learn_id(struct run *f, const char *trace_id);
void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change);
void on_store(void *ud, const struct dfl_doc *doc);
void on_prints(void *ud, const struct dfl_past_text *of);
void on_history(void *ud, const char *trace_id, const char *in_trace_id, const uint32_t *seqs,
		size_t n);
