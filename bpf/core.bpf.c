// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The constants and maps that core.bpf.h declares. */
#include "core.bpf.h"

/* The helpers used (probe_read, ringbuf) are for GPL-compatible programs. */
char LICENSE[] SEC("license") = "GPL";

const volatile __u8 cfg_calls[DFL_K_MAX_SYSCALL] = {};
const volatile struct dfl_k_args cfg_args[DFL_K_MAX_SYSCALL] = {};
const volatile __u64 cfg_cgroup_id[DFL_K_MAX_CGROUPS] = {};
const volatile __u32 cfg_cgroup_level[DFL_K_MAX_CGROUPS] = {};
const volatile __u32 cfg_n_cgroups = 0;
const volatile __u32 cfg_self = 0;
const volatile __u64 cfg_copy_cap = 4 << 20;
const volatile __u64 cfg_wake_at = 1 << 20;
const volatile __u8 cfg_all = 0, cfg_by_pid = 0, cfg_file_reads = 1, cfg_file_writes = 1;
const volatile struct dfl_k_tls_file cfg_tls_files[DFL_K_MAX_TLS_FILES] = {};

__u32 tls_on = 0;
__u32 woken = 0;

struct map_ring ring SEC(".maps");
struct map_pids pids SEC(".maps");
struct map_socks socks SEC(".maps");
struct map_files files SEC(".maps");
struct map_entries entries SEC(".maps");
struct map_read_onlys read_onlys SEC(".maps");
struct map_strings strings SEC(".maps");
struct map_sequences sequences SEC(".maps");
struct map_drops drops SEC(".maps");
struct map_stats stats SEC(".maps");
struct map_calls calls SEC(".maps");
struct map_ssls ssls SEC(".maps");
struct map_tls_calls tls_calls SEC(".maps");
