/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a live source changes in its whole process, and how that is put back. Nothing else in the
 * library is process-wide, but for dfl_caps_drop(), which is asked for by name.
 *
 * 1. RLIMIT_MEMLOCK is raised without bound: BPF maps count against it before Linux 5.11, and the
 *    texts that are looked for live in locked memory. RLIMIT_NOFILE is raised to its hard limit: a
 *    probe is a file. Both are set back when the last live source of the process is freed, unless
 *    somebody else changed them meanwhile.
 * 2. libbpf has one print function for the process. While one of our calls into libbpf runs, it is
 *    ours, which gives the text to the log hook of the object whose call it is. Calls of other
 *    threads into libbpf keep the function they had. Afterwards the former function is set again.
 */
#pragma once

#include <stdbool.h>

#include "base/log.h"

/* One use of the raised limits; zero: none. */
struct dfl_process_wide {
	bool raised;
};

/* Raises the limits. A refusal is no error: then less fits. Thread-safe. */
void dfl_process_wide_raise(struct dfl_process_wide *ret_use);
/* Ends the use; the last one sets the limits back. May be called twice. Thread-safe. */
void dfl_process_wide_lower(struct dfl_process_wide *use);

/*
 * Between these two calls of one thread, libbpf's text goes to `log` (NULL, or without fn: to
 * nobody). They nest. Borrows log. Thread-safe.
 */
void dfl_process_wide_listen(const struct dfl_log *log);
void dfl_process_wide_unlisten(void);
