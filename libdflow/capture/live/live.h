/* SPDX-License-Identifier: Apache-2.0 */
/* The live source: events of the running kernel, through the programs in bpf/. */
#pragma once

#include "base/err.h"
#include "capture/event.h"
#include "capture/live/options.h"

/*
 * Loads the programs, attaches them, and looks at what runs already. Errors, each with a sentence:
 * -EPERM (which capability is missing), -ENOTSUP (kernel too old, no BTF, lockdown), -ENOENT and
 * -ESRCH (no such cgroup, no such process), -EINVAL (no target, or too many), -ENOMEM.
 *
 * While a live source exists, limits of the whole process are raised: process_wide.h.
 */
int dfl_live_open(const struct dfl_live_opts *opts, struct dfl_event_source **ret_source,
		  struct dfl_err *err);

/* source: one that dfl_live_open() made. */
void dfl_live_stats(struct dfl_event_source *source, struct dfl_live_stats *ret_stats);
