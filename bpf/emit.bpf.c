// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Emits the bytes of one call as pieces: one step of the walk through messages, buffers and pieces.
 */
#include "emit.bpf.h"

/*
 * A record with n copied bytes. The size of a record has to be a constant on every kernel
 * before 6.0 (bpf_ringbuf_reserve_dynptr, bc34dee65a65), so room is taken in steps of four: 64,
 * 256, 1,024, … 64 KiB. At most three quarters of it stay unused. Returns from its function when
 * there is no room.
 */
#define PIECE_OF(c, n, room)                                                                       \
	do {                                                                                       \
		struct {                                                                           \
			struct dfl_k_data d;                                                       \
			u8 bytes[room];                                                            \
		} * r;                                                                             \
		r = reserve(sizeof(*r), (c)->d.head.seq_class, DFL_K_DATA, n);                     \
		if (!r)                                                                            \
			return 0;                                                                  \
		fill(&r->d, c, n);                                                                 \
		if (bpf_probe_read_user(r->bytes, n, (void *)(c)->base)) {                         \
			r->d.copied = 0;                                                           \
			r->d.head.size = sizeof(r->d);                                             \
			count_drop(DFL_K_DROP_FAULT, 0, n);                                        \
		}                                                                                  \
		submit(r);                                                                         \
	} while (0)

/* All but the bytes of a record. n: bytes that it stands for. */
static __always_inline void fill(struct dfl_k_data *r, struct call *c, u64 n)
{
	/* the head is filled in already; the call's time keeps its pieces together */
	__builtin_memcpy(&r->key, &c->d.key, sizeof(*r) - sizeof(r->head));
	if (!c->d.head.ts_ns)
		c->d.head.ts_ns = r->head.ts_ns;
	r->head.ts_ns = c->d.head.ts_ns;
	r->head.size = sizeof(*r) + n;
	r->len = n;
	r->copied = n;
	if (c->left == n)
		r->flags |= DFL_K_LAST;
}

static __always_inline int emit_bytes(struct call *c, u64 n)
{
	/*
	 * n is 1 … DFL_K_PIECE. Each branch gives the verifier the bound of its copy: n <= room.
	 * opaque() keeps clang from making one copy of all of them, which would have no bound.
	 */
	opaque(n);
	if (n <= 64)
		PIECE_OF(c, n, 64);
	else if (n <= 256)
		PIECE_OF(c, n, 256);
	else if (n <= 1024)
		PIECE_OF(c, n, 1024);
	else if (n <= 4096)
		PIECE_OF(c, n, 4096);
	else if (n <= 16384)
		PIECE_OF(c, n, 16384);
	else if (n <= DFL_K_PIECE)
		PIECE_OF(c, n, DFL_K_PIECE);
	return 0;
}

/* Stands for n bytes that are not copied. */
static __always_inline void emit_bare(struct call *c, u64 n)
{
	struct dfl_k_data *r = reserve(sizeof(*r), c->d.head.seq_class, DFL_K_DATA, n);

	if (!r)
		return;
	fill(r, c, n);
	r->head.size = sizeof(*r);
	r->copied = 0;
	submit(r);
}

/* n bytes are done. */
static __always_inline void advance(struct call *c, u64 n)
{
	c->left -= n;
	c->d.pos += n;
	c->d.flags &= ~DFL_K_FIRST;
	c->base += n;
	c->blen = c->blen > n ? c->blen - n : 0;
}

/* Returns 1 at the end of the vector: the rest has no buffer (MSG_TRUNC of a datagram). */
static __always_inline int next_buffer(struct call *c)
{
	struct dfl_iovec v = {};

	if (!c->n_iov)
		return 1;
	if (bpf_probe_read_user(&v, sizeof(v), (void *)c->iov)) {
		count_drop(DFL_K_DROP_FAULT, 0, c->left);
		return 1;
	}
	c->iov += sizeof(v);
	c->n_iov--;
	c->base = v.base;
	c->blen = v.len;
	return 0;
}

/* The next message of recvmmsg or sendmmsg. Returns 1 when there is none. */
static __always_inline int next_message(struct call *c)
{
	struct dfl_mmsghdr m = {};

	if (!c->n_mmsg)
		return 1;
	if (bpf_probe_read_user(&m, sizeof(m), (void *)c->mmsg)) {
		count_drop(DFL_K_DROP_FAULT, 1, 0);
		return 1;
	}
	c->mmsg += sizeof(m);
	c->n_mmsg--;
	c->iov = m.hdr.iov;
	c->n_iov = m.hdr.iovlen;
	c->blen = 0;
	c->left = m.len;
	c->d.flags |= DFL_K_FIRST;
	if (c->d.flags & DFL_K_DGRAM && m.hdr.name)
		read_peer(&c->d.peer, m.hdr.name);
	return 0;
}

/*
 * A global function, so that the verifier looks at it once and not at each of the DFL_K_STEPS
 * rounds; its argument is a number, because Linux 5.10 allows no pointer. Returns 1 at the end.
 */
__noinline int emit_step(u32 from_tls)
{
	struct call *c = call_state(from_tls);
	u64 n;

	if (!c)
		return 1;
	if (!c->left && next_message(c))
		return 1;
	n = c->left;
	if (!c->cap || (!c->blen && next_buffer(c))) {
		if (!c->cap)
			count_drop(DFL_K_DROP_CAP, 0, n);
		emit_bare(c, n);
		advance(c, n);
		c->n_iov = c->blen = 0;
		return 0;
	}
	if (n > c->blen)
		n = c->blen;
	if (!n) /* an empty buffer or message */
		return 0;
	if (n > c->cap)
		n = c->cap;
	if (n > DFL_K_PIECE)
		n = DFL_K_PIECE;
	emit_bytes(c, n);
	c->cap -= n;
	advance(c, n);
	return 0;
}

/* One record for what is left of the current message. */
__noinline int emit_rest(u32 from_tls)
{
	struct call *c = call_state(from_tls);

	if (!c)
		return 1;
	emit_bare(c, c->left);
	advance(c, c->left);
	return 0;
}
