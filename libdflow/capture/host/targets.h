/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to record: cgroups and processes as the kernel needs them, and what exists already. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct dfl_cgroup {
	uint64_t id;
	uint32_t level;	 /* 0: the root */
	char path[1024]; /* directory */
};

/* Mount point of cgroup v2 and the part of the hierarchy it shows. Returns 0 or -ENOENT. */
int dfl_cgroup_mount(char *ret_mount, size_t size, char *ret_root, size_t root_size);
/*
 * path: absolute, or below the mount. -ENOENT, -ENOTSUP (cgroup v1, or seen from inside a
 * namespace).
 */
int dfl_cgroup_find(const char *path, struct dfl_cgroup *ret_cgroup, struct dfl_err *err);

struct dfl_pids {
	uint32_t *pid;
	size_t n, cap;
};

/* Each adds to ret_pids: 0 or -ENOMEM. What goes away meanwhile is left out. */
int dfl_pids_of_cgroup(const char *dir, struct dfl_pids *ret_pids);
int dfl_pids_of_tree(uint32_t pid, struct dfl_pids *ret_pids); /* with all its descendants */
int dfl_pids_all(struct dfl_pids *ret_pids);
void dfl_pids_fini(struct dfl_pids *pids);

/* Open sockets and pipes of processes, and the ports that are listened on. */
struct dfl_existing;
int dfl_existing_new(struct dfl_existing **ret_existing);
int dfl_existing_add(struct dfl_existing *e, uint32_t pid); /* 0 or -ENOMEM */
bool dfl_existing_has(const struct dfl_existing *e, uint64_t ino);
/* Somebody in this network namespace listened on the TCP port. */
bool dfl_existing_listens(const struct dfl_existing *e, uint64_t netns, uint16_t port);
void dfl_existing_free(struct dfl_existing *e);
