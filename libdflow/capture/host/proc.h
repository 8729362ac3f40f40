/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about a process, from /proc. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "capture/event.h"

/* Strings are NUL-terminated, cut to their sizes, and "" when unknown. */
struct dfl_proc_facts {
	uint32_t pid, ppid; /* as our /proc numbers them */
	uint64_t start_ns;  /* CLOCK_MONOTONIC */
	uint64_t netns;	    /* inode of the network namespace */
	char comm[16], exe[512], cmdline[2048], cgroup[1024];
	/* dfl_container_read() fills these */
	char container_id[65], container_name[128], image[256], pod[254], namespace_[64], task[64];
};

/*
 * Reads all but the container's part. Returns 0, or -ESRCH when the process is gone: then the facts
 * hold the pid alone.
 */
int dfl_proc_read(uint32_t pid, struct dfl_proc_facts *ret_facts);

/* The same facts as the part of an event. The event borrows the strings. */
void dfl_proc_event(const struct dfl_proc_facts *facts, struct dfl_ev_proc *ret_ev);

/*
 * Turns the NUL bytes between the arguments of a command line into blanks, in place; the NUL bytes
 * at the end stay. len: bytes at args, the last NUL included.
 */
void dfl_proc_join_args(char *args, size_t len);

/* Parent of a process; 0 when it is gone, or has none. */
uint32_t dfl_proc_parent(uint32_t pid);

/*
 * Opens a regular file for reading, as the process sees the path. Links are followed inside the
 * root of the process only (openat2(2), RESOLVE_IN_ROOT), and a FIFO does not block. Returns the
 * fd, -EINVAL when it is no regular file, or -errno.
 */
int dfl_proc_open(uint32_t pid, const char *path);
