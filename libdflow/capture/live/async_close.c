// SPDX-License-Identifier: Apache-2.0
/*
 * The smallest use of io_uring: one close at a time, pushed to the kernel's workers; see
 * io_uring(7).
 */
#include "capture/live/async_close.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 16

/* io_uring_setup(2): the submission and the completion ring share one mapping, the entries have
 * another. */
static void map_rings(struct dfl_async_close *c, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	c->ring_len = sq > cq ? sq : cq; /* one mapping for both since 5.4 */
	c->sqes_len = p->sq_entries * sizeof(struct io_uring_sqe);
	c->ring = mmap(NULL, c->ring_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, c->fd,
		       IORING_OFF_SQ_RING);
	c->sqes = mmap(NULL, c->sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, c->fd,
		       IORING_OFF_SQES);
}

void dfl_async_close_open(struct dfl_async_close *ret_closer)
{
	struct io_uring_params p = { 0 };
	struct dfl_async_close *c = ret_closer;

	memset(c, 0, sizeof(*c));
	c->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (c->fd < 0)
		return;
	map_rings(c, &p);
	if (c->ring == MAP_FAILED || c->sqes == MAP_FAILED ||
	    !(p.features & IORING_FEAT_SINGLE_MMAP)) {
		dfl_async_close_fini(c);
		return;
	}
	c->sq_head = (uint32_t *)(c->ring + p.sq_off.head);
	c->sq_tail = (uint32_t *)(c->ring + p.sq_off.tail);
	c->sq_array = (uint32_t *)(c->ring + p.sq_off.array);
	c->cq_head = (uint32_t *)(c->ring + p.cq_off.head);
	c->cq_tail = (uint32_t *)(c->ring + p.cq_off.tail);
	c->sq_mask = p.sq_entries - 1;
	c->entries = p.sq_entries;
}

void dfl_async_close_file(struct dfl_async_close *c, int fd)
{
	struct io_uring_sqe *sqe;
	uint32_t tail, at;

	if (fd < 0)
		return;
	if (c->fd < 0) {
		close(fd);
		return;
	}
	/* results are of no interest: hand their room back */
	__atomic_store_n(c->cq_head, __atomic_load_n(c->cq_tail, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	tail = *c->sq_tail;
	at = tail & c->sq_mask;
	sqe = (struct io_uring_sqe *)c->sqes + at;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_CLOSE; /* 5.6 */
	sqe->flags = IOSQE_ASYNC;
	sqe->fd = fd;
	c->sq_array[at] = at;
	__atomic_store_n(c->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, c->fd, 1, 0, 0, NULL, 0) == 1)
		return;
	if (__atomic_load_n(c->sq_head, __ATOMIC_ACQUIRE) == tail) { /* not taken: take it back */
		*c->sq_tail = tail;
		close(fd);
	}
}

void dfl_async_close_fini(struct dfl_async_close *c)
{
	if (c->fd < 0)
		return;
	if (c->ring && c->ring != MAP_FAILED)
		munmap(c->ring, c->ring_len);
	if (c->sqes && c->sqes != MAP_FAILED)
		munmap(c->sqes, c->sqes_len);
	close(c->fd);
	c->fd = -1;
}
