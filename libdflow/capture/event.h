/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that a source (live, recording, pcap) hands to the stages: facts and pieces of
 * bytes, in the order of time. Everything the stages learn about the outside is in here, so a
 * recording of the events replays to the same traces.
 *
 * Pointers in an event are borrowed: valid until the callback returns. Strings are
 * NUL-terminated and "" when unknown.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/vocab.h"

enum dfl_event_type {
	DFL_EV_NODE = 1, /* first event of every source */
	DFL_EV_TICK,	 /* only the time: nothing older comes any more */
	DFL_EV_PROC,	 /* a process is seen first, or became another by exec */
	DFL_EV_PROC_EXIT,
	DFL_EV_CHAN, /* a channel end is seen first, or more of it is known */
	DFL_EV_CHAN_CLOSE,
	DFL_EV_DATA,
	DFL_EV_LOSS,  /* events or bytes that were not delivered */
	DFL_EV_BLIND, /* a process set up a channel that cannot be watched */
};

struct dfl_ev_node {
	const char *id;	      /* stable id of the node: machine-id hash, or the file's for a pcap */
	const char *hostname; /* "" in a pcap */
	const char *boot_id;
	int64_t realtime_offset_ns; /* add to ts_ns to get UTC since 1970 */
};

struct dfl_ev_proc {
	uint32_t pid; /* in the root pid namespace */
	uint32_t ppid;
	uint64_t start_ns;	  /* same clock as ts_ns */
	const char *comm;	  /* at most 15 bytes */
	const char *exe;	  /* path in the process's own view */
	const char *cmdline;	  /* arguments joined by blanks: for rules only, never stored */
	const char *cgroup;	  /* v2 path */
	const char *container_id; /* 64 hex */
	const char *container_name;
	const char *image;
	const char *pod;
	const char *namespace_;
	const char *task; /* ECS task */
	uint64_t netns;	  /* inode */
};

enum dfl_chan_role { DFL_ROLE_UNKNOWN, DFL_ROLE_CONNECTED, DFL_ROLE_ACCEPTED };

/*
 * One end of a connection as the kernel object that holds it: a socket (id: its inode), a pipe (id:
 * its inode, shared by both ends), a regular file (id: from device and inode). The source
 * makes ids that are never reused while dflow runs.
 */
struct dfl_ev_chan {
	uint64_t chan;
	enum dfl_medium medium;
	enum dfl_chan_role role; /* sockets */
	bool tap; /* both directions are seen from here, no process is known (pcap) */
	struct dfl_addr local, remote;
	uint64_t netns; /* inode; sockets */
	uint64_t inode;
	uint64_t peer;	  /* unix: chan of the peer when known, else 0 */
	const char *path; /* file path or unix socket path: for rules only, never stored whole */
	/* TCP: sequence number of the first payload byte, when the kernel still knows it. */
	bool seq0_known;
	uint32_t seq0_out, seq0_in;
	bool existed; /* it was open before the source started */
};

enum dfl_data_flags {
	DFL_DATA_POS = 1 << 0,	   /* pos is the kernel's word; else order of arrival decides */
	DFL_DATA_DGRAM = 1 << 1,   /* a whole datagram */
	DFL_DATA_COVERED = 1 << 2, /* ciphertext whose plaintext comes as DFL_TLS: no bytes attached
				    */
	DFL_DATA_UNREAD = 1 << 3,  /* passed without a readable buffer: sendfile, splice */
	DFL_DATA_FIRST = 1 << 4,   /* first piece of its call */
	DFL_DATA_LAST = 1 << 5,	   /* last piece of its call */
	DFL_DATA_END = 1 << 6, /* end of this direction (FIN, read of 0 bytes, close of a writer) */
};

/*
 * A piece of one call. Pieces of a call follow each other in order but other events can stand
 * between them.
 */
struct dfl_ev_data {
	uint64_t chan;
	uint64_t call; /* same for the pieces of one call */
	uint64_t pos;  /* of the piece's first byte: TCP sequence number (32 bit), file offset,
			  number of the plaintext byte */
	uint64_t ssl;  /* layer TLS: which TLS object; new number after SSL_free */
	uint32_t pid, tid;
	int32_t fd;    /* -1 unknown */
	bool out;      /* from the local end (the process wrote) */
	uint8_t layer; /* enum dfl_layer */
	uint16_t flags;
	uint32_t len;	 /* bytes of the stream that this piece stands for */
	uint32_t copied; /* bytes at data, at most len; the rest was not copied and is a gap */
	const uint8_t *data;
	struct dfl_addr peer; /* datagrams on unconnected sockets; else family 0 */
};

enum dfl_loss_reason {
	DFL_LOSS_RING_FULL,
	DFL_LOSS_FAULT,
	DFL_LOSS_NO_FD,
	DFL_LOSS_TABLE_FULL,
	DFL_LOSS_TRUNCATED_FILE,
	DFL_LOSS_OTHER,
	DFL_N_LOSS
};

struct dfl_ev_loss {
	enum dfl_loss_reason reason;
	uint32_t cpu;
	uint64_t events;
	uint64_t bytes;
	uint64_t since_ns; /* it happened between this and ts_ns */
	uint32_t pid;	   /* 0: any */
};

enum dfl_blind_kind {
	DFL_BLIND_IO_URING,
	DFL_BLIND_SHM,
	DFL_BLIND_PROCESS_VM,
	DFL_BLIND_OTHER,
	DFL_BLIND_LASTING, /* `way` names it; it stays open */
	DFL_BLIND_ONCE,	   /* `way` names it; it was used now */
	DFL_N_BLIND
};

/* Does the way out stay open after it was told? Else it was used at that time. */
static inline bool dfl_blind_lasts(enum dfl_blind_kind kind)
{
	return kind != DFL_BLIND_PROCESS_VM && kind != DFL_BLIND_ONCE;
}

struct dfl_ev_blind {
	uint32_t pid;
	enum dfl_blind_kind kind;
	const char *way; /* LASTING, ONCE: words of a closed vocabulary; else "" */
};

struct dfl_event {
	enum dfl_event_type type;
	uint64_t ts_ns;
	union {
		struct dfl_ev_node node;
		struct dfl_ev_proc proc;
		uint32_t exited_pid;
		struct dfl_ev_chan chan;
		uint64_t closed_chan;
		struct dfl_ev_data data;
		struct dfl_ev_loss loss;
		struct dfl_ev_blind blind;
	};
};

/* Returns 0, or a negative errno that stops the source. */
typedef int (*dfl_event_fn)(void *ud, const struct dfl_event *ev);

struct dfl_event_source;

/*
 * What a source of events can do: the running kernel (live/live.h), a recording (recording.h), a
 * packet capture (pcap.h). A source belongs to one thread at a time. All functions but `file` are
 * there.
 */
struct dfl_event_source_ops {
	/* Polls readable when there is something to read; -1 for files, which are always ready. */
	int (*fd)(struct dfl_event_source *s);
	/* dispatch wants to be called at least this often, in nanoseconds; UINT64_MAX: never. */
	uint64_t (*timeout_ns)(struct dfl_event_source *s);
	/*
	 * Gives at most max_events to fn, in the order of time, and returns how many. 0: nothing is
	 * there now. -ENODATA: the file is at its end. Another negative errno: the source is
	 * broken, or fn returned it.
	 */
	int (*dispatch)(struct dfl_event_source *s, dfl_event_fn fn, void *ud, unsigned max_events);
	/*
	 * Stops the source: gives what is still held back, then a last tick. Only `free` may
	 * follow. Returns 0 or a negative errno.
	 */
	int (*finish)(struct dfl_event_source *s, dfl_event_fn fn, void *ud);
	/*
	 * The file that it reads, borrowed: its position and size tell how far it is. NULL: the
	 * source reads no file.
	 */
	FILE *(*file)(struct dfl_event_source *s);
	/* Frees the source. May be called without `finish`: then what is held back is dropped. */
	void (*free)(struct dfl_event_source *s);
};

/* The first member of each kind of source. Whoever opens a source frees it with ops->free(). */
struct dfl_event_source {
	const struct dfl_event_source_ops *ops;
};
