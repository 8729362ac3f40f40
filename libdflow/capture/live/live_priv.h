/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the live source. live.c takes records from the ring, holds them in the window and lets
 * them go in order of time; live_chan.c and live_tls.c turn them into events; live_lib.c attaches
 * TLS libraries as soon as a record is taken; load.c loads the programs.
 */
#pragma once

#include "../bpf/event.h"
#include "base/hash.h"
#include "capture/live/async_close.h"
#include "capture/live/live.h"
#include "capture/host/proc.h"
#include "capture/live/ring.h"
#include "capture/host/targets.h"
#include "capture/live/reorder.h"

/* Limits; each overflow is counted. */
#define LIVE_MAX_CHANS 131072
#define LIVE_MAX_PROCS 65536
#define LIVE_MAX_CONTAINERS 1024 /* whose names are remembered; of others they are read again */
#define LIVE_MAX_SSL 32768
#define LIVE_MAX_HELD (16u << 20)     /* bytes of plaintext that wait for their socket */
#define LIVE_MAX_HOLD_NS 500000000ull /* and how long */
#define LIVE_TICK_NS 50000000ull
#define LIVE_MAX_LIBS 16384 /* (process, TLS library) pairs */

#define LIVE_REC_LOSS DFL_K_N_TYPE /* a record of user space, in the window only */

struct dflow_bpf;

struct dfl_live_proc {
	uint32_t pid;
	uint32_t blind; /* bits of enum dfl_blind_kind that were told */
	bool told;
	UT_hash_handle hh;
};

struct dfl_live_container {
	struct dfl_proc_facts facts; /* of its first process */
	UT_hash_handle hh;	     /* by facts.cgroup */
};

struct dfl_live_chan {
	struct dfl_k_key key;
	struct dfl_ev_chan ev; /* ev.path is owned */
	uint64_t sk, peer_sk, peer_ino;
	bool told, closed_out, closed_in;
	UT_hash_handle hh;    /* by key, in order of use */
	UT_hash_handle by_sk; /* unix */
};

struct dfl_live_held { /* a record that waits until its TLS object has a socket */
	struct dfl_k_data *rec;
	struct dfl_live_held *next;
};

struct dfl_live_ssl_key {
	uint64_t ssl, born_ns;
	uint32_t pid, pad;
};

struct dfl_live_ssl {
	struct dfl_live_ssl_key key;
	uint64_t id; /* 1, 2, … */
	bool bound;
	struct dfl_k_key sock;
	uint64_t own_chan; /* of an object without a socket (memory BIO) */
	struct dfl_live_held *held, **held_tail;
	uint64_t held_since_ns;
	UT_hash_handle hh;
};

struct dfl_live_lib;
struct dfl_live_elf;

struct dfl_live_lane {
	uint64_t received, last; /* records and the highest sequence number */
	uint64_t last_ts_ns;
};

struct live {
	struct dfl_source source;
	struct dfl_live_opts opts;
	struct dflow_bpf *skel;
	struct dfl_ring ring;
	int epoll_fd;
	int n_cpus;
	struct dfl_window window;
	uint64_t opened_ns, watermark_ns, last_tick_ns, last_check_ns, taken_ns;
	bool busy; /* the last dispatch found something */
	bool started, detached;
	bool uprobe_multi;	     /* one link can hold many probes */
	struct dfl_live_lane *lanes; /* [DFL_K_N_LANE][n_cpus] */
	struct dfl_k_count *per_cpu; /* [n_cpus], for reading the counters */
	struct dfl_k_count drops[DFL_K_N_DROP];
	uint64_t misses;    /* runs of programs that the kernel skipped */
	uint64_t accounted; /* lost records that were told already */
	struct dfl_pids at_start;
	struct dfl_existing *existing;

	struct dfl_live_proc *procs;
	struct dfl_live_container *containers;
	struct dfl_live_chan *chans, *chans_by_sk;
	uint64_t next_chan;
	struct dfl_live_ssl *ssls;
	uint64_t next_ssl;
	size_t held_bytes;
	struct dfl_live_lib *libs;
	struct dfl_live_elf *elves;
	struct dfl_closer closer;

	struct dfl_live_stats stats;

	/* while dispatch runs */
	dfl_event_fn fn;
	void *ud;
};

/* live.c: sends an event; its time never falls behind the last tick. */
int dfl_live_send(struct live *l, struct dfl_event *ev);

static inline struct live *dfl_live_of_source(struct dfl_source *s)
{
	return (struct live *)((char *)s - offsetof(struct live, source));
}

/* live_loss.c: puts what was lost since the last check into the window. empty: the ring is. */
int dfl_live_loss_check(struct live *l, uint64_t now_ns, bool empty);
int dfl_live_loss_release(struct live *l, const struct dfl_k_head *h);

/* live_proc.c: tells a process at its first sight. */
int dfl_live_proc_see(struct live *l, uint32_t pid, uint64_t ts_ns);
int dfl_live_proc_record(struct live *l, const struct dfl_k_proc *rec);
int dfl_live_proc_exit(struct live *l, uint32_t pid, uint64_t ts_ns);
int dfl_live_proc_blind(struct live *l, uint32_t pid, uint32_t kind, uint64_t ts_ns);
void dfl_live_proc_fini(struct live *l);

/* live_chan.c */
int dfl_live_chan_record(struct live *l, const struct dfl_k_chan *rec);
int dfl_live_chan_close(struct live *l, const struct dfl_k_close *rec);
int dfl_live_chan_data(struct live *l, const struct dfl_k_data *rec);
/* NULL when it was not told yet. */
struct dfl_live_chan *dfl_live_chan_find(struct live *l, const struct dfl_k_key *key);
/* Makes one for a TLS object without a socket; tells it. Returns 0 or an error. */
int dfl_live_chan_unbound(struct live *l, uint64_t ts_ns, uint64_t *ret_chan);
int dfl_live_chan_send_data(struct live *l, const struct dfl_k_data *rec, uint64_t chan,
			    uint64_t ssl, uint64_t ts_ns);
void dfl_live_chan_fini(struct live *l);

/* live_tls.c */
int dfl_live_tls_data(struct live *l, const struct dfl_k_data *rec);
int dfl_live_tls_bind(struct live *l, const struct dfl_k_note *rec);
/* Gives up waiting for a socket where it took too long, or always when all is set. */
int dfl_live_tls_expire(struct live *l, uint64_t now_ns, bool all);
/* Objects of a process that is gone. */
void dfl_live_tls_forget(struct live *l, uint32_t pid);
void dfl_live_tls_fini(struct live *l);

/* live_lib.c: works at once when a record is taken, before the window. */
int dfl_live_lib_scan(struct live *l, uint32_t pid);
void dfl_live_lib_fork(struct live *l, uint32_t parent, uint32_t child);
void dfl_live_lib_exit(struct live *l, uint32_t pid);
void dfl_live_lib_fini(struct live *l);
/* For the report: calls fn with each TLS library a process maps. */
int dfl_live_lib_list(uint32_t pid, void (*fn)(void *ud, const char *path, bool attachable),
		      void *ud);

/* uprobe_multi.c: returns the fd of a link, or -errno. */
#define LIVE_TRACE_UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI of Linux 6.6 */
bool dfl_live_has_uprobe_multi(void);
int dfl_live_uprobe_multi(int prog_fd, const char *path, const uint64_t *offsets,
			  const uint64_t *cookies, uint32_t n, bool ret, uint32_t pid);

/* load.c */
int dfl_live_load(struct live *l, const struct dfl_live_opts *opts, struct dfl_err *err);
int dfl_live_open_skeleton(struct dflow_bpf **ret_skel, struct dfl_err *err);
/* Says what is missing for loading, as a sentence; 0 when nothing is. */
int dfl_live_check_host(struct dfl_err *err);
