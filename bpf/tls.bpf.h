/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of all TLS libraries share: plaintext at the entry and the return of a
 * library's functions.
 *
 * A write is told at its first entry: a write that has to be retried is complete only at its last
 * retry, and that may never come although the peer has read the bytes. A read is told at its
 * return. Bytes are numbered per TLS object and direction, and the number goes on when a record is
 * lost. The socket of an object is learnt from the system calls inside its functions (io.bpf.c,
 * nested_in_tls()).
 *
 * Uprobes can be preempted, so the state of a call is kept per thread and never per CPU.
 */
#pragma once

#include "emit.bpf.h"

static __always_inline struct ssl_info *ssl_info(const struct ssl_key *key)
{
	struct ssl_info fresh = {}, *s = bpf_map_lookup_elem(&ssls, key);

	if (s)
		return s;
	fresh.born_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&ssls, key, &fresh, BPF_NOEXIST);
	s = bpf_map_lookup_elem(&ssls, key);
	if (!s)
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	return s;
}

static __always_inline struct tls_call *my_call(u64 id)
{
	struct tls_call *t = bpf_map_lookup_elem(&tls_calls, &id);
	static const struct tls_call fresh;

	if (t)
		return t;
	bpf_map_update_elem(&tls_calls, &id, &fresh, BPF_ANY);
	t = bpf_map_lookup_elem(&tls_calls, &id);
	if (!t)
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	return t;
}

static __always_inline void emit_plain(struct tls_call *t, u64 id, u64 buf, u64 len, u64 pos,
				       bool out)
{
	struct call *c = &t->c;

	__builtin_memset(c, 0, sizeof(*c));
	c->d.head.seq_class = DFL_K_SEQ_TLS;
	c->d.call = (1ull << 63) | (bpf_ktime_get_ns() << 8) | (bpf_get_smp_processor_id() & 0xff);
	c->d.pos = pos;
	c->d.ssl = t->key.ssl;
	c->d.ssl_born_ns = t->born_ns;
	c->d.pid = id >> 32;
	c->d.tid = id;
	c->d.fd = -1;
	c->d.layer = 1;
	c->d.out = out;
	c->d.flags = DFL_K_POS | DFL_K_FIRST;
	c->cap = cfg_copy_cap;
	c->base = buf;
	c->blen = c->left = len;
	emit_all(1, c);
}

/*
 * Not inlined: it is the larger part, and each form of a call has a program that holds it. A static
 * function takes a pointer on every kernel; a global one would not on 5.10.
 */
static __noinline int entered(struct tls_call *t, u64 id)
{
	struct ssl_info *s = ssl_info(&t->key);
	u64 told;

	if (!s)
		return 0;
	t->born_ns = s->born_ns;
	t->active = 1;
	count_stat(DFL_K_STAT_TLS_CALLS);
	if (t->action != DFL_K_TLS_WRITE)
		return 0;
	told = s->pending;
	if (told)
		count_stat(DFL_K_STAT_TLS_RETRY);
	if (t->num <= told)
		return 0;
	s->pending = t->num;
	emit_plain(t, id, t->buf + told, t->num - told, s->out_pos + told, true);
	return 0;
}

struct tls_args {
	u64 a1, a2, a3, a4;
};

/*
 * Reads all arguments at once. The verifier allows no access to the context at a variable offset,
 * and clang makes one of a choice between registers; opaque() keeps it from moving the reads there.
 */
static __always_inline struct tls_args tls_args(struct pt_regs *ctx)
{
	u64 a1 = PT_REGS_PARM1(ctx), a2 = PT_REGS_PARM2(ctx);
	u64 a3 = PT_REGS_PARM3(ctx), a4 = PT_REGS_PARM4(ctx);

	opaque(a1);
	opaque(a2);
	opaque(a3);
	opaque(a4);
	return (struct tls_args){ a1, a2, a3, a4 };
}

/* Argument n of the function, counted from 1; 0: it has none. */
static __always_inline u64 tls_arg(const struct tls_args *args, u32 n)
{
	return n == 1 ? args->a1 : n == 2 ? args->a2 : n == 3 ? args->a3 : n == 4 ? args->a4 : 0;
}

/* The library's `int` lengths may be negative, and the upper half of their register is undefined.
 */
static __always_inline u64 tls_length(const struct tls_args *args,
				      const struct dfl_k_tls_form *form)
{
	u64 n = tls_arg(args, form->length);

	if (form->result != DFL_K_TLS_RESULT_INT)
		return n;
	return (s32)n > 0 ? (u32)n : 0;
}

static __always_inline int tls_enter(const struct tls_args *args, const struct dfl_k_tls_form *form)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call *t = my_call(id);

	if (!t)
		return 0;
	t->key.ssl = tls_arg(args, form->object);
	t->key.pid = id >> 32;
	t->key.pad = 0;
	t->buf = tls_arg(args, form->buffer);
	t->num = tls_length(args, form);
	t->ret_ptr = tls_arg(args, form->count);
	t->sock_ino = 0;
	t->action = form->action;
	t->result = form->result;
	return entered(t, id);
}

/*
 * Ciphertext on the socket needs no copy from now on, while it passes inside this object's calls.
 */
static __always_inline void cover(struct tls_call *t, struct ssl_info *s)
{
	struct sock_info *si = bpf_map_lookup_elem(&socks, &s->sock_ino);

	if (!si)
		return;
	si->tls_born_ns = t->born_ns;
	si->tls_pid = t->key.pid;
	si->tls_ssl = t->key.ssl;
}

/* Bytes that the call moved; of a handshake: 1 when it is over. 0: nothing was done. */
static __always_inline u64 done(struct tls_call *t, s64 rc)
{
	u64 n = 1;

	switch (t->result) {
	case DFL_K_TLS_RESULT_INT:
		return (s32)rc > 0 ? (s32)rc : 0;
	case DFL_K_TLS_RESULT_LONG:
		return rc > 0 ? rc : 0;
	case DFL_K_TLS_RESULT_ZERO:
		return (s32)rc == 0;
	default: /* DFL_K_TLS_RESULT_ONE */
		if ((s32)rc != 1)
			return 0;
	}
	if (t->ret_ptr && bpf_probe_read_user(&n, sizeof(n), (void *)t->ret_ptr)) {
		count_drop(DFL_K_DROP_FAULT, 1, 0);
		return 0;
	}
	return n;
}

static __always_inline int tls_leave(s64 rc)
{
	u64 id = bpf_get_current_pid_tgid(), n;
	struct tls_call *t = bpf_map_lookup_elem(&tls_calls, &id);
	struct ssl_info *s;

	if (!t || !t->active)
		return 0;
	t->active = 0;
	s = bpf_map_lookup_elem(&ssls, &t->key);
	if (!s || s->born_ns != t->born_ns)
		return 0;
	n = done(t, rc);
	if (!n)
		return 0;
	cover(t, s);
	if (t->action == DFL_K_TLS_HANDSHAKE)
		return 0;
	if (t->action == DFL_K_TLS_WRITE) { /* after a partial write the rest comes again, as a new
					       call */
		s->pending = 0;
		s->out_pos += n;
		return 0;
	}
	s->in_pos += n;
	emit_plain(t, id, t->buf, n, s->in_pos - n, false);
	return 0;
}

/* The object is freed, or gets another socket: what comes under its address is another object. */
static __always_inline int tls_forget(u64 ssl)
{
	struct ssl_key key = { .ssl = ssl, .pid = bpf_get_current_pid_tgid() >> 32 };
	struct ssl_info *s = bpf_map_lookup_elem(&ssls, &key);
	struct sock_info *si;

	if (!s)
		return 0;
	si = bpf_map_lookup_elem(&socks, &s->sock_ino);
	if (si && si->tls_ssl == ssl && si->tls_pid == key.pid)
		si->tls_ssl = 0;
	bpf_map_delete_elem(&ssls, &key);
	return 0;
}
