// SPDX-License-Identifier: Apache-2.0
/*
 * Facts that outlive an operation: strings, processes, host names, connections, and which station
 * an end is.
 */
#include "trace/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct string {
	UT_hash_handle hh;
	char text[];
};

const char *dfl_trace_string(struct dfl_trace *t, const char *text)
{
	struct string *s;
	size_t len;

	if (!text || !*text)
		return NULL;
	len = strlen(text);
	HASH_FIND(hh, t->strings, text, len, s);
	if (s)
		return s->text;
	if (HASH_COUNT(t->strings) >= MAX_STRINGS) {
		t->stats.capped_strings++;
		return "*";
	}
	s = malloc(sizeof(*s) + len + 1);
	if (!s)
		return "*";
	memcpy(s->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, t->strings, s->text, len, s);
	if (!DFL_HASHED(hh, s)) {
		free(s);
		return "*";
	}
	return s->text;
}

struct proc *dfl_trace_find_proc(struct dfl_trace *t, uint32_t pid)
{
	struct proc *p;

	HASH_FIND(hh, t->procs, &pid, sizeof(pid), p);
	return p;
}

static void forget_oldest_exited(struct dfl_trace *t)
{
	struct proc *p, *next;

	HASH_ITER(hh, t->procs, p, next)
	{
		if (!p->exited)
			continue;
		HASH_DEL(t->procs, p);
		free(p);
		return;
	}
}

void dfl_trace_proc(struct dfl_trace *t, const struct dfl_ev_proc *ev, uint64_t ts_ns)
{
	struct proc *p = dfl_trace_find_proc(t, ev->pid);
	struct dfl_station_answer a;

	if (!p) {
		if (HASH_COUNT(t->procs) >= MAX_PROCS)
			forget_oldest_exited(t);
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->pid = ev->pid;
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
	p->comm = dfl_trace_string(t, ev->comm);
	p->container_id = dfl_trace_string(t, ev->container_id);
	p->container_name = dfl_trace_string(t, ev->container_name);
	p->image = dfl_trace_string(t, ev->image);
	p->pod = dfl_trace_string(t, ev->pod);
	p->namespace_ = dfl_trace_string(t, ev->namespace_);
	p->task = dfl_trace_string(t, ev->task);
}

void dfl_trace_name(struct dfl_trace *t, const char *name, const struct dfl_addr *addr)
{
	struct dfl_addr key;
	struct name *n;

	memset(&key, 0, sizeof(key));
	dfl_addr_set(&key, addr->family, addr->ip, 0);
	HASH_FIND(hh, t->names, &key, sizeof(key), n);
	if (!n) {
		if (HASH_COUNT(t->names) >= MAX_NAMES)
			return;
		n = calloc(1, sizeof(*n));
		if (!n)
			return;
		n->addr = key;
		HASH_ADD(hh, t->names, addr, sizeof(n->addr), n);
		if (!DFL_HASHED(hh, n)) {
			free(n);
			return;
		}
	}
	n->name = dfl_trace_string(t, name);
}

const char *dfl_trace_find_name(const struct dfl_trace *t, const struct dfl_addr *addr)
{
	struct dfl_addr key;
	struct name *n;

	memset(&key, 0, sizeof(key));
	dfl_addr_set(&key, addr->family, addr->ip, 0);
	HASH_FIND(hh, t->names, &key, sizeof(key), n);
	return n ? n->name : NULL;
}

void dfl_trace_conn(struct dfl_trace *t, struct dfl_conn *conn)
{
	struct tconn *tc = conn->trace;

	if (!tc) {
		tc = calloc(1, sizeof(*tc));
		if (!tc)
			return;
		tc->refs = 1;
		tc->id = conn->id;
		tc->medium = conn->medium;
		tc->path = conn->path[0] ? strdup(conn->path) : NULL;
		tc->conn = conn;
		conn->trace = tc;
		DL_APPEND(t->tconns, tc);
	}
	tc->tap = conn->tap;
	memcpy(tc->end, conn->end, sizeof(tc->end));
}

struct tconn *dfl_tconn_ref(struct tconn *tc)
{
	tc->refs++;
	return tc;
}

void dfl_tconn_unref(struct dfl_trace *t, struct tconn *tc)
{
	if (--tc->refs)
		return;
	DL_DELETE(t->tconns, tc);
	free(tc->path);
	free(tc->tls);
	free(tc);
}

/* SNI, then DNS, then the configuration. */
const char *dfl_tconn_name(struct dfl_trace *t, const struct tconn *tc, enum dfl_end end,
			   const char **ret_evidence)
{
	const struct dfl_addr *addr = &tc->end[end].addr;
	const char *name;

	*ret_evidence = "sni";
	if (end == DFL_SERVER && tc->tls && tc->tls->sni[0])
		return tc->tls->sni;
	*ret_evidence = "dns";
	name = addr->family ? dfl_trace_find_name(t, addr) : NULL;
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

struct dfl_station_answer dfl_trace_station(struct dfl_trace *t, const struct end_question *q)
{
	const struct tconn *tc = q->tc;
	struct proc *p = q->pid ? dfl_trace_find_proc(t, q->pid) : NULL;
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
		return a; /* a process that no rule knows */
	if (!has_addresses(tc))
		facts.fd = tc->end[DFL_CLIENT].fd;
	facts.name = dfl_tconn_name(t, tc, q->end, &evidence);
	a = dfl_rules_peer(t->opts.rules, &facts);
	if (a.station == DFL_ST_UNKNOWN && q->end == DFL_SERVER && tc->server != DFL_ST_UNKNOWN)
		a = (struct dfl_station_answer){ tc->server, tc->protocol };
	if (p && q->end == DFL_SERVER && has_addresses(tc)) { /* what a process serves says what it
								 is */
		p->station = a.station;
		p->rule = a.rule;
	}
	return a;
}

void dfl_facts_free(struct dfl_trace *t)
{
	struct string *s, *next_s;
	struct proc *p, *next_p;
	struct name *n, *next_n;

	HASH_ITER(hh, t->procs, p, next_p)
	{
		HASH_DEL(t->procs, p);
		free(p);
	}
	HASH_ITER(hh, t->names, n, next_n)
	{
		HASH_DEL(t->names, n);
		free(n);
	}
	HASH_ITER(hh, t->strings, s, next_s)
	{
		HASH_DEL(t->strings, s);
		free(s);
	}
	free(t->node_id);
	free(t->hostname);
	free(t->boot_id);
}
