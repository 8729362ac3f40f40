/* SPDX-License-Identifier: Apache-2.0 */
/* What each system call does with bytes: the one table of it. */
#pragma once

#include <stdint.h>

#include "../bpf/event.h"

/*
 * Fills the tables of the kernel programs (core.bpf.h): enum dfl_k_call by number, and which
 * arguments are text. Numbers that the table does not know become DFL_K_CALL_UNKNOWN. ret_args has
 * to be zeroed.
 */
void dfl_syscalls_fill(uint8_t ret_calls[static DFL_K_MAX_SYSCALL],
		       struct dfl_k_args ret_args[static DFL_K_MAX_SYSCALL]);

/* The name of a system call on this architecture; NULL: the table does not know it. */
const char *dfl_syscalls_name(uint64_t nr);
