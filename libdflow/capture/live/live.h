/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live source: events of the running kernel, through the programs in bpf/; and what a host
 * allows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "capture/event.h"

struct dfl_live_opts {
	/* Targets; at least one. Children of a target are targets. dflow itself never is. */
	const char *const *cgroups; /* paths of cgroup v2 directories: absolute, or below the mount
				     */
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	bool all;

	const char *host_root; /* where the host's root is mounted, for container names; NULL: here.
				  Borrowed */
	uint64_t copy_cap_bytes;   /* payload copied per call; 0: 4 MiB */
	uint64_t ring_bytes;	   /* rounded up to a power of two; 0: 64 MiB */
	bool no_file_reads;	   /* reads of regular files are not recorded */
	bool no_file_writes;	   /* writes neither */
	bool single_probes;	   /* one link a probe, as before Linux 6.6: for tests */
	bool no_tls;		   /* TLS libraries are left alone: only ciphertext is seen */
	uint64_t window_ns;	   /* events are held this long to be put in order; 0: 5 ms */
	uint64_t window_max_bytes; /* memory for that; 0: 64 MiB. Beyond it events go out early,
				      counted */
	struct dfl_log log;	   /* gets what libbpf and the source have to say; zero: nobody */
};

struct dfl_live_stats {
	uint64_t records, bytes;	    /* taken from the ring */
	uint64_t lost_events, lost_bytes;   /* the ring was full */
	uint64_t faults, no_fd, table_full; /* events that could not be read or placed */
	uint64_t early, late;		    /* window overflows; records older than the last tick */
	uint64_t swapped_fds, skipped_peeks, other_fds;
	uint64_t tls_calls, tls_retries, tls_libraries, tls_attach_failures, tls_unbound_bytes;
	uint64_t chans, procs, evicted_chans;
};

/*
 * Loads and attaches. Errors, each with a sentence: EPERM (which capability), ENOTSUP (kernel too
 * old, no BTF, lockdown), ENOENT and ESRCH (no such cgroup or process), EINVAL (no target, too
 * many), ENOMEM.
 */
int dfl_live_open(const struct dfl_live_opts *opts, struct dfl_source **ret_source,
		  struct dfl_err *err);
/* Of a source that dfl_live_open() made. */
void dfl_live_stats(struct dfl_source *source, struct dfl_live_stats *ret_stats);

/*
 * Gives back for good every capability of the process that a running live source does not need.
 * What stays, because TLS libraries of later processes are attached as they appear: CAP_BPF and
 * CAP_PERFMON (uprobes), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (/proc/PID/root, maps, fd);
 * CAP_DAC_OVERRIDE if asked for, for a store that another user owns. Also forbids new privileges
 * and core dumps. Call it when everything is open.
 */
int dfl_live_drop_privileges(bool keep_dac_override, struct dfl_err *err);

/* ---- what this host allows ---- */

enum dfl_check_result { DFL_CHECK_OK, DFL_CHECK_LIMITED, DFL_CHECK_MISSING };

struct dfl_check {
	const char *name; /* "kernel BTF" */
	enum dfl_check_result result;
	const char *found;
	const char *advice; /* NULL when all is well */
};

struct dfl_host_opts {
	const char *const *cgroups;
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	struct dfl_log log; /* gets what libbpf says about programs that do not load; zero: nobody
			     */
};

/*
 * Calls fn for each thing that recording needs or likes: kernel, BTF, capabilities, cgroup v2,
 * lockdown, each program; for targets (opts may be NULL): processes, containers, TLS libraries.
 * Returns 0 when recording is possible, else what dfl_live_open() would return.
 */
int dfl_live_probe_host(const struct dfl_host_opts *opts,
			void (*fn)(void *ud, const struct dfl_check *check), void *ud,
			struct dfl_err *err);
