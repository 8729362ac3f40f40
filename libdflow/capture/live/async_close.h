/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closes files without waiting. The last close of a uprobe waits for three RCU grace periods, about
 * 100 ms, and a process with one TLS library has 13 of them: a loop of events can not stand still
 * so long. io_uring lets the kernel's own workers wait.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dfl_async_close {
	int fd; /* of the io_uring; -1: not available, closes wait */
	uint8_t *ring;
	size_t ring_len;
	void *sqes;
	size_t sqes_len;
	uint32_t *sq_head, *sq_tail, *sq_array, *cq_head;
	const uint32_t *cq_tail;
	uint32_t sq_mask, entries;
};

/* Never fails: without io_uring closes are done at once. */
void dfl_async_close_open(struct dfl_async_close *ret_closer);
/* Takes the fd over. */
void dfl_async_close_file(struct dfl_async_close *c, int fd);
/* What is under way goes on in the kernel. */
void dfl_async_close_fini(struct dfl_async_close *c);
