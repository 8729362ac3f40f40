/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches the probes to TLS libraries. This is done as soon as a record is taken from the ring,
 * before it enters the backlog: each millisecond counts against the first use of the library.
 */
#pragma once

#include "capture/live/live_priv.h"

/*
 * Attaches every TLS library that the process maps and that is not attached yet. Failures are
 * counted (dfl_live_stats.tls_attach_failures); the process may be gone.
 */
void dfl_live_tls_attach_scan(struct dfl_live *l, uint32_t pid);
/* A child has its parent's mappings, but probes belong to one process: scans it where needed. */
void dfl_live_tls_attach_fork(struct dfl_live *l, uint32_t parent, uint32_t child);
/* The process is gone: its probes are given back. */
void dfl_live_tls_attach_exit(struct dfl_live *l, uint32_t pid);
void dfl_live_tls_attach_fini(struct dfl_live *l);

/*
 * For reports: calls fn with each TLS library that the process maps. name: "OpenSSL"; attachable:
 * its file can be opened and has the functions. Strings are borrowed. Returns 0, or -errno when the
 * mappings cannot be read.
 */
int dfl_live_tls_attach_list(uint32_t pid,
			     void (*fn)(void *ud, const char *name, const char *path,
					bool attachable),
			     void *ud);
