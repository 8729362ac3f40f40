/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that keeps everything decoders emit and lists it as text, for tests and fuzzers. */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "decode/decode.h"

struct sink_view {
	struct sink_view *next;
	uint64_t conn;
	struct dfl_op *op; /* NULL: none */
	char *place, *derives, *holds;
	enum dfl_dir dir;
	enum dfl_layer layer;
	enum dfl_residency residency;
	bool closed;
	struct dfl_buf data;
	uint64_t pos_from, pos_to, gap_bytes;
	uint64_t pos_hash; /* over (pos, pos_len) of each byte */
};

struct sink_id {
	struct sink_id *next;
	enum dfl_id_kind kind;
	char value[160];
};

struct dfl_src {
	struct dfl_src *next;
	char field[192];
	struct dfl_buf data;
	bool gap, ended;
};

struct dfl_txn {
	struct dfl_txn *next;
	unsigned number;
	bool ended;
	enum dfl_kept kept;
};

struct dfl_op {
	struct dfl_op *next;
	uint64_t conn, number;
	char protocol[32], operation[256], place[256];
	enum dfl_residency residency;
	int64_t ttl_s;
	enum dfl_dir dir;
	enum dfl_station station;
	bool ended, may_store, told;
	enum dfl_kept kept;
	struct dfl_txn *txn;
	char effects[2048]; /* one line each */
	struct sink_id *ids;
	struct dfl_src *sources;
	char client[DFL_ADDR_STRLEN];
};

struct sink {
	struct dfl_decode_sink ops;
	struct dfl_op *op_first, **op_end;
	struct sink_view *view_first, **view_end;
	struct dfl_txn *txns;
	unsigned n_txns;
	struct dfl_tls_info tls;
	unsigned n_encrypted, n_dns, n_errors, n_ops;
	char dns_name[256], dns_addr[DFL_ADDR_STRLEN], protocol[32];
	/* When set: how often each stream position was shown (not counting joined views). */
	void (*seen)(void *ud, const struct sink_view *v, uint64_t pos, uint64_t len);
	void *seen_ud;
	uint64_t unread, limits;
	uint8_t is_encrypted[4096]; /* by connection */
};

void sink_init(struct sink *s);
/* Checks that all operations, views and sources were ended. Frees everything. */
void sink_fini(struct sink *s);
/* One line a thing, with contents as hashes. */
void sink_list(const struct sink *s, FILE *f);
/* Counts by protocol, operation, place, direction; and the ids, fields and answers. Sorted. */
void sink_summary(const struct sink *s, FILE *f);
