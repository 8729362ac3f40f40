// SPDX-License-Identifier: Apache-2.0
/* Reads /proc/PID. A process can go away between any two reads: then the rest stays unknown. */
#include "capture/host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Reads a file of /proc/PID, cut to the size, with a NUL. Returns the bytes read, or -errno. */
static ssize_t read_file(uint32_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n, len = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((size_t)len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = 0;
	return len;
}

/* CLOCK_BOOTTIME minus CLOCK_MONOTONIC: the time spent in suspend. */
static uint64_t suspended_ns(void)
{
	struct timespec b, m;

	clock_gettime(CLOCK_MONOTONIC, &m); /* first: the difference is never negative */
	clock_gettime(CLOCK_BOOTTIME, &b);
	return (b.tv_sec - m.tv_sec) * 1000000000ull + b.tv_nsec - m.tv_nsec;
}

/*
 * proc(5): the name is in parentheses and may hold any character; then state, ppid, …, starttime
 * (22).
 */
static int read_stat(struct dfl_proc_facts *f)
{
	unsigned long long ticks;
	char buf[1024], *p;
	uint64_t boot_ns, away_ns = suspended_ns();

	if (read_file(f->pid, "stat", buf, sizeof(buf)) <= 0)
		return -ESRCH;
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1,
			 " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %llu",
			 &f->ppid, &ticks) != 2)
		return -ESRCH;
	boot_ns = ticks * (1000000000ull / sysconf(_SC_CLK_TCK));
	f->start_ns = boot_ns > away_ns ? boot_ns - away_ns : 0;
	return 0;
}

/* cgroups(7): lines of "hierarchy:controllers:path". */
static void read_cgroup(struct dfl_proc_facts *f)
{
	char buf[8192], *line, *save, *path;

	if (read_file(f->pid, "cgroup", buf, sizeof(buf)) <= 0)
		return;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* "0::/path" is v2; of a v1 hierarchy the path is taken when v2 says only "/" */
		path = strchr(line, ':');
		path = path ? strchr(path + 1, ':') : NULL;
		if (!path)
			continue;
		if (!strncmp(line, "0::", 3) && (path[2] || !f->cgroup[0]))
			snprintf(f->cgroup, sizeof(f->cgroup), "%s", path + 1);
		else if (path[2] && (!f->cgroup[0] || !f->cgroup[1]))
			snprintf(f->cgroup, sizeof(f->cgroup), "%s", path + 1);
	}
}

void dfl_proc_join_args(char *args, size_t len)
{
	while (len && !args[len - 1])
		len--;
	for (size_t i = 0; i < len; i++)
		if (!args[i])
			args[i] = ' ';
}

int dfl_proc_read(uint32_t pid, struct dfl_proc_facts *ret_facts)
{
	struct dfl_proc_facts *f = ret_facts;
	char path[64];
	struct stat st;
	ssize_t n;

	memset(f, 0, sizeof(*f));
	f->pid = pid;
	if (read_stat(f))
		return -ESRCH;
	n = read_file(pid, "comm", f->comm, sizeof(f->comm));
	f->comm[strcspn(f->comm, "\n")] = 0;
	n = read_file(pid, "cmdline", f->cmdline, sizeof(f->cmdline));
	if (n > 0)
		dfl_proc_join_args(f->cmdline, n);
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, f->exe, sizeof(f->exe) - 1);
	f->exe[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	if (!stat(path, &st))
		f->netns = st.st_ino;
	read_cgroup(f);
	return 0;
}

uint32_t dfl_proc_parent(uint32_t pid)
{
	struct dfl_proc_facts f = { .pid = pid };

	return read_stat(&f) ? 0 : f.ppid;
}

void dfl_proc_event(const struct dfl_proc_facts *f, struct dfl_ev_proc *ret_ev)
{
	*ret_ev = (struct dfl_ev_proc){ .pid = f->pid,
					.ppid = f->ppid,
					.start_ns = f->start_ns,
					.comm = f->comm,
					.exe = f->exe,
					.cmdline = f->cmdline,
					.cgroup = f->cgroup,
					.container_id = f->container_id,
					.container_name = f->container_name,
					.image = f->image,
					.pod = f->pod,
					.namespace_ = f->namespace_,
					.task = f->task,
					.netns = f->netns };
}

int dfl_proc_open(uint32_t pid, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_IN_ROOT };
	char root[32];
	struct stat st;
	int fd, root_fd;

	snprintf(root, sizeof(root), "/proc/%u/root", pid);
	root_fd = open(root, O_PATH | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how)); /* Linux 5.6 */
	if (fd < 0)
		fd = -errno;
	close(root_fd);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}
