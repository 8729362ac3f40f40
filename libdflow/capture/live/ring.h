/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a BPF ring buffer, a few records at a time (libbpf's reader can not stop in between). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dfl_ring {
	size_t size; /* of the data area, a power of two */
	unsigned long *consumer;
	const unsigned long *producer;
	const uint8_t *data;
};

/* Maps the ring. Returns 0 or -errno. */
int dfl_ring_open(int map_fd, size_t size_bytes, struct dfl_ring *ret_ring);
void dfl_ring_close(struct dfl_ring *ring);

/*
 * Gives at most max records to fn and hands their room back. fn's negative result stops it and is
 * returned, else the number of records. Stops at a record that is still being written.
 */
int dfl_ring_take(struct dfl_ring *ring, int (*fn)(void *ud, const void *rec, size_t len), void *ud,
		  unsigned max);
bool dfl_ring_empty(const struct dfl_ring *ring);
/* Bytes in it, with the heads of the records. */
size_t dfl_ring_used(const struct dfl_ring *ring);
