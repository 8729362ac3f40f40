/* SPDX-License-Identifier: Apache-2.0 */
/* What this host allows: the checks of `dflow doctor`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

enum dfl_doctor_result {
	DFL_DOCTOR_OK,
	DFL_DOCTOR_LIMITED, /* recording is possible, but sees less */
	DFL_DOCTOR_MISSING, /* recording is not possible */
};

/* Strings are borrowed until the callback returns. */
struct dfl_doctor_check {
	const char *name; /* "kernel BTF" */
	enum dfl_doctor_result result;
	const char *found;
	const char *advice; /* NULL when all is well */
};

/* Whose targets to look at; all borrowed while dfl_doctor_run() runs. */
struct dfl_doctor_opts {
	const char *const *cgroups; /* as in dfl_live_opts */
	size_t n_cgroups;
	const uint32_t *pids;
	size_t n_pids;
	struct dfl_log log; /* gets what libbpf says about programs that do not load; zero: nobody
			     */
};

/*
 * Calls fn for each thing that recording needs or likes: kernel, BTF, lockdown, capabilities,
 * cgroup v2, uprobes, each program; and for each target its processes, containers and TLS
 * libraries. opts may be NULL: no targets. Each program is loaded once and thrown away; nothing is
 * attached. Returns 0 when recording is possible, else what dfl_live_open() would return, with a
 * sentence.
 */
int dfl_doctor_run(const struct dfl_doctor_opts *opts,
		   void (*fn)(void *ud, const struct dfl_doctor_check *check), void *ud,
		   struct dfl_err *err);
