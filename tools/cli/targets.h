/* SPDX-License-Identifier: Apache-2.0 */
/* --cgroup and --pid: whom to record or to look at. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/value.h"

#define MAX_TARGETS 64

struct targets {
	const char *cgroups[MAX_TARGETS]; /* borrowed from argv */
	size_t n_cgroups;
	uint32_t pids[MAX_TARGETS];
	size_t n_pids;
};

/* Each value is added to a struct targets. */
extern const struct value_type value_cgroup, value_pid;
