/* SPDX-License-Identifier: Apache-2.0 */
/* From a file descriptor to the kernel object behind it, and the record that introduces it. */
#pragma once

#include "core.bpf.h"

/* include/uapi/linux/stat.h, include/linux/socket.h, include/uapi/linux/magic.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFIFO 0010000
#define S_IFCHR 0020000
#define S_IFBLK 0060000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define PIPEFS_MAGIC 0x50495045
#define PROC_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define CGROUP_MAGIC 0x27e0eb
#define CGROUP2_MAGIC 0x63677270
#define TRACEFS_MAGIC 0x74726163
/* include/uapi/linux/major.h, Documentation/admin-guide/devices.txt */
#define MEM_MAJOR 1
#define TTY_MAJOR 4
#define TTYAUX_MAJOR 5
#define UNIX98_PTY_SLAVE_FIRST 136
#define UNIX98_PTY_SLAVE_LAST 143
#define SERIAL_MAJOR 204
#define HVC_MAJOR 229
#define MEM_NULL 3
#define MEM_URANDOM 9
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define FMODE_WRITE 2
#define SOCK_DONE 1 /* enum sock_flags, include/net/sock.h: a FIN came */

/* What is behind an fd. */
struct object {
	struct file *file;
	struct dfl_k_key key; /* kind DFL_K_NONE: not watched */
	u64 sk;		      /* struct sock; 0: no socket */
	u8 plain_tcp;	      /* a tcp_sock whose sequence numbers count the bytes of the calls */
	u8 stream;	      /* bytes without borders: TCP, unix stream, pipe */
	u8 pseudo;	      /* a file that the kernel makes up */
	u8 why;		      /* of kind DFL_K_OTHER: enum dfl_k_blind, */
	u32 number;	      /* and its number */
};

/*
 * BPF_CORE_READ() relocates every member access inside its argument; these hide the accesses to our
 * own structures from it.
 */
static __always_inline struct sock *sk_of(const struct object *o)
{
	return (struct sock *)o->sk;
}

static __always_inline struct file *file_of(const struct object *o)
{
	return o->file;
}

/* The file behind an fd of the current task; NULL: none. Borrowed, without a reference. */
static __always_inline struct file *fd_file(const struct task_view *t, s32 fd)
{
	struct file *file = NULL;

	if (fd < 0 || (u32)fd >= t->n_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), t->fds + fd);
	return file;
}

/*
 * Is the fd the only reference to the file? f_count counted from 1 up to 6.12; f_ref counts from 0
 * since 6.13 (90ee6ed776c0).
 */
static __always_inline bool last_reference(struct file *file)
{
	if (bpf_core_field_exists(file->f_ref))
		return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0;
	return BPF_CORE_READ((struct file___old *)file, f_count.counter) == 1;
}

static __always_inline u64 sock_ino(struct socket *sock)
{
	return sock ? BPF_CORE_READ((struct socket_alloc *)sock, vfs_inode.i_ino) : 0;
}

/* What is sent on it cannot be read. why: enum dfl_k_blind. */
static __always_inline void set_other(struct object *ret, u32 why, u32 number)
{
	ret->key.kind = DFL_K_OTHER;
	ret->why = why;
	ret->number = number;
}

/* Texts of one kind that the current process hands to the kernel. */
static __always_inline void set_text(struct object *ret, u32 text)
{
	ret->key.kind = DFL_K_TEXT;
	ret->key.ino = text;
	ret->key.dev = bpf_get_current_pid_tgid() >> 32;
	ret->key.gen = 0;
}

static __always_inline void look_at_socket(struct file *file, struct object *ret)
{
	struct socket *sock = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(sock, sk);
	u16 family, type, proto;

	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	type = BPF_CORE_READ(sk, sk_type);
	ret->sk = (u64)sk;
	ret->stream = type == SOCK_STREAM;
	if (family == AF_UNIX) {
		ret->key.kind = DFL_K_UNIX;
		return;
	}
	if (family == AF_NETLINK) {
		set_text(ret, DFL_K_TEXT_NETLINK);
		ret->sk = 0;
		return;
	}
	if (family != AF_INET && family != AF_INET6) {
		set_other(ret, DFL_K_FAMILY, family);
		return;
	}
	proto = BPF_CORE_READ(sk, sk_protocol);
	if (type == SOCK_STREAM)
		ret->key.kind = DFL_K_TCP; /* MPTCP too (262), but that is no tcp_sock */
	else if (proto == IPPROTO_UDP)
		ret->key.kind = DFL_K_UDP;
	else
		set_other(ret, DFL_K_SOCKET_TYPE, proto);
	ret->plain_tcp = type == SOCK_STREAM && proto == IPPROTO_TCP &&
			 !BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_ops); /* kTLS */
}

static __always_inline void look_at_device(u32 rdev, bool block, struct object *ret)
{
	u32 major = rdev >> 20, minor = rdev & 0xfffff;

	if (block) {
		set_other(ret, DFL_K_DEVICE, major);
		return;
	}
	if (major == MEM_MAJOR && minor >= MEM_NULL && minor <= MEM_URANDOM)
		return; /* null, zero, full, random, urandom: nobody reads what is written */
	if (major == TTY_MAJOR || major == TTYAUX_MAJOR || major == SERIAL_MAJOR ||
	    major == HVC_MAJOR ||
	    (major >= UNIX98_PTY_SLAVE_FIRST && major <= UNIX98_PTY_SLAVE_LAST))
		ret->key.kind = DFL_K_TTY;
	else
		set_other(ret, DFL_K_DEVICE, major);
}

/* Files that the kernel makes up. What is read there comes from it, and not from a user. */
static __always_inline bool pseudo_file(u64 magic)
{
	return magic == PROC_MAGIC || magic == SYSFS_MAGIC || magic == CGROUP2_MAGIC ||
	       magic == CGROUP_MAGIC || magic == TRACEFS_MAGIC;
}

/* Looks at a file; key.kind is DFL_K_NONE when it is not watched. */
static __always_inline void look_at(struct file *file, struct object *ret)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	u16 mode = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	u64 magic = 0;

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->file = file;
	ret->key.ino = BPF_CORE_READ(inode, i_ino);
	if (mode == S_IFSOCK) {
		look_at_socket(file, ret);
		return;
	}
	if (mode == S_IFCHR || mode == S_IFBLK) {
		look_at_device(BPF_CORE_READ(inode, i_rdev), mode == S_IFBLK, ret);
		if (ret->key.kind != DFL_K_TTY)
			return;
	} else if (mode != S_IFIFO && mode != S_IFREG) {
		return;
	}
	magic = BPF_CORE_READ(sb, s_magic);
	ret->stream = mode != S_IFREG;
	ret->pseudo = mode == S_IFREG && pseudo_file(magic);
	if (mode == S_IFIFO)
		ret->key.kind = DFL_K_PIPE;
	else if (mode == S_IFREG)
		ret->key.kind = DFL_K_FILE;
	if (magic == PIPEFS_MAGIC)
		return;
	ret->key.dev = BPF_CORE_READ(sb, s_dev);
	ret->key.gen = BPF_CORE_READ(inode, i_generation);
}

/* One end of a TCP or UDP socket. The remote port is in network order in the kernel, ours is not.
 */
static __always_inline void read_addr(struct sock *sk, bool remote, struct dfl_k_addr *ret)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct in6_addr a6;
	u32 a4;

	ret->family = family;
	if (family == AF_INET) {
		a4 = remote ? BPF_CORE_READ(sk, __sk_common.skc_daddr) :
			      BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(ret->ip, &a4, 4);
	} else {
		a6 = remote ? BPF_CORE_READ(sk, __sk_common.skc_v6_daddr) :
			      BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);
		__builtin_memcpy(ret->ip, &a6, 16);
	}
	ret->port = remote ? bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) :
			     BPF_CORE_READ(sk, __sk_common.skc_num);
}

/*
 * Sequence numbers of the first payload byte in each direction:
 *
 *	in:  rcv_nxt − bytes_received. Both count the FIN of the peer, and neither its SYN.
 *	out: snd_una − bytes_acked, and 1 more if we connected: then the acknowledgement of our SYN
 *	     moved snd_una and was counted in bytes_acked (tcp_snd_una_update()), so the difference
 *is the number of the SYN itself.
 *
 * Not in SYN_SENT and CLOSE, where the numbers are not set, or no longer. False: not known.
 */
static __always_inline bool read_seq0(struct sock *sk, u8 role, u32 *ret_out, u32 *ret_in)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (role == DFL_K_ROLE_UNKNOWN || state == TCP_SYN_SENT || state == TCP_CLOSE)
		return false;
	*ret_in = BPF_CORE_READ(tp, rcv_nxt) - (u32)BPF_CORE_READ(tp, bytes_received);
	*ret_out = BPF_CORE_READ(tp, snd_una) - (u32)BPF_CORE_READ(tp, bytes_acked) +
		   (role == DFL_K_CONNECTED);
	return true;
}

/*
 * Peer and path of a unix socket. A client has no name of its own, so its server's is taken. path
 * has 108 bytes (sun_path) and a NUL; an abstract name begins with NUL, which becomes "@".
 */
static __always_inline void read_unix(struct dfl_k_chan *r, struct unix_sock *u)
{
	struct sock *peer = BPF_CORE_READ(u, peer);
	struct unix_address *addr = BPF_CORE_READ(u, addr);

	r->peer_sk = (u64)peer;
	r->peer_ino = peer ? sock_ino(BPF_CORE_READ(peer, sk_socket)) : 0;
	if (!addr && peer)
		addr = BPF_CORE_READ((struct unix_sock *)peer, addr);
	if (!addr)
		return;
	bpf_probe_read_kernel(r->path, 108,
			      (void *)addr + bpf_core_field_offset(struct unix_address, name) +
				      bpf_core_field_offset(struct sockaddr_un, sun_path));
	if (!r->path[0] && r->path[1])
		r->path[0] = '@';
	r->path[108] = 0;
}

/* The names of a file and its folders, innermost first, up to the root of its mount. */
static __always_inline void read_path(struct dfl_k_chan *r, struct file *file)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry), *parent;

	for (u32 i = 0; i < DFL_K_PATH_PARTS; i++) {
		parent = BPF_CORE_READ(d, d_parent);
		if (!d || d == parent)
			return;
		bpf_probe_read_kernel_str(r->path + i * DFL_K_PATH_PART, DFL_K_PATH_PART,
					  BPF_CORE_READ(d, d_name.name));
		r->n_parts = i + 1;
		d = parent;
	}
}

/*
 * Sends the record that introduces the object. si: what is kept of a socket or pipe, NULL for
 * files; it learns what was told. False: there was no room, and it has to be told later.
 */
static __noinline bool emit_chan(const struct object *o, struct sock_info *si, s32 fd)
{
	struct dfl_k_chan *r = reserve(sizeof(*r), DFL_K_SEQ_SYSCALL, DFL_K_CHAN, 0);
	u64 id = bpf_get_current_pid_tgid();

	if (!r)
		return false;
	__builtin_memset(&r->key, 0, sizeof(*r) - sizeof(r->head));
	r->key = o->key;
	r->pid = id >> 32;
	r->tid = id;
	r->fd = fd;
	r->sk = o->sk;
	r->role = si ? si->role : 0;
	if (o->sk)
		r->netns = BPF_CORE_READ(sk_of(o), __sk_common.skc_net.net, ns.inum);
	if (o->key.kind == DFL_K_TCP || o->key.kind == DFL_K_UDP) {
		read_addr(sk_of(o), false, &r->local);
		read_addr(sk_of(o), true, &r->remote);
	}
	if (o->plain_tcp)
		r->seq0_known = read_seq0(sk_of(o), r->role, &r->seq0_out, &r->seq0_in);
	if (o->key.kind == DFL_K_UNIX)
		read_unix(r, (struct unix_sock *)sk_of(o));
	if (o->key.kind == DFL_K_FILE || o->key.kind == DFL_K_TTY)
		read_path(r, o->file);
	if (si) {
		si->peer_ino = r->peer_ino;
		si->seq0 = r->seq0_known;
	}
	submit(r);
	return true;
}

/* What is kept of a socket or pipe; made when it is not there. NULL: the map is full. */
static __always_inline struct sock_info *sock_info(u64 ino)
{
	struct sock_info fresh = {}, *si = bpf_map_lookup_elem(&socks, &ino);

	if (si)
		return si;
	bpf_map_update_elem(&socks, &ino, &fresh, BPF_NOEXIST);
	si = bpf_map_lookup_elem(&socks, &ino);
	if (!si)
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	return si;
}

/* Could a second record say more than the first: sequence numbers, or the peer of a unix socket? */
static __always_inline bool more_is_known(const struct object *o, const struct sock_info *si)
{
	struct sock *peer;

	if (o->plain_tcp)
		return !si->seq0 && si->role &&
		       BPF_CORE_READ(sk_of(o), __sk_common.skc_state) != TCP_SYN_SENT &&
		       BPF_CORE_READ(sk_of(o), __sk_common.skc_state) != TCP_CLOSE;
	if (o->key.kind != DFL_K_UNIX || si->peer_ino)
		return false;
	peer = BPF_CORE_READ((struct unix_sock *)sk_of(o), peer);
	return peer && BPF_CORE_READ(peer, sk_socket);
}

static __always_inline void announce_file(const struct object *o, s32 fd)
{
	struct dfl_k_key key = o->key;
	u8 one = 1;

	if (bpf_map_lookup_elem(&files, &key))
		return;
	if (emit_chan(o, NULL, fd))
		bpf_map_update_elem(&files, &key, &one, BPF_ANY);
}

/*
 * Introduces the object when that was not done yet, or when more is known. role: DFL_K_ROLE_UNKNOWN
 * leaves it as it is. Returns what is kept of a socket or pipe; NULL for files and named FIFOs.
 */
static __always_inline struct sock_info *announce(const struct object *o, s32 fd, u8 role)
{
	struct sock_info *si;

	if (o->key.kind == DFL_K_TEXT) /* its key says all */
		return NULL;
	if (o->key.kind == DFL_K_FILE || o->key.dev) { /* dev: a named FIFO, a terminal */
		announce_file(o, fd);
		return NULL;
	}
	si = sock_info(o->key.ino);
	if (!si)
		return NULL;
	if (role && !si->role) {
		si->role = role;
		si->announced = 0;
	}
	if (!si->announced || more_is_known(o, si))
		si->announced = emit_chan(o, si, fd);
	return si;
}

/* Was the object announced? Unless `keep`, it is forgotten, so that a new user is told anew. */
static __always_inline bool forget(const struct dfl_k_key *key, bool keep)
{
	if (key->kind == DFL_K_FILE || key->dev)
		return keep ? !!bpf_map_lookup_elem(&files, key) :
			      !bpf_map_delete_elem(&files, key);
	return keep ? !!bpf_map_lookup_elem(&socks, &key->ino) :
		      !bpf_map_delete_elem(&socks, &key->ino);
}

/*
 * The last reference goes. Of a pipe only its last writer may go: then its direction ends, and what
 * is in it can still be read. Objects that were never announced are not told.
 */
static __noinline void emit_close(const struct object *o, u32 pid, u32 seq_class)
{
	struct dfl_k_key key = o->key;
	bool end_only = key.kind == DFL_K_PIPE && BPF_CORE_READ(file_of(o), f_mode) & FMODE_WRITE;
	struct dfl_k_close *r;

	if (!forget(&key, end_only))
		return;
	r = reserve(sizeof(*r), seq_class, DFL_K_CLOSE, 0);
	if (!r)
		return;
	__builtin_memset(&r->key, 0, sizeof(*r) - sizeof(r->head));
	r->key = key;
	r->pid = pid;
	r->end_only = end_only;
	r->has_seq = o->plain_tcp;
	if (o->plain_tcp)
		r->seq_out = BPF_CORE_READ((struct tcp_sock *)sk_of(o), write_seq);
	submit(r);
}
