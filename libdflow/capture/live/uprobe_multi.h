/* SPDX-License-Identifier: Apache-2.0 */
/* Many uprobes as one link: Linux 6.6 (kernel commit 89ae89f53d20). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* expected_attach_type of the programs: BPF_TRACE_UPROBE_MULTI, which older headers lack. */
#define DFL_UPROBE_MULTI_TYPE 48

/* Can this kernel do it? Loads a tiny program to find out. */
bool dfl_uprobe_multi_works(void);

/*
 * Attaches the program at n places of a file. offsets: in the file; cookies: what
 * bpf_get_attach_cookie() gives there; ret: at the returns of the functions; pid: fires in this
 * process only, 0: in all. Returns the fd of the link, which the caller closes, or -errno.
 */
int dfl_uprobe_multi_attach(int prog_fd, const char *path, const uint64_t *offsets,
			    const uint64_t *cookies, uint32_t n, bool ret, uint32_t pid);
