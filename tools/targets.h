/* SPDX-License-Identifier: Apache-2.0 */
/* --cgroup and --pid, as record and doctor take them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MAX_TARGETS 64

struct targets {
	const char *cgroups[MAX_TARGETS];
	size_t n_cgroups;
	uint32_t pids[MAX_TARGETS];
	size_t n_pids;
};

/* Each returns 0, or complains and returns a status. */
int add_cgroup(struct targets *t, const char *path);
int add_pid(struct targets *t, const char *text);
