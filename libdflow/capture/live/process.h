/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of the live source. A process is told once, before the first event that names it, and
 * again after each exec. All functions return 0, -ENOMEM, or what the receiver of events returned.
 */
#pragma once

#include "capture/live/live_priv.h"

/* Tells the process from /proc unless it was told already. ts_ns: of the event that names it. */
int dfl_live_process_see(struct dfl_live *l, uint32_t pid, uint64_t ts_ns);
/* A fork or exec: told now, from /proc, and from the record where the process is gone already. */
int dfl_live_process_record(struct dfl_live *l, const struct dfl_k_proc *rec);
/* Its last thread ended. */
int dfl_live_process_exit(struct dfl_live *l, uint32_t pid, uint64_t ts_ns);
/*
 * It uses a way out that cannot be watched. One that stays open is told once a process. why,
 * number: enum dfl_k_blind and what the kernel says beside it. Shared memory without a name is told
 * when a child has it for longer than until its exec.
 */
int dfl_live_process_blind(struct dfl_live *l, uint32_t pid, uint32_t why, uint64_t number,
			   uint64_t ts_ns);
/* Time goes on: children that did not exec share what their parent has open. */
int dfl_live_process_tick(struct dfl_live *l, uint64_t ts_ns);
void dfl_live_process_fini(struct dfl_live *l);
