// SPDX-License-Identifier: Apache-2.0
/*
 * The table of all system calls of Linux 5.10 to 7.0: what each does with bytes. A number that is
 * not here may carry bytes (DFL_K_CALL_UNKNOWN): the default is the suspicious one. docs/capture.md
 * says the same in words.
 */
#include "capture/live/syscalls.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Newer than the headers of some build hosts (include/uapi/asm-generic/unistd.h of Linux 7.0). */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#endif
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif
#ifndef SYS_futex_requeue
#define SYS_futex_requeue 456
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif
#ifndef SYS_lsm_get_self_attr
#define SYS_lsm_get_self_attr 459
#endif
#ifndef SYS_lsm_set_self_attr
#define SYS_lsm_set_self_attr 460
#endif
#ifndef SYS_lsm_list_modules
#define SYS_lsm_list_modules 461
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif
#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif
#ifndef SYS_removexattrat
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#ifndef SYS_listns
#define SYS_listns 470
#endif

#ifdef __x86_64__
#define SYS_uretprobe 335 /* made by the kernel itself, at the return of a probed function */
#define SYS_uprobe 336
#endif

#define CALL(name) SYS_##name, #name
#define NOTHING(name)                                                                              \
	{                                                                                          \
		CALL(name), DFL_K_CALL_NONE                                                        \
	}

static const struct {
	int nr;
	const char *name;
	uint8_t call; /* enum dfl_k_call */
	struct dfl_k_args args;
} calls[] = {
	/* Bytes in buffers: seen. */
	{ CALL(read), DFL_K_CALL_READ },
	{ CALL(write), DFL_K_CALL_WRITE },
	{ CALL(readv), DFL_K_CALL_READV },
	{ CALL(writev), DFL_K_CALL_WRITEV },
	{ CALL(pread64), DFL_K_CALL_PREAD },
	{ CALL(pwrite64), DFL_K_CALL_PWRITE },
	{ CALL(preadv), DFL_K_CALL_PREADV },
	{ CALL(preadv2), DFL_K_CALL_PREADV },
	{ CALL(pwritev), DFL_K_CALL_PWRITEV },
	{ CALL(pwritev2), DFL_K_CALL_PWRITEV },
	{ CALL(recvfrom), DFL_K_CALL_RECVFROM },
	{ CALL(sendto), DFL_K_CALL_SENDTO },
	{ CALL(recvmsg), DFL_K_CALL_RECVMSG },
	{ CALL(sendmsg), DFL_K_CALL_SENDMSG },
	{ CALL(recvmmsg), DFL_K_CALL_RECVMMSG },
	{ CALL(sendmmsg), DFL_K_CALL_SENDMMSG },
	/* Bytes that pass inside the kernel: unread, as they are in no buffer. */
	{ CALL(sendfile), DFL_K_CALL_SENDFILE },
	{ CALL(splice), DFL_K_CALL_SPLICE },
	{ CALL(tee), DFL_K_CALL_TEE },
	{ CALL(copy_file_range), DFL_K_CALL_COPY_RANGE },
	{ CALL(vmsplice), DFL_K_CALL_VMSPLICE },
	/* Who is at the other end, and when it ends. */
	{ CALL(connect), DFL_K_CALL_CONNECT },
	{ CALL(accept), DFL_K_CALL_ACCEPT },
	{ CALL(accept4), DFL_K_CALL_ACCEPT },
	{ CALL(shutdown), DFL_K_CALL_SHUTDOWN },
	{ CALL(close), DFL_K_CALL_CLOSE },
	{ CALL(dup3), DFL_K_CALL_DUP2 },
#ifdef __x86_64__
	{ CALL(dup2), DFL_K_CALL_DUP2 },
#endif
	/* Text in arguments: seen. */
	{ CALL(symlinkat),
	  DFL_K_CALL_TEXT,
	  { .text = DFL_K_TEXT_NAME, .string = 1, .string2 = 3 } },
	{ CALL(linkat), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 4 } },
	{ CALL(renameat), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 4 } },
	{ CALL(renameat2), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 4 } },
	{ CALL(mkdirat), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(mknodat), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(openat), DFL_K_CALL_OPEN, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(openat2), DFL_K_CALL_OPENAT2, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(bind), DFL_K_CALL_BIND, { .text = DFL_K_TEXT_NAME } },
	{ CALL(memfd_create), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1 } },
	{ CALL(mq_open), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1 } },
	{ CALL(setxattr), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_XATTR, .string = 2, .buffer = 3 } },
	{ CALL(lsetxattr),
	  DFL_K_CALL_TEXT,
	  { .text = DFL_K_TEXT_XATTR, .string = 2, .buffer = 3 } },
	{ CALL(fsetxattr),
	  DFL_K_CALL_TEXT,
	  { .text = DFL_K_TEXT_XATTR, .string = 2, .buffer = 3 } },
	{ CALL(msgsnd), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_QUEUE, .buffer = 2, .skip = 8 } },
	{ CALL(mq_timedsend), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_QUEUE, .buffer = 2 } },
	{ CALL(add_key), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_KEY, .string = 2, .buffer = 3 } },
	{ CALL(request_key),
	  DFL_K_CALL_TEXT,
	  { .text = DFL_K_TEXT_KEY, .string = 2, .string2 = 3 } },
	{ CALL(keyctl), DFL_K_CALL_KEYCTL },
	{ CALL(sethostname), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_PROC, .buffer = 1 } },
	{ CALL(setdomainname), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_PROC, .buffer = 1 } },
	{ CALL(prctl), DFL_K_CALL_PRCTL },
	{ CALL(setsockopt),
	  DFL_K_CALL_TEXT,
	  { .text = DFL_K_TEXT_OPTION, .buffer = 4, .least = 17 } },
#ifdef __x86_64__
	{ CALL(symlink), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1, .string2 = 2 } },
	{ CALL(link), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(rename), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 2 } },
	{ CALL(mkdir), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1 } },
	{ CALL(mknod), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1 } },
	{ CALL(creat), DFL_K_CALL_TEXT, { .text = DFL_K_TEXT_NAME, .string = 1 } },
	{ CALL(open), DFL_K_CALL_OPEN, { .text = DFL_K_TEXT_NAME, .string = 1 } },
#endif
	/* Looked at in the kernel (io.bpf.c, on_way()): some uses are no way out. */
	{ CALL(mmap), DFL_K_CALL_MMAP },
	{ CALL(mprotect), DFL_K_CALL_MPROTECT },
	{ CALL(pkey_mprotect), DFL_K_CALL_MPROTECT },
	{ CALL(shmat), DFL_K_CALL_SHMAT },
	{ CALL(process_vm_readv), DFL_K_CALL_PROCESS_VM },
	{ CALL(process_vm_writev), DFL_K_CALL_PROCESS_VM },
	{ CALL(io_uring_setup), DFL_K_CALL_IO_URING },
	{ CALL(io_uring_enter), DFL_K_CALL_IO_URING },
	{ CALL(io_uring_register), DFL_K_CALL_IO_URING },
	{ CALL(ioctl), DFL_K_CALL_IOCTL },
	/* Carry bytes, and are not read: blind. */
	{ CALL(io_submit), DFL_K_CALL_BLIND },
	{ CALL(ptrace), DFL_K_CALL_BLIND },
	{ CALL(pidfd_getfd), DFL_K_CALL_BLIND },
	{ CALL(userfaultfd), DFL_K_CALL_BLIND },
	{ CALL(bpf), DFL_K_CALL_BLIND },
	{ CALL(rt_sigqueueinfo), DFL_K_CALL_BLIND },
	{ CALL(rt_tgsigqueueinfo), DFL_K_CALL_BLIND },
	{ CALL(init_module), DFL_K_CALL_BLIND },
	{ CALL(finit_module), DFL_K_CALL_BLIND },
	{ CALL(kexec_load), DFL_K_CALL_BLIND },
	{ CALL(kexec_file_load), DFL_K_CALL_BLIND },
	{ CALL(mount), DFL_K_CALL_BLIND },
	{ CALL(fsconfig), DFL_K_CALL_BLIND },
	{ CALL(move_mount), DFL_K_CALL_BLIND },
	{ CALL(setxattrat), DFL_K_CALL_BLIND },
	{ CALL(lsm_set_self_attr), DFL_K_CALL_BLIND },
	{ CALL(file_setattr), DFL_K_CALL_BLIND },
	{ CALL(nfsservctl), DFL_K_CALL_BLIND },
	{ CALL(lookup_dcookie), DFL_K_CALL_BLIND },
#ifdef __x86_64__
	{ CALL(modify_ldt), DFL_K_CALL_BLIND },
	{ CALL(putpmsg), DFL_K_CALL_BLIND },
	{ CALL(afs_syscall), DFL_K_CALL_BLIND },
	{ CALL(tuxcall), DFL_K_CALL_BLIND },
	{ CALL(security), DFL_K_CALL_BLIND },
	{ CALL(vserver), DFL_K_CALL_BLIND },
	{ CALL(create_module), DFL_K_CALL_BLIND },
	{ CALL(_sysctl), DFL_K_CALL_BLIND },
#endif
	/* No text leaves by these. Most of them bring or ask something; names that are only looked
	   up stay nowhere. */
	NOTHING(fstat),
	NOTHING(lseek),
	NOTHING(munmap),
	NOTHING(brk),
	NOTHING(rt_sigaction),
	NOTHING(rt_sigprocmask),
	NOTHING(rt_sigreturn),
	NOTHING(sched_yield),
	NOTHING(mremap),
	NOTHING(msync),
	NOTHING(mincore),
	NOTHING(madvise),
	NOTHING(shmget),
	NOTHING(shmctl),
	NOTHING(dup),
	NOTHING(nanosleep),
	NOTHING(getitimer),
	NOTHING(setitimer),
	NOTHING(getpid),
	NOTHING(socket),
	NOTHING(listen),
	NOTHING(getsockname),
	NOTHING(getpeername),
	NOTHING(socketpair),
	NOTHING(getsockopt),
	NOTHING(clone),
	NOTHING(execve),
	NOTHING(exit),
	NOTHING(wait4),
	NOTHING(kill),
	NOTHING(uname),
	NOTHING(semget),
	NOTHING(semop),
	NOTHING(semctl),
	NOTHING(shmdt),
	NOTHING(msgget),
	NOTHING(msgrcv),
	NOTHING(msgctl),
	NOTHING(fcntl),
	NOTHING(flock),
	NOTHING(fsync),
	NOTHING(fdatasync),
	NOTHING(truncate),
	NOTHING(ftruncate),
	NOTHING(getcwd),
	NOTHING(chdir),
	NOTHING(fchdir),
	NOTHING(fchmod),
	NOTHING(fchown),
	NOTHING(umask),
	NOTHING(gettimeofday),
	NOTHING(getrlimit),
	NOTHING(getrusage),
	NOTHING(sysinfo),
	NOTHING(times),
	NOTHING(getuid),
	NOTHING(syslog),
	NOTHING(getgid),
	NOTHING(setuid),
	NOTHING(setgid),
	NOTHING(geteuid),
	NOTHING(getegid),
	NOTHING(setpgid),
	NOTHING(getppid),
	NOTHING(setsid),
	NOTHING(setreuid),
	NOTHING(setregid),
	NOTHING(getgroups),
	NOTHING(setgroups),
	NOTHING(setresuid),
	NOTHING(getresuid),
	NOTHING(setresgid),
	NOTHING(getresgid),
	NOTHING(getpgid),
	NOTHING(setfsuid),
	NOTHING(setfsgid),
	NOTHING(getsid),
	NOTHING(capget),
	NOTHING(capset),
	NOTHING(rt_sigpending),
	NOTHING(rt_sigtimedwait),
	NOTHING(rt_sigsuspend),
	NOTHING(sigaltstack),
	NOTHING(personality),
	NOTHING(statfs),
	NOTHING(fstatfs),
	NOTHING(getpriority),
	NOTHING(setpriority),
	NOTHING(sched_setparam),
	NOTHING(sched_getparam),
	NOTHING(sched_setscheduler),
	NOTHING(sched_getscheduler),
	NOTHING(sched_get_priority_max),
	NOTHING(sched_get_priority_min),
	NOTHING(sched_rr_get_interval),
	NOTHING(mlock),
	NOTHING(munlock),
	NOTHING(mlockall),
	NOTHING(munlockall),
	NOTHING(vhangup),
	NOTHING(pivot_root),
	NOTHING(adjtimex),
	NOTHING(setrlimit),
	NOTHING(chroot),
	NOTHING(sync),
	NOTHING(acct),
	NOTHING(settimeofday),
	NOTHING(umount2),
	NOTHING(swapon),
	NOTHING(swapoff),
	NOTHING(reboot),
	NOTHING(delete_module),
	NOTHING(quotactl),
	NOTHING(gettid),
	NOTHING(readahead),
	NOTHING(getxattr),
	NOTHING(lgetxattr),
	NOTHING(fgetxattr),
	NOTHING(listxattr),
	NOTHING(llistxattr),
	NOTHING(flistxattr),
	NOTHING(removexattr),
	NOTHING(lremovexattr),
	NOTHING(fremovexattr),
	NOTHING(tkill),
	NOTHING(futex),
	NOTHING(sched_setaffinity),
	NOTHING(sched_getaffinity),
	NOTHING(io_setup),
	NOTHING(io_destroy),
	NOTHING(io_getevents),
	NOTHING(io_cancel),
	NOTHING(remap_file_pages),
	NOTHING(getdents64),
	NOTHING(set_tid_address),
	NOTHING(restart_syscall),
	NOTHING(semtimedop),
	NOTHING(fadvise64),
	NOTHING(timer_create),
	NOTHING(timer_settime),
	NOTHING(timer_gettime),
	NOTHING(timer_getoverrun),
	NOTHING(timer_delete),
	NOTHING(clock_settime),
	NOTHING(clock_gettime),
	NOTHING(clock_getres),
	NOTHING(clock_nanosleep),
	NOTHING(exit_group),
	NOTHING(epoll_ctl),
	NOTHING(tgkill),
	NOTHING(mbind),
	NOTHING(set_mempolicy),
	NOTHING(get_mempolicy),
	NOTHING(mq_unlink),
	NOTHING(mq_timedreceive),
	NOTHING(mq_notify),
	NOTHING(mq_getsetattr),
	NOTHING(waitid),
	NOTHING(ioprio_set),
	NOTHING(ioprio_get),
	NOTHING(inotify_add_watch),
	NOTHING(inotify_rm_watch),
	NOTHING(migrate_pages),
	NOTHING(fchownat),
	NOTHING(newfstatat),
	NOTHING(unlinkat),
	NOTHING(readlinkat),
	NOTHING(fchmodat),
	NOTHING(faccessat),
	NOTHING(pselect6),
	NOTHING(ppoll),
	NOTHING(unshare),
	NOTHING(set_robust_list),
	NOTHING(get_robust_list),
	NOTHING(sync_file_range),
	NOTHING(move_pages),
	NOTHING(utimensat),
	NOTHING(epoll_pwait),
	NOTHING(timerfd_create),
	NOTHING(fallocate),
	NOTHING(timerfd_settime),
	NOTHING(timerfd_gettime),
	NOTHING(signalfd4),
	NOTHING(eventfd2),
	NOTHING(epoll_create1),
	NOTHING(pipe2),
	NOTHING(inotify_init1),
	NOTHING(perf_event_open),
	NOTHING(fanotify_init),
	NOTHING(fanotify_mark),
	NOTHING(prlimit64),
	NOTHING(name_to_handle_at),
	NOTHING(open_by_handle_at),
	NOTHING(clock_adjtime),
	NOTHING(syncfs),
	NOTHING(setns),
	NOTHING(getcpu),
	NOTHING(kcmp),
	NOTHING(sched_setattr),
	NOTHING(sched_getattr),
	NOTHING(seccomp),
	NOTHING(getrandom),
	NOTHING(execveat),
	NOTHING(membarrier),
	NOTHING(mlock2),
	NOTHING(pkey_alloc),
	NOTHING(pkey_free),
	NOTHING(statx),
	NOTHING(io_pgetevents),
	NOTHING(rseq),
	NOTHING(pidfd_send_signal),
	NOTHING(open_tree),
	NOTHING(fsopen),
	NOTHING(fsmount),
	NOTHING(fspick),
	NOTHING(pidfd_open),
	NOTHING(clone3),
	NOTHING(close_range),
	NOTHING(faccessat2),
	NOTHING(process_madvise),
	NOTHING(epoll_pwait2),
	NOTHING(mount_setattr),
	NOTHING(quotactl_fd),
	NOTHING(landlock_create_ruleset),
	NOTHING(landlock_add_rule),
	NOTHING(landlock_restrict_self),
	NOTHING(memfd_secret),
	NOTHING(process_mrelease),
	NOTHING(futex_waitv),
	NOTHING(set_mempolicy_home_node),
	NOTHING(cachestat),
	NOTHING(fchmodat2),
	NOTHING(map_shadow_stack),
	NOTHING(futex_wake),
	NOTHING(futex_wait),
	NOTHING(futex_requeue),
	NOTHING(statmount),
	NOTHING(listmount),
	NOTHING(lsm_get_self_attr),
	NOTHING(lsm_list_modules),
	NOTHING(mseal),
	NOTHING(getxattrat),
	NOTHING(listxattrat),
	NOTHING(removexattrat),
	NOTHING(open_tree_attr),
	NOTHING(file_getattr),
	NOTHING(listns),
#ifdef __x86_64__
	NOTHING(stat),
	NOTHING(lstat),
	NOTHING(poll),
	NOTHING(access),
	NOTHING(pipe),
	NOTHING(select),
	NOTHING(pause),
	NOTHING(alarm),
	NOTHING(fork),
	NOTHING(vfork),
	NOTHING(uretprobe),
	NOTHING(uprobe),
	NOTHING(getdents),
	NOTHING(rmdir),
	NOTHING(unlink),
	NOTHING(readlink),
	NOTHING(chmod),
	NOTHING(chown),
	NOTHING(lchown),
	NOTHING(getpgrp),
	NOTHING(utime),
	NOTHING(uselib),
	NOTHING(ustat),
	NOTHING(sysfs),
	NOTHING(arch_prctl),
	NOTHING(iopl),
	NOTHING(ioperm),
	NOTHING(get_kernel_syms),
	NOTHING(query_module),
	NOTHING(getpmsg),
	NOTHING(time),
	NOTHING(set_thread_area),
	NOTHING(get_thread_area),
	NOTHING(epoll_create),
	NOTHING(epoll_ctl_old),
	NOTHING(epoll_wait_old),
	NOTHING(epoll_wait),
	NOTHING(utimes),
	NOTHING(inotify_init),
	NOTHING(futimesat),
	NOTHING(signalfd),
	NOTHING(eventfd),
#endif
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

void dfl_syscalls_fill(uint8_t ret_calls[static DFL_K_MAX_SYSCALL],
		       struct dfl_k_args ret_args[static DFL_K_MAX_SYSCALL])
{
	memset(ret_calls, DFL_K_CALL_UNKNOWN, DFL_K_MAX_SYSCALL);
	for (size_t i = 0; i < N_CALLS; i++) {
		ret_calls[calls[i].nr] = calls[i].call;
		ret_args[calls[i].nr] = calls[i].args;
	}
}

const char *dfl_syscalls_name(uint64_t nr)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if ((uint64_t)calls[i].nr == nr)
			return calls[i].name;
	return NULL;
}
