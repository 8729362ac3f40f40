// SPDX-License-Identifier: Apache-2.0
/* What was open before dflow came: inodes of sockets and pipes, and ports with a listener. */
#include "capture/live/preexisting.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "capture/host/proc.h"

#define MAX_EXISTING 262144 /* of each kind; what is beyond is taken for new */

struct item {
	uint64_t key[2]; /* inode, 0; or network namespace, port */
	UT_hash_handle hh;
};

struct dfl_preexisting {
	struct item *open, *listening, *netns;
};

int dfl_preexisting_new(struct dfl_preexisting **ret_set)
{
	struct dfl_preexisting *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*ret_set = e;
	return 0;
}

static bool has(const struct item *set, uint64_t a, uint64_t b)
{
	uint64_t key[2] = { a, b };
	struct item *it;

	HASH_FIND(hh, (struct item *)set, key, sizeof(key), it);
	return it;
}

static int add(struct item **set, uint64_t a, uint64_t b)
{
	struct item *it;

	if (has(*set, a, b) || HASH_COUNT(*set) >= MAX_EXISTING)
		return 0;
	it = calloc(1, sizeof(*it));
	if (!it)
		return -ENOMEM;
	it->key[0] = a;
	it->key[1] = b;
	HASH_ADD(hh, *set, key, sizeof(it->key), it);
	if (DFL_HASHED(hh, it))
		return 0;
	free(it);
	return -ENOMEM;
}

/* proc_pid_net(5): "sl: local:port remote:port st …", hexadecimal; state 0A listens. */
static int read_listeners(struct dfl_preexisting *e, uint32_t pid, const char *table,
			  uint64_t netns)
{
	char path[64], line[512];
	unsigned port, state;
	int r = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, table);
	f = fopen(path, "re");
	while (f && !r && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &port, &state) ==
			    2 &&
		    state == 0x0a)
			r = add(&e->listening, netns, port);
	if (f)
		fclose(f);
	return r;
}

/* Listeners are read once a network namespace, not once a process. */
static int add_netns(struct dfl_preexisting *e, uint32_t pid)
{
	struct dfl_proc_facts f;
	int r;

	if (dfl_proc_read(pid, &f) || has(e->netns, f.netns, 0))
		return 0;
	r = add(&e->netns, f.netns, 0);
	if (!r)
		r = read_listeners(e, pid, "tcp", f.netns);
	return r ? r : read_listeners(e, pid, "tcp6", f.netns);
}

int dfl_preexisting_add(struct dfl_preexisting *e, uint32_t pid)
{
	char path[320], link[64];
	struct dirent *d;
	uint64_t ino;
	ssize_t n;
	DIR *dir;
	int r = add_netns(e, pid);

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	while (dir && !r && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%s", pid, d->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		if (sscanf(link, "socket:[%" SCNu64 "]", &ino) == 1 ||
		    sscanf(link, "pipe:[%" SCNu64 "]", &ino) == 1)
			r = add(&e->open, ino, 0);
	}
	if (dir)
		closedir(dir);
	return r;
}

bool dfl_preexisting_has(const struct dfl_preexisting *e, uint64_t ino)
{
	return has(e->open, ino, 0);
}

bool dfl_preexisting_listens(const struct dfl_preexisting *e, uint64_t netns, uint16_t port)
{
	return has(e->listening, netns, port);
}

static void free_set(struct item **set)
{
	struct item *it, *tmp;

	HASH_ITER(hh, *set, it, tmp)
	{
		HASH_DEL(*set, it);
		free(it);
	}
}

void dfl_preexisting_free(struct dfl_preexisting *e)
{
	if (!e)
		return;
	free_set(&e->open);
	free_set(&e->listening);
	free_set(&e->netns);
	free(e);
}
