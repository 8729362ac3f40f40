/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of processes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Begins as zero; dfl_pids_fini() frees it. */
struct dfl_pids {
	uint32_t *pid;
	size_t n, cap;
};

/*
 * Each of them adds to the list. Processes that go away meanwhile are left out, and a directory
 * that is not there has none. Returns 0 or -ENOMEM.
 */
int dfl_pids_of_cgroup(const char *dir, struct dfl_pids *ret_pids); /* and of all cgroups below */
int dfl_pids_of_tree(uint32_t pid, struct dfl_pids *ret_pids);	    /* pid and its descendants */
int dfl_pids_all(struct dfl_pids *ret_pids);
void dfl_pids_fini(struct dfl_pids *pids);
