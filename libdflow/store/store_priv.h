/* SPDX-License-Identifier: Apache-2.0 */
/* The open store, as the files of store/ see it. Their functions stand in headers of their own. */
#pragma once

#include <errno.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/types.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/buf.h"
#include "match/fingerprint/fingerprint.h"
#include "store/codec.h"
#include "store/store.h"
#include "store/written.h"

#define DFL_STORE_APPLICATION_ID 0x64666c77 /* "dflw" */

enum dfl_store_stmt {
	STMT_PUT_TRACE,
	STMT_PUT_DOC,
	STMT_GET_HEAD,
	STMT_DROP_ID,
	STMT_DROP_IDS,
	STMT_DROP_HOPS,
	STMT_DROP_OLD_HOPS,
	STMT_PUT_ID,
	STMT_PUT_HOP,
	STMT_PUT_PRINTS,
	STMT_GET_DOC,
	STMT_SET_HEAD,
	STMT_GET_STARTED,
	STMT_NEXT_OPEN,
	STMT_PUT_LOSS,
	STMT_GET_SHAPE,
	STMT_PUT_SHAPE,
	STMT_SET_SHAPE_DAY,
	STMT_NEWEST_DICTIONARY,
	STMT_GET_DICTIONARY,
	STMT_PUT_DICTIONARY,
	N_STMT
};

/* Of what is beside the store (key.c). In locked memory. */
struct dfl_store_key {
	uint8_t print[DFL_PRINT_KEY_BYTES];
	uint8_t seal[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
	char id[2 * crypto_kdf_BYTES_MIN + 1]; /* hex; tells nothing of the others */
};

/* A document as the tables hold it. The buffers are kept for the next one. */
struct dfl_packed {
	struct dfl_buf plain_head, plain_body; /* doc/doc_pack.h */
	struct dfl_buf head, body;	       /* the same, as zstd packed them */
	int64_t dictionary;		       /* both were packed with it (dictionary.h) */
};

#define DFL_STORE_SHAPES 1024 /* that the writer remembers the numbers of */

struct dfl_store_shape {
	XXH128_canonical_t hash;
	int64_t n, day; /* n 0: this place is free */
};

#define DFL_STORE_DICTIONARIES 8 /* that a reader holds at the same time */

struct dfl_store_dictionary {
	int64_t n; /* 0: this place is free */
	ZSTD_DDict *read;
};

struct dfl_store {
	sqlite3 *db;
	char *path;
	int lock_fd; /* -1: a reader */
	dev_t dev;   /* of the writer's file */
	ino_t ino;
	bool in_transaction;
	uint64_t max_age_s, max_bytes, max_prints;
	struct dfl_store_key *key; /* NULL: no fingerprints */
	sqlite3_stmt *stmt[N_STMT];
	struct dfl_codec codec;
	/* the writer's: NULL for a reader */
	struct dfl_packed packed;
	struct dfl_written *written;   /* DFL_WRITTEN_TRACES places */
	struct dfl_store_shape *shape; /* DFL_STORE_SHAPES places */
	/* dictionary.c */
	ZSTD_CDict *pack, *pack_fast; /* of settled traces, of open ones; NULL: none yet */
	int64_t pack_n;		      /* its number */
	size_t pack_bytes;	      /* its size */
	unsigned pack_bad;	      /* documents that packed badly since it was full */
	bool pack_looked;	      /* the table was looked at */
	struct dfl_store_dictionary unpack[DFL_STORE_DICTIONARIES];
	unsigned unpack_next; /* which of them is replaced next */
};
