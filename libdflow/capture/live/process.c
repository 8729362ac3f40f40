// SPDX-License-Identifier: Apache-2.0
/* Processes of the live source: told at first sight, again after exec, and when they go. */
#include "capture/live/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "capture/host/container.h"
#include "capture/host/proc.h"
#include "capture/live/emit.h"
#include "capture/live/ways.h"

struct dfl_live_proc {
	uint32_t pid, parent;
	uint32_t open_ways; /* bits of enum dfl_k_blind: ways out that stay open */
	uint32_t inherited; /* the same of its parent at the fork, until it is told or it execs */
	uint64_t fork_ns;
	bool told;
	struct dfl_live_proc *prev, *next; /* those that inherited, the oldest first */
	UT_hash_handle hh;
};

/* So long a child of fork may take to exec: then it has no memory of its parent any more. */
#define EXEC_NS 500000000ull

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

static void forget_inherited(struct dfl_live *l, struct dfl_live_proc *p)
{
	if (p->inherited)
		DL_DELETE(l->forked, p);
	p->inherited = 0;
}

static void free_proc(struct dfl_live *l, struct dfl_live_proc *p)
{
	forget_inherited(l, p);
	HASH_DEL(l->procs, p);
	free(p);
}

/* NULL: no memory. */
static struct dfl_live_proc *find_or_make(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_proc *p = find(l, pid);

	if (p)
		return p;
	if (HASH_COUNT(l->procs) >= LIVE_MAX_PROCS) { /* the one that was seen first goes */
		p = l->procs;
		free_proc(l, p);
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
	if (!f->ppid || rec->fork) /* by now it may have another: its own may be gone */
		f->ppid = rec->ppid;
	if (!f->start_ns || rec->fork) /* /proc counts in steps of 10 ms */
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

/* What stays open in the parent is open in the child. */
static void inherit(struct dfl_live *l, struct dfl_live_proc *child, const struct dfl_k_proc *rec)
{
	const struct dfl_live_proc *parent = find(l, rec->ppid);

	forget_inherited(l, child);
	child->open_ways = 0;
	child->parent = rec->ppid;
	child->fork_ns = rec->head.ts_ns;
	child->inherited = parent ? parent->open_ways | parent->inherited : 0;
	if (child->inherited)
		DL_APPEND(l->forked, child);
}

int dfl_live_process_record(struct dfl_live *l, const struct dfl_k_proc *rec)
{
	struct dfl_live_proc *p = find_or_make(l, rec->pid);
	struct dfl_proc_facts f;

	if (!p)
		return -ENOMEM;
	if (rec->fork) {
		inherit(l, p, rec);
	} else { /* exec: new memory */
		forget_inherited(l, p);
		p->open_ways = 0;
	}
	if (!dfl_proc_read(rec->pid, &f))
		read_container(l, &f);
	fill_from_record(&f, rec);
	return tell(l, p, &f, rec->head.ts_ns);
}

static int send_blind(struct dfl_live *l, uint32_t pid, uint32_t why, uint64_t number,
		      uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_BLIND, .ts_ns = ts_ns, .blind = { .pid = pid } };
	char word[DFL_WAYS_WORD];

	dfl_ways_blind(why, number, word, &ev.blind);
	return dfl_live_emit(l, &ev);
}

/* The child has what it inherited for good. Memory without a name is now shared by two. */
static int tell_inherited(struct dfl_live *l, struct dfl_live_proc *child, uint64_t ts_ns)
{
	uint32_t ways = child->inherited;
	int r = dfl_live_process_see(l, child->pid, ts_ns);

	forget_inherited(l, child);
	child->open_ways |= ways;
	for (uint32_t why = 0; why < DFL_K_N_BLIND && !r; why++)
		if (ways & 1u << why)
			r = send_blind(l, child->pid, why, 0, ts_ns);
	if (!r && ways & 1u << DFL_K_SHM_ANON && find(l, child->parent))
		r = send_blind(l, child->parent, DFL_K_SHM_ANON, 0, ts_ns);
	return r;
}

int dfl_live_process_tick(struct dfl_live *l, uint64_t ts_ns)
{
	int r = 0;

	while (!r && l->forked && l->forked->fork_ns + EXEC_NS <= ts_ns)
		r = tell_inherited(l, l->forked, ts_ns);
	return r;
}

int dfl_live_process_exit(struct dfl_live *l, uint32_t pid, uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_PROC_EXIT, .ts_ns = ts_ns, .exited_pid = pid };
	struct dfl_live_proc *p = find(l, pid);
	int r;

	if (!p)
		return 0;
	r = p->inherited ? tell_inherited(l, p, ts_ns) : 0;
	free_proc(l, p);
	return r ? r : dfl_live_emit(l, &ev);
}

int dfl_live_process_blind(struct dfl_live *l, uint32_t pid, uint32_t why, uint64_t number,
			   uint64_t ts_ns)
{
	int r = dfl_live_process_see(l, pid, ts_ns);
	struct dfl_live_proc *p = find(l, pid);
	struct dfl_ev_blind ev;
	char word[DFL_WAYS_WORD];
	bool was;

	if (r || !p || why >= DFL_K_N_BLIND)
		return r;
	dfl_ways_blind(why, number, word, &ev);
	was = p->open_ways & 1u << why;
	if (dfl_blind_lasts(ev.kind))
		p->open_ways |= 1u << why;
	if (was || why == DFL_K_SHM_ANON) /* that one is told when it is inherited */
		return 0;
	return send_blind(l, pid, why, number, ts_ns);
}

void dfl_live_process_fini(struct dfl_live *l)
{
	struct dfl_live_container *c, *next;
	struct dfl_live_proc *p, *tmp;

	HASH_ITER(hh, l->procs, p, tmp)
	free_proc(l, p);
	HASH_ITER(hh, l->containers, c, next)
	{
		HASH_DEL(l->containers, c);
		free(c);
	}
}
