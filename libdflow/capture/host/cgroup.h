/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of cgroup v2, as the kernel's filter needs them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct dfl_cgroup {
	uint64_t id;	 /* the kernel's id: the inode number of the directory */
	uint32_t level;	 /* depth in the hierarchy; 0: the root */
	char path[1024]; /* directory, absolute, without links */
};

/*
 * Tells where cgroup v2 is mounted, and which part of the hierarchy the mount shows ("/" is all; a
 * path with ".." means that a cgroup namespace hides the rest). Both are cut to their sizes.
 * Returns 0, or -ENOENT when it is not mounted.
 */
int dfl_cgroup_mount(char *ret_mount, size_t size, char *ret_root, size_t root_size);

/*
 * Finds a directory. path: absolute, or below the mount, also as /proc/PID/cgroup spells it.
 * Errors, with a sentence: -ENOENT (no such directory), -ENOTSUP (cgroup v1, or a namespace hides
 * the host's cgroups).
 */
int dfl_cgroup_find(const char *path, struct dfl_cgroup *ret_cgroup, struct dfl_err *err);
