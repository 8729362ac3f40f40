// SPDX-License-Identifier: Apache-2.0
/* When a process is scanned for TLS libraries once more. */
#include "capture/live/rescan.h"

#include <stdlib.h>
#include <utlist.h>

#include "capture/live/tls_attach.h"

#define SOON_NS 100000000ull
#define MAX_WAIT_NS 64000000000ull /* a process with TLS of its own is looked at this often */

struct dfl_live_rescan {
	uint32_t pid;
	uint64_t due_ns;  /* 0: it is not in the list */
	uint64_t wait_ns; /* until the next scan for unread bytes */
	struct dfl_live_rescan *prev, *next;
	UT_hash_handle hh;
};

static struct dfl_live_rescan *find(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_rescan *s;

	HASH_FIND(hh, l->rescans, &pid, sizeof(pid), s);
	return s;
}

static void take_out(struct dfl_live *l, struct dfl_live_rescan *s)
{
	if (s->due_ns)
		DL_DELETE(l->rescans_due, s);
	s->due_ns = 0;
}

static void forget(struct dfl_live *l, struct dfl_live_rescan *s)
{
	take_out(l, s);
	HASH_DEL(l->rescans, s);
	free(s);
}

/* NULL: no memory. */
static struct dfl_live_rescan *make(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_rescan *s;

	if (HASH_COUNT(l->rescans) >= LIVE_MAX_PROCS)
		forget(l, l->rescans);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->pid = pid;
	s->wait_ns = SOON_NS;
	HASH_ADD(hh, l->rescans, pid, sizeof(s->pid), s);
	if (DFL_HASHED(hh, s))
		return s;
	free(s);
	return NULL;
}

static void put_in(struct dfl_live *l, struct dfl_live_rescan *s, uint64_t due_ns)
{
	if (s->due_ns)
		return;
	s->due_ns = due_ns;
	DL_APPEND(l->rescans_due, s);
}

void dfl_live_rescan_see(struct dfl_live *l, uint32_t pid, uint64_t now_ns)
{
	struct dfl_live_rescan *s = find(l, pid);

	if (s)
		return;
	s = make(l, pid);
	dfl_live_tls_attach_scan(l, pid);
	if (s)
		put_in(l, s, now_ns + SOON_NS);
}

void dfl_live_rescan_later(struct dfl_live *l, uint32_t pid, uint64_t now_ns)
{
	struct dfl_live_rescan *s = find(l, pid) ?: make(l, pid);

	if (!s)
		return;
	s->wait_ns = SOON_NS;
	put_in(l, s, now_ns + SOON_NS);
}

void dfl_live_rescan_unread(struct dfl_live *l, uint32_t pid, uint64_t now_ns)
{
	struct dfl_live_rescan *s = find(l, pid);

	if (!s || s->due_ns)
		return;
	put_in(l, s, now_ns + s->wait_ns);
	if (s->wait_ns < MAX_WAIT_NS)
		s->wait_ns *= 2;
}

void dfl_live_rescan_tick(struct dfl_live *l, uint64_t now_ns)
{
	struct dfl_live_rescan *s, *next;

	DL_FOREACH_SAFE(l->rescans_due, s, next)
	{
		if (s->due_ns > now_ns)
			continue;
		take_out(l, s);
		dfl_live_tls_attach_scan(l, s->pid);
	}
}

void dfl_live_rescan_exit(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_rescan *s = find(l, pid);

	if (s)
		forget(l, s);
}

void dfl_live_rescan_fini(struct dfl_live *l)
{
	while (l->rescans)
		forget(l, l->rescans);
}
