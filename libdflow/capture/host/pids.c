// SPDX-License-Identifier: Apache-2.0
/* Lists processes: /proc and cgroup.procs. */
#include "capture/host/pids.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/host/proc.h"

static int add_pid(struct dfl_pids *p, uint32_t pid)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		uint32_t *more = reallocarray(p->pid, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->pid = more;
		p->cap = cap;
	}
	p->pid[p->n++] = pid;
	return 0;
}

int dfl_pids_of_cgroup(const char *dir, struct dfl_pids *ret_pids)
{
	char path[PATH_MAX];
	struct dirent *d;
	unsigned pid;
	int r = 0;
	FILE *f;
	DIR *sub;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && !r && fscanf(f, "%u", &pid) == 1)
		r = add_pid(ret_pids, pid);
	if (f)
		fclose(f);
	sub = opendir(dir);
	while (sub && !r && (d = readdir(sub))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, d->d_name) < (int)sizeof(path))
			r = dfl_pids_of_cgroup(path, ret_pids);
	}
	if (sub)
		closedir(sub);
	return r;
}

int dfl_pids_all(struct dfl_pids *ret_pids)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	int r = 0;

	while (dir && !r && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			r = add_pid(ret_pids, strtoul(d->d_name, NULL, 10));
	if (dir)
		closedir(dir);
	return r;
}

/* Looks from index `from` on. */
static bool has_pid(const struct dfl_pids *p, size_t from, uint32_t pid)
{
	for (size_t i = from; i < p->n; i++)
		if (p->pid[i] == pid)
			return true;
	return false;
}

int dfl_pids_of_tree(uint32_t pid, struct dfl_pids *ret_pids)
{
	struct dfl_pids all = { 0 };
	size_t from = ret_pids->n, before;
	int r = dfl_pids_all(&all);

	if (!r)
		r = add_pid(ret_pids, pid);
	do { /* until no process is found whose parent is in the set */
		before = ret_pids->n;
		for (size_t i = 0; i < all.n && !r; i++)
			if (!has_pid(ret_pids, from, all.pid[i]) &&
			    has_pid(ret_pids, from, dfl_proc_parent(all.pid[i])))
				r = add_pid(ret_pids, all.pid[i]);
	} while (!r && ret_pids->n > before);
	dfl_pids_fini(&all);
	return r;
}

void dfl_pids_fini(struct dfl_pids *pids)
{
	free(pids->pid);
	*pids = (struct dfl_pids){ 0 };
}
