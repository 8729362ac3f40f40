// SPDX-License-Identifier: Apache-2.0
/* Reads a BPF ring buffer; the layout is that of kernel/bpf/ringbuf.c. */
#include "capture/live/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

int dfl_ring_open(int map_fd, size_t size_bytes, struct dfl_ring *ret_ring)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *ro;
	void *rw;

	rw = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (rw == MAP_FAILED)
		return -errno;
	/* the data area is mapped twice in a row, so that a record never wraps */
	ro = mmap(NULL, page + 2 * size_bytes, PROT_READ, MAP_SHARED, map_fd, page);
	if (ro == MAP_FAILED) {
		int r = -errno;

		munmap(rw, page);
		return r;
	}
	*ret_ring = (struct dfl_ring){ .size = size_bytes,
				       .consumer = rw,
				       .producer = (const unsigned long *)ro,
				       .data = ro + page };
	return 0;
}

void dfl_ring_close(struct dfl_ring *ring)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (!ring->consumer)
		return;
	munmap(ring->consumer, page);
	munmap((void *)ring->producer, page + 2 * ring->size);
	*ring = (struct dfl_ring){ 0 };
}

size_t dfl_ring_used(const struct dfl_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - *ring->consumer;
}

bool dfl_ring_empty(const struct dfl_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) == *ring->consumer;
}

int dfl_ring_take(struct dfl_ring *ring, int (*fn)(void *ud, const void *rec, size_t len), void *ud,
		  unsigned max)
{
	unsigned long at = *ring->consumer, end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	unsigned n = 0;
	int r = 0;

	/*
	 * Each record has a head of 8 bytes, of which the first 4 are length and two flags, and is
	 * padded to 8 bytes. The kernel clears the
	 * busy flag last, and we give the room back last.
	 */
	while (at < end && n < max && r >= 0) {
		const uint32_t *hdr = (const uint32_t *)(ring->data + (at & (ring->size - 1)));
		uint32_t len = __atomic_load_n(hdr, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			r = fn(ud, (const uint8_t *)hdr + BPF_RINGBUF_HDR_SZ, len);
			n++;
		}
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
	}
	return r < 0 ? r : (int)n;
}
