/* SPDX-License-Identifier: Apache-2.0 */
/* What a live source is told when it is opened, and what it counts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* Strings and arrays are borrowed: `host_root` and the owner of `log` until the source is freed,
 * all others until dfl_live_open() returns. */
struct dfl_live_opts {
	/* Targets; at least one. Children of a target are targets. dflow itself never is. */
	const char *const *cgroups; /* directories of cgroup v2: absolute, or below the mount */
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	bool all;

	const char *host_root;	 /* where the host's root is mounted, for names; NULL: here */
	uint64_t copy_cap_bytes; /* payload copied of a call; 0: 4 MiB */
	uint64_t ring_bytes;	 /* rounded up to a power of two; 0: 64 MiB */
	bool no_file_reads;	 /* reads of regular files are not recorded */
	bool no_file_writes;	 /* writes neither */
	bool single_probes;	 /* one link a probe, as before Linux 6.6: for tests */
	bool no_tls;		 /* TLS libraries are left alone: only ciphertext is seen */
	uint64_t window_ns;	 /* events are held this long to be put in order; 0: 5 ms */
	/*
	 * Memory for that, and for what waits to be worked off; 0: 64 MiB. As it fills, events lose
	 * their bytes by their worth (backlog.h); when it is full, the ring fills.
	 */
	uint64_t window_max_bytes;
	uint64_t stop_ns; /* finish works so long on what is under way, then gives it up; 0: 8 s */
	struct dfl_log log; /* gets what libbpf and the source have to say; zero: nobody */
};

/* Counts since the source was opened. */
struct dfl_live_stats {
	uint64_t records, bytes;	  /* taken from the ring; bytes of streams they stand for */
	uint64_t lost_events, lost_bytes; /* the ring was full */
	uint64_t faults;		  /* bytes that could not be read from user memory */
	uint64_t no_fd;			  /* calls whose fd was gone at their return */
	uint64_t table_full;		  /* events that a full map had no room for */
	uint64_t early;			  /* records that left the backlog before their time */
	uint64_t shed_file_events, shed_file_bytes;   /* lost their bytes in an overload: reads of
							 files, */
	uint64_t shed_other_events, shed_other_bytes; /* and all else but what clients send */
	uint64_t backlog_events;		      /* waiting now */
	uint64_t late;				      /* records older than the last tick */
	uint64_t swapped_fds;			      /* the fd named another file at the return */
	uint64_t skipped_peeks;			      /* MSG_PEEK, MSG_ERRQUEUE */
	uint64_t other_fds;			      /* calls on terminals, devices, eventfds */
	uint64_t tls_calls, tls_retries; /* calls into TLS libraries; repeated writes of them */
	uint64_t tls_libraries;		 /* (process, library) pairs that were attached */
	uint64_t tls_attach_failures;	 /* and that could not be attached */
	uint64_t tls_unbound_bytes;	 /* plaintext of objects that showed no socket */
	uint64_t chans, procs, evicted_chans; /* told; given up for want of room */
};
