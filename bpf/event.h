/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the BPF programs put into the ring, and the names of the counters they keep: shared by
 * kernel and user space. Every record begins with struct dfl_k_head. Sizes and offsets are
 * asserted by both compilers. The contract towards the stages is libdflow/capture/event.h; this
 * here is the raw form and changes freely, because both sides are built together.
 */
#pragma once

#ifdef __BPF__
#define DFL_K_ASSERT(cond, text) _Static_assert(cond, text)
typedef __u8 dfl_u8;
typedef __u16 dfl_u16;
typedef __u32 dfl_u32;
typedef __s32 dfl_s32;
typedef __u64 dfl_u64;
#else
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#define DFL_K_ASSERT(cond, text) static_assert(cond, text)
typedef uint8_t dfl_u8;
typedef uint16_t dfl_u16;
typedef uint32_t dfl_u32;
typedef int32_t dfl_s32;
typedef uint64_t dfl_u64;
#endif
#define DFL_K_OFFSET(type, field, at)                                                              \
	DFL_K_ASSERT(__builtin_offsetof(struct type, field) == (at), #type "." #field)
#define DFL_K_SIZE(type, size) DFL_K_ASSERT(sizeof(struct type) == (size), #type)

/*
 * Limits. A piece is as large as most calls are, and a power of two, so that a mask can bound it.
 * A step handles one piece or goes on to one buffer. A writev has at most 1,024 buffers
 * (UIO_MAXIOV), and 4 MiB (the default copy cap) have 64 pieces: 1,024 + 64 < 1,200.
 */
#define DFL_K_PIECE (64 * 1024) /* bytes in one record */
#define DFL_K_STEPS 1200	/* steps in one call */
#define DFL_K_MAX_CGROUPS 32	/* targets given as cgroups */
#define DFL_K_MAX_PIDS 16384	/* target processes chosen by pid, children included */
#define DFL_K_MAX_SOCKS 65536	/* sockets and pipes remembered as announced, LRU */
#define DFL_K_MAX_FILES 32768	/* files remembered as announced, LRU */
#define DFL_K_MAX_THREADS 16384 /* threads inside a call on an fd, LRU */
#define DFL_K_MAX_SSL 32768	/* TLS objects, LRU */
#define DFL_K_MAX_SYSCALL 512	/* numbers above it are not known */
#define DFL_K_STRING 4096	/* bytes of a string argument (PATH_MAX) */
#define DFL_K_PATH_PARTS 12	/* components of a file's path, innermost first */
#define DFL_K_PATH_PART 64	/* bytes of a component, NUL included */
#define DFL_K_ARGS 1024		/* bytes of a command line */
#define DFL_K_CLOSE_FDS 1024	/* fds looked at when a process exits */

/*
 * A sequence class is a set of programs that cannot interrupt one another on one CPU, so that a
 * plain counter per class and CPU is enough for the numbers of their records. (A fetching atomic
 * would need Linux 5.12.)
 */
enum dfl_k_seq_class { DFL_K_SEQ_SYSCALL, DFL_K_SEQ_SCHED, DFL_K_SEQ_TLS, DFL_K_N_SEQ };

enum dfl_k_type {
	DFL_K_CHAN = 1, /* a socket, pipe or file is used for the first time, or more is known of it
			 */
	DFL_K_CLOSE,	/* the last reference to it goes */
	DFL_K_DATA,
	DFL_K_PROC, /* fork or exec */
	DFL_K_EXIT,
	DFL_K_LIB,   /* a file that looks like a TLS library was mapped */
	DFL_K_BIND,  /* a TLS object uses this socket */
	DFL_K_BLIND, /* arg: enum dfl_k_blind */
	DFL_K_N_TYPE
};

/* Ways out that cannot be watched. live/ways.c has the word for each. */
enum dfl_k_blind {
	DFL_K_IO_URING,
	DFL_K_SHM,	   /* shared memory that has a name: tmpfs, memfd, System V */
	DFL_K_SHM_ANON,	   /* shared memory without a name: a way out only for what is forked */
	DFL_K_SHM_FILE,	   /* a file on a disk, mapped to be written */
	DFL_K_PROCESS_VM,  /* memory of another process */
	DFL_K_COMPAT,	   /* system calls of 32-bit programs, or of the x32 ABI */
	DFL_K_FD_PASSED,   /* SCM_RIGHTS */
	DFL_K_DEVICE,	   /* written to; number: its major */
	DFL_K_FAMILY,	   /* sent on a socket of this family (number) */
	DFL_K_SOCKET_TYPE, /* sent on an INET socket that is neither TCP nor UDP; number: protocol
			    */
	DFL_K_SYSCALL,	   /* a system call (number) that carries bytes, or that is not known */
	DFL_K_N_BLIND
};

/*
 * Texts that a process hands to the kernel as an argument. They are watched as what is written to a
 * channel of this process, one for each of these.
 */
enum dfl_k_text {
	DFL_K_TEXT_ARGS = 1, /* of a program that is started */
	DFL_K_TEXT_ENV,
	DFL_K_TEXT_NAME,    /* of a file, link, folder or unix socket that is made */
	DFL_K_TEXT_XATTR,   /* extended attributes */
	DFL_K_TEXT_QUEUE,   /* messages of System V and POSIX queues */
	DFL_K_TEXT_KEY,	    /* key rings */
	DFL_K_TEXT_PROC,    /* names of processes, threads, hosts */
	DFL_K_TEXT_OPTION,  /* options of sockets */
	DFL_K_TEXT_NETLINK, /* messages to the kernel */
	DFL_K_N_TEXT
};

enum dfl_k_kind {
	DFL_K_NONE,
	DFL_K_TCP,
	DFL_K_UDP,
	DFL_K_UNIX,
	DFL_K_PIPE,
	DFL_K_FILE,
	DFL_K_TTY,  /* a terminal: only what is written */
	DFL_K_TEXT, /* key: ino is enum dfl_k_text, dev the process */
	DFL_K_OTHER /* something else; what is sent on it is not seen */
};

/*
 * What a system call does. load.c fills the table of the programs (cfg_calls) from the numbers of
 * the architecture. The order counts: io.bpf.c asks for "up to LAST_BUFFER" and for odd and even.
 */
enum dfl_k_call {
	DFL_K_CALL_NONE,
	DFL_K_CALL_READ,
	DFL_K_CALL_WRITE,
	DFL_K_CALL_READV,
	DFL_K_CALL_WRITEV,
	DFL_K_CALL_PREAD,
	DFL_K_CALL_PWRITE,
	DFL_K_CALL_PREADV,
	DFL_K_CALL_PWRITEV,
	DFL_K_CALL_RECVFROM,
	DFL_K_CALL_SENDTO,
	DFL_K_CALL_RECVMSG,
	DFL_K_CALL_SENDMSG,
	DFL_K_CALL_RECVMMSG,
	DFL_K_CALL_SENDMMSG,
	DFL_K_CALL_LAST_BUFFER = DFL_K_CALL_SENDMMSG, /* even: the process writes; odd: it reads */
	DFL_K_CALL_SENDFILE,
	DFL_K_CALL_SPLICE,
	DFL_K_CALL_TEE,
	DFL_K_CALL_COPY_RANGE,
	DFL_K_CALL_VMSPLICE,
	DFL_K_CALL_CONNECT,
	DFL_K_CALL_ACCEPT,
	DFL_K_CALL_SHUTDOWN,
	DFL_K_CALL_CLOSE,
	DFL_K_CALL_DUP2,
	DFL_K_CALL_MMAP,
	DFL_K_CALL_MPROTECT,
	DFL_K_CALL_IO_URING,
	DFL_K_CALL_SHMAT,
	DFL_K_CALL_PROCESS_VM,
	DFL_K_CALL_KEYCTL,
	DFL_K_CALL_IOCTL,
	DFL_K_CALL_PRCTL,
	DFL_K_CALL_OPEN,
	DFL_K_CALL_OPENAT2,
	DFL_K_CALL_BIND,
	DFL_K_CALL_TEXT,  /* arguments are text: struct dfl_k_args says which */
	DFL_K_CALL_BLIND, /* carries bytes, and is not read */
	DFL_K_CALL_UNKNOWN = DFL_K_CALL_BLIND,
};

/*
 * Which arguments of a system call are text, counted from 1; 0: none. A string ends at its NUL, a
 * buffer has its length in the argument behind it.
 */
struct dfl_k_args {
	dfl_u8 text; /* enum dfl_k_text */
	dfl_u8 string, string2;
	dfl_u8 buffer;
	dfl_u8 skip;  /* bytes at the begin of the buffer that its length does not count */
	dfl_u8 least; /* shorter buffers are not looked at */
	dfl_u8 pad[2];
};
DFL_K_SIZE(dfl_k_args, 8);

/*
 * How a function of a TLS library tells what it does. A form gives the positions of its arguments,
 * counted from 1 (0: it has none): the TLS object, the buffer, the buffer's length, and a pointer
 *to where the function puts the number of bytes; and what the result means. Most libraries use the
 *same few forms. Columns:
 *
 *	constant and program, action, result, object, buffer, length, count
 */
#define DFL_K_TLS_FORMS(FORM)                                                                      \
	FORM(READ_INT, read_int, READ, INT, 1, 2, 3, 0)		  /* SSL_read */                   \
	FORM(WRITE_INT, write_int, WRITE, INT, 1, 2, 3, 0)	  /* SSL_write */                  \
	FORM(READ_LONG, read_long, READ, LONG, 1, 2, 3, 0)	  /* gnutls_record_recv */         \
	FORM(WRITE_LONG, write_long, WRITE, LONG, 1, 2, 3, 0)	  /* gnutls_record_send */         \
	FORM(READ_EX, read_ex, READ, ONE, 1, 2, 3, 4)		  /* SSL_read_ex */                \
	FORM(WRITE_EX, write_ex, WRITE, ONE, 1, 2, 3, 4)	  /* SSL_write_ex */               \
	FORM(SHAKE_ONE, shake_one, HANDSHAKE, ONE, 1, 0, 0, 0)	  /* SSL_do_handshake */           \
	FORM(SHAKE_ZERO, shake_zero, HANDSHAKE, ZERO, 1, 0, 0, 0) /* gnutls_handshake */           \
	FORM(FORGET, forget, FORGET, INT, 1, 0, 0, 0) /* SSL_free: no probe at its return */

#define DFL_K_TLS_CONSTANT(NAME, ...) DFL_K_TLS_FORM_##NAME,
enum dfl_k_tls_form_id { DFL_K_TLS_FORMS(DFL_K_TLS_CONSTANT) DFL_K_N_TLS_FORM };

enum dfl_k_tls_action { DFL_K_TLS_READ, DFL_K_TLS_WRITE, DFL_K_TLS_HANDSHAKE, DFL_K_TLS_FORGET };

enum dfl_k_tls_result {
	DFL_K_TLS_RESULT_INT,  /* int, and the length is one too; above 0: bytes moved */
	DFL_K_TLS_RESULT_LONG, /* ssize_t, the length a size_t; above 0: bytes moved */
	DFL_K_TLS_RESULT_ONE,  /* int; 1: done. The bytes moved are where `count` points to */
	DFL_K_TLS_RESULT_ZERO, /* int; 0: done */
};

struct dfl_k_tls_form {
	dfl_u8 action; /* enum dfl_k_tls_action */
	dfl_u8 result; /* enum dfl_k_tls_result */
	dfl_u8 object, buffer, length, count;
};

/* The first bytes of a library's file name; the filter for files that are mapped as code. */
struct dfl_k_tls_file {
	dfl_u64 name; /* as a number of the machine's byte order, unused bytes 0 */
	dfl_u64 mask; /* of the bytes used; 0 ends the table */
};
#define DFL_K_MAX_TLS_FILES 8

enum dfl_k_role { DFL_K_ROLE_UNKNOWN, DFL_K_CONNECTED, DFL_K_ACCEPTED };

/* Same values as enum dfl_data_flags. */
enum dfl_k_flags {
	DFL_K_POS = 1 << 0,
	DFL_K_DGRAM = 1 << 1,
	DFL_K_COVERED = 1 << 2,
	DFL_K_UNREAD = 1 << 3,
	DFL_K_FIRST = 1 << 4,
	DFL_K_LAST = 1 << 5,
	DFL_K_END = 1 << 6,
};

/* Why something was not delivered. Each is the index of a counter per CPU (map drops). */
enum dfl_k_drop {
	DFL_K_DROP_RING,  /* the ring was full: events and bytes */
	DFL_K_DROP_FAULT, /* user memory could not be read: bytes */
	DFL_K_DROP_NO_FD, /* the fd was gone at the return of the call: events and bytes */
	DFL_K_DROP_TABLE, /* a map was full */
	DFL_K_DROP_STEPS, /* more pieces in one call than DFL_K_STEPS: bytes */
	DFL_K_DROP_CAP,	  /* beyond the copy cap: bytes. The records say so too: no loss */
	DFL_K_DROP_FDS,	  /* open fds beyond DFL_K_CLOSE_FDS at an exit: their close is not told */
	DFL_K_N_DROP
};

struct dfl_k_count {
	dfl_u64 events, bytes;
};

/* Statistics that are no loss. Each is the index of a counter per CPU (map stats). */
enum dfl_k_stat {
	DFL_K_STAT_CALLS,    /* calls of targets that moved bytes on a watched fd */
	DFL_K_STAT_SWAPPED,  /* the fd named another file at the return than at the entry */
	DFL_K_STAT_PEEK,     /* MSG_PEEK and MSG_ERRQUEUE: skipped */
	DFL_K_STAT_OTHER_FD, /* terminals, devices, eventfds: not watched */
	DFL_K_STAT_TLS_CALLS,
	DFL_K_STAT_TLS_RETRY, /* a retry of an SSL_write that was told already */
	DFL_K_N_STAT
};

struct dfl_k_head {
	dfl_u8 type, seq_class;
	dfl_u16 cpu;
	dfl_u32 size;  /* bytes in use of the record, this head included */
	dfl_u64 seq;   /* per sequence class and CPU: 1, 2, …; goes on when the ring is full */
	dfl_u64 ts_ns; /* CLOCK_MONOTONIC */
};

/*
 * Which kernel object. Sockets and pipes: inode alone. Named FIFOs and files: also device,
 * generation.
 */
struct dfl_k_key {
	dfl_u64 ino;
	dfl_u32 dev, gen;
	dfl_u32 kind; /* enum dfl_k_kind */
	dfl_u32 pad;
};

struct dfl_k_addr {
	dfl_u8 ip[16]; /* network order, IPv4 in the first 4 */
	dfl_u16 family;
	dfl_u16 port; /* host order */
	dfl_u32 pad;
};

struct dfl_k_chan {
	struct dfl_k_head head;
	struct dfl_k_key key;
	dfl_u32 pid, tid;
	dfl_s32 fd;
	dfl_u8 role; /* enum dfl_k_role */
	dfl_u8 seq0_known;
	dfl_u16 n_parts; /* of path, for files */
	struct dfl_k_addr local, remote;
	dfl_u64 netns;
	dfl_u64 sk, peer_sk, peer_ino; /* unix */
	dfl_u32 seq0_out, seq0_in;
	char path[DFL_K_PATH_PARTS * DFL_K_PATH_PART]; /* file: components; unix: path, "@" first if
							  abstract */
};

struct dfl_k_close {
	struct dfl_k_head head;
	struct dfl_k_key key;
	dfl_u32 pid;
	dfl_u32 has_seq; /* TCP: seq_out is the position after the last byte written */
	dfl_u32 seq_out;
	dfl_u32 end_only; /* the last writer of a pipe went; what is in it can still be read */
};

struct dfl_k_data {
	struct dfl_k_head head;
	struct dfl_k_key key; /* TLS: all zero, the bind record tells the socket */
	dfl_u64 call;
	dfl_u64 pos;
	dfl_u64 ssl, ssl_born_ns; /* together they name a TLS object of this pid */
	dfl_u32 pid, tid;
	dfl_s32 fd;
	dfl_u32 len, copied;
	dfl_u16 flags;
	dfl_u8 layer; /* 0 wire, 1 TLS plaintext */
	dfl_u8 out;
	struct dfl_k_addr peer;
	/* then `copied` bytes */
};

struct dfl_k_proc {
	struct dfl_k_head head;
	dfl_u32 pid, ppid;
	dfl_u64 start_ns;
	dfl_u64 cgroup_id;
	dfl_u8 fork;	/* else exec */
	dfl_u8 same_mm; /* fork that shares the address space */
	dfl_u16 args_len;
	dfl_u32 pad;
	char comm[16];
	char exe[256];
	char args[DFL_K_ARGS]; /* NUL-separated */
};

struct dfl_k_note { /* EXIT, LIB, BIND, BLIND */
	struct dfl_k_head head;
	struct dfl_k_key key; /* BIND: the socket; BLIND: ino is a number that tells more */
	dfl_u32 pid, arg;
	dfl_u64 ssl, ssl_born_ns; /* BIND */
};

DFL_K_SIZE(dfl_k_head, 24);
DFL_K_OFFSET(dfl_k_head, size, 4);
DFL_K_OFFSET(dfl_k_head, ts_ns, 16);
DFL_K_SIZE(dfl_k_key, 24);
DFL_K_SIZE(dfl_k_addr, 24);
DFL_K_SIZE(dfl_k_chan, 24 + 24 + 16 + 48 + 32 + 8 + 768);
DFL_K_OFFSET(dfl_k_chan, local, 64);
DFL_K_OFFSET(dfl_k_chan, path, 152);
DFL_K_SIZE(dfl_k_close, 64);
DFL_K_SIZE(dfl_k_data, 128);
DFL_K_OFFSET(dfl_k_data, ssl, 64);
DFL_K_OFFSET(dfl_k_data, flags, 100);
DFL_K_OFFSET(dfl_k_data, peer, 104);
DFL_K_SIZE(dfl_k_proc, 24 + 32 + 16 + 256 + DFL_K_ARGS);
DFL_K_OFFSET(dfl_k_proc, comm, 56);
DFL_K_SIZE(dfl_k_note, 72);
DFL_K_OFFSET(dfl_k_note, ssl, 56);
