// SPDX-License-Identifier: Apache-2.0
/* Opening a store, for its one writer and for readers, and closing it. */
#include "store/dictionary.h"
#include "store/error.h"
#include "store/fingerprint.h"
#include "store/key.h"
#include "store/lock.h"
#include "store/schema.h"
#include "store/statement.h"
#include "store/store_priv.h"
#include "store/update.h"
#include "store/write.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAX_AGE_S (30u * 24 * 3600)
#define DEFAULT_MAX_BYTES (1ull << 30)
#define DEFAULT_MAX_PRINTS (4u << 20)
#define BUSY_TIMEOUT_MS 5000

static int new_store(const char *path, struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = calloc(1, sizeof(*s));

	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		free(s);
		return dfl_err_set(err, ENOMEM, "out of memory");
	}
	s->lock_fd = -1;
	*ret_store = s;
	return 0;
}

/*
 * Makes the store private, if it is ours, and remembers which file it is. It is opened with O_PATH:
 * closing any other descriptor would drop the locks that this process has on the file (fcntl(2)).
 * Such a one takes no fchmod, but its name in /proc does.
 */
static int check_file(struct dfl_store *s, struct dfl_err *err)
{
	int fd = open(s->path, O_PATH | O_CLOEXEC | O_NOFOLLOW), r = 0;
	char name[40];
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		r = dfl_err_set(err, errno, "cannot read the store %s: %m", s->path);
	} else if (!S_ISREG(st.st_mode)) {
		r = dfl_err_set(err, EBADMSG, "%s is not a dflow store: no regular file", s->path);
	} else if (st.st_mode & 077) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		if (st.st_uid != geteuid())
			r = dfl_err_set(err, EACCES,
					"the store %s is another user's (uid %u), and others may "
					"read or write it (mode %04o); make it private (chmod 600)",
					s->path, st.st_uid, st.st_mode & 07777);
		else if (chmod(name, 0600))
			r = dfl_err_set(err, errno, "cannot make the store %s private: %m",
					s->path);
	}
	if (fd >= 0)
		close(fd);
	if (!r) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return r;
}

/* SQLite gives its side files the mode of the database, so that one is made first. */
static int make_file(struct dfl_store *s, struct dfl_err *err)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno != EEXIST)
		return dfl_err_set(err, errno, "cannot create the store %s: %m", s->path);
	if (fd >= 0)
		close(fd);
	return check_file(s, err);
}

bool dfl_store_is_replaced(const struct dfl_store *s)
{
	struct stat st;

	return lstat(s->path, &st) || st.st_dev != s->dev || st.st_ino != s->ino;
}

void dfl_store_wait_for_locks(struct dfl_store *s, int ms)
{
	sqlite3_busy_timeout(s->db, ms);
}

/* What the writer remembers between two puts. */
static int make_caches(struct dfl_store *s, struct dfl_err *err)
{
	s->written = calloc(DFL_WRITTEN_TRACES, sizeof(*s->written));
	s->shape = calloc(DFL_STORE_SHAPES, sizeof(*s->shape));
	return s->written && s->shape ? 0 : dfl_err_set(err, ENOMEM, "out of memory");
}

static int set_up_writer(struct dfl_store *s, struct dfl_err *err)
{
	/* FULL: what dfl_store_sync acknowledged survives a power failure. */
	if (sqlite3_exec(s->db,
			 "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA "
			 "synchronous=FULL;"
			 "PRAGMA journal_size_limit=16777216; PRAGMA secure_delete=FAST",
			 NULL, NULL, NULL))
		return dfl_store_error(s, err, "open");
	return dfl_schema_upgrade(s, err);
}

static int open_key(struct dfl_store *s, struct dfl_err *err)
{
	struct dfl_store_key *key = calloc(1, sizeof(*key));

	if (!key)
		return dfl_err_set(err, ENOMEM, "out of memory");
	sodium_mlock(key, sizeof(*key)); /* as far as RLIMIT_MEMLOCK allows */
	s->key = key;
	return dfl_store_key_open(s->path, key, err);
}

int dfl_store_create(const char *path, const struct dfl_store_opts *opts,
		     struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = NULL;
	int r = new_store(path, &s, err);

	if (r)
		return r;
	s->max_age_s = opts && opts->max_age_s ? opts->max_age_s : DEFAULT_MAX_AGE_S;
	s->max_bytes = opts && opts->max_bytes ? opts->max_bytes : DEFAULT_MAX_BYTES;
	s->max_prints = opts && opts->max_prints ? opts->max_prints : DEFAULT_MAX_PRINTS;
	r = make_caches(s, err);
	if (!r)
		r = dfl_store_take_lock(s, err);
	if (!r)
		r = make_file(s, err);
	if (!r && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		r = dfl_store_error(s, err, "open");
	if (!r) {
		dfl_store_wait_for_locks(s, opts && opts->no_waiting ? 0 : BUSY_TIMEOUT_MS);
		r = dfl_store_is_replaced(s) ?
			    dfl_err_set(err, EAGAIN, "the store %s was replaced just now", path) :
			    dfl_schema_check(s, true, err);
	}
	if (!r)
		r = set_up_writer(s, err);
	if (!r)
		r = dfl_store_end_open(s, err);
	if (!r)
		r = opts && opts->prints ? open_key(s, err) : dfl_store_drop_prints(s, err);
	if (r) {
		dfl_store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

static int check_readable(const char *path, struct dfl_err *err)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT)
			return dfl_err_set(err, ENOENT,
					   "there is no store at %s; record into it first, or "
					   "give the right path",
					   path);
		return dfl_err_set(err, errno, "cannot read the store %s: %m", path);
	}
	if (!S_ISREG(st.st_mode))
		return dfl_err_set(err, EBADMSG, "%s is not a dflow store: no regular file", path);
	if (access(path, R_OK))
		return dfl_err_set(err, errno, "cannot read the store %s: %m; only its owner may",
				   path);
	return 0;
}

static int open_reader(struct dfl_store *s, const char *name, int flags, struct dfl_err *err)
{
	int r;

	if (sqlite3_open_v2(name, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL))
		return dfl_store_error(s, err, "open");
	sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	r = dfl_schema_check(s, false, err);
	return r ? r : dfl_schema_read_old(s, err);
}

/* No side file: nobody has it open, all is in the one file. */
static bool is_at_rest(const char *path)
{
	char wal[4096];

	return snprintf(wal, sizeof(wal), "%s-wal", path) < (int)sizeof(wal) && access(wal, F_OK) &&
	       errno == ENOENT;
}

/*
 * SQLite wants to make side files also to read a database in WAL mode. Where this reader may not, a
 * store at rest is read as one that nobody changes (https://www.sqlite.org/wal.html#readonly).
 */
static int open_immutable(struct dfl_store *s, struct dfl_err *err)
{
	sqlite3_str *name = sqlite3_str_new(NULL);
	char *uri;
	int r;

	sqlite3_str_appendall(name, "file:");
	for (const char *c = s->path; *c; c++)
		if (strchr("?#%", *c))
			sqlite3_str_appendf(name, "%%%02x", *c);
		else
			sqlite3_str_appendchar(name, 1, *c);
	sqlite3_str_appendall(name, "?immutable=1");
	uri = sqlite3_str_finish(name);
	if (!uri)
		return dfl_err_set(err, ENOMEM, "out of memory");
	sqlite3_close(s->db);
	s->db = NULL;
	r = open_reader(s, uri, SQLITE_OPEN_URI, err);
	sqlite3_free(uri);
	return r;
}

int dfl_store_open(const char *path, struct dfl_store **ret_store, struct dfl_err *err)
{
	struct dfl_store *s = NULL;
	int r = check_readable(path, err);

	if (!r)
		r = new_store(path, &s, err);
	if (r)
		return r;
	r = open_reader(s, path, 0, err);
	if (r == -EACCES && is_at_rest(path))
		r = open_immutable(s, err);
	if (r) {
		dfl_store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

void dfl_store_close(struct dfl_store *s)
{
	if (!s)
		return;
	dfl_statements_free(s);
	dfl_dictionary_forget(s);
	dfl_codec_fini(&s->codec);
	dfl_packed_fini(&s->packed);
	if (s->written)
		dfl_written_forget(s->written);
	free(s->written);
	free(s->shape);
	if (s->key)
		sodium_munlock(s->key, sizeof(*s->key)); /* wipes, locked or not */
	free(s->key);
	sqlite3_close(s->db); /* rolls back what was not synced */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->path);
	free(s);
}
