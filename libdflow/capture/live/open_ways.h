/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out that were open before dflow came: shared memory, io_uring. They are looked for when the
 * source is opened, and told with its first events.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

struct dfl_open_way {
	uint32_t pid;
	enum dfl_k_blind why;
	uint64_t ino; /* of shared memory without a name */
};

struct dfl_open_ways {
	struct dfl_open_way *list;
	size_t n, cap;
};

/* Looks at the mappings and fds of a process, which may be gone. Returns 0 or -ENOMEM. */
int dfl_open_ways_add(struct dfl_open_ways *w, uint32_t pid);
/*
 * All processes were added: memory without a name that two of them have becomes a way out of each.
 * Returns 0 or -ENOMEM.
 */
int dfl_open_ways_done(struct dfl_open_ways *w);
void dfl_open_ways_fini(struct dfl_open_ways *w);
