// SPDX-License-Identifier: Apache-2.0
/* The outbox: writes at once while the store takes it, and keeps what is not on disk. */
#include "store/outbox.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/hash.h"
#include "doc/doc_pack.h"
#include "doc/doc_unpack.h"
#include "match/fingerprint/fingerprint.h"

#define FIRST_RETRY_NS 100000000ull
#define LAST_RETRY_NS 5000000000ull
#define FLUSH_WAIT_MS 2000
#define RECORD_BYTES 256 /* of a record beside what it holds, about */
#define WHY "the store could not be written"

enum kind { KIND_DOC, KIND_PRINTS, KIND_REPLAYED, KIND_LOSS };

/* One write that is not known to be on disk. A later one with the same key takes its place. */
struct record {
	enum kind kind;
	char *key;
	struct dfl_buf head, body;  /* KIND_DOC: both parts; else body: prints, or seqs */
	char *trace_id, *other;	    /* other: field, or the trace in which it was seen again; why */
	struct dfl_past_text past;  /* numbers of KIND_PRINTS */
	struct dfl_store_loss loss; /* numbers of KIND_LOSS */
	int64_t started_ns;	    /* of the trace of KIND_DOC */
	size_t bytes;
	UT_hash_handle hh;
};

struct dfl_outbox {
	struct dfl_outbox_opts opts;
	char *path;
	struct dfl_store *store; /* NULL: its file is gone and could not be made again */
	uint8_t *print_key;	 /* NULL: none */
	struct record *records;	 /* in the order in which they came */
	uint64_t bytes;
	/* while it fails */
	bool failing;
	unsigned full; /* errors that said that the disk is full */
	uint64_t since_ns, retry_ns, wait_ns;
	/* given up, since it fails */
	uint64_t given_up;
	int64_t given_up_from_ns, given_up_to_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* ---- records ---- */

static void free_record(struct record *rec)
{
	if (!rec)
		return;
	free(rec->key);
	free(rec->trace_id);
	free(rec->other);
	dfl_buf_fini(&rec->head);
	dfl_buf_fini(&rec->body);
	free(rec);
}

static void drop_record(struct dfl_outbox *o, struct record *rec)
{
	o->bytes -= rec->bytes;
	HASH_DEL(o->records, rec);
	free_record(rec);
}

static void drop_all(struct dfl_outbox *o)
{
	struct record *rec, *next;

	HASH_ITER(hh, o->records, rec, next)
	drop_record(o, rec);
}

static void count_given_up(struct dfl_outbox *o, int64_t started_ns)
{
	if (!o->given_up || started_ns < o->given_up_from_ns)
		o->given_up_from_ns = started_ns;
	o->given_up_to_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	o->given_up++;
}

static void make_room(struct dfl_outbox *o)
{
	while (o->bytes > o->opts.max_bytes && o->records) {
		if (o->records->kind == KIND_DOC)
			count_given_up(o, o->records->started_ns);
		drop_record(o, o->records);
	}
}

/* A record with its key and texts; NULL: out of memory. */
static struct record *new_record(enum kind kind, const char *trace_id, const char *other)
{
	struct record *rec = calloc(1, sizeof(*rec));

	if (!rec)
		return NULL;
	rec->kind = kind;
	rec->trace_id = strdup(trace_id);
	rec->other = other ? strdup(other) : NULL;
	if (!rec->trace_id || (other && !rec->other) ||
	    asprintf(&rec->key, "%d %s %s", kind, trace_id, other ? other : "") < 0) {
		rec->key = NULL;
		free_record(rec);
		return NULL;
	}
	return rec;
}

/* Takes it over. NULL: out of memory before; then the write is not repeated if it fails. */
static void keep(struct dfl_outbox *o, struct record *rec)
{
	struct record *old;

	if (!rec)
		return;
	rec->bytes = RECORD_BYTES + rec->head.cap + rec->body.cap;
	HASH_FIND_STR(o->records, rec->key, old);
	if (old)
		drop_record(o, old);
	HASH_ADD_KEYPTR(hh, o->records, rec->key, strlen(rec->key), rec);
	if (!DFL_HASHED(hh, rec)) {
		free_record(rec);
		return;
	}
	o->bytes += rec->bytes;
	make_room(o);
}

/* ---- writing a record ---- */

static int write_doc(struct dfl_store *s, const struct record *rec, struct dfl_err *err)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));
	int r = doc ? dfl_doc_unpack(rec->head.data, rec->head.len, doc) : -ENOMEM;

	if (!r)
		r = dfl_doc_unpack(rec->body.data, rec->body.len, doc);
	r = r ? dfl_err_set(err, -r, "out of memory for a trace document") :
		dfl_store_put_packed(s, doc, &rec->head, &rec->body, err);
	dfl_doc_free(doc);
	return r;
}

static int write_record(struct dfl_outbox *o, const struct record *rec, struct dfl_err *err)
{
	const uint8_t *key = dfl_store_print_key(o->store);
	struct dfl_past_text past = rec->past;
	struct dfl_store_loss loss = rec->loss;

	switch (rec->kind) {
	case KIND_DOC:
		return write_doc(o->store, rec, err);
	case KIND_PRINTS: /* a store that was made anew has another key: they are of no use there */
		if (!key || !o->print_key || memcmp(key, o->print_key, DFL_PRINT_KEY_BYTES))
			return 0;
		past.trace_id = rec->trace_id;
		past.field = rec->other;
		past.prints = rec->body.data;
		return dfl_store_put_prints(o->store, &past, err);
	case KIND_REPLAYED:
		return dfl_store_replayed(o->store, rec->trace_id, rec->other,
					  (const uint32_t *)(const void *)rec->body.data,
					  rec->body.len / sizeof(uint32_t), err);
	case KIND_LOSS:
		loss.why = rec->other;
		return dfl_store_put_loss(o->store, &loss, err);
	}
	return 0;
}

/* ---- failing and trying again ---- */

/* The error, if nothing is kept; else it is noted, and 0. */
static int fail(struct dfl_outbox *o, int r, const struct dfl_err *err)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (!o->opts.max_bytes)
		return r;
	o->full += r == -ENOSPC;
	o->wait_ns = o->failing ? 2 * o->wait_ns : FIRST_RETRY_NS;
	if (o->wait_ns > LAST_RETRY_NS)
		o->wait_ns = LAST_RETRY_NS;
	o->retry_ns = now_ns + o->wait_ns;
	if (o->failing)
		return 0;
	o->failing = true;
	o->since_ns = now_ns;
	dfl_log_write(
		&o->opts.log, DFL_LOG_WARN,
		"%s; recording goes on, up to %llu MB are kept in memory until it can be written",
		err->msg, (unsigned long long)(o->opts.max_bytes >> 20));
	return 0;
}

static int open_again(struct dfl_outbox *o, struct dfl_err *err)
{
	struct dfl_store_opts opts = o->opts.store;

	opts.no_waiting = true;
	dfl_store_close(o->store);
	o->store = NULL;
	return dfl_store_create(o->path, &opts, &o->store, err);
}

/* The traces that were given up, as a loss. */
static int write_given_up(struct dfl_outbox *o, struct dfl_err *err)
{
	const struct dfl_store_loss loss = { .from_ns = o->given_up_from_ns,
					     .to_ns = o->given_up_to_ns,
					     .events = o->given_up,
					     .why = WHY };

	return o->given_up ? dfl_store_put_loss(o->store, &loss, err) : 0;
}

static int write_all(struct dfl_outbox *o, struct dfl_err *err)
{
	int r = !o->store || dfl_store_is_replaced(o->store) ? open_again(o, err) : 0;

	/* If that fails the writes will. At first the log may have room enough. */
	if (!r && o->full)
		dfl_store_make_room(o->store, o->full > 1, NULL);
	for (struct record *rec = o->records; !r && rec; rec = rec->hh.next)
		r = write_record(o, rec, err);
	if (!r)
		r = write_given_up(o, err);
	return r ? r : dfl_store_sync(o->store, err);
}

static void recover(struct dfl_outbox *o)
{
	drop_all(o);
	o->failing = false;
	o->full = 0;
	dfl_log_write(&o->opts.log, DFL_LOG_INFO,
		      "the store %s is written again, after %.1f s; %llu traces were given up",
		      o->path, (double)(clock_ns(CLOCK_MONOTONIC) - o->since_ns) / 1e9,
		      (unsigned long long)o->given_up);
	o->given_up = 0;
}

static int try_again(struct dfl_outbox *o, struct dfl_err *err)
{
	int r = write_all(o, err);

	if (r)
		fail(o, r, err);
	else
		recover(o);
	return r;
}

/* After a write: its result is noted. Nobody needs err when all is kept. */
static int done(struct dfl_outbox *o, int r, struct dfl_err *sentence, struct dfl_err *err)
{
	if (r && !o->opts.max_bytes && err)
		*err = *sentence;
	return r ? fail(o, r, sentence) : 0;
}

/* ---- what comes in ---- */

static struct record *doc_record(const struct dfl_doc *doc)
{
	struct record *rec = new_record(KIND_DOC, doc->trace_id, NULL);

	if (rec && !dfl_doc_pack(doc, DFL_DOC_HEAD, &rec->head) &&
	    !dfl_doc_pack(doc, DFL_DOC_BODY, &rec->body)) {
		rec->started_ns = doc->started_ns;
		return rec;
	}
	free_record(rec);
	return NULL;
}

int dfl_outbox_put(struct dfl_outbox *o, const struct dfl_doc *doc, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	struct record *rec;
	int r = 0;

	if (!o->opts.max_bytes)
		return dfl_store_put(o->store, doc, err);
	rec = doc_record(doc);
	if (!rec) {
		count_given_up(o, doc->started_ns);
		return 0;
	}
	if (!o->failing)
		r = dfl_store_put_packed(o->store, doc, &rec->head, &rec->body, &sentence);
	keep(o, rec);
	return done(o, r, &sentence, err);
}

int dfl_outbox_put_prints(struct dfl_outbox *o, const struct dfl_past_text *of, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	struct record *rec = o->opts.max_bytes ? new_record(KIND_PRINTS, of->trace_id, of->field) :
						 NULL;
	int r = 0;

	if (rec && dfl_buf_append(&rec->body, of->prints, (size_t)of->n_prints * DFL_PRINT_BYTES)) {
		free_record(rec);
		rec = NULL;
	}
	if (rec)
		rec->past = *of;
	if (!o->failing)
		r = dfl_store_put_prints(o->store, of, &sentence);
	keep(o, rec);
	return done(o, r, &sentence, err);
}

int dfl_outbox_replayed(struct dfl_outbox *o, const char *trace_id, const char *in_trace_id,
			const uint32_t *seqs, size_t n, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	struct record *rec = o->opts.max_bytes ? new_record(KIND_REPLAYED, trace_id, in_trace_id) :
						 NULL;
	int r = 0;

	if (rec && dfl_buf_append(&rec->body, seqs, n * sizeof(*seqs))) {
		free_record(rec);
		rec = NULL;
	}
	if (!o->failing)
		r = dfl_store_replayed(o->store, trace_id, in_trace_id, seqs, n, &sentence);
	keep(o, rec);
	return done(o, r, &sentence, err);
}

int dfl_outbox_put_loss(struct dfl_outbox *o, const struct dfl_store_loss *loss,
			struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	char from[24];
	struct record *rec;
	int r = 0;

	snprintf(from, sizeof(from), "%lld", (long long)loss->from_ns);
	rec = o->opts.max_bytes ? new_record(KIND_LOSS, from, loss->why) : NULL;
	if (rec)
		rec->loss = *loss;
	if (!o->failing)
		r = dfl_store_put_loss(o->store, loss, &sentence);
	keep(o, rec);
	return done(o, r, &sentence, err);
}

int dfl_outbox_expire(struct dfl_outbox *o, int64_t now_ns, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	int r = o->failing ? 0 : dfl_store_expire(o->store, now_ns, &sentence);

	return done(o, r, &sentence, err);
}

int dfl_outbox_sync(struct dfl_outbox *o, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	int r;

	if (o->failing) {
		if (clock_ns(CLOCK_MONOTONIC) >= o->retry_ns)
			try_again(o, &sentence);
		return 0;
	}
	r = dfl_store_sync(o->store, &sentence);
	if (!r && o->opts.max_bytes && dfl_store_is_replaced(o->store))
		r = dfl_err_set(&sentence, ENOENT, "the store %s was removed or replaced", o->path);
	if (!r)
		drop_all(o);
	return done(o, r, &sentence, err);
}

int dfl_outbox_flush(struct dfl_outbox *o, struct dfl_err *err)
{
	struct dfl_err sentence = { "" };
	int r = dfl_outbox_sync(o, err);

	if (r || !o->failing)
		return r;
	if (o->store)
		dfl_store_wait_for_locks(o->store, FLUSH_WAIT_MS);
	r = try_again(o, &sentence);
	if (r && err)
		*err = sentence;
	return r;
}

/* ---- the store behind it ---- */

int64_t dfl_outbox_oldest(struct dfl_outbox *o)
{
	return o->failing ? INT64_MIN : dfl_store_oldest(o->store);
}

int dfl_outbox_load_prints(struct dfl_outbox *o, dfl_store_old_fn fn, void *ud,
			   struct dfl_store_loaded *ret_loaded, struct dfl_err *err)
{
	return dfl_store_load_prints(o->store, fn, ud, ret_loaded, err);
}

const uint8_t *dfl_outbox_print_key(const struct dfl_outbox *o)
{
	return o->print_key;
}

/* A copy: the store may be opened again. */
static int copy_print_key(struct dfl_outbox *o)
{
	const uint8_t *key = dfl_store_print_key(o->store);

	if (!key)
		return 0;
	o->print_key = malloc(DFL_PRINT_KEY_BYTES);
	if (!o->print_key)
		return -ENOMEM;
	sodium_mlock(o->print_key, DFL_PRINT_KEY_BYTES);
	memcpy(o->print_key, key, DFL_PRINT_KEY_BYTES);
	return 0;
}

int dfl_outbox_open(const struct dfl_outbox_opts *opts, struct dfl_outbox **ret_outbox,
		    struct dfl_err *err)
{
	struct dfl_outbox *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return dfl_err_set(err, ENOMEM, "out of memory");
	o->opts = *opts;
	o->path = strdup(opts->path);
	r = o->path ? dfl_store_create(opts->path, &opts->store, &o->store, err) :
		      dfl_err_set(err, ENOMEM, "out of memory");
	if (!r && copy_print_key(o))
		r = dfl_err_set(err, ENOMEM, "out of memory");
	if (!r && opts->max_bytes)
		dfl_store_wait_for_locks(o->store, 0);
	if (r) {
		dfl_outbox_close(o);
		return r;
	}
	*ret_outbox = o;
	return 0;
}

void dfl_outbox_close(struct dfl_outbox *o)
{
	if (!o)
		return;
	drop_all(o);
	dfl_store_close(o->store);
	if (o->print_key)
		sodium_munlock(o->print_key, DFL_PRINT_KEY_BYTES);
	free(o->print_key);
	free(o->path);
	free(o);
}
