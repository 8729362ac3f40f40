// SPDX-License-Identifier: Apache-2.0
/*
 * The lock of the one recorder: a file beside the store, because a lock on the store itself would
 * be dropped whenever SQLite closes another handle of it (fcntl(2), "record locks are released").
 * It is an open file description lock: the kernel lets it go however the recorder ends, and readers
 * can ask for it.
 */
#include "store/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_path(const struct dfl_store *s, char *ret_path, size_t size)
{
	return snprintf(ret_path, size, "%s.lock", s->path) < (int)size ? 0 : -ENAMETOOLONG;
}

static int busy(const struct dfl_store *s, struct dfl_err *err)
{
	char pid[16] = "";
	ssize_t n = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);

	return dfl_err_set(err, EBUSY,
			   "another dflow records into %s (pid %d); stop it, or give another store",
			   s->path, n > 0 ? atoi(pid) : 0);
}

/*
 * The pid is written into it, so it must be no file of another purpose: a second name (a hard link)
 * would be one's.
 */
static bool is_lock_file(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size < 16;
}

int dfl_store_take_lock(struct dfl_store *s, struct dfl_err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[4096], pid[16];
	int n;

	if (lock_path(s, path, sizeof(path)))
		return dfl_err_set(err, ENAMETOOLONG, "the path of the store is too long");
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->lock_fd < 0 && errno == ENOENT)
		return dfl_err_set(
			err, ENOENT,
			"cannot create the store %s: its folder does not exist; make it first",
			s->path);
	if (s->lock_fd < 0)
		return dfl_err_set(err, errno, "cannot create %s: %m", path);
	if (!is_lock_file(s->lock_fd))
		return dfl_err_set(err, EACCES,
				   "%s is no lock of a store: another kind of file, or one with a "
				   "second name; remove it",
				   path);
	if (fcntl(s->lock_fd, F_OFD_SETLK, &all))
		return errno == EAGAIN || errno == EACCES ?
			       busy(s, err) :
			       dfl_err_set(err, errno, "cannot lock %s: %m", path);
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(s->lock_fd, 0) || pwrite(s->lock_fd, pid, n, 0) != n)
		return dfl_err_set(err, errno, "cannot write %s: %m", path);
	return 0;
}

bool dfl_store_is_recorded(const struct dfl_store *s)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	bool held = true;
	char path[4096];
	int fd;

	if (lock_path(s, path, sizeof(path)))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno != ENOENT; /* a copy of a store has none */
	if (!fcntl(fd, F_OFD_GETLK, &all))
		held = all.l_type != F_UNLCK;
	close(fd);
	return held;
}
