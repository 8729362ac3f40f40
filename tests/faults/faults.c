// SPDX-License-Identifier: Apache-2.0
/*
 * Faults of the disk under a store: a small VFS in front of SQLite's own makes the n-th call of a
 * kind fail, for every n, and takes the files away as a power cut would leave them before every
 * write.
 *
 *     faults schedule FOLDER [STEP]       a table; not 0: something was wrong
 *     faults write STORE SECONDS [BYTES]  writes a trace every 20 ms through an outbox
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/cursor.h"
#include "store/outbox.h"

#define TRACES 6
#define OUTBOX_BYTES (1 << 20)

enum op { OP_OPEN, OP_WRITE, OP_SYNC, OP_TRUNCATE, N_OP };

/* What the VFS is told to do, and what it saw. */
static struct {
	enum op op;
	int result; /* of the failing call; SQLITE_OK with short_write: half of it is written */
	bool short_write;
	long at, seen;		 /* which call fails; -1: none */
	int acknowledged;	 /* traces that a sync said are on disk */
	const char *snapshot_of; /* NULL: no power cuts */
	char snapshot[256];
	long cuts, bad_cuts;
} plan = { .at = -1 };

/* ---- the VFS: files of SQLite's own one, with methods that ask the plan first ---- */

static sqlite3_vfs *real;
/* The unix VFS has some tables (with locks, without), but the methods below are the same in all. */
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
} table[8];
#define real_methods table[0].real

static bool is_due(enum op op)
{
	return plan.at >= 0 && plan.op == op && plan.seen++ == plan.at;
}

static void check_cut(void);

static int write_file(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	check_cut();
	if (!is_due(OP_WRITE))
		return real_methods->xWrite(f, data, n, at);
	if (plan.short_write)
		real_methods->xWrite(f, data, n / 2, at);
	return plan.result;
}

static int sync_file(sqlite3_file *f, int flags)
{
	return is_due(OP_SYNC) ? plan.result : real_methods->xSync(f, flags);
}

static int truncate_file(sqlite3_file *f, sqlite3_int64 size)
{
	check_cut();
	return is_due(OP_TRUNCATE) ? plan.result : real_methods->xTruncate(f, size);
}

static const sqlite3_io_methods *wrap(const sqlite3_io_methods *of)
{
	size_t i = 0;

	while (table[i].real && table[i].real != of)
		i++;
	table[i].real = of;
	table[i].ours = *of;
	table[i].ours.xWrite = write_file;
	table[i].ours.xSync = sync_file;
	table[i].ours.xTruncate = truncate_file;
	return &table[i].ours;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int r;

	f->pMethods = NULL;
	if (is_due(OP_OPEN))
		return plan.result;
	r = real->xOpen(real, name, f, flags, ret_flags);
	if (r == SQLITE_OK && f->pMethods)
		f->pMethods = wrap(f->pMethods);
	return r;
}

static void use_vfs(bool on)
{
	static sqlite3_vfs vfs;

	if (!real) {
		real = sqlite3_vfs_find(NULL);
		vfs = *real;
		vfs.zName = "faulty";
		vfs.xOpen = open_file;
		sqlite3_vfs_register(&vfs, 0);
	}
	sqlite3_vfs_register(on ? &vfs : real, 1);
}

/* ---- files ---- */

static void copy_file(const char *from, const char *to, const char *end)
{
	char a[300], b[300], data[65536];
	int in, out;
	ssize_t n;

	snprintf(a, sizeof(a), "%s%s", from, end);
	snprintf(b, sizeof(b), "%s%s", to, end);
	unlink(b);
	in = open(a, O_RDONLY);
	if (in < 0)
		return;
	out = open(b, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while ((n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, (size_t)n) != n)
			abort();
	close(in);
	close(out);
}

static void remove_store(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal", ".lock", ".key" };
	char name[300];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* ---- traces ---- */

static struct dfl_doc *make_doc(unsigned n, bool settled)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));

	snprintf(doc->trace_id, sizeof(doc->trace_id), "%032x", n + 1);
	doc->started_ns = (int64_t)time(NULL) * 1000000000 + n;
	doc->ended_ns = -1;
	doc->settled = settled;
	doc->operation = strdup("POST /v1/chat-messages");
	doc->n_hops = 1 + n % 4;
	doc->hops = calloc(doc->n_hops, sizeof(*doc->hops));
	for (size_t i = 0; i < doc->n_hops; i++)
		doc->hops[i] = (struct dfl_doc_hop){ .seq = (uint32_t)i + 1,
						     .ttl_s = -1,
						     .encrypted = -1,
						     .in_vpc = -1,
						     .coverage = 1,
						     .place = strdup("messages.query") };
	return doc;
}

static int put(struct dfl_outbox *o, unsigned n, bool settled)
{
	struct dfl_doc *doc = make_doc(n, settled);
	int r = dfl_outbox_put(o, doc, NULL);

	dfl_doc_free(doc);
	return r;
}

/* How many traces a store holds, each with its document; -1: it does not open or is damaged. */
static int count(const char *path)
{
	const struct dfl_row *row;
	struct dfl_err err = { "" };
	struct dfl_cursor *c;
	struct dfl_store *s;
	int n = 0, r = dfl_store_open(path, &s, &err);

	if (r)
		return -1;
	r = dfl_cursor_open(s, &(struct dfl_filter){ 0 }, &c, &err);
	while (!r && (r = dfl_cursor_next(c, &row, &err)) > 0) {
		struct dfl_doc *doc;

		r = dfl_cursor_doc(c, &doc, &err);
		if (!r)
			dfl_doc_free(doc);
		n++;
	}
	dfl_cursor_close(c);
	dfl_store_close(s);
	return r ? -1 : n;
}

/*
 * The power goes now: what the files hold is what a reader finds, and the index of the log (-shm)
 * is gone. Every trace that was acknowledged has to be there.
 */
static void check_cut(void)
{
	const char *of = plan.snapshot_of;
	int n;

	if (!of || !plan.acknowledged)
		return;
	plan.snapshot_of = NULL;
	use_vfs(false);
	remove_store(plan.snapshot);
	copy_file(of, plan.snapshot, "");
	copy_file(of, plan.snapshot, "-wal");
	n = count(plan.snapshot);
	plan.cuts++;
	if (n < plan.acknowledged) {
		printf("a power cut left %d of %d traces\n", n, plan.acknowledged);
		plan.bad_cuts++;
	}
	remove_store(plan.snapshot);
	use_vfs(true);
	plan.snapshot_of = of;
}

/* A short recording. What its end says: 0, or why not everything is on disk. */
static int record(const char *path)
{
	const struct dfl_outbox_opts opts = { .path = path,
					      .store = { .prints = true },
					      .max_bytes = OUTBOX_BYTES };
	struct dfl_outbox *o;
	int r = dfl_outbox_open(&opts, &o, NULL);

	if (r)
		return r;
	for (unsigned n = 0; n < TRACES; n++) {
		put(o, n, false);
		dfl_outbox_sync(o, NULL);
		put(o, n, true);
		/* Only without a fault it is known that a sync wrote all. */
		if (!dfl_outbox_sync(o, NULL) && plan.at < 0)
			plan.acknowledged = (int)n + 1;
	}
	if (!r)
		r = dfl_outbox_expire(o, (int64_t)time(NULL) * 1000000000, NULL);
	if (!r)
		r = dfl_outbox_flush(o, NULL);
	dfl_outbox_close(o);
	return r;
}

/* One fault at each call of a kind. Returns how many were wrong. */
static int run_kind(const char *path, const char *name, enum op op, int result, bool short_write,
		    long step)
{
	long n = 0, refused = 0, wrong = 0;

	for (;; n += step) {
		int r, there;

		remove_store(path);
		plan.op = op;
		plan.result = result;
		plan.short_write = short_write;
		plan.at = n;
		plan.seen = 0;
		use_vfs(true);
		r = record(path);
		use_vfs(false);
		if (plan.seen <= plan.at)
			break;
		plan.at = -1;
		there = count(path);
		/* It may refuse to begin. Once begun, one fault loses nothing. */
		refused += r != 0;
		if (!r && there != TRACES) {
			printf("%s number %ld: %d of %d traces\n", name, n, there, TRACES);
			wrong++;
		}
		if (r && record(path)) {
			printf("%s number %ld: the next recorder cannot begin\n", name, n);
			wrong++;
		}
	}
	printf("%-28s %7ld %9ld %7ld\n", name, n / step, refused, wrong);
	return (int)wrong;
}

static int schedule(const char *folder, long step)
{
	static const struct {
		const char *name;
		enum op op;
		int result;
		bool short_write;
	} kinds[] = { { "open: no permission", OP_OPEN, SQLITE_CANTOPEN, false },
		      { "write: error", OP_WRITE, SQLITE_IOERR_WRITE, false },
		      { "write: short, then no room", OP_WRITE, SQLITE_FULL, true },
		      { "write: no room", OP_WRITE, SQLITE_FULL, false },
		      { "write: read-only", OP_WRITE, SQLITE_READONLY, false },
		      { "sync: error", OP_SYNC, SQLITE_IOERR_FSYNC, false },
		      { "truncate: error", OP_TRUNCATE, SQLITE_IOERR_TRUNCATE, false } };
	char path[200];
	int wrong = 0;

	snprintf(path, sizeof(path), "%s/store.db", folder);
	snprintf(plan.snapshot, sizeof(plan.snapshot), "%s/cut.db", folder);
	printf("%-28s %7s %9s %7s\n", "FAULT", "PLACES", "REFUSED", "WRONG");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		wrong += run_kind(path, kinds[i].name, kinds[i].op, kinds[i].result,
				  kinds[i].short_write, step);
	remove_store(path);
	plan.at = -1;
	plan.acknowledged = 0;
	plan.snapshot_of = path;
	use_vfs(true);
	wrong += record(path) != 0;
	use_vfs(false);
	printf("%-28s %7ld %9d %7ld\n", "power cut before a write", plan.cuts, 0, plan.bad_cuts);
	remove_store(path);
	return wrong || plan.bad_cuts || !plan.cuts;
}

/* ---- a recorder for faults of real programs ---- */

static void say(void *ud, enum dfl_log_level level, const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

/* The longest call is printed: whoever captures in the same thread must not be held up. */
static int write_on(const char *path, double seconds, uint64_t bytes)
{
	const struct dfl_outbox_opts opts = {
		.path = path, .store = { .prints = true }, .max_bytes = bytes, .log = { say }
	};
	struct timespec begin, now;
	struct dfl_err err = { "" };
	double longest = 0, passed = 0;
	struct dfl_outbox *o;
	unsigned n = 0;
	int r = dfl_outbox_open(&opts, &o, &err);

	if (r) {
		printf("%s\n", err.msg);
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (passed < seconds) {
		double before = passed;

		put(o, n++, true);
		dfl_outbox_sync(o, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (double)(now.tv_sec - begin.tv_sec) +
			 (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
		longest = passed - before > longest ? passed - before : longest;
		usleep(20000);
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (double)(now.tv_sec - begin.tv_sec) +
			 (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
	}
	r = dfl_outbox_flush(o, &err);
	printf("put %u traces, the longest call took %.0f ms; at the end: %s\n", n, 1000 * longest,
	       r ? err.msg : "all is written");
	dfl_outbox_close(o);
	return !!r;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "schedule"))
		return schedule(argv[2], argc > 3 ? atol(argv[3]) : 1);
	if (argc >= 4 && !strcmp(argv[1], "write"))
		return write_on(argv[2], atof(argv[3]),
				argc > 4 ? strtoull(argv[4], NULL, 10) : OUTBOX_BYTES);
	fprintf(stderr, "faults schedule FOLDER [STEP] | faults write STORE SECONDS [BYTES]\n");
	return 2;
}
