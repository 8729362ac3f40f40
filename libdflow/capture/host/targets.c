// SPDX-License-Identifier: Apache-2.0
/* Finds cgroups and processes in /sys/fs/cgroup and /proc, and what they have open. */
#include "capture/host/targets.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "capture/host/proc.h"

/* proc_pid_mountinfo(5): id parent dev root mount options [fields] - type source options */
int dfl_cgroup_mount(char *ret_mount, size_t size, char *ret_root, size_t root_size)
{
	char line[4096], root[1024], mount[1024];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int r = -ENOENT;

	while (f && r && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*d %*d %*s %1023s %1023s", root, mount) == 2) {
			snprintf(ret_mount, size, "%s", mount);
			snprintf(ret_root, root_size, "%s", root);
			r = 0;
		}
	if (f)
		fclose(f);
	return r;
}

static uint32_t components(const char *path)
{
	uint32_t n = 0;

	for (const char *p = path; *p; p++)
		n += *p != '/' && (p == path || p[-1] == '/');
	return n;
}

static int cgroup_v2_only(const char *dir, const char *mount, struct dfl_err *err)
{
	struct statfs fs;

	if (statfs(dir, &fs))
		return dfl_err_set(err, errno, "cannot look at the cgroup %s: %m", dir);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return dfl_err_set(err, ENOTSUP,
				   "%s is not in cgroup v2; give a directory below %s", dir, mount);
	return 0;
}

int dfl_cgroup_find(const char *path, struct dfl_cgroup *ret_cgroup, struct dfl_err *err)
{
	char mount[1024], root[1024], joined[PATH_MAX], real[PATH_MAX];
	struct stat st;
	int r;

	if (dfl_cgroup_mount(mount, sizeof(mount), root, sizeof(root)))
		return dfl_err_set(
			err, ENOTSUP,
			"no cgroup v2 is mounted: mount it, or choose targets by process");
	if (strstr(root, ".."))
		return dfl_err_set(
			err, ENOTSUP,
			"the cgroup namespace hides the host's cgroups: run dflow in the host's");
	snprintf(joined, sizeof(joined), "%s/%s", mount, path);
	/* "/kubepods.slice/…" as /proc/PID/cgroup spells it is below the mount too */
	if (!(path[0] == '/' && realpath(path, real)) && !realpath(joined, real))
		return dfl_err_set(err, ENOENT, "no cgroup %s (looked below %s too)", path, mount);
	r = cgroup_v2_only(real, mount, err);
	if (r)
		return r;
	if (strlen(real) >= sizeof(ret_cgroup->path) || stat(real, &st) || !S_ISDIR(st.st_mode))
		return dfl_err_set(err, ENOENT, "%s is no cgroup directory", real);
	ret_cgroup->id = st.st_ino; /* the id is the inode number since Linux 5.5 (743210386c03) */
	ret_cgroup->level = components(real) - components(mount) + components(root);
	memcpy(ret_cgroup->path, real, strlen(real) + 1);
	return 0;
}

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
