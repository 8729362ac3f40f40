/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about a process, from /proc and from what container runtimes leave on the host. */
#pragma once

#include <stdint.h>

#include "capture/event.h"

struct dfl_proc_facts {
	uint32_t pid, ppid;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	uint64_t netns;
	char comm[16], exe[512], cmdline[2048], cgroup[1024];
	char container_id[65], container_name[128], image[256], pod[254], namespace_[64], task[64];
};

/*
 * Fills all but the container's part. Unknown strings are "". Returns 0, or -ESRCH when it is gone.
 */
int dfl_proc_read(uint32_t pid, struct dfl_proc_facts *ret_facts);
/*
 * From facts->cgroup and pid: ids out of the path; names from the runtime's files below root ("" is
 * the host): Docker's config.v2.json, containerd's config.json, /var/log/containers, /var/log/pods.
 */
void dfl_proc_container(const char *root, struct dfl_proc_facts *facts);
/* The same as an event's part; borrows the strings. */
void dfl_proc_event(const struct dfl_proc_facts *facts, struct dfl_ev_proc *ret_ev);
/* NUL-separated arguments to blanks, in place; len bytes, of which the last becomes NUL. */
void dfl_proc_join_args(char *args, size_t len);
/* Parent of a process; 0 when it is gone. */
uint32_t dfl_proc_parent(uint32_t pid);
/*
 * Opens a regular file as the process sees it, for reading. Links inside are followed inside its
 * root only, and a FIFO does not block. Returns the fd or -errno.
 */
int dfl_proc_open(uint32_t pid, const char *path);
