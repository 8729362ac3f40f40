// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Input and output at the return of the system call: the argument registers are still there, the
 * positions are final, and the buffer's pages were just touched. The entry is looked at only for
 * what the return is too late for: the last close of a file, and the file behind an fd that
 * another thread may replace while the call waits.
 */
#include "text.bpf.h"

/* include/uapi/asm-generic/errno.h, mman.h, fcntl.h; include/linux/socket.h */
#define EINPROGRESS 115
#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define O_APPEND 02000
#define O_CREAT 0100
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_TYPE 0xf
#define MAP_SHARED 1
#define MAP_SHARED_VALIDATE 3
#define MAP_ANONYMOUS 0x20
#define MEM_ZERO 5
#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
/* include/uapi/linux/keyctl.h, prctl.h, fs.h, asm-generic/ioctls.h */
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_UPDATE 2
#define KEYCTL_INSTANTIATE 12
#define KEYCTL_INSTANTIATE_IOV 20
#define PR_SET_NAME 15
#define PR_SET_VMA 0x53564d41
#define TIOCSTI 0x5412
/* sem_open maps 32 bytes: no text passes there. Less than half a page of memory without a name is
 * locks and counters (nginx: 1,280 bytes). */
#define LEAST_SHARED 64
#define LEAST_ANON 2048
#define TCP_MMSG 64 /* messages of one sendmmsg on TCP that get a position */

/*
 * Argument i of the system call, counted from 0. At the return x86 still has all registers; arm64
 * has put the result into x0, and keeps the first argument in orig_x0.
 */
static __always_inline u64 arg(struct pt_regs *regs, int i)
{
#if defined(__TARGET_ARCH_x86)
	return i == 0 ? regs->di :
	       i == 1 ? regs->si :
	       i == 2 ? regs->dx :
	       i == 3 ? regs->r10 :
	       i == 4 ? regs->r8 :
			regs->r9;
#else
	return i == 0 ? regs->orig_x0 : regs->regs[i];
#endif
}

/* The number of the system call; -1: it is none, or it is rt_sigreturn. */
static __always_inline u64 number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return (s64)regs->syscallno;
#endif
}

/* What the system call does: enum dfl_k_call. Numbers that are not known may carry bytes. */
static __always_inline u32 call_of(u64 nr)
{
	opaque(nr);
	if (nr < DFL_K_MAX_SYSCALL)
		return cfg_calls[nr];
	return nr == (u64)-1 ? DFL_K_CALL_NONE : DFL_K_CALL_UNKNOWN;
}

/* At the entry of a call on an fd, when other threads may change the table of fds. */
static __always_inline void remember_entry(const struct task_view *t, s32 fd)
{
	u64 id = bpf_get_current_pid_tgid();
	struct entry fresh = {}, *e = bpf_map_lookup_elem(&entries, &id);
	struct file *file = fd_file(t, fd);

	if (!e) {
		bpf_map_update_elem(&entries, &id, &fresh, BPF_ANY);
		e = bpf_map_lookup_elem(&entries, &id);
	}
	if (!e) {
		count_drop(DFL_K_DROP_TABLE, 1, 0);
		return;
	}
	e->file = (u64)file;
	e->ino = file ? BPF_CORE_READ(file, f_inode, i_ino) : 0;
	e->fd = fd;
}

/*
 * The file that the call used. When the table is shared, the fd may name another file by now, or
 * none; the call's own reference is put back later than this tracepoint on the common way, and
 * the inode number tells when it was not.
 */
static __always_inline struct file *call_file(const struct task_view *t, s32 fd)
{
	struct file *now = fd_file(t, fd), *then;
	u64 id = bpf_get_current_pid_tgid();
	struct entry *e;

	if (t->shared == 1)
		return now;
	e = bpf_map_lookup_elem(&entries, &id);
	if (!e || !e->file || e->fd != fd)
		return now;
	then = (struct file *)e->file;
	e->file = 0;
	if (then == now)
		return now;
	count_stat(DFL_K_STAT_SWAPPED);
	return BPF_CORE_READ(then, f_inode, i_ino) == e->ino ? then : NULL;
}

/* Looks at the file of a call that moved `bytes`. False: there is none, or it is not watched;
 * counted. */
static __always_inline bool find_object(struct file *file, u64 bytes, struct object *ret)
{
	if (!file) {
		count_drop(DFL_K_DROP_NO_FD, 1, bytes);
		return false;
	}
	look_at(file, ret);
	if (ret->key.kind != DFL_K_NONE && ret->key.kind != DFL_K_OTHER)
		return true;
	count_stat(DFL_K_STAT_OTHER_FD);
	return false;
}

/* The memory of a process as a file: /proc/PID/mem. */
static __always_inline bool is_memory(const struct object *o)
{
	u64 name = 0;

	if (!o->pseudo)
		return false;
	bpf_probe_read_kernel(&name, 4, BPF_CORE_READ(file_of(o), f_path.dentry, d_name.name));
	return (u32)name == ('m' | 'e' << 8 | 'm' << 16); /* little-endian, with the NUL */
}

/* Bytes move on an object that cannot be watched, or by a way that cannot. */
static __always_inline void check_blind(const struct object *o, bool out)
{
	if (o->key.kind == DFL_K_OTHER && out)
		emit_blind(o->why, o->number);
	else if (o->key.kind == DFL_K_FILE && is_memory(o))
		emit_blind(DFL_K_PROCESS_VM, 0);
}

/* Where the call's bytes stand in the stream; the rules are in docs/capture.md. */
static __always_inline void set_tcp_pos(struct call *c, u64 len)
{
	struct sock *sk = (struct sock *)c->sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 seq, flags;

	if (c->d.out) {
		seq = BPF_CORE_READ(tp, write_seq);
	} else {
		seq = BPF_CORE_READ(tp, copied_seq);
		flags = BPF_CORE_READ(sk, __sk_common.skc_flags);
		/* the receive also consumed the FIN, which takes a number of its own */
		if (flags & (1 << SOCK_DONE) && seq == BPF_CORE_READ(tp, rcv_nxt))
			seq--;
	}
	c->d.pos = (u32)(seq - (u32)len);
	c->d.flags |= DFL_K_POS;
}

/* Position of the call's first byte in a TCP stream or a file, where the kernel knows it. */
static __always_inline void set_pos(struct call *c, const struct object *o, u64 len)
{
	if (o->plain_tcp) {
		set_tcp_pos(c, len);
	} else if (o->key.kind == DFL_K_FILE && !o->pseudo) { /* those move no f_pos */
		c->d.pos = BPF_CORE_READ(file_of(o), f_pos) - len;
		c->d.flags |= DFL_K_POS;
	}
}

/* pread, pwrite and their vectors bring the offset; appending pwrites ignore it. */
static __always_inline void set_given_pos(struct call *c, const struct object *o, u64 pos, u64 len)
{
	if (pos == (u64)-1) { /* preadv2, pwritev2: use f_pos */
		set_pos(c, o, len);
		return;
	}
	if (c->d.out && BPF_CORE_READ(file_of(o), f_flags) & O_APPEND)
		return;
	c->d.pos = pos;
	c->d.flags |= DFL_K_POS;
}

/* The other end of a datagram: the socket's if it is connected, else as the caller gave or got it.
 */
static __always_inline void set_peer(struct call *c, const struct object *o, u64 user_addr)
{
	struct dfl_k_addr remote = {};

	if (o->key.kind != DFL_K_UDP)
		return;
	read_addr(sk_of(o), true, &remote);
	if (remote.port)
		c->d.peer = remote;
	else if (user_addr)
		read_peer(&c->d.peer, user_addr);
}

/*
 * A system call inside a call of the TLS library on the same thread: its socket is that TLS
 * object's. Returns true when the plaintext of these bytes is read, so that they need no copy.
 */
static __always_inline bool nested_in_tls(const struct object *o, struct sock_info *si)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call *t;
	struct ssl_info *s;
	struct dfl_k_note *n;

	if (!tls_on || !si || !o->sk || !o->stream)
		return false;
	t = bpf_map_lookup_elem(&tls_calls, &id);
	if (!t || !t->active)
		return false;
	t->sock_ino = o->key.ino;
	s = bpf_map_lookup_elem(&ssls, &t->key);
	if (s && s->sock_ino != o->key.ino) {
		n = reserve(sizeof(*n), DFL_K_SEQ_SYSCALL, DFL_K_BIND, 0);
		if (n) {
			n->key = o->key;
			n->pid = t->key.pid;
			n->arg = 0;
			n->ssl = t->key.ssl;
			n->ssl_born_ns = t->born_ns;
			submit(n);
			s->sock_ino = o->key.ino;
		}
	}
	return t->action != DFL_K_TLS_HANDSHAKE && si->tls_ssl == t->key.ssl &&
	       si->tls_pid == t->key.pid && si->tls_born_ns == t->born_ns;
}

/* One record for len bytes that are not copied. flags: DFL_K_… to add. */
static __always_inline void emit_uncopied(struct call *c, u64 len, u32 flags)
{
	c->left = len;
	c->d.flags |= flags;
	emit_rest(0);
}

/* End of a direction: a record of no bytes. */
static __noinline void emit_end(const struct object *o, s32 fd, bool out)
{
	struct call *c = new_call(o, fd, out);

	if (!c)
		return;
	if (o->plain_tcp) {
		set_tcp_pos(c, 0);
		if (out) /* the FIN was queued and counts */
			c->d.pos = (u32)(c->d.pos - 1);
	}
	emit_uncopied(c, 0, DFL_K_END);
}

/* Does the configuration ask for calls on such an object in this direction? */
static __always_inline bool wanted(const struct object *o, bool out)
{
	if (o->key.kind == DFL_K_TTY || o->key.kind == DFL_K_TEXT)
		return out;
	if (o->key.kind != DFL_K_FILE)
		return true;
	return out ? cfg_file_writes : cfg_file_reads && !o->pseudo;
}

struct io { /* one call, as its arguments tell */
	s64 ret;
	u32 call;
	s32 fd;
	u32 flags; /* MSG_… */
	u64 addr;
	bool out;
};

/* Does the message carry files? Looks at the first control message: cmsg(3). */
static __always_inline bool passes_files(const struct dfl_msghdr *m)
{
	struct {
		u64 len;
		s32 level, type;
	} head = {};

	if (!m->control || m->controllen < sizeof(head))
		return false;
	bpf_probe_read_user(&head, sizeof(head), (void *)m->control);
	return head.level == SOL_SOCKET && head.type == SCM_RIGHTS;
}

/* The buffers of recvmsg and sendmsg. user: their struct msghdr. */
static __always_inline void set_message(struct call *c, struct io *io, u64 user)
{
	struct dfl_msghdr m = {};

	if (bpf_probe_read_user(&m, sizeof(m), (void *)user)) {
		count_drop(DFL_K_DROP_FAULT, 0, io->ret);
		return;
	}
	if (io->out && c->d.key.kind == DFL_K_UNIX && passes_files(&m))
		emit_blind(DFL_K_FD_PASSED, 0);
	c->iov = m.iov;
	c->n_iov = m.iovlen;
	io->addr = m.name;
}

/* Finds the user's buffers. */
static __always_inline void set_buffers(struct call *c, struct io *io, struct pt_regs *regs)
{
	u64 size = arg(regs, 2);

	switch (io->call) {
	case DFL_K_CALL_READV:
	case DFL_K_CALL_WRITEV:
	case DFL_K_CALL_PREADV:
	case DFL_K_CALL_PWRITEV:
		c->iov = arg(regs, 1);
		c->n_iov = size;
		return;
	case DFL_K_CALL_RECVMSG:
	case DFL_K_CALL_SENDMSG:
		set_message(c, io, arg(regs, 1));
		return;
	case DFL_K_CALL_RECVFROM:
	case DFL_K_CALL_SENDTO:
		io->addr = arg(regs, 4);
		break;
	default:
		break;
	}
	c->base = arg(regs, 1);
	c->blen = io->ret < size ? io->ret : size; /* MSG_TRUNC returns more than there is room */
}

/* MSG_… of the caller; 0 for calls that have none. */
static __always_inline u32 msg_flags(u32 call, struct pt_regs *regs)
{
	switch (call) {
	case DFL_K_CALL_RECVFROM:
	case DFL_K_CALL_SENDTO:
	case DFL_K_CALL_RECVMMSG:
	case DFL_K_CALL_SENDMMSG:
		return arg(regs, 3);
	case DFL_K_CALL_RECVMSG:
	case DFL_K_CALL_SENDMSG:
		return arg(regs, 2);
	default:
		return 0;
	}
}

/*
 * recvmmsg, sendmmsg: ret is a number of messages. On TCP the position is that of the first byte of
 * all of them, so their lengths are added up, of up to TCP_MMSG messages. With more there is no
 * position.
 */
static __always_inline void io_messages(struct call *c, const struct object *o, struct io *io,
					struct pt_regs *regs)
{
	u64 total = 0, vec = arg(regs, 1);
	u32 len = 0;

	for (u32 i = 0; o->plain_tcp && i < TCP_MMSG && i < io->ret; i++) {
		bpf_probe_read_user(&len, sizeof(len), &((struct dfl_mmsghdr *)vec)[i].len);
		total += len;
	}
	if (o->plain_tcp && io->ret <= TCP_MMSG)
		set_tcp_pos(c, total);
	c->mmsg = vec;
	c->n_mmsg = io->ret;
	set_peer(c, o, 0);
	emit_all(0, c);
}

/* Did the call move bytes? Tells the end of a stream where a read says so. */
static __always_inline bool moves_bytes(const struct object *o, struct io *io, struct pt_regs *regs)
{
	bool in = !io->out;

	if (in && io->flags & (MSG_PEEK | MSG_ERRQUEUE)) {
		count_stat(DFL_K_STAT_PEEK);
		return false;
	}
	if (io->ret > 0)
		return true;
	/* a read of nothing is the end, unless nothing was asked for */
	if (in && o->stream &&
	    ((io->call != DFL_K_CALL_READ && io->call != DFL_K_CALL_RECVFROM) || arg(regs, 2)))
		emit_end(o, io->fd, false);
	return false;
}

/* The bytes of a call that has buffers. */
static __always_inline void emit_call(struct call *c, const struct object *o, struct io *io,
				      struct pt_regs *regs)
{
	bool in = !io->out;

	if (in && o->stream && io->flags & MSG_OOB) { /* beside the stream: no position */
		emit_uncopied(c, io->ret, DFL_K_UNREAD);
		return;
	}
	if (io->call == DFL_K_CALL_PREAD || io->call == DFL_K_CALL_PWRITE ||
	    io->call == DFL_K_CALL_PREADV || io->call == DFL_K_CALL_PWRITEV)
		set_given_pos(c, o, arg(regs, 3), io->ret);
	else
		set_pos(c, o, io->ret);
	if (in && o->stream && io->flags & MSG_TRUNC) { /* thrown away: the buffer is stale */
		emit_uncopied(c, io->ret, 0);
		return;
	}
	set_buffers(c, io, regs);
	set_peer(c, o, io->addr);
	c->left = io->ret;
	emit_all(0, c);
}

/* read, write and the like: up to DFL_K_CALL_LAST_BUFFER. */
static __always_inline void on_io(const struct task_view *t, struct pt_regs *regs, u32 call,
				  s64 ret)
{
	struct io io = { .ret = ret,
			 .call = call,
			 .fd = arg(regs, 0),
			 .out = !(call & 1),
			 .flags = msg_flags(call, regs) };
	struct object o = {};
	struct sock_info *si;
	struct call *c;

	if (!find_object(call_file(t, io.fd), ret, &o)) {
		if (ret > 0)
			check_blind(&o, io.out);
		return;
	}
	if (o.pseudo && ret > 0)
		check_blind(&o, io.out);
	if (!wanted(&o, io.out))
		return;
	si = announce(&o, io.fd, DFL_K_ROLE_UNKNOWN);
	if (!moves_bytes(&o, &io, regs))
		return;
	count_stat(DFL_K_STAT_CALLS);
	c = new_call(&o, io.fd, io.out);
	if (!c)
		return;
	if (!o.stream && o.key.kind != DFL_K_FILE && o.key.kind != DFL_K_TEXT)
		c->d.flags |= DFL_K_DGRAM;
	if (call == DFL_K_CALL_RECVMMSG || call == DFL_K_CALL_SENDMMSG) {
		io_messages(c, &o, &io, regs);
		return;
	}
	if (nested_in_tls(&o, si)) {
		set_pos(c, &o, ret);
		emit_uncopied(c, ret, DFL_K_COVERED);
		return;
	}
	emit_call(c, &o, &io, regs);
}

/*
 * Bytes that go from fd to fd inside the kernel. offset: where the user keeps the position in the
 * file, which the call has moved by ret; 0: the file's own position counts.
 */
static __noinline void on_unread(const struct task_view *t, s32 fd, bool out, s64 ret, u64 offset)
{
	struct object o = {};
	struct call *c;
	u64 pos;

	if (!find_object(fd_file(t, fd), ret, &o)) {
		check_blind(&o, out);
		return;
	}
	if (!wanted(&o, out))
		return;
	announce(&o, fd, DFL_K_ROLE_UNKNOWN);
	c = new_call(&o, fd, out);
	if (!c)
		return;
	if (!offset)
		set_pos(c, &o, ret);
	else if (!bpf_probe_read_user(&pos, sizeof(pos), (void *)offset))
		set_given_pos(c, &o, pos - ret, ret);
	emit_uncopied(c, ret, DFL_K_UNREAD);
}

/* connect and accept say which side connected. fd: the connection's. */
static __always_inline void on_named(const struct task_view *t, s32 fd, u8 role)
{
	struct object o;

	if (find_object(fd_file(t, fd), 0, &o))
		announce(&o, fd, role);
}

/* how: SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. */
static __always_inline void on_shutdown(const struct task_view *t, s32 fd, u64 how)
{
	struct object o;

	if (!how || !find_object(fd_file(t, fd), 0, &o)) /* SHUT_RD sends nothing */
		return;
	announce(&o, fd, DFL_K_ROLE_UNKNOWN);
	emit_end(&o, fd, true);
}

/* Does the file's name begin as one of a TLS library does? */
static __always_inline bool may_be_tls_library(struct file *file)
{
	u64 name = 0;

	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	for (u32 i = 0; i < DFL_K_MAX_TLS_FILES && cfg_tls_files[i].mask; i++)
		if ((name & cfg_tls_files[i].mask) == cfg_tls_files[i].name)
			return true;
	return false;
}

/* What a shared mapping of the file is: enum dfl_k_blind; DFL_K_N_BLIND: no way out. */
static __always_inline u32 shared_as(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u16 mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	u32 rdev = BPF_CORE_READ(inode, i_rdev);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);

	if (mode == S_IFCHR)
		return rdev == (MEM_MAJOR << 20 | MEM_ZERO) ? DFL_K_SHM_ANON : DFL_K_DEVICE;
	if (mode == S_IFSOCK) /* the ring of a packet socket */
		return DFL_K_FAMILY;
	if (mode != S_IFREG) /* io_uring, perf: the call that made the file was told */
		return DFL_K_N_BLIND;
	return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC ? DFL_K_SHM : DFL_K_SHM_FILE;
}

/* mprotect may make it writable later. All such mappings of a process are kept as one range. */
static __always_inline void remember_read_only(u64 from, u64 to, u32 why)
{
	struct read_only fresh = { .from = from, .to = to, .why = why }, *was;
	u32 pid = bpf_get_current_pid_tgid() >> 32;

	was = bpf_map_lookup_elem(&read_onlys, &pid);
	if (was && was->from < from)
		fresh.from = was->from;
	if (was && was->to > to)
		fresh.to = was->to;
	bpf_map_update_elem(&read_onlys, &pid, &fresh, BPF_ANY);
}

static __always_inline void on_mprotect(struct pt_regs *regs)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	u64 from = arg(regs, 0), to = from + arg(regs, 1);
	struct read_only *ro;

	if (!(arg(regs, 2) & PROT_WRITE))
		return;
	ro = bpf_map_lookup_elem(&read_onlys, &pid);
	if (ro && from < ro->to && to > ro->from)
		emit_blind(ro->why, 0);
}

/* Memory that other processes may have as well. at: where it was mapped. */
static __always_inline void on_shared(const struct task_view *t, struct pt_regs *regs, u64 at)
{
	bool anonymous = arg(regs, 3) & MAP_ANONYMOUS;
	struct file *file = anonymous ? NULL : fd_file(t, arg(regs, 4));
	u32 why = file ? shared_as(file) : DFL_K_SHM_ANON;
	u64 len = arg(regs, 1);

	if (why == DFL_K_N_BLIND || len < (why == DFL_K_SHM_ANON ? LEAST_ANON : LEAST_SHARED))
		return;
	if (arg(regs, 2) & PROT_WRITE)
		emit_blind(why, 0);
	else if (!file || BPF_CORE_READ(file, f_mode) & FMODE_WRITE)
		remember_read_only(at, at + len, why);
}

/* Shared memory, and files that may be TLS libraries. */
static __always_inline void on_mmap(const struct task_view *t, struct pt_regs *regs, u64 at)
{
	u64 type = arg(regs, 3) & MAP_TYPE;
	struct file *file;

	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		on_shared(t, regs, at);
	if (!(arg(regs, 2) & PROT_EXEC) || (s32)arg(regs, 4) < 0)
		return;
	file = fd_file(t, arg(regs, 4));
	if (!file || !may_be_tls_library(file))
		return;
	/* attaching is a race with the first use: wake user space at once */
	emit_note(DFL_K_SEQ_SYSCALL, DFL_K_LIB, 0, 0, BPF_RB_FORCE_WAKEUP);
}

/* A string of the user. Longer ones than DFL_K_STRING have no place in a call that takes one. */
static __always_inline void emit_string(u32 text, u64 user)
{
	u32 zero = 0;
	char *room = bpf_map_lookup_elem(&strings, &zero);
	long n = room && user ? bpf_probe_read_user_str(room, DFL_K_STRING, (void *)user) : 0;

	if (n > 1)
		emit_text(text, user, n - 1);
}

/* The number of the current process as it knows it itself. */
static __always_inline u32 own_pid(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	u32 nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid));
	return nr;
}

/* Argument n of the system call, counted from 1. */
static __always_inline u64 nth(struct pt_regs *regs, u32 n)
{
	return n == 1 ? arg(regs, 0) :
	       n == 2 ? arg(regs, 1) :
	       n == 3 ? arg(regs, 2) :
	       n == 4 ? arg(regs, 3) :
			arg(regs, 4);
}

/* Arguments that are text, as the table of system calls says. */
static __noinline int on_text(struct pt_regs *regs, u64 nr)
{
	const volatile struct dfl_k_args *a;
	u64 len;

	opaque(nr);
	if (nr >= DFL_K_MAX_SYSCALL)
		return 0;
	a = &cfg_args[nr];
	if (a->string)
		emit_string(a->text, nth(regs, a->string));
	if (a->string2)
		emit_string(a->text, nth(regs, a->string2));
	if (!a->buffer)
		return 0;
	len = nth(regs, a->buffer + 1);
	if (len >= a->least && len < 1 << 30)
		emit_text(a->text, nth(regs, a->buffer) + a->skip, len);
	return 0;
}

static __always_inline void on_keyctl(struct pt_regs *regs, u64 nr)
{
	switch (arg(regs, 0)) {
	case KEYCTL_JOIN_SESSION_KEYRING:
		emit_string(DFL_K_TEXT_KEY, arg(regs, 1));
		break;
	case KEYCTL_UPDATE:
	case KEYCTL_INSTANTIATE:
		emit_text(DFL_K_TEXT_KEY, arg(regs, 2), arg(regs, 3));
		break;
	case KEYCTL_INSTANTIATE_IOV:
		emit_blind(DFL_K_SYSCALL, nr);
		break;
	}
}

static __always_inline void on_prctl(struct pt_regs *regs)
{
	if (arg(regs, 0) == PR_SET_NAME)
		emit_string(DFL_K_TEXT_PROC, arg(regs, 1));
	else if (arg(regs, 0) == PR_SET_VMA)
		emit_string(DFL_K_TEXT_PROC, arg(regs, 4));
}

/*
 * The type of a request is its second byte (ioctl-number.rst). These ask and set what has no room
 * for a text; others may do anything, as to copy from file to file (FICLONE).
 */
static __always_inline void on_ioctl(struct pt_regs *regs, u64 nr)
{
	u32 request = arg(regs, 1), type = request >> 8 & 0xff;

	if (request != TIOCSTI &&
	    (type == 0x54 /* terminals, FIONREAD */ || type == 0x89 /* sockets */ ||
	     type == 0x66 /* file flags */ || type == 0x12 /* block devices */ ||
	     type == 0x24 /* perf */ || type == 0xb7 /* namespaces */ || type == 0xff /* pidfd */))
		return;
	emit_blind(DFL_K_SYSCALL, nr);
}

/* struct sockaddr_un: 2 bytes of family, then the name. */
static __always_inline void on_bind(struct pt_regs *regs)
{
	u64 user = arg(regs, 1), len = arg(regs, 2);
	u16 family = 0;

	bpf_probe_read_user(&family, sizeof(family), (void *)user);
	if (family == AF_UNIX && len > 2 && len <= 110)
		emit_text(DFL_K_TEXT_NAME, user + 2, len - 2);
}

/* A name is made only by O_CREAT. how: of openat2, a struct open_how that begins with the flags. */
static __always_inline void on_open(struct pt_regs *regs, u64 nr, u64 how)
{
	const volatile struct dfl_k_args *a;
	u64 flags = 0;

	opaque(nr);
	if (nr >= DFL_K_MAX_SYSCALL)
		return;
	a = &cfg_args[nr];
	if (how)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)how);
	else
		flags = nth(regs, a->string + 1);
	if (flags & O_CREAT)
		emit_string(a->text, nth(regs, a->string));
}

/* Bytes that go from fd to fd, and calls that say who connected. */
static __always_inline void on_other(const struct task_view *t, struct pt_regs *regs, u32 call,
				     s64 ret)
{
	switch (call) {
	case DFL_K_CALL_SENDFILE:
		if (ret > 0) {
			on_unread(t, arg(regs, 1), false, ret, arg(regs, 2));
			on_unread(t, arg(regs, 0), true, ret, 0);
		}
		break;
	case DFL_K_CALL_SPLICE:
	case DFL_K_CALL_COPY_RANGE:
		if (ret > 0) {
			on_unread(t, arg(regs, 0), false, ret, arg(regs, 1));
			on_unread(t, arg(regs, 2), true, ret, arg(regs, 3));
		}
		break;
	case DFL_K_CALL_TEE: /* consumes nothing */
		if (ret > 0)
			on_unread(t, arg(regs, 1), true, ret, 0);
		break;
	case DFL_K_CALL_VMSPLICE:
		if (ret > 0)
			on_unread(t, arg(regs, 0), true, ret, 0);
		break;
	case DFL_K_CALL_CONNECT:
		if (!ret || ret == -EINPROGRESS)
			on_named(t, arg(regs, 0), DFL_K_CONNECTED);
		break;
	case DFL_K_CALL_ACCEPT:
		on_named(t, ret, DFL_K_ACCEPTED);
		break;
	case DFL_K_CALL_SHUTDOWN:
		on_shutdown(t, arg(regs, 0), arg(regs, 1));
		break;
	}
}

/* Ways out that are neither fds nor bytes on them. */
static __always_inline void on_way(const struct task_view *t, struct pt_regs *regs, u32 call,
				   u64 nr, s64 ret)
{
	switch (call) {
	case DFL_K_CALL_MMAP:
		on_mmap(t, regs, ret);
		break;
	case DFL_K_CALL_MPROTECT:
		on_mprotect(regs);
		break;
	case DFL_K_CALL_IO_URING:
		emit_blind(DFL_K_IO_URING, 0);
		break;
	case DFL_K_CALL_SHMAT:
		emit_blind(DFL_K_SHM, 0);
		break;
	case DFL_K_CALL_PROCESS_VM: /* of itself: unwinders read memory that may not be there */
		if (arg(regs, 0) != own_pid())
			emit_blind(DFL_K_PROCESS_VM, 0);
		break;
	case DFL_K_CALL_KEYCTL:
		on_keyctl(regs, nr);
		break;
	case DFL_K_CALL_IOCTL:
		on_ioctl(regs, nr);
		break;
	case DFL_K_CALL_PRCTL:
		on_prctl(regs);
		break;
	case DFL_K_CALL_OPEN:
		on_open(regs, nr, 0);
		break;
	case DFL_K_CALL_OPENAT2:
		on_open(regs, nr, arg(regs, 2));
		break;
	case DFL_K_CALL_BIND:
		on_bind(regs);
		break;
	case DFL_K_CALL_TEXT:
		on_text(regs, nr);
		break;
	case DFL_K_CALL_BLIND:
		emit_blind(DFL_K_SYSCALL, nr);
		break;
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(dfl_sys_exit, struct pt_regs *regs, long ret)
{
	u64 nr = number_of(regs);
	u32 call = call_of(nr), pid;
	struct task_view t;

	/* errors move nothing, and they are frequent on non-blocking fds */
	if (!call || (ret < 0 && (call != DFL_K_CALL_CONNECT)))
		return 0;
	pid = bpf_get_current_pid_tgid() >> 32;
	if (!is_target(pid))
		return 0;
	view_task(&t);
	if (t.status & COMPAT_BIT) /* 32-bit programs have other numbers and structures: not read */
		emit_blind(DFL_K_COMPAT, 0);
	else if (call <= DFL_K_CALL_LAST_BUFFER)
		on_io(&t, regs, call, ret);
	else if (call < DFL_K_CALL_MMAP)
		on_other(&t, regs, call, ret);
	else
		on_way(&t, regs, call, nr, ret);
	return 0;
}

/* Before close and dup2: does the last reference go? At the return the file is gone. */
static __always_inline void on_last_close(const struct task_view *t, s32 fd, u32 pid)
{
	struct file *file = fd_file(t, fd);
	struct object o;

	if (!file || !last_reference(file))
		return;
	look_at(file, &o);
	if (o.key.kind != DFL_K_NONE && o.key.kind < DFL_K_TEXT)
		emit_close(&o, pid, DFL_K_SEQ_SYSCALL);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(dfl_sys_enter, struct pt_regs *regs, long nr)
{
	u32 call = call_of(number_of(regs)), pid;
	struct task_view t;

	if (!call ||
	    (call > DFL_K_CALL_LAST_BUFFER && call != DFL_K_CALL_CLOSE && call != DFL_K_CALL_DUP2))
		return 0;
	pid = bpf_get_current_pid_tgid() >> 32;
	if (!is_target(pid))
		return 0;
	view_task(&t);
	if (t.status & COMPAT_BIT)
		return 0;
	if (call == DFL_K_CALL_CLOSE)
		on_last_close(&t, arg(regs, 0), pid);
	else if (call == DFL_K_CALL_DUP2)
		on_last_close(&t, arg(regs, 1), pid);
	else if (t.shared != 1)
		remember_entry(&t, arg(regs, 0));
	return 0;
}
