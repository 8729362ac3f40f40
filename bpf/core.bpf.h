/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program shares: constants set before loading, maps, the filter, the way into the ring.
 */
#pragma once

#include "vmlinux_min.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

/*
 * Constants: core.bpf.c defines them, user space sets them before loading. The verifier knows their
 * values and removes the branches that they rule out.
 */
extern const volatile __u8 cfg_calls[DFL_K_MAX_SYSCALL]; /* enum dfl_k_call */
extern const volatile struct dfl_k_args cfg_args[DFL_K_MAX_SYSCALL];
extern const volatile __u64 cfg_cgroup_id[DFL_K_MAX_CGROUPS];
extern const volatile __u32 cfg_cgroup_level[DFL_K_MAX_CGROUPS];
extern const volatile __u32 cfg_n_cgroups;
extern const volatile __u32 cfg_self; /* dflow's own process is never a target */
extern const volatile __u64 cfg_copy_cap;
extern const volatile __u64 cfg_wake_at; /* bytes in the ring that wake the reader */
extern const volatile __u8 cfg_all, cfg_by_pid, cfg_file_reads, cfg_file_writes;

extern const volatile struct dfl_k_tls_file cfg_tls_files[DFL_K_MAX_TLS_FILES];

/* Set while it runs. */
extern __u32 tls_on; /* set by user space: a TLS library is attached in some process */
extern __u32 woken;  /* the reader was woken; it sets this to 0 when it begins to read the ring */

struct sock_info {    /* what was told of a socket or pipe; the key is its inode number */
	u64 peer_ino; /* unix: that was told; 0: not yet */
	u64 tls_ssl, tls_born_ns; /* the TLS object of which the plaintext is read; 0: none */
	u32 tls_pid;
	u8 role;      /* enum dfl_k_role */
	u8 announced; /* its record went out; 0 again when more is known */
	u8 seq0;      /* the first sequence numbers were told */
	u8 pad;
};

struct read_only { /* the last shared mapping that may still be made writable, of a process */
	u64 from, to;
	u32 why, pad; /* enum dfl_k_blind, of when it is */
};

struct entry { /* the file that a thread's call began with; the key is the thread's id */
	u64 file, ino;
	s32 fd;
	u32 pad;
};

struct sequence { /* of one sequence class on one CPU */
	u64 seq;  /* number of the last record */
};

/* The state of one call while its bytes are emitted piece by piece. */
struct call {
	struct dfl_k_data d; /* of the next piece */
	u64 base, blen;	     /* rest of the current buffer */
	u64 left;	     /* rest of the current message */
	u64 cap;	     /* bytes that may still be copied */
	u64 iov, n_iov;	     /* rest of the vector */
	u64 mmsg, n_mmsg;    /* rest of the messages of recvmmsg and sendmmsg */
	u64 sk;
};

struct ssl_key { /* a TLS object: its address in its process */
	u64 ssl;
	u32 pid, pad;
};

struct ssl_info {
	u64 born_ns;	     /* first seen; tells it from others that had its address */
	u64 sock_ino;	     /* the socket it was seen to use; 0: none yet */
	u64 out_pos, in_pos; /* plaintext bytes that went each way */
	u64 pending;	     /* bytes of a write that were told but not confirmed yet */
};

struct tls_call {      /* a thread inside its TLS library; the key is the thread's id */
	struct call c; /* here and not per CPU, because a uprobe can be preempted */
	struct ssl_key key;
	u64 born_ns;
	u64 buf, num;
	u64 ret_ptr;  /* where the function puts the number of bytes; 0: it returns it */
	u64 sock_ino; /* socket of the last nested system call */
	u8 active;
	u8 action, result; /* enum dfl_k_tls_action, dfl_k_tls_result */
	u8 pad[5];
};

/*
 * The maps. LRU maps forget what was used least when they are full: a socket that is forgotten is
 * announced again, a TLS object begins anew.
 */
struct map_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024 * 1024);
};
struct map_pids {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DFL_K_MAX_PIDS);
	__type(key, u32);
	__type(value, u8);
};
struct map_socks {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_SOCKS);
	__type(key, u64);
	__type(value, struct sock_info);
};
struct map_files {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_FILES);
	__type(key, struct dfl_k_key);
	__type(value, u8);
};
struct map_entries {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_THREADS);
	__type(key, u64);
	__type(value, struct entry);
};
struct map_read_onlys {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_PIDS);
	__type(key, u32);
	__type(value, struct read_only);
};
struct map_strings { /* room to learn how long a string is */
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, char[DFL_K_STRING]);
};
struct map_sequences {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DFL_K_N_SEQ);
	__type(key, u32);
	__type(value, struct sequence);
};
struct map_drops {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DFL_K_N_DROP);
	__type(key, u32);
	__type(value, struct dfl_k_count);
};
struct map_stats {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DFL_K_N_STAT);
	__type(key, u32);
	__type(value, u64);
};
struct map_calls {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call);
};
struct map_ssls {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_SSL);
	__type(key, struct ssl_key);
	__type(value, struct ssl_info);
};
struct map_tls_calls {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DFL_K_MAX_THREADS);
	__type(key, u64);
	__type(value, struct tls_call);
};

extern struct map_ring ring SEC(".maps");
extern struct map_pids pids SEC(".maps");
extern struct map_socks socks SEC(".maps");
extern struct map_files files SEC(".maps");
extern struct map_entries entries SEC(".maps");
extern struct map_read_onlys read_onlys SEC(".maps");
extern struct map_strings strings SEC(".maps");
extern struct map_sequences sequences SEC(".maps");
extern struct map_drops drops SEC(".maps");
extern struct map_stats stats SEC(".maps");
extern struct map_calls calls SEC(".maps");
extern struct map_ssls ssls SEC(".maps");
extern struct map_tls_calls tls_calls SEC(".maps");

/*
 * clang must take it that var may have changed here. So it keeps a test of a bound that it could
 * prove needless but the verifier cannot, and it tests the very register that is used later.
 */
#define opaque(var) asm volatile("" : "+r"(var))

/* Counts a loss. cause: enum dfl_k_drop; constants, but for bytes. */
static __always_inline void count_drop(u32 cause, u64 events, u64 bytes)
{
	struct dfl_k_count *c = bpf_map_lookup_elem(&drops, &cause);

	if (!c)
		return;
	/* clang turns the addition of a constant 0 into an atomic "or", which needs Linux 5.12 */
	if (events)
		__sync_fetch_and_add(&c->events, events);
	if (bytes)
		__sync_fetch_and_add(&c->bytes, bytes);
}

static __always_inline void count_stat(u32 stat)
{
	u64 *n = bpf_map_lookup_elem(&stats, &stat);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/*
 * What is read of the current task at every call of a target. Since 5.11 the current task is a
 * typed pointer (3ca1032ab7ab): reading a member is a plain load. Before, each read is a call of a
 * helper.
 */
struct task_view {
	struct file **fds;
	u32 n_fds;
	u32 shared; /* users of the table of fds */
	u32 status; /* of the thread: x86 thread_info.status, arm64 .flags */
};

#if defined(__TARGET_ARCH_x86)
#define thread_status(task) (task)->thread_info.status
#define COMPAT_BIT 2 /* TS_COMPAT */
#define READ_STATUS(task) BPF_CORE_READ(task, thread_info.status)
#else
#define thread_status(task) (task)->thread_info.flags
#define COMPAT_BIT (1 << 22) /* TIF_32BIT */
#define READ_STATUS(task) BPF_CORE_READ(task, thread_info.flags)
#endif

static __always_inline void view_task(struct task_view *ret)
{
	struct task_struct *task;
	struct files_struct *files;
	struct fdtable *fdt;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) { /* 5.11
											    */
		task = bpf_get_current_task_btf();
		files = task->files;
		fdt = files->fdt;
		*ret = (struct task_view){ fdt->fd, fdt->max_fds, files->count.counter,
					   thread_status(task) };
		return;
	}
	task = (struct task_struct *)bpf_get_current_task();
	files = BPF_CORE_READ(task, files);
	fdt = BPF_CORE_READ(files, fdt);
	*ret = (struct task_view){ BPF_CORE_READ(fdt, fd), BPF_CORE_READ(fdt, max_fds),
				   BPF_CORE_READ(files, count.counter), READ_STATUS(task) };
}

/* Up to 6.0 a cgroup has the ids of its ancestors; since 6.1 (7f203bc89eb6) it has pointers. */
struct cgroup___ids {
	u64 ancestor_ids[1];
} __attribute__((preserve_access_index));

/*
 * Id of the ancestor of the current task's cgroup v2 at this level (0: the root); 0: it has none.
 * Tracing programs have the helper since 5.15, so that it is there on every kernel without the ids.
 */
static __always_inline u64 ancestor_id(u32 level)
{
	struct cgroup *cg;
	u64 id = 0;

	if (!bpf_core_field_exists(((struct cgroup___ids *)0)->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level);
	cg = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), cgroups, dfl_cgrp);
	if (BPF_CORE_READ(cg, level) < level)
		return 0;
	bpf_probe_read_kernel(&id, sizeof(id),
			      (void *)cg +
				      bpf_core_field_offset(struct cgroup___ids, ancestor_ids) +
				      level * sizeof(u64));
	return id;
}

static __always_inline bool in_cgroups(void)
{
	for (u32 i = 0; i < DFL_K_MAX_CGROUPS; i++) {
		if (i >= cfg_n_cgroups)
			return false;
		if (ancestor_id(cfg_cgroup_level[i]) == cfg_cgroup_id[i])
			return true;
	}
	return false;
}

/* Is the process recorded? Nothing else is done for one that is not. */
static __always_inline bool is_target(u32 pid)
{
	if (pid == cfg_self)
		return false;
	if (cfg_all)
		return true;
	if (cfg_n_cgroups && in_cgroups())
		return true;
	return cfg_by_pid && bpf_map_lookup_elem(&pids, &pid);
}

/*
 * Room for a record, with its head filled in; NULL: the ring is full, which is counted. The record
 * takes a number in any case, so that a loss leaves a hole in the numbers. bytes: of a stream, that
 * are lost if there is no room. What is returned has to be submitted.
 */
static __always_inline void *reserve(u64 size, u32 seq_class, u32 type, u64 bytes)
{
	struct sequence *l = bpf_map_lookup_elem(&sequences, &seq_class);
	struct dfl_k_head *h;
	u64 seq;

	if (!l)
		return NULL;
	seq = ++l->seq;
	h = bpf_ringbuf_reserve(&ring, size, 0);
	if (!h) {
		count_drop(DFL_K_DROP_RING, 1, bytes);
		return NULL;
	}
	h->type = type;
	h->seq_class = seq_class;
	h->cpu = bpf_get_smp_processor_id();
	h->size = size;
	h->seq = seq;
	h->ts_ns = bpf_ktime_get_ns();
	return h;
}

/*
 * Waking the reader costs more than all the rest of an event (measured: 4 of 6.7 us). It comes by
 * itself every few ms, and is woken only once when the ring holds cfg_wake_at bytes.
 */
static __always_inline u64 submit_flags(void)
{
	if (woken || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < cfg_wake_at)
		return BPF_RB_NO_WAKEUP;
	woken = 1;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void submit(void *rec)
{
	bpf_ringbuf_submit(rec, submit_flags());
}

/*
 * A record without bytes. type: LIB, BIND, EXIT or BLIND; number: of BLIND; flags: BPF_RB_…_WAKEUP.
 */
static __always_inline void emit_note(u32 seq_class, u32 type, u32 arg, u64 number, u64 flags)
{
	struct dfl_k_note *n = reserve(sizeof(*n), seq_class, type, 0);

	if (!n)
		return;
	__builtin_memset(&n->key, 0, sizeof(*n) - sizeof(n->head));
	n->key.ino = number;
	n->pid = bpf_get_current_pid_tgid() >> 32;
	n->arg = arg;
	bpf_ringbuf_submit(n, flags);
}

/* The current process uses a way out that cannot be watched. why: enum dfl_k_blind. */
static __always_inline void emit_blind(u32 why, u64 number)
{
	emit_note(DFL_K_SEQ_SYSCALL, DFL_K_BLIND, why, number, BPF_RB_NO_WAKEUP);
}
