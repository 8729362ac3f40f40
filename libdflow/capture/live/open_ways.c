// SPDX-License-Identifier: Apache-2.0
/* Ways out that were open before dflow came, from /proc/PID/maps and /proc/PID/fd. */
#include "capture/live/open_ways.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IO_URING "anon_inode:[io_uring]"
/* As in io.bpf.c: smaller mappings are locks and counters. */
#define LEAST_SHARED 64
#define LEAST_ANON 2048

static int add(struct dfl_open_ways *w, uint32_t pid, enum dfl_k_blind why, uint64_t ino)
{
	struct dfl_open_way *more;

	if (w->n == w->cap) {
		more = reallocarray(w->list, w->cap ? w->cap * 2 : 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->list = more;
		w->cap = w->cap ? w->cap * 2 : 64;
	}
	w->list[w->n++] = (struct dfl_open_way){ pid, why, ino };
	return 0;
}

static bool begins_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* What a shared and writable mapping is, by the path that /proc/PID/maps shows. */
static enum dfl_k_blind mapped_as(const char *path)
{
	if (begins_with(path, IO_URING))
		return DFL_K_IO_URING;
	if (begins_with(path, "anon_inode:"))
		return DFL_K_N_BLIND;
	if (begins_with(path, "/dev/zero"))
		return DFL_K_SHM_ANON;
	if (begins_with(path, "/SYSV") || begins_with(path, "/memfd:") ||
	    begins_with(path, "/dev/shm/"))
		return DFL_K_SHM;
	if (begins_with(path, "socket:"))
		return DFL_K_FAMILY;
	return begins_with(path, "/dev/") ? DFL_K_DEVICE : DFL_K_SHM_FILE;
}

/* One line of maps: proc_pid_maps(5). */
static int look_at_mapping(struct dfl_open_ways *w, uint32_t pid, const char *line)
{
	enum dfl_k_blind why;
	uint64_t from, to, ino;
	char perms[5];
	int at;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64 " %n", &from, &to, perms,
		   &ino, &at) != 4 ||
	    perms[1] != 'w' || perms[3] != 's')
		return 0;
	why = mapped_as(line + at);
	if (why == DFL_K_N_BLIND || to - from < (why == DFL_K_SHM_ANON ? LEAST_ANON : LEAST_SHARED))
		return 0;
	return add(w, pid, why, ino);
}

static int look_at_maps(struct dfl_open_ways *w, uint32_t pid)
{
	char path[32], line[4352];
	int r = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && !r && fgets(line, sizeof(line), f))
		r = look_at_mapping(w, pid, line);
	if (f)
		fclose(f);
	return r;
}

/* A ring that is mapped nowhere can be used by io_uring_enter(2) all the same. */
static int look_at_fds(struct dfl_open_ways *w, uint32_t pid)
{
	char path[320], link[64];
	struct dirent *d;
	int r = 0;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	while (dir && !r && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%s", pid, d->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		if (!strcmp(link, IO_URING))
			r = add(w, pid, DFL_K_IO_URING, 0);
	}
	if (dir)
		closedir(dir);
	return r;
}

int dfl_open_ways_add(struct dfl_open_ways *w, uint32_t pid)
{
	int r = look_at_maps(w, pid);

	return r ? r : look_at_fds(w, pid);
}

static int by_memory(const void *a, const void *b)
{
	const struct dfl_open_way *x = a, *y = b;

	if (x->why != y->why)
		return x->why < y->why ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool is_same_memory(const struct dfl_open_way *a, const struct dfl_open_way *b)
{
	return a->why == b->why && a->ino == b->ino;
}

/*
 * Is it memory without a name that two processes have? What one has alone hides nothing. The list
 * is sorted, so those of one memory stand together, by process.
 */
static bool is_of_two(const struct dfl_open_ways *w, size_t i)
{
	const struct dfl_open_way *one = &w->list[i], *first = one, *last = one;

	if (one->why != DFL_K_SHM_ANON)
		return false;
	while (first > w->list && is_same_memory(first - 1, one))
		first--;
	while (last + 1 < w->list + w->n && is_same_memory(last + 1, one))
		last++;
	return first->pid != last->pid;
}

int dfl_open_ways_done(struct dfl_open_ways *w)
{
	size_t n = w->n;
	int r = 0;

	if (n)
		qsort(w->list, n, sizeof(*w->list), by_memory);
	for (size_t i = 0; i < n && !r; i++)
		if (is_of_two(w, i))
			r = add(w, w->list[i].pid, DFL_K_SHM, 0);
	return r;
}

void dfl_open_ways_fini(struct dfl_open_ways *w)
{
	free(w->list);
	*w = (struct dfl_open_ways){ 0 };
}
