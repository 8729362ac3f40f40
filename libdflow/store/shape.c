// SPDX-License-Identifier: Apache-2.0
/*
 * Shapes. A row is found by the hash of its columns, because NULLs are never equal in a UNIQUE of
 * SQL. `day` is the last day on which a trace that has the shape started; so a shape can go without
 * a look at all hops, and no name or address outlives retention by more than a day.
 */
#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>

#include "store/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/statement.h"

#define DAY_NS 86400000000000ll

enum {
	FROM_STATION,
	FROM_NAME,
	FROM_HOST,
	TO_STATION,
	TO_NAME,
	TO_HOST,
	MEDIUM,
	PROTOCOL,
	OPERATION,
	PLACE,
	DIRECTION,
	RESIDENCY,
	REGION,
	FIELD,
	N_TEXT
};
enum { TTL, ENCRYPTED, IN_VPC, N_NUMBER };

/* Columns of PUT_SHAPE for the texts and numbers above. */
static const int text_column[N_TEXT] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18, 19 };
static const int number_column[N_NUMBER] = { 15, 16, 17 };

struct shape {
	const char *text[N_TEXT]; /* NULL: null */
	size_t len[N_TEXT];
	int64_t number[N_NUMBER]; /* -1: null */
};

void dfl_shape_split(const char *address, size_t *ret_host_len, int *ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	long port = digits && digits <= 5 ? strtol(colon + 1, NULL, 10) : -1;

	*ret_port = -1;
	*ret_host_len = strlen(address);
	/* Only what is spelled again as it was. */
	if (port < 0 || port > 65535 || colon[1 + digits] || (colon[1] == '0' && digits > 1))
		return;
	*ret_port = (int)port;
	*ret_host_len = (size_t)(colon - address);
}

static void set_host(struct shape *sh, int at, const char *address)
{
	int port;

	sh->text[at] = address;
	if (address)
		dfl_shape_split(address, &sh->len[at], &port);
}

static struct shape shape_of(const struct dfl_doc_hop *h)
{
	struct shape sh = {
		.text = { [FROM_STATION] = dfl_station_name(h->from.station),
			  [FROM_NAME] = h->from.name,
			  [TO_STATION] = dfl_station_name(h->to.station),
			  [TO_NAME] = h->to.name,
			  [MEDIUM] = dfl_medium_name(h->medium),
			  [PROTOCOL] = h->protocol,
			  [OPERATION] = h->operation,
			  [PLACE] = h->place,
			  [DIRECTION] = h->direction == DFL_REQUEST ? "request" : "response",
			  [RESIDENCY] = dfl_residency_name(h->residency),
			  [REGION] = h->region,
			  [FIELD] = h->field },
		.number = { [TTL] = h->ttl_s, [ENCRYPTED] = h->encrypted, [IN_VPC] = h->in_vpc },
	};

	for (int i = 0; i < N_TEXT; i++)
		sh.len[i] = sh.text[i] ? strlen(sh.text[i]) : 0;
	set_host(&sh, FROM_HOST, h->from.address);
	set_host(&sh, TO_HOST, h->to.address);
	return sh;
}

/* Over each text behind its length, so that no two shapes are spelled alike; SIZE_MAX: null. */
static void hash_of(const struct shape *sh, XXH128_canonical_t *ret_hash)
{
	XXH3_state_t state;

	XXH3_INITSTATE(&state);
	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, sh->number, sizeof(sh->number));
	for (int i = 0; i < N_TEXT; i++) {
		size_t len = sh->text[i] ? sh->len[i] : SIZE_MAX;

		XXH3_128bits_update(&state, &len, sizeof(len));
		if (sh->text[i])
			XXH3_128bits_update(&state, sh->text[i], sh->len[i]);
	}
	XXH128_canonicalFromHash(ret_hash, XXH3_128bits_digest(&state));
}

/* 0 and the shape; -ENOENT: it is new; -EIO. */
static int find(struct dfl_store *s, const XXH128_canonical_t *hash, int64_t *ret_n,
		int64_t *ret_day)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_GET_SHAPE);
	int step;

	if (!st)
		return -EIO;
	sqlite3_bind_blob(st, 1, hash, sizeof(*hash), SQLITE_STATIC);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		*ret_n = sqlite3_column_int64(st, 0);
		*ret_day = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return step == SQLITE_ROW ? 0 : step == SQLITE_DONE ? -ENOENT : -EIO;
}

static int insert(struct dfl_store *s, const struct shape *sh, const XXH128_canonical_t *hash,
		  int64_t day)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_PUT_SHAPE);

	if (!st)
		return -EIO;
	sqlite3_bind_blob(st, 1, hash, sizeof(*hash), SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, day);
	for (int i = 0; i < N_TEXT; i++)
		if (sh->text[i])
			sqlite3_bind_text64(st, text_column[i], sh->text[i], sh->len[i],
					    SQLITE_STATIC, SQLITE_UTF8);
	for (int i = 0; i < N_NUMBER; i++)
		if (sh->number[i] != -1)
			sqlite3_bind_int64(st, number_column[i], sh->number[i]);
	return dfl_store_run(st);
}

static int set_day(struct dfl_store *s, int64_t n, int64_t day)
{
	sqlite3_stmt *st = dfl_store_statement(s, STMT_SET_SHAPE_DAY);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_int64(st, 2, day);
	return dfl_store_run(st);
}

static struct dfl_store_shape *place_of(struct dfl_store *s, const XXH128_canonical_t *hash)
{
	uint16_t place;

	memcpy(&place, hash, sizeof(place));
	return &s->shape[place % DFL_STORE_SHAPES];
}

int dfl_shape_put(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_doc_hop *hop,
		  int64_t *ret_n)
{
	struct shape sh = shape_of(hop);
	struct dfl_store_shape found = { .n = 0 }, *cached;
	int64_t day = doc->started_ns / DAY_NS;
	int r = 0;

	hash_of(&sh, &found.hash);
	cached = place_of(s, &found.hash);
	if (cached->n && !memcmp(&cached->hash, &found.hash, sizeof(found.hash)))
		found = *cached;
	else
		r = find(s, &found.hash, &found.n, &found.day);
	if (r == -ENOENT) {
		r = insert(s, &sh, &found.hash, day);
		found.n = sqlite3_last_insert_rowid(s->db);
		found.day = day;
	} else if (!r && day > found.day) {
		r = set_day(s, found.n, day);
		found.day = day;
	}
	if (r)
		return r;
	*cached = found;
	*ret_n = found.n;
	return 0;
}

void dfl_shape_forget(struct dfl_store *s)
{
	memset(s->shape, 0, DFL_STORE_SHAPES * sizeof(*s->shape));
}

int dfl_shape_expire(struct dfl_store *s)
{
	dfl_shape_forget(s);
	return sqlite3_exec(s->db,
			    "DELETE FROM shape WHERE day < (SELECT coalesce(min(started_ns),"
			    " 9223372036854775807) / 86400000000000 FROM trace)",
			    NULL, NULL, NULL) ?
		       -EIO :
		       0;
}
