// SPDX-License-Identifier: Apache-2.0
/* The parts that all files of a document build need. */
#include "trace/document/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

char *dfl_part_string(struct build *b, const char *s)
{
	char *copy;

	if (!s || !*s)
		return NULL;
	copy = strdup(s);
	if (copy)
		dfl_printable(copy);
	else
		b->failed = true;
	return copy;
}

void *dfl_part_array(struct build *b, size_t n, size_t size)
{
	void *p = n ? calloc(n, size) : NULL;

	if (n && !p)
		b->failed = true;
	return p;
}

void dfl_part_add(struct build *b, char ***list, size_t *n, const char *s)
{
	char **bigger;

	for (size_t i = 0; i < *n; i++)
		if (!strcmp((*list)[i], s))
			return;
	bigger = reallocarray(*list, *n + 1, sizeof(*bigger));
	if (!bigger) {
		b->failed = true;
		return;
	}
	*list = bigger;
	bigger[*n] = dfl_part_string(b, s);
	if (bigger[*n])
		(*n)++;
}

void dfl_part_endpoint(struct build *b, const struct end_question *q, struct dfl_doc_endpoint *e)
{
	const struct proc *p = q->pid ? dfl_proc_find(b->t, q->pid) : NULL;
	const struct dfl_addr *addr = &q->tc->end[q->end].addr;
	struct dfl_station_answer a = dfl_end_station(b->t, q);
	char text[DFL_ADDR_STRLEN];
	const char *evidence;

	e->station = a.station;
	e->rule = dfl_part_string(b, a.rule);
	e->pid = q->pid;
	if (addr->family)
		e->address = dfl_part_string(b, dfl_addr_str(addr, text));
	if (!p) {
		e->name = dfl_part_string(b, dfl_tconn_name(b->t, q->tc, q->end, &evidence));
		e->name_evidence = e->name ? dfl_part_string(b, evidence) : NULL;
		return;
	}
	e->node = dfl_part_string(b, b->t->node_id);
	e->comm = dfl_part_string(b, p->comm);
	e->container.id = dfl_part_string(b, p->container_id);
	if (!e->container.id)
		return;
	e->container.name = dfl_part_string(b, p->container_name);
	e->container.image = dfl_part_string(b, p->image);
	e->container.pod = dfl_part_string(b, p->pod);
	e->container.namespace_ = dfl_part_string(b, p->namespace_);
	e->container.task = dfl_part_string(b, p->task);
}

/*
 * The process at an end may have been seen only after the operation began: then the connection
 * knows it.
 */
struct end_question dfl_part_question(const struct hop *h, enum dfl_end end)
{
	return (struct end_question){
		.tc = h->tc,
		.end = end,
		.pid = h->pid[end] ? h->pid[end] : h->tc->end[end].pid,
		.operation = h->key.operation,
		.place = h->key.place,
		.told = h->station[end],
		.told_rule = h->station_rule[end],
	};
}

static bool has_pid(const struct build *b, uint32_t pid)
{
	for (size_t i = 0; i < b->n_pids; i++)
		if (b->pids[i] == pid)
			return true;
	return false;
}

static void note_pid(struct build *b, uint32_t pid)
{
	if (!pid || has_pid(b, pid))
		return;
	if (b->n_pids < MAX_PIDS)
		b->pids[b->n_pids++] = pid;
	else
		b->more_pids = true;
}

/* /proc/PID/stat counts a process's start in steps of 1/sysconf(_SC_CLK_TCK) s. */
#define TICK_NS 10000000ull

/*
 * A child has the memory of its parent, or its arguments: what the parent held when it forked, the
 * child may hold. A process that was there before the request has only what reached it by a
 * channel. Processes stand in the order in which they were seen first, so parents come before
 * children, and those since the request are the last ones.
 */
static void note_children(struct build *b)
{
	struct proc *p, *first = NULL;

	if (!b->t->procs)
		return;
	for (p = ELMT_FROM_HH(b->t->procs->hh.tbl, b->t->procs->hh.tbl->tail);
	     p && p->seen_ns >= b->r->start_ns; p = p->hh.prev)
		first = p;
	for (p = first; p; p = p->hh.next)
		if (p->born_ns + TICK_NS >= b->r->start_ns && has_pid(b, p->parent))
			note_pid(b, p->pid);
}

/* In the order in which the hops were found; then their children. */
void dfl_part_pids(struct build *b)
{
	struct hop *h, *next;

	if (b->have_pids)
		return;
	b->have_pids = true;
	HASH_ITER(hh, b->r->hops, h, next)
	{
		note_pid(b, dfl_part_question(h, DFL_CLIENT).pid);
		note_pid(b, dfl_part_question(h, DFL_SERVER).pid);
	}
	note_children(b);
}

uint32_t dfl_part_conn_number(const struct build *b, const struct tconn *tc)
{
	for (size_t i = 0; i < b->n_entries; i++)
		if (b->entries[i].first->tc == tc)
			return (uint32_t)i + 1;
	return 0;
}
