/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the records of all CPUs in the order of time, by holding each for a moment. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

#define DFL_REORDER_MAX_RECORDS (1u << 20)

struct dfl_reorder {
	struct dfl_k_head **heap; /* smallest time first */
	size_t n, cap;
	size_t bytes;
};

/* Copies the record (at least a head, head->size bytes). Returns 0 or -ENOMEM. */
int dfl_reorder_put(struct dfl_reorder *w, const struct dfl_k_head *rec);
/* The oldest record, borrowed until the next put or pop; NULL when there is none. */
const struct dfl_k_head *dfl_reorder_peek(const struct dfl_reorder *w);
/* Removes the oldest. Give it to dfl_reorder_release(). */
struct dfl_k_head *dfl_reorder_pop(struct dfl_reorder *w);
/* Wipes and frees: records hold payload. */
void dfl_reorder_release(struct dfl_k_head *rec);
void dfl_reorder_fini(struct dfl_reorder *w);
