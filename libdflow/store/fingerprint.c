// SPDX-License-Identifier: Apache-2.0
/*
 * Fingerprints of texts in the store: sealed under a key that is not in it, gone with their trace.
 */
#include "store/fingerprint.h"
#include "store/error.h"
#include "store/id_key.h"
#include "store/reader.h"
#include "store/statement.h"
#include "store/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match/canon/canon.h"
#include "match/fingerprint/fingerprint.h"

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define MAX_FIELD_LEN 256

static size_t sealed_len(uint32_t n)
{
	return NONCE_LEN + (size_t)n * DFL_PRINT_BYTES + TAG_LEN;
}

/* What the seal binds them to, so that a row is of no use in another's place. */
static size_t context(const struct dfl_past_text *of, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s %s %llu %u %d %d", of->trace_id, of->field,
			 (unsigned long long)of->canonical_bytes, of->n_prints, DFL_CANON_VERSION,
			 DFL_PRINT_VERSION);

	return n < (int)size ? (size_t)n : size - 1;
}

static void seal(const struct dfl_store *s, const struct dfl_past_text *of, uint8_t *ret)
{
	char about[512];
	size_t n = context(of, about, sizeof(about));

	randombytes_buf(ret, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		ret + NONCE_LEN, NULL, of->prints, (size_t)of->n_prints * DFL_PRINT_BYTES,
		(const uint8_t *)about, n, NULL, ret, s->key->seal);
}

static bool unseal(const struct dfl_store *s, const struct dfl_past_text *of, const uint8_t *sealed,
		   uint8_t *ret)
{
	char about[512];
	size_t n = context(of, about, sizeof(about));

	return !crypto_aead_xchacha20poly1305_ietf_decrypt(
		ret, NULL, NULL, sealed + NONCE_LEN, sealed_len(of->n_prints) - NONCE_LEN,
		(const uint8_t *)about, n, sealed, s->key->seal);
}

const uint8_t *dfl_store_print_key(const struct dfl_store *s)
{
	return s->key ? s->key->print : NULL;
}

int dfl_store_put_prints(struct dfl_store *s, const struct dfl_past_text *of, struct dfl_err *err)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_PRINTS);
	uint8_t *sealed;
	int r;

	if (!s->key || !of->n_prints || strlen(of->field) > MAX_FIELD_LEN)
		return 0;
	sealed = malloc(sealed_len(of->n_prints));
	if (!sealed)
		return dfl_err_set(err, ENOMEM, "out of memory for fingerprints");
	seal(s, of, sealed);
	r = dfl_store_begin(s, err);
	if (!r && st) {
		sqlite3_bind_text(st, 1, of->trace_id, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, of->field, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 3, s->key->id, -1, SQLITE_STATIC);
		sqlite3_bind_int(st, 4, DFL_CANON_VERSION);
		sqlite3_bind_int(st, 5, DFL_PRINT_VERSION);
		sqlite3_bind_int64(st, 6, (int64_t)of->canonical_bytes);
		sqlite3_bind_int64(st, 7, of->n_prints);
		sqlite3_bind_blob64(st, 8, sealed, sealed_len(of->n_prints), SQLITE_STATIC);
	}
	if (!r && dfl_store_run(st))
		r = dfl_store_give_up(s, err);
	free(sealed);
	return r;
}

/*
 * The freed pages are zeroed (secure_delete=FAST spares those), and the log, which held rows too,
 * is emptied.
 */
int dfl_store_drop_prints(struct dfl_store *s, struct dfl_err *err)
{
	static const char sql
		[] = "PRAGMA secure_delete=ON; DELETE FROM print; PRAGMA wal_checkpoint(TRUNCATE);"
		     "PRAGMA secure_delete=FAST";

	if (dfl_store_number(s, "SELECT EXISTS (SELECT 1 FROM print)") == 0)
		return 0;
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? dfl_store_error(s, err, "write to") : 0;
}

/* ---- loading ---- */

enum {
	COL_TRACE,
	COL_STARTED,
	COL_DICTIONARY,
	COL_HEAD,
	COL_DOC,
	COL_FIELD,
	COL_KEY,
	COL_CANON,
	COL_PRINT,
	COL_BYTES,
	COL_N,
	COL_SEALED
};

static const char load_sql[] =
	"SELECT t.trace_id, t.started_ns, dictionary, head, CASE WHEN head IS NULL THEN doc END,"
	" field, key_id, canon_version, print_version, canonical_bytes, p.n, sealed"
	" FROM entry AS t CROSS JOIN print AS p ON p.trace_id = t.trace_id ORDER BY "
	"t.started_ns DESC, t.trace_id DESC, field";

static const char *text(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

/* Made under this key, and by these rules? */
static bool is_ours(const struct dfl_store *s, sqlite3_stmt *st)
{
	const char *id = text(st, COL_KEY);

	return id && !strcmp(id, s->key->id) &&
	       sqlite3_column_int(st, COL_CANON) == DFL_CANON_VERSION &&
	       sqlite3_column_int(st, COL_PRINT) == DFL_PRINT_VERSION;
}

/* The key of the conversation that the trace is of. "": none, or it cannot be read. */
static void conversation_of(struct dfl_store *s, sqlite3_stmt *st,
			    char ret_key[static DFL_ID_KEY_MAX + 1])
{
	struct dfl_doc *head = NULL;

	ret_key[0] = 0;
	if (dfl_reader_head(s, st, COL_DICTIONARY, &head))
		return;
	if (head->ids[DFL_ID_CONVERSATION])
		dfl_id_key(head->ids[DFL_ID_CONVERSATION], ret_key);
	dfl_doc_free(head);
}

/* A row's text, its prints into `room`. false: it is damaged. */
static bool take(const struct dfl_store *s, sqlite3_stmt *st, uint8_t *room,
		 struct dfl_past_text *ret_old)
{
	int64_t n = sqlite3_column_int64(st, COL_N);
	const uint8_t *sealed = sqlite3_column_blob(st, COL_SEALED);

	if (n < 1 || n > DFL_PRINTS_PER_TEXT ||
	    (size_t)sqlite3_column_bytes(st, COL_SEALED) != sealed_len((uint32_t)n))
		return false;
	*ret_old = (struct dfl_past_text){
		.trace_id = text(st, COL_TRACE),
		.field = text(st, COL_FIELD),
		.started_ns = sqlite3_column_int64(st, COL_STARTED),
		.canonical_bytes = (uint64_t)sqlite3_column_int64(st, COL_BYTES),
		.prints = room,
		.n_prints = (uint32_t)n,
	};
	return ret_old->trace_id && ret_old->field && strlen(ret_old->field) <= MAX_FIELD_LEN &&
	       unseal(s, ret_old, sealed, room) && dfl_fingerprint_valid(room, ret_old->n_prints);
}

/* One row; -ENOSPC: there is room for no more. */
static int load_row(struct dfl_store *s, sqlite3_stmt *st, uint8_t *room, dfl_store_old_fn fn,
		    void *ud, struct dfl_store_loaded *count)
{
	char conversation[DFL_ID_KEY_MAX + 1];
	struct dfl_past_text of;
	int r;

	if (!is_ours(s, st)) {
		count->foreign++;
		return 0;
	}
	if (!take(s, st, room, &of)) {
		count->damaged++;
		return 0;
	}
	conversation_of(s, st, conversation);
	of.conversation_id = conversation[0] ? conversation : NULL;
	r = fn(ud, &of);
	count->loaded += !r;
	count->damaged += r == -EINVAL; /* sealed, but nothing that makes sense */
	return r == -EINVAL ? 0 : r;
}

int dfl_store_load_prints(struct dfl_store *s, dfl_store_old_fn fn, void *ud,
			  struct dfl_store_loaded *ret_loaded, struct dfl_err *err)
{
	uint8_t *room = s->key ? malloc((size_t)DFL_PRINTS_PER_TEXT * DFL_PRINT_BYTES) : NULL;
	struct dfl_store_loaded count = { 0 };
	sqlite3_stmt *st = NULL;
	int r = 0, step = SQLITE_DONE;

	if (s->key && !room)
		return dfl_err_set(err, ENOMEM, "out of memory for fingerprints");
	if (s->key && sqlite3_prepare_v2(s->db, load_sql, -1, &st, NULL))
		r = dfl_store_error(s, err, "read");
	while (!r && st && (step = sqlite3_step(st)) == SQLITE_ROW)
		r = load_row(s, st, room, fn, ud, &count);
	if (!r && step != SQLITE_DONE)
		r = dfl_store_error(s, err, "read");
	if (r == -ENOMEM)
		dfl_err_set(err, ENOMEM, "out of memory for fingerprints");
	sqlite3_finalize(st);
	if (room)
		sodium_memzero(room, (size_t)DFL_PRINTS_PER_TEXT * DFL_PRINT_BYTES);
	free(room);
	if (r == -ENOSPC) {
		count.left_out = (uint64_t)dfl_store_number(s, "SELECT count(*) FROM print") -
				 count.loaded - count.foreign - count.damaged;
		r = 0;
	}
	if (!r)
		*ret_loaded = count;
	return r;
}
