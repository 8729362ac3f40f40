/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares, loads and attaches the programs of bpf/. */
#pragma once

#include "capture/live/live_priv.h"

/*
 * Finds the targets, sets the constants of the programs, loads and attaches all but those of TLS
 * libraries, and maps the ring. On failure the caller frees what is there. Errors as
 * dfl_live_open().
 */
int dfl_live_load(struct dfl_live *l, const struct dfl_live_opts *opts, struct dfl_err *err);

/*
 * Opens the skeleton: nothing is loaded yet. The caller frees it with dflow_bpf__destroy(). Returns
 * 0 or -ENOMEM.
 */
int dfl_live_load_skeleton(struct dflow_bpf **ret_skel, struct dfl_err *err);

struct bpf_program; /* of libbpf */

/* Does the program belong to TLS libraries? They are attached one by one, and never at loading. */
bool dfl_live_load_is_tls(const struct bpf_program *p);
/*
 * Is the program wanted? TLS has two sets of programs, one for each way to attach. uprobe_multi:
 * one link can carry many probes. Prepares the program for its way.
 */
bool dfl_live_load_want(struct bpf_program *p, bool uprobe_multi);

/* Returns 0 when nothing is missing for loading, else -EPERM or -ENOTSUP with a sentence. */
int dfl_live_load_check_host(struct dfl_err *err);
