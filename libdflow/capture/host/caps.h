/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the own process: capabilities(7). */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Is the capability effective? cap: CAP_… of <linux/capability.h>. */
bool dfl_caps_has(int cap);

/* The name of a capability that recording uses, "CAP_BPF"; NULL for all others. Static storage. */
const char *dfl_caps_name(int cap);

/*
 * Gives back for good every capability of the process that a running live source does not need.
 * Libraries of later processes are attached as they appear, so these stay: CAP_BPF and CAP_PERFMON
 * (uprobes), CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (/proc/PID/root, maps, fd),
 * CAP_CHECKPOINT_RESTORE (map_files). CAP_DAC_OVERRIDE stays if it is asked for: a store of another
 * user needs it. Also forbids new privileges and core dumps. Call it when everything is open. It
 * changes the whole process, and there is no way back. Returns 0 or -errno with a sentence.
 */
int dfl_caps_drop(bool keep_dac_override, struct dfl_err *err);
