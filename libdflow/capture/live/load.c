// SPDX-License-Identifier: Apache-2.0
/* Prepares, loads and attaches the programs, and says in a sentence why that is not possible. */
#include "capture/live/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/host/caps.h"
#include "capture/host/cgroup.h"
#include "capture/host/proc.h"
#include "capture/live/syscalls.h"
#include "capture/live/tls_library.h"
#include "capture/live/uprobe_multi.h"
#include "dflow.skel.h"

#define MIN_RING (1u << 17) /* two of the largest pieces */
#define DEFAULT_RING (64u << 20)
#define MAX_RING (1u << 30)
#define DEFAULT_COPY_CAP (4u << 20)

/* The first capability that is missing; NULL: none is. CAP_SYS_ADMIN stands for all of them. */
static const char *missing_capability(void)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" },
		       { CAP_PERFMON, "CAP_PERFMON" },
		       { CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
		       { CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" } };

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!dfl_caps_has(needed[i].cap) && !dfl_caps_has(CAP_SYS_ADMIN))
			return needed[i].name;
	return NULL;
}

int dfl_live_load_check_host(struct dfl_err *err)
{
	const char *cap = missing_capability();
	struct utsname u;
	int major = 0, minor = 0;

	if (cap && geteuid())
		return dfl_err_set(err, EPERM,
				   "recording needs root (%s is missing): run it with sudo", cap);
	if (cap)
		return dfl_err_set(err, EPERM,
				   "%s is missing: give the container or service this capability",
				   cap);
	if (!uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    major * 1000 + minor < 5010)
		return dfl_err_set(err, ENOTSUP, "the kernel is %s, recording needs 5.10 or newer",
				   u.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return dfl_err_set(err, ENOTSUP,
				   "the kernel has no BTF (/sys/kernel/btf/vmlinux): it was built "
				   "without CONFIG_DEBUG_INFO_BTF");
	return 0;
}

/* A ring has to be a power of two, and a multiple of the page size. */
static uint32_t ring_size(uint64_t wanted)
{
	uint32_t size = MIN_RING;

	if (!wanted)
		wanted = DEFAULT_RING;
	while (size < wanted && size < MAX_RING)
		size *= 2;
	return size;
}

/* Tells the programs whom to record, and finds who runs there already (l->at_start). */
static int set_targets(struct dfl_live *l, const struct dfl_live_opts *o, struct dfl_err *err)
{
	struct dfl_cgroup cg;
	int r = 0;

	if (!o->n_cgroups && !o->n_pids && !o->all)
		return dfl_err_set(err, EINVAL, "no target: give a cgroup, a process, or all");
	if (o->n_cgroups > DFL_K_MAX_CGROUPS)
		return dfl_err_set(err, EINVAL,
				   "%zu cgroups, at most %d are possible: give their parent",
				   o->n_cgroups, DFL_K_MAX_CGROUPS);
	for (size_t i = 0; i < o->n_cgroups && !r; i++) {
		r = dfl_cgroup_find(o->cgroups[i], &cg, err);
		if (r)
			return r;
		l->skel->rodata->cfg_cgroup_id[i] = cg.id;
		l->skel->rodata->cfg_cgroup_level[i] = cg.level;
		r = dfl_pids_of_cgroup(cg.path, &l->at_start);
	}
	for (size_t i = 0; i < o->n_pids && !r; i++) {
		if (!dfl_proc_parent(o->pids[i]) && o->pids[i] != 1)
			return dfl_err_set(err, ESRCH, "no process %u", o->pids[i]);
		r = dfl_pids_of_tree(o->pids[i], &l->at_start);
	}
	if (o->all && !r)
		r = dfl_pids_all(&l->at_start);
	l->skel->rodata->cfg_n_cgroups = o->n_cgroups;
	l->skel->rodata->cfg_by_pid = o->n_pids != 0;
	l->skel->rodata->cfg_all = o->all;
	return r ? dfl_err_set(err, -r, "cannot list the processes to record: %s", strerror(-r)) :
		   0;
}

/* The constants of the programs (core.bpf.h), but for the targets. */
static void set_constants(struct dfl_live *l, const struct dfl_live_opts *o, uint32_t ring)
{
	struct dflow_bpf__rodata *c = l->skel->rodata;

	dfl_syscalls_fill(c->cfg_calls, (struct dfl_k_args *)c->cfg_args);
	c->cfg_self = getpid();
	c->cfg_copy_cap = o->copy_cap_bytes ? o->copy_cap_bytes : DEFAULT_COPY_CAP;
	c->cfg_wake_at = ring / 4;
	c->cfg_file_reads = !o->no_file_reads;
	c->cfg_file_writes = !o->no_file_writes;
	dfl_tls_library_files(c->cfg_tls_files);
}

/* security/lockdown/lockdown.c: "none [integrity] confidentiality", the state in brackets. */
static bool is_locked_down(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char state[64] = "";

	if (f && !fgets(state, sizeof(state), f))
		state[0] = 0;
	if (f)
		fclose(f);
	return strstr(state, "[confidentiality]");
}

int dfl_live_load_skeleton(struct dflow_bpf **ret_skel, struct dfl_err *err)
{
	struct dflow_bpf *skel;

	skel = dflow_bpf__open();
	if (!skel)
		return dfl_err_set(err, ENOMEM, "cannot prepare the kernel programs: %m");
	*ret_skel = skel;
	return 0;
}

static bool begins_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool dfl_live_load_want(struct bpf_program *p, bool uprobe_multi)
{
	const char *name = bpf_program__name(p);
	bool multi = begins_with(name, "dfl_tls_multi");

	if (multi)
		bpf_program__set_expected_attach_type(p, DFL_UPROBE_MULTI_TYPE);
	return !dfl_live_load_is_tls(p) || multi == uprobe_multi;
}

bool dfl_live_load_is_tls(const struct bpf_program *p)
{
	return begins_with(bpf_program__name(p), "dfl_tls_");
}

static void choose_programs(struct dfl_live *l)
{
	struct bpf_program *p;

	l->uprobe_multi = !l->opts.single_probes && dfl_uprobe_multi_works();
	bpf_object__for_each_program(p, l->skel->obj)
		bpf_program__set_autoload(p, dfl_live_load_want(p, l->uprobe_multi));
}

/* Targets that are chosen by process stand in a map; the programs add their children. */
static int add_pids(struct dfl_live *l, const struct dfl_live_opts *o)
{
	uint8_t one = 1;

	for (size_t i = 0; o->n_pids && i < l->at_start.n; i++)
		if (bpf_map__update_elem(l->skel->maps.pids, &l->at_start.pid[i], sizeof(uint32_t),
					 &one, sizeof(one), 0))
			return -errno;
	return 0;
}

/* Makes a sentence of the error of loading or attaching. */
static int load_error(struct dfl_err *err, int r)
{
	if (r == -EPERM || r == -EACCES)
		return dfl_err_set(
			err, EPERM, "the kernel refuses to load the programs%s: %s",
			is_locked_down() ? " (the kernel is locked down: confidentiality)" : "",
			strerror(-r));
	if (r == -ENOMEM)
		return dfl_err_set(
			err, ENOMEM,
			"no memory for the programs' maps: give a smaller ring, or more memory");
	return dfl_err_set(err, ENOTSUP,
			   "the kernel cannot load the programs: %s; dflow doctor tells which",
			   strerror(-r));
}

static int load(struct dfl_live *l, const struct dfl_live_opts *opts, struct dfl_err *err)
{
	uint32_t ring = ring_size(opts->ring_bytes);
	int r = dfl_live_load_skeleton(&l->skel, err);

	if (!r)
		r = set_targets(l, opts, err);
	if (r)
		return r;
	set_constants(l, opts, ring);
	choose_programs(l);
	bpf_map__set_max_entries(l->skel->maps.ring, ring);
	r = dflow_bpf__load(l->skel);
	if (r)
		return load_error(err, r);
	r = add_pids(l, opts);
	if (r)
		return dfl_err_set(err, -r, "more than %d processes to record", DFL_K_MAX_PIDS);
	r = dfl_ring_open(bpf_map__fd(l->skel->maps.ring), ring, &l->ring);
	if (r)
		return dfl_err_set(err, -r, "cannot map the ring of events: %s", strerror(-r));
	r = dflow_bpf__attach(l->skel);
	return r ? load_error(err, r) : 0;
}

int dfl_live_load(struct dfl_live *l, const struct dfl_live_opts *opts, struct dfl_err *err)
{
	int r = dfl_live_load_check_host(err);

	if (r)
		return r;
	dfl_process_wide_raise(&l->limits);
	dfl_process_wide_listen(&opts->log);
	r = load(l, opts, err);
	dfl_process_wide_unlisten();
	return r;
}
