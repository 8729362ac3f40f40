// SPDX-License-Identifier: Apache-2.0
/* Processes of the live source: told at first sight, again after exec, and when they go. */
#include "capture/live/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/host/container.h"
#include "capture/host/proc.h"
#include "capture/live/emit.h"

struct dfl_live_proc {
	uint32_t pid;
	uint32_t blind; /* bits of enum dfl_blind_kind that were told */
	bool told;
	UT_hash_handle hh;
};

struct dfl_live_container {
	struct dfl_proc_facts facts; /* of its first process */
	UT_hash_handle hh;	     /* by facts.cgroup */
};

static struct dfl_live_proc *find(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_proc *p;

	HASH_FIND(hh, l->procs, &pid, sizeof(pid), p);
	return p;
}

/* NULL: no memory. */
static struct dfl_live_proc *find_or_make(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_proc *p = find(l, pid);

	if (p)
		return p;
	if (HASH_COUNT(l->procs) >= LIVE_MAX_PROCS) { /* the one that was seen first goes */
		p = l->procs;
		HASH_DEL(l->procs, p);
		free(p);
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	HASH_ADD(hh, l->procs, pid, sizeof(p->pid), p);
	if (DFL_HASHED(hh, p))
		return p;
	free(p);
	return NULL;
}

/* Files of container runtimes are read once a container, not once a process of it. */
static void read_container(struct dfl_live *l, struct dfl_proc_facts *f)
{
	struct dfl_live_container *c;

	HASH_FIND_STR(l->containers, f->cgroup, c);
	if (!c) {
		dfl_container_read(l->opts.host_root ? l->opts.host_root : "", f);
		/* names may come later than the first process: only a named one is kept */
		if (!f->container_name[0] || HASH_COUNT(l->containers) >= LIVE_MAX_CONTAINERS)
			return;
		c = malloc(sizeof(*c));
		if (!c)
			return;
		c->facts = *f;
		HASH_ADD_STR(l->containers, facts.cgroup, c);
		if (!DFL_HASHED(hh, c))
			free(c);
		return;
	}
	memcpy(f->container_id, c->facts.container_id, sizeof(f->container_id));
	memcpy(f->container_name, c->facts.container_name, sizeof(f->container_name));
	memcpy(f->image, c->facts.image, sizeof(f->image));
	memcpy(f->pod, c->facts.pod, sizeof(f->pod));
	memcpy(f->namespace_, c->facts.namespace_, sizeof(f->namespace_));
	memcpy(f->task, c->facts.task, sizeof(f->task));
}

/* Sends what is known of the process. */
static int tell(struct dfl_live *l, struct dfl_live_proc *p, const struct dfl_proc_facts *f,
		uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_PROC, .ts_ns = ts_ns };

	p->told = true;
	l->stats.procs++;
	dfl_proc_event(f, &ev.proc);
	return dfl_live_emit(l, &ev);
}

int dfl_live_process_see(struct dfl_live *l, uint32_t pid, uint64_t ts_ns)
{
	struct dfl_live_proc *p = find_or_make(l, pid);
	struct dfl_proc_facts f;

	if (!p)
		return -ENOMEM;
	if (p->told)
		return 0;
	if (!dfl_proc_read(pid, &f))
		read_container(l, &f);
	f.pid = pid;
	return tell(l, p, &f, ts_ns);
}

/* What the record says fills the holes that /proc left, because the process is gone by now. */
static void fill_from_record(struct dfl_proc_facts *f, const struct dfl_k_proc *rec)
{
	f->pid = rec->pid;
	if (!f->ppid)
		f->ppid = rec->ppid;
	if (!f->start_ns)
		f->start_ns = rec->start_ns;
	if (!f->comm[0])
		snprintf(f->comm, sizeof(f->comm), "%.15s", rec->comm);
	if (rec->fork)
		return;
	if (!f->exe[0])
		snprintf(f->exe, sizeof(f->exe), "%.255s", rec->exe);
	if (!f->cmdline[0] && rec->args_len && rec->args_len < sizeof(rec->args)) {
		memcpy(f->cmdline, rec->args, rec->args_len);
		f->cmdline[rec->args_len] = 0;
		dfl_proc_join_args(f->cmdline, rec->args_len);
	}
}

int dfl_live_process_record(struct dfl_live *l, const struct dfl_k_proc *rec)
{
	struct dfl_live_proc *p = find_or_make(l, rec->pid);
	struct dfl_proc_facts f;

	if (!p)
		return -ENOMEM;
	if (!dfl_proc_read(rec->pid, &f))
		read_container(l, &f);
	fill_from_record(&f, rec);
	return tell(l, p, &f, rec->head.ts_ns);
}

int dfl_live_process_exit(struct dfl_live *l, uint32_t pid, uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_PROC_EXIT, .ts_ns = ts_ns, .exited_pid = pid };
	struct dfl_live_proc *p = find(l, pid);

	if (!p)
		return 0;
	HASH_DEL(l->procs, p);
	free(p);
	return dfl_live_emit(l, &ev);
}

int dfl_live_process_blind(struct dfl_live *l, uint32_t pid, uint32_t kind, uint64_t ts_ns)
{
	static const enum dfl_blind_kind kinds[] = { [DFL_K_IO_URING] = DFL_BLIND_IO_URING,
						     [DFL_K_SHM] = DFL_BLIND_SHM,
						     [DFL_K_PROCESS_VM] = DFL_BLIND_PROCESS_VM,
						     [DFL_K_COMPAT] = DFL_BLIND_OTHER };
	struct dfl_event ev = { .type = DFL_EV_BLIND, .ts_ns = ts_ns, .blind = { .pid = pid } };
	int r = dfl_live_process_see(l, pid, ts_ns);
	struct dfl_live_proc *p = find(l, pid);

	if (r || !p || kind > DFL_K_COMPAT)
		return r;
	ev.blind.kind = kinds[kind];
	if (p->blind & (1u << ev.blind.kind))
		return 0;
	p->blind |= 1u << ev.blind.kind;
	return dfl_live_emit(l, &ev);
}

void dfl_live_process_fini(struct dfl_live *l)
{
	struct dfl_live_container *c, *next;
	struct dfl_live_proc *p, *tmp;

	HASH_ITER(hh, l->procs, p, tmp)
	{
		HASH_DEL(l->procs, p);
		free(p);
	}
	HASH_ITER(hh, l->containers, c, next)
	{
		HASH_DEL(l->containers, c);
		free(c);
	}
}
