// SPDX-License-Identifier: Apache-2.0
/* The two ends of a connection, and which station each of them is. */
#include "trace/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/string.h"

/* The host name of an address, by a DNS answer. */
struct name {
	UT_hash_handle hh;
	struct dfl_addr addr; /* port 0 */
	const char *name;     /* interned */
};

struct proc *dfl_proc_find(struct dfl_trace *t, uint32_t pid)
{
	struct proc *p;

	HASH_FIND(hh, t->procs, &pid, sizeof(pid), p);
	return p;
}

static void free_proc(struct dfl_trace *t, struct proc *p)
{
	struct blind_way *b, *next;

	LL_FOREACH_SAFE(p->blind, b, next)
	free(b);
	HASH_DEL(t->procs, p);
	free(p);
}

/* Makes room for one more process. */
static void forget_oldest_exited(struct dfl_trace *t)
{
	struct proc *p, *next;

	HASH_ITER(hh, t->procs, p, next)
	{
		if (!p->exited)
			continue;
		free_proc(t, p);
		return;
	}
}

void dfl_proc_learn(struct dfl_trace *t, const struct dfl_ev_proc *ev)
{
	struct proc *p = dfl_proc_find(t, ev->pid);
	struct dfl_station_answer a;

	if (p && p->exited) { /* the number is used again */
		free_proc(t, p);
		p = NULL;
	}
	if (!p) {
		if (HASH_COUNT(t->procs) >= MAX_PROCS)
			forget_oldest_exited(t);
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->pid = ev->pid;
		p->seen_ns = t->now_ns;
		HASH_ADD(hh, t->procs, pid, sizeof(p->pid), p);
		if (!DFL_HASHED(hh, p)) {
			free(p);
			return;
		}
	}
	a = dfl_rules_process(t->opts.rules, ev);
	p->station = a.station;
	p->rule = a.rule;
	p->exited = false;
	if (!p->parent) { /* the first word counts: later the parent may be gone */
		p->parent = ev->ppid;
		p->born_ns = ev->start_ns;
	}
	p->comm = dfl_string(t, ev->comm);
	p->container_id = dfl_string(t, ev->container_id);
	p->container_name = dfl_string(t, ev->container_name);
	p->image = dfl_string(t, ev->image);
	p->pod = dfl_string(t, ev->pod);
	p->namespace_ = dfl_string(t, ev->namespace_);
	p->task = dfl_string(t, ev->task);
}

static const char *const blind_words[DFL_N_BLIND] = {
	[DFL_BLIND_IO_URING] = "io_uring",
	[DFL_BLIND_SHM] = "shared memory",
	[DFL_BLIND_PROCESS_VM] = "memory of another process (process_vm_readv/writev)",
	[DFL_BLIND_OTHER] = "other",
};

void dfl_proc_learn_blind(struct dfl_trace *t, const struct dfl_ev_blind *ev, uint64_t ts_ns)
{
	const char *way = dfl_string(t, blind_words[ev->kind] ?: ev->way);
	struct proc *p = dfl_proc_find(t, ev->pid);
	struct blind_way *b, *last = NULL;
	int n = 0;

	if (!p)
		return;
	LL_FOREACH(p->blind, b)
	{
		if (b->way == way)
			break;
		last = b;
		n++;
	}
	if (!b && n >= MAX_BLIND_WAYS) {
		b = last;
		b->way = dfl_string(t, blind_words[DFL_BLIND_OTHER]);
	}
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return;
		b->way = way;
		LL_APPEND(p->blind, b);
	}
	b->lasts |= dfl_blind_lasts(ev->kind);
	b->last_ns = ts_ns;
}

/* The key of a host name. Zeroed first, because its padding is hashed as well. */
static struct dfl_addr without_port(const struct dfl_addr *addr)
{
	struct dfl_addr key;

	memset(&key, 0, sizeof(key));
	dfl_addr_set(&key, addr->family, addr->ip, 0);
	return key;
}

static struct name *find_name(const struct dfl_trace *t, const struct dfl_addr *addr)
{
	struct dfl_addr key = without_port(addr);
	struct name *n;

	HASH_FIND(hh, t->names, &key, sizeof(key), n);
	return n;
}

void dfl_name_learn(struct dfl_trace *t, const char *name, const struct dfl_addr *addr)
{
	struct name *n = find_name(t, addr);

	if (!n) {
		if (HASH_COUNT(t->names) >= MAX_NAMES)
			return;
		n = calloc(1, sizeof(*n));
		if (!n)
			return;
		n->addr = without_port(addr);
		HASH_ADD(hh, t->names, addr, sizeof(n->addr), n);
		if (!DFL_HASHED(hh, n)) {
			free(n);
			return;
		}
	}
	n->name = dfl_string(t, name);
}

static const char *name_of(const struct dfl_trace *t, const struct dfl_addr *addr)
{
	const struct name *n = find_name(t, addr);

	return n ? n->name : NULL;
}

void dfl_tconn_open(struct dfl_conn *conn)
{
	struct tconn *tc = conn->trace;

	if (!tc) {
		tc = calloc(1, sizeof(*tc));
		if (!tc)
			return;
		tc->refs = 1;
		tc->id = conn->id;
		tc->medium = conn->medium;
		tc->covers.skipped = &tc->bytes.unread[UNREAD_SKIPPED];
		tc->path = conn->path[0] ? strdup(conn->path) : NULL;
		conn->trace = tc;
	}
	tc->tap = conn->tap;
	memcpy(tc->end, conn->end, sizeof(tc->end));
}

struct tconn *dfl_tconn_ref(struct tconn *tc)
{
	tc->refs++;
	return tc;
}

void dfl_tconn_unref(struct tconn *tc)
{
	if (--tc->refs)
		return;
	dfl_cover_free(&tc->covers);
	free(tc->path);
	free(tc->tls);
	free(tc);
}

/*
 * The order is that of trust: the client itself said the SNI; DNS told the address; the
 * configuration is only what somebody believes.
 */
const char *dfl_tconn_name(struct dfl_trace *t, const struct tconn *tc, enum dfl_end end,
			   const char **ret_evidence)
{
	const struct dfl_addr *addr = &tc->end[end].addr;
	const char *name;

	*ret_evidence = "sni";
	if (end == DFL_SERVER && tc->tls && tc->tls->sni[0])
		return tc->tls->sni;
	*ret_evidence = "dns";
	name = addr->family ? name_of(t, addr) : NULL;
	if (name)
		return name;
	*ret_evidence = "config";
	name = addr->family ? dfl_rules_name(t->opts.rules, addr) : NULL;
	if (!name)
		*ret_evidence = NULL;
	return name;
}

static bool has_addresses(const struct tconn *tc)
{
	return tc->medium == DFL_TCP || tc->medium == DFL_UDP;
}

/*
 * What decides, in this order: the rule for the process; what the operation said; the rule for the
 * peer; what the protocol is. A process that serves a connection becomes what it serves.
 */
struct dfl_station_answer dfl_end_station(struct dfl_trace *t, const struct end_question *q)
{
	const struct tconn *tc = q->tc;
	struct proc *p = q->pid ? dfl_proc_find(t, q->pid) : NULL;
	struct dfl_station_answer a = { q->told, q->told_rule };
	struct dfl_peer_facts facts = {
		.medium = tc->medium,
		.protocol = tc->protocol,
		.addr = tc->end[q->end].addr.family ? &tc->end[q->end].addr : NULL,
		.path = tc->path,
		.fd = -1,
		.operation = q->operation,
		.place = q->place,
		.is_client = q->end == DFL_CLIENT,
		.forwarded = tc->forwarded,
	};
	const char *evidence;

	if (p && p->station != DFL_ST_UNKNOWN)
		return (struct dfl_station_answer){ p->station, p->rule };
	if (a.station != DFL_ST_UNKNOWN)
		return a;
	if (!has_addresses(tc) && (q->pid || q->end == DFL_CLIENT))
		return a; /* a pipe or a file: the process is all that could tell */
	if (!has_addresses(tc))
		facts.fd = tc->end[DFL_CLIENT].fd;
	facts.name = dfl_tconn_name(t, tc, q->end, &evidence);
	a = dfl_rules_peer(t->opts.rules, &facts);
	if (a.station == DFL_ST_UNKNOWN && q->end == DFL_SERVER && tc->server != DFL_ST_UNKNOWN)
		a = (struct dfl_station_answer){ tc->server, tc->protocol };
	if (p && q->end == DFL_SERVER && has_addresses(tc)) {
		p->station = a.station;
		p->rule = a.rule;
	}
	return a;
}

void dfl_endpoints_free(struct dfl_trace *t)
{
	struct proc *p, *next_p;
	struct name *n, *next_n;

	HASH_ITER(hh, t->procs, p, next_p)
	free_proc(t, p);
	HASH_ITER(hh, t->names, n, next_n)
	{
		HASH_DEL(t->names, n);
		free(n);
	}
}
