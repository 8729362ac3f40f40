/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a live source, which all files of this folder share. Each file has a header of its
 * own for its functions; README.md tells which does what. All of it runs in the thread that calls
 * the source.
 */
#pragma once

#include "../bpf/event.h"
#include "base/hash.h"
#include "capture/event.h"
#include "capture/host/pids.h"
#include "capture/live/async_close.h"
#include "capture/live/open_ways.h"
#include "capture/live/options.h"
#include "capture/live/preexisting.h"
#include "capture/live/process_wide.h"
#include "capture/live/backlog.h"
#include "capture/live/ring.h"

/* Limits. What goes beyond one is counted in dfl_live_stats, or told as a loss. */
#define LIVE_MAX_CHANS 131072
#define LIVE_MAX_PROCS 65536
#define LIVE_MAX_CONTAINERS 1024      /* remembered by name; files of others are read again */
#define LIVE_MAX_SSL 32768	      /* TLS objects */
#define LIVE_MAX_HELD (16u << 20)     /* bytes of plaintext that wait for their socket */
#define LIVE_MAX_HOLD_NS 500000000ull /* and how long they wait */
#define LIVE_TICK_NS 50000000ull      /* least time between two ticks */
#define LIVE_MAX_LIBS 16384	      /* (process, TLS library) pairs */

/* Type of a record that user space puts into the backlog beside those of the kernel. */
#define LIVE_REC_LOSS DFL_K_N_TYPE

struct dflow_bpf;	   /* the skeleton that bpftool makes */
struct dfl_live_proc;	   /* process.c */
struct dfl_live_container; /* process.c */
struct dfl_live_ssl;	   /* tls_object.c */
struct dfl_live_ssl_pid;   /* tls_object.c */
struct dfl_live_lib;	   /* tls_attach.c */
struct dfl_live_elf;	   /* tls_attach.c */
struct dfl_live_rescan;	   /* rescan.c */

/* A socket, pipe or file that was seen. */
struct dfl_live_chan {
	struct dfl_k_key key;
	struct dfl_ev_chan ev; /* what is known of it; ev.path is owned */
	/* unix sockets: addresses and inode in the kernel, to find the peer; 0 unknown */
	uint64_t sk, peer_sk, peer_ino;
	bool told;		    /* its event went out */
	bool closed_out, closed_in; /* the end of a direction went out */
	UT_hash_handle hh;	    /* by key, in order of use */
	UT_hash_handle by_sk;	    /* unix */
};

/* One sequence of record numbers: a class of programs on one CPU (enum dfl_k_seq_class). */
struct dfl_live_seq {
	uint64_t received; /* records */
	uint64_t last;	   /* the highest number among them */
};

struct dfl_live {
	struct dfl_event_source source; /* first: what others hold is a pointer to it */
	struct dfl_live_opts opts;
	struct dfl_process_wide limits; /* what was raised for us */
	struct dflow_bpf *skel;
	struct dfl_ring ring;
	int epoll_fd;
	int n_cpus;		    /* possible ones: per-CPU maps have a value for each */
	struct dfl_backlog backlog; /* records that wait for older ones of other CPUs, or for work
				     */
	/* CLOCK_MONOTONIC */
	uint64_t opened_ns;
	uint64_t slice_ends_ns;
	uint64_t last_check_ns; /* of the loss counters */
	uint64_t taken_ns;	/* time of the record that was taken last */
	bool busy;		/* the last dispatch found something */
	bool started;		/* the first events are out */
	bool detached;
	bool uprobe_multi;			/* one link can hold many probes */
	struct dfl_live_seq *seqs;		/* [DFL_K_N_SEQ][n_cpus] */
	struct dfl_k_count *per_cpu;		/* [n_cpus]: room for reading a per-CPU counter */
	struct dfl_k_count drops[DFL_K_N_DROP]; /* as they were at the last check */
	uint64_t misses;	  /* runs of programs that the kernel skipped, at the last check */
	uint64_t accounted;	  /* missing record numbers that were told as losses already */
	struct dfl_pids at_start; /* the targets when the source was opened */
	struct dfl_preexisting *preexisting;
	struct dfl_open_ways open_ways;

	struct dfl_live_proc *procs;
	struct dfl_live_proc *forked; /* children that may still exec; the oldest first */
	struct dfl_live_container *containers;
	struct dfl_live_chan *chans, *chans_by_sk;
	uint64_t next_chan;		   /* the id given last */
	struct dfl_live_ssl *ssls;	   /* in the order of use */
	struct dfl_live_ssl *waiting_ssls; /* those that hold plaintext; the longest first */
	struct dfl_live_ssl_pid *ssl_pids;
	uint64_t next_ssl; /* the id given last */
	size_t held_bytes; /* of all plaintext records that wait */
	struct dfl_live_lib *libs;
	struct dfl_live_elf *elves;
	struct dfl_live_rescan *rescans;     /* processes that were scanned for libraries */
	struct dfl_live_rescan *rescans_due; /* those that are scanned again */
	struct dfl_async_close async_close;

	struct dfl_live_stats stats; /* loss.c knows the rest */

	/* while dispatch or finish runs: where events go */
	dfl_event_fn fn;
	void *ud;
};

/* The live source behind the pointer that others hold. */
static inline struct dfl_live *dfl_live_of(struct dfl_event_source *s)
{
	return (struct dfl_live *)((char *)s - offsetof(struct dfl_live, source));
}
