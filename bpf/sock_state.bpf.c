// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A socket that begins to connect, in whatever way: connect, sendto with MSG_FASTOPEN, io_uring.
 * The transition to SYN_SENT runs in the connecting task.
 */
#include "chan.bpf.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(dfl_sock_state, const struct sock *sk, int oldstate, int newstate)
{
	struct sock_info *si;
	u64 ino;

	if (newstate != TCP_SYN_SENT || !is_target(bpf_get_current_pid_tgid() >> 32))
		return 0;
	ino = sock_ino(BPF_CORE_READ(sk, sk_socket));
	si = ino ? sock_info(ino) : NULL;
	if (!si || si->role == DFL_K_CONNECTED)
		return 0;
	si->role = DFL_K_CONNECTED;
	si->announced = 0; /* the first call on it tells, with the addresses */
	return 0;
}
