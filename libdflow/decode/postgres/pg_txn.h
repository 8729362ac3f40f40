/* SPDX-License-Identifier: Apache-2.0 */
/* The transactions of a Postgres connection: which statements the server kept. */
#pragma once

#include "decode/postgres/pg_conn.h"

/* CommandComplete: the statement, or one of its text, was carried out. tag: "INSERT 0 1". */
void dfl_pg_txn_complete(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *tag,
			 uint64_t ts_ns);
/* ErrorResponse. op NULL: to no statement. */
void dfl_pg_txn_failed(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns);
/* ReadyForQuery says: 'I' no transaction, 'T' in one, 'E' in one that failed; else unknown. */
void dfl_pg_txn_ready(struct dfl_pg_conn *c, uint8_t status, uint64_t ts_ns);
/* The connection is over, or is not read any more. */
void dfl_pg_txn_fini(struct dfl_pg_conn *c, uint64_t ts_ns);
