/* SPDX-License-Identifier: Apache-2.0 */
/* The walk through the bytes of a call. */
#pragma once

#include "core.bpf.h"

extern int emit_step(u32 from_tls);
extern int emit_rest(u32 from_tls);

/*
 * System call tracepoints run with preemption off, so the state of a call can be per CPU. Uprobes
 * can be preempted: theirs is per thread.
 */
static __always_inline struct call *call_state(u32 from_tls)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call *t;
	u32 zero = 0;

	if (!from_tls)
		return bpf_map_lookup_elem(&calls, &zero);
	t = bpf_map_lookup_elem(&tls_calls, &id);
	return t ? &t->c : NULL;
}

/* Emits all bytes of a call. from_tls: c is of the current thread's TLS call; else it is per CPU.
 */
static __always_inline void emit_all(u32 from_tls, struct call *c)
{
	for (u32 i = 0; i < DFL_K_STEPS; i++)
		if (emit_step(from_tls))
			return;
	/* more pieces than steps: the rest of this message is a gap, later messages are lost */
	count_drop(DFL_K_DROP_STEPS, c->n_mmsg, c->left);
	if (c->left)
		emit_rest(from_tls);
}

/*
 * Address of a datagram, from the user's struct sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes,
 * of which the first 24 are read: family, port, flow, address). Other families leave ret as it is.
 */
static __always_inline void read_peer(struct dfl_k_addr *ret, u64 user)
{
	struct {
		u16 family, port;
		u32 ip4_or_flow;
		u8 ip6[16];
	} a = {};

	if (bpf_probe_read_user(&a, sizeof(a), (void *)user))
		bpf_probe_read_user(&a, 16, (void *)user); /* a sockaddr_in at the end of a page */
	if (a.family == 2)				   /* AF_INET */
		__builtin_memcpy(ret->ip, &a.ip4_or_flow, 4);
	else if (a.family == 10) /* AF_INET6 */
		__builtin_memcpy(ret->ip, a.ip6, 16);
	else
		return;
	ret->family = a.family;
	ret->port = bpf_ntohs(a.port);
}
