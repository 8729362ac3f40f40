// SPDX-License-Identifier: Apache-2.0
/* Finds directories of cgroup v2: /proc/self/mountinfo tells the mount point. */
#include "capture/host/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

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

/* How many names a path has: "/" 0, "/a/b" 2. */
static uint32_t components(const char *path)
{
	uint32_t n = 0;

	for (const char *p = path; *p; p++)
		n += *p != '/' && (p == path || p[-1] == '/');
	return n;
}

/* A directory of cgroup v1, or of no cgroup, has an inode too, but the kernel would never find it.
 */
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
