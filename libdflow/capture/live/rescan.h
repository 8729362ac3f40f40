/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a process is scanned for TLS libraries beside the moments that the kernel tells: a fork or a
 * mapping in the moment of attaching is missed, and a process may come into the target's cgroup
 * with its libraries mapped. Called as records are taken from the ring.
 */
#pragma once

#include "capture/live/live_priv.h"

/* A record names the process. At first sight it is scanned. */
void dfl_live_rescan_see(struct dfl_live *l, uint32_t pid, uint64_t now_ns);
/* It began, became another, or is old and was just attached: it is scanned again shortly. */
void dfl_live_rescan_later(struct dfl_live *l, uint32_t pid, uint64_t now_ns);
/* Ciphertext of it passed whose plaintext is not read: it is scanned again, less often each time.
 */
void dfl_live_rescan_unread(struct dfl_live *l, uint32_t pid, uint64_t now_ns);
/* Scans those whose time has come. */
void dfl_live_rescan_tick(struct dfl_live *l, uint64_t now_ns);
/* The process is gone. */
void dfl_live_rescan_exit(struct dfl_live *l, uint32_t pid);
void dfl_live_rescan_fini(struct dfl_live *l);
