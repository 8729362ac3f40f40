// SPDX-License-Identifier: Apache-2.0
/* What this host allows, and why a recording could see nothing: the checks of `dflow doctor`. */
#include "capture/host/doctor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/printable.h"
#include "capture/host/caps.h"
#include "capture/host/cgroup.h"
#include "capture/host/container.h"
#include "capture/host/pids.h"
#include "capture/host/proc.h"
#include "capture/live/load.h"
#include "capture/live/process_wide.h"
#include "capture/live/tls_attach.h"
#include "capture/live/uprobe_multi.h"
#include "dflow.skel.h"

#define MAX_TOLD_PROCS 200 /* processes that are listed one by one */

struct report {
	void (*fn)(void *ud, const struct dfl_doctor_check *check);
	void *ud;
	bool missing;
};

static void tell(struct report *r, const char *name, enum dfl_doctor_result result,
		 const char *advice, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* advice is left out when all is well. fmt and what follows: what was found. */
static void tell(struct report *r, const char *name, enum dfl_doctor_result result,
		 const char *advice, const char *fmt, ...)
{
	char found[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	dfl_printable(found); /* it may name processes */
	r->missing |= result == DFL_DOCTOR_MISSING;
	r->fn(r->ud,
	      &(struct dfl_doctor_check){ .name = name,
					  .result = result,
					  .found = found,
					  .advice = result == DFL_DOCTOR_OK ? NULL : advice });
}

static void check_kernel(struct report *r)
{
	struct utsname u = { 0 };
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	tell(r, "kernel", major * 1000 + minor >= 5010 ? DFL_DOCTOR_OK : DFL_DOCTOR_MISSING,
	     "use Linux 5.10 or newer", "%s", u.release);
	tell(r, "kernel BTF",
	     access("/sys/kernel/btf/vmlinux", R_OK) ? DFL_DOCTOR_MISSING : DFL_DOCTOR_OK,
	     "use a kernel built with CONFIG_DEBUG_INFO_BTF", "%s",
	     access("/sys/kernel/btf/vmlinux", R_OK) ? "none" : "/sys/kernel/btf/vmlinux");
}

/* kernel_lockdown(7): only the stricter of its two modes forbids what recording needs. */
static void check_lockdown(struct report *r)
{
	char state[64] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	if (f && !fgets(state, sizeof(state), f))
		state[0] = 0;
	if (f)
		fclose(f);
	state[strcspn(state, "\n")] = 0;
	tell(r, "lockdown", strstr(state, "[confidentiality]") ? DFL_DOCTOR_MISSING : DFL_DOCTOR_OK,
	     "boot with lockdown=integrity: confidentiality forbids reading memory from BPF", "%s",
	     *state ? state : "none");
}

static void check_capabilities(struct report *r)
{
	static const int needed[] = { CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		bool has = dfl_caps_has(needed[i]) || dfl_caps_has(CAP_SYS_ADMIN);

		tell(r, dfl_caps_name(needed[i]), has ? DFL_DOCTOR_OK : DFL_DOCTOR_MISSING,
		     "run as root, or give the service this capability", "%s",
		     has ? "held" : "not held");
	}
}

static void check_cgroup(struct report *r)
{
	char mount[1024], root[1024];

	if (dfl_cgroup_mount(mount, sizeof(mount), root, sizeof(root))) {
		tell(r, "cgroup v2", DFL_DOCTOR_LIMITED, "mount it, or choose targets by process",
		     "not mounted");
		return;
	}
	tell(r, "cgroup v2", strstr(root, "..") ? DFL_DOCTOR_LIMITED : DFL_DOCTOR_OK,
	     "run dflow in the host's cgroup namespace", "%s", mount);
}

/* ---- programs ---- */

/* Loads this program alone. Returns 0 or -errno. */
static int load_only(const char *name, bool uprobe_multi)
{
	struct bpf_program *p;
	struct dflow_bpf *skel;
	struct dfl_err err;
	int r = dfl_live_load_skeleton(&skel, &err);

	if (r)
		return r;
	bpf_object__for_each_program(p, skel->obj) bpf_program__set_autoload(
		p, !strcmp(bpf_program__name(p), name) && dfl_live_load_want(p, uprobe_multi));
	bpf_map__set_max_entries(skel->maps.ring, 1 << 17);
	r = dflow_bpf__load(skel);
	dflow_bpf__destroy(skel);
	return r;
}

static void check_program(struct report *r, const struct bpf_program *p, bool uprobe_multi)
{
	const char *name = bpf_program__name(p);
	bool tls = dfl_live_load_is_tls(p);
	int e = load_only(name, uprobe_multi);
	char what[96];

	snprintf(what, sizeof(what), "program %s", name + 4);
	tell(r, what,
	     !e	 ? DFL_DOCTOR_OK :
	     tls ? DFL_DOCTOR_LIMITED :
		   DFL_DOCTOR_MISSING,
	     tls ? "without it TLS is seen as ciphertext only" :
		   "the kernel has to allow this program",
	     "%s", e ? strerror(-e) : bpf_program__section_name(p));
}

static void check_programs(struct report *r)
{
	bool uprobe_multi = dfl_uprobe_multi_works();
	struct bpf_program *p;
	struct dflow_bpf *skel;
	struct dfl_err err;

	if (dfl_live_load_skeleton(&skel, &err)) {
		tell(r, "programs", DFL_DOCTOR_MISSING, "see above", "%s", err.msg);
		return;
	}
	bpf_object__for_each_program(p, skel->obj) if (dfl_live_load_want(p, uprobe_multi))
		check_program(r, p, uprobe_multi);
	dflow_bpf__destroy(skel);
}

/* perf_event_open(2): the dynamic PMU "uprobe". */
static void check_uprobes(struct report *r)
{
	bool has = !access("/sys/bus/event_source/devices/uprobe/type", R_OK);

	tell(r, "uprobes", has ? DFL_DOCTOR_OK : DFL_DOCTOR_LIMITED,
	     "TLS is seen as ciphertext only: use a kernel with CONFIG_UPROBE_EVENTS", "%s",
	     has ? "available" : "none");
}

/* ---- targets ---- */

struct libs {
	struct report *report;
	unsigned n;
	char name[64];
};

static void tell_lib(void *ud, const char *name, const char *path, bool attachable)
{
	struct libs *libs = ud;

	libs->n++;
	tell(libs->report, libs->name, attachable ? DFL_DOCTOR_OK : DFL_DOCTOR_LIMITED,
	     "its file cannot be opened or lacks the functions: its TLS stays ciphertext",
	     "TLS library %s, %s", name, path);
}

#define SHORT_ID 12 /* of a container id, as docker ps and crictl ps show it */

/* One process of a target: where it lives, and its TLS libraries. */
static void check_process(struct report *r, uint32_t pid)
{
	struct libs libs = { .report = r };
	struct dfl_proc_facts f;

	if (dfl_proc_read(pid, &f))
		return;
	dfl_container_read("", &f);
	snprintf(libs.name, sizeof(libs.name), "process %u %s", pid, f.comm);
	tell(r, libs.name, DFL_DOCTOR_OK, NULL, "%s%.*s%s%s%s",
	     f.container_id[0] ? "container " : "on the host",
	     f.container_name[0] ? (int)sizeof(f.container_name) : SHORT_ID,
	     f.container_name[0] ? f.container_name : f.container_id, f.pod[0] ? ", pod " : "",
	     f.pod, f.task[0] ? ", an ECS task" : "");
	if (dfl_live_tls_attach_list(pid, tell_lib, &libs))
		tell(r, libs.name, DFL_DOCTOR_LIMITED,
		     "it may be gone, or CAP_SYS_PTRACE is missing", "its mappings cannot be read");
}

static void check_processes(struct report *r, const struct dfl_pids *pids, const char *what)
{
	tell(r, what, pids->n ? DFL_DOCTOR_OK : DFL_DOCTOR_LIMITED,
	     "no process: nothing will be seen until one starts there; is it the right cgroup?",
	     "%zu processes", pids->n);
	for (size_t i = 0; i < pids->n && i < MAX_TOLD_PROCS; i++)
		check_process(r, pids->pid[i]);
	if (pids->n > MAX_TOLD_PROCS)
		tell(r, what, DFL_DOCTOR_OK, NULL, "%zu more processes", pids->n - MAX_TOLD_PROCS);
}

/* Returns 0 when all targets exist, else the last error. */
static int check_targets(struct report *r, const struct dfl_doctor_opts *o, struct dfl_err *err)
{
	struct dfl_pids pids = { 0 };
	struct dfl_cgroup cg;
	char what[128];
	int bad = 0, e;

	for (size_t i = 0; i < o->n_cgroups; i++, dfl_pids_fini(&pids)) {
		e = dfl_cgroup_find(o->cgroups[i], &cg, err);
		if (e) {
			tell(r, "target", DFL_DOCTOR_MISSING, "give a directory of cgroup v2", "%s",
			     err ? err->msg : "?");
			bad = e;
		} else if (!dfl_pids_of_cgroup(cg.path, &pids)) {
			snprintf(what, sizeof(what), "cgroup %.100s", o->cgroups[i]);
			check_processes(r, &pids, what);
		}
	}
	for (size_t i = 0; i < o->n_pids; i++, dfl_pids_fini(&pids)) {
		snprintf(what, sizeof(what), "process %u", o->pids[i]);
		if (!dfl_proc_parent(o->pids[i]) && o->pids[i] != 1) {
			tell(r, what, DFL_DOCTOR_MISSING, "choose one that runs",
			     "no such process");
			bad = dfl_err_set(err, ESRCH, "no process %u", o->pids[i]);
		} else if (!dfl_pids_of_tree(o->pids[i], &pids)) {
			check_processes(r, &pids, what);
		}
	}
	return bad;
}

int dfl_doctor_run(const struct dfl_doctor_opts *opts,
		   void (*fn)(void *ud, const struct dfl_doctor_check *check), void *ud,
		   struct dfl_err *err)
{
	struct report r = { .fn = fn, .ud = ud };
	int bad, e;

	check_kernel(&r);
	check_lockdown(&r);
	check_capabilities(&r);
	check_cgroup(&r);
	check_uprobes(&r);
	bad = dfl_live_load_check_host(err);
	if (bad)
		return bad;
	dfl_process_wide_listen(opts ? &opts->log : NULL);
	check_programs(&r);
	dfl_process_wide_unlisten();
	if (r.missing)
		bad = dfl_err_set(err, ENOTSUP,
				  "this kernel cannot load a program that recording needs");
	if (!opts)
		return bad;
	e = check_targets(&r, opts, err);
	return bad ? bad : e;
}
