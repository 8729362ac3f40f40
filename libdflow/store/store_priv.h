/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of store/ and query/ share. */
#pragma once

#include <errno.h>
#include <sodium.h>
#include <sqlite3.h>

#include "match/fingerprint/fingerprint.h"
#include "store/store.h"

#define DFL_STORE_APPLICATION_ID 0x64666c77  /* "dflw" */
#define DFL_STORE_MAX_DOC_BYTES (256u << 20) /* a document's JSON; more is taken for damage */

enum {
	STMT_PUT_TRACE,
	STMT_DROP_IDS,
	STMT_DROP_HOPS,
	STMT_PUT_ID,
	STMT_PUT_HOP,
	STMT_PUT_PRINTS,
	STMT_GET_DOC,
	STMT_SET_DOC,
	STMT_GET_STARTED,
	STMT_NEXT_OPEN,
	N_STMT
};

/* Of what is beside the store (key.c). In locked memory. */
struct dfl_store_key {
	uint8_t print[DFL_PRINT_KEY_BYTES];
	uint8_t seal[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
	char id[2 * crypto_kdf_BYTES_MIN + 1]; /* hex; tells nothing of the others */
};

struct dfl_store {
	sqlite3 *db;
	char *path;
	int lock_fd; /* -1: a reader */
	bool in_transaction;
	uint64_t max_age_s, max_bytes, max_prints;
	struct dfl_store_key *key;  /* NULL: no fingerprints */
	sqlite3_stmt *stmt[N_STMT]; /* of the writer */
};

/* The sentence and errno for what SQLite just said. doing: "write to". */
int dfl_store_error(const struct dfl_store *s, struct dfl_err *err, const char *doing);

/*
 * Brings the database from its user_version to n: steps[i] leads from i to i + 1. Each step is one
 * transaction. -EPROTO: it is newer than n.
 */
int dfl_store_migrate(sqlite3 *db, const char *const *steps, int n);

/* lock.c: one recorder at a time. -EBUSY: another has it. */
int dfl_store_take_lock(struct dfl_store *s, struct dfl_err *err);

/* told.c: what an earlier recorder left open is over, and says why. */
int dfl_store_end_open(struct dfl_store *s, struct dfl_err *err);

/*
 * Opens the key of the store, or makes one. -EACCES: it is another user's, or others may read it.
 */
int dfl_store_key_open(const char *store_path, struct dfl_store_key *ret_key, struct dfl_err *err);

/*
 * prints.c: deletes all of them, whatever key they were made with; no byte of them stays in the
 * file.
 */
int dfl_store_drop_prints(struct dfl_store *s, struct dfl_err *err);

/*
 * write.c: a prepared statement, NULL when that failed; run it (NULL fails too) and make it ready
 * for the next use.
 */
sqlite3_stmt *dfl_store_statement(struct dfl_store *s, int which);
int dfl_store_run(sqlite3_stmt *st);
/* Before each write. */
int dfl_store_begin(struct dfl_store *s, struct dfl_err *err);
/* A failed write takes the whole transaction with it, so that no trace is half there. */
int dfl_store_give_up(struct dfl_store *s, struct dfl_err *err);
/* Packs the document and hands it to fn, in a transaction that is given up when fn fails. */
typedef int (*dfl_store_doc_fn)(struct dfl_store *s, const struct dfl_doc *doc, const void *data,
				size_t len);
int dfl_store_write_doc(struct dfl_store *s, const struct dfl_doc *doc, dfl_store_doc_fn fn,
			struct dfl_err *err);
/* -1: it failed. */
int64_t dfl_store_number(struct dfl_store *s, const char *query);

/* Document <-> what the table holds: JSON, zstd. free() the result. */
int dfl_store_pack(const struct dfl_doc *doc, void **ret_data, size_t *ret_len);
/* -EBADMSG: damaged. */
int dfl_store_unpack(const void *data, size_t len, struct dfl_doc **ret_doc);
