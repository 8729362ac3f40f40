// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Processes: children inherit being a target, exec and exit are told, an exit closes its files. */
#include "text.bpf.h"

/* Id of the task's cgroup v2. */
static __always_inline u64 cgroup_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* A process begins (fork) or becomes another (bprm: exec). same_mm: the child shares its memory. */
static __always_inline void emit_proc(struct task_struct *task, bool fork, bool same_mm,
				      struct linux_binprm *bprm)
{
	struct dfl_k_proc *r = reserve(sizeof(*r), DFL_K_SEQ_SCHED, DFL_K_PROC, 0);
	struct mm_struct *mm;
	u64 from, len;

	/*
	 * Nothing between the reservation and this test: up to about 6.1 the verifier takes a
	 * second test of r for one that can still fail, and finds the record not submitted.
	 */
	if (!r)
		return;
	__builtin_memset(&r->pid, 0, __builtin_offsetof(struct dfl_k_proc, exe) - sizeof(r->head));
	r->exe[0] = 0; /* of exe and args only what is written below is read */
	r->pid = BPF_CORE_READ(task, tgid);
	r->ppid = BPF_CORE_READ(task, real_parent, tgid);
	r->start_ns = BPF_CORE_READ(task, start_time);
	r->cgroup_id = cgroup_of(task);
	r->fork = fork;
	r->same_mm = same_mm;
	BPF_CORE_READ_STR_INTO(&r->comm, task, comm);
	if (bprm) {
		bpf_probe_read_kernel_str(r->exe, sizeof(r->exe), BPF_CORE_READ(bprm, filename));
		mm = BPF_CORE_READ(task, mm);
		from = BPF_CORE_READ(mm, arg_start);
		len = BPF_CORE_READ(mm, arg_end) - from;
		if (len > DFL_K_ARGS - 1)
			len = DFL_K_ARGS - 1;
		opaque(len);
		/* 5.10 forgets the bound above; DFL_K_ARGS is a power of two: 1,024 − 1 = 0x3ff */
		len &= DFL_K_ARGS - 1;
		if (!bpf_probe_read_user(r->args, len, (void *)from))
			r->args_len = len;
	}
	/* TLS libraries of a new process are attached by user space: wake it */
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(dfl_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32, child_pid = BPF_CORE_READ(child, tgid);
	u8 one = 1;

	if (child_pid == pid || !is_target(pid)) /* the same process: a thread begins */
		return 0;
	if (cfg_by_pid && bpf_map_lookup_elem(&pids, &pid) &&
	    bpf_map_update_elem(&pids, &child_pid, &one, BPF_ANY))
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	emit_proc(child, true, BPF_CORE_READ(child, mm) == BPF_CORE_READ(parent, mm), NULL);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(dfl_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct mm_struct *mm;
	u64 from;

	if (!is_target(pid))
		return 0;
	bpf_map_delete_elem(&read_onlys, &pid);
	emit_proc(task, false, false, bprm);
	mm = BPF_CORE_READ(task, mm);
	from = BPF_CORE_READ(mm, arg_start);
	emit_text(DFL_K_TEXT_ARGS, from, BPF_CORE_READ(mm, arg_end) - from);
	from = BPF_CORE_READ(mm, env_start);
	emit_text(DFL_K_TEXT_ENV, from, BPF_CORE_READ(mm, env_end) - from);
	return 0;
}

/* A global function, so that the verifier looks at it once. */
__noinline int close_at_exit(u32 fd)
{
	struct task_view t;
	struct file *file;
	struct object o;

	view_task(&t);
	file = fd_file(&t, fd);
	if (!file || !last_reference(file))
		return 0;
	look_at(file, &o);
	if (o.key.kind != DFL_K_NONE && o.key.kind < DFL_K_TEXT)
		emit_close(&o, bpf_get_current_pid_tgid() >> 32, DFL_K_SEQ_SCHED);
	return 0;
}

/*
 * The files of a process that ends, when nobody shares its table. A loop over a global function:
 * about 20 instructions a round for the verifier. More than DFL_K_CLOSE_FDS fds are counted.
 */
static __always_inline void close_all(struct task_struct *task)
{
	u32 max = BPF_CORE_READ(task, files, fdt, max_fds);

	if (BPF_CORE_READ(task, files, count.counter) != 1)
		return;
	for (u32 fd = 0; fd < DFL_K_CLOSE_FDS; fd++) {
		if (fd >= max)
			return;
		close_at_exit(fd);
	}
	if (max > DFL_K_CLOSE_FDS)
		count_drop(DFL_K_DROP_FDS, 0, 0);
}

/* Runs before the files are given back. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(dfl_exit, struct task_struct *task)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = id >> 32;

	if (!is_target(pid))
		return 0;
	bpf_map_delete_elem(&entries, &id);
	bpf_map_delete_elem(&tls_calls, &id);
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	close_all(task);
	if (cfg_by_pid)
		bpf_map_delete_elem(&pids, &pid);
	bpf_map_delete_elem(&read_onlys, &pid);
	emit_note(DFL_K_SEQ_SCHED, DFL_K_EXIT, 0, 0, BPF_RB_NO_WAKEUP);
	return 0;
}
