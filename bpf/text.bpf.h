/* SPDX-License-Identifier: Apache-2.0 */
/* The begin of a call, and texts that a process hands to the kernel as arguments. */
#pragma once

#include "chan.bpf.h"
#include "emit.bpf.h"

/*
 * Begins a call. Its number is the CPU and the number that its first record gets: unique as long as
 * a CPU sends less than 2^48 records.
 */
static __always_inline struct call *new_call(const struct object *o, s32 fd, bool out)
{
	u64 id = bpf_get_current_pid_tgid();
	struct call *c = call_state(0);
	u32 seq_class = DFL_K_SEQ_SYSCALL;
	struct sequence *l = bpf_map_lookup_elem(&sequences, &seq_class);

	if (!c || !l)
		return NULL;
	__builtin_memset(c, 0, sizeof(*c));
	c->d.head.seq_class = seq_class;
	c->d.key = o->key;
	c->d.call = ((u64)bpf_get_smp_processor_id() << 48) | (l->seq + 1);
	c->d.pid = id >> 32;
	c->d.tid = id;
	c->d.fd = fd;
	c->d.out = out;
	c->d.flags = DFL_K_FIRST;
	c->cap = cfg_copy_cap;
	c->sk = o->sk;
	return c;
}

/* A text in the memory of the current process. text: enum dfl_k_text. */
static __noinline void emit_text(u32 text, u64 base, u64 len)
{
	struct object o = {};
	struct call *c;

	set_text(&o, text);
	c = len ? new_call(&o, -1, true) : NULL;
	if (!c)
		return;
	c->base = base;
	c->blen = c->left = len;
	emit_all(0, c);
}
