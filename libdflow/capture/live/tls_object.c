// SPDX-License-Identifier: Apache-2.0
/*
 * Plaintext of TLS objects: it belongs to the channel of the socket that the object writes to,
 * which is known once a system call was seen inside one of its calls. Until then the records wait;
 * an object that never shows a socket (memory BIO) gets a channel of its own, so that its text is
 * not lost.
 */
#include "capture/live/tls_object.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "capture/live/channel.h"
#include "capture/live/process.h"

struct held { /* a record that waits until its TLS object has a socket */
	struct dfl_k_data *rec;
	struct held *next;
};

struct ssl_key {
	uint64_t ssl, born_ns;
	uint32_t pid, pad;
};

struct dfl_live_ssl {
	struct ssl_key key;
	uint64_t id; /* 1, 2, … */
	bool bound;
	struct dfl_k_key sock;
	uint64_t own_chan; /* of an object without a socket (memory BIO) */
	struct held *held, **held_tail;
	uint64_t held_since_ns;
	struct dfl_live_ssl *prev_waiting, *next_waiting; /* in l->waiting_ssls while it holds */
	struct dfl_live_ssl *prev_of_pid, *next_of_pid;
	UT_hash_handle hh;
};

/* The objects of one process: they are forgotten when it ends. */
struct dfl_live_ssl_pid {
	uint32_t pid;
	struct dfl_live_ssl *ssls;
	UT_hash_handle hh;
};

/* NULL: it was never seen, or it was forgotten. */
static struct dfl_live_ssl *find(struct dfl_live *l, uint64_t ssl, uint64_t born_ns, uint32_t pid)
{
	struct ssl_key key = { .ssl = ssl, .born_ns = born_ns, .pid = pid };
	struct dfl_live_ssl *s;

	HASH_FIND(hh, l->ssls, &key, sizeof(key), s);
	return s;
}

/* Frees the records that wait; sent or not. */
static void drop_held(struct dfl_live *l, struct dfl_live_ssl *s)
{
	struct held *h;

	if (s->held)
		DL_DELETE2(l->waiting_ssls, s, prev_waiting, next_waiting);
	while ((h = s->held)) {
		s->held = h->next;
		l->held_bytes -= h->rec->head.size;
		dfl_reorder_release(&h->rec->head);
		free(h);
	}
}

static struct dfl_live_ssl_pid *find_pid(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_ssl_pid *p;

	HASH_FIND(hh, l->ssl_pids, &pid, sizeof(pid), p);
	return p;
}

static int add_to_pid(struct dfl_live *l, struct dfl_live_ssl *s)
{
	struct dfl_live_ssl_pid *p = find_pid(l, s->key.pid);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->pid = s->key.pid;
		HASH_ADD(hh, l->ssl_pids, pid, sizeof(p->pid), p);
		if (!DFL_HASHED(hh, p)) {
			free(p);
			return -ENOMEM;
		}
	}
	DL_APPEND2(p->ssls, s, prev_of_pid, next_of_pid);
	return 0;
}

/* It is not in l->ssls any more. */
static void free_ssl(struct dfl_live *l, struct dfl_live_ssl *s)
{
	struct dfl_live_ssl_pid *p = find_pid(l, s->key.pid);

	drop_held(l, s);
	DL_DELETE2(p->ssls, s, prev_of_pid, next_of_pid);
	if (!p->ssls) {
		HASH_DEL(l->ssl_pids, p);
		free(p);
	}
	free(s);
}

static void remove_ssl(struct dfl_live *l, struct dfl_live_ssl *s)
{
	HASH_DEL(l->ssls, s);
	free_ssl(l, s);
}

/* The channel of the object's socket; 0 while it is not known. */
static uint64_t chan_of(struct dfl_live *l, const struct dfl_live_ssl *s)
{
	struct dfl_live_chan *c = s->bound ? dfl_live_channel_find(l, &s->sock) : NULL;

	return c && c->told ? c->ev.chan : s->own_chan;
}

/* Sends the records that waited to this channel. They get the time of now, because time never goes
 * back. */
static int send_held(struct dfl_live *l, struct dfl_live_ssl *s, uint64_t chan, uint64_t ts_ns)
{
	int r = 0;

	for (struct held *h = s->held; h && !r; h = h->next)
		r = dfl_live_channel_emit_data(l, h->rec, chan, s->id, ts_ns);
	drop_held(l, s);
	return r;
}

/* No socket was seen in time: the records go to a channel without addresses. Later ones follow them
 * there. */
static int give_up(struct dfl_live *l, struct dfl_live_ssl *s, uint64_t ts_ns)
{
	int r = 0;

	for (struct held *h = s->held; h; h = h->next)
		l->stats.tls_unbound_bytes += h->rec->len;
	if (!s->own_chan)
		r = dfl_live_channel_make_bare(l, ts_ns, &s->own_chan);
	return r ? r : send_held(l, s, s->own_chan, ts_ns);
}

/* When there are too many objects, the one that was used longest ago goes. */
static int make_room(struct dfl_live *l, uint64_t ts_ns)
{
	struct dfl_live_ssl *oldest = l->ssls;
	int r;

	if (HASH_COUNT(l->ssls) < LIVE_MAX_SSL)
		return 0;
	r = oldest->held ? give_up(l, oldest, ts_ns) : 0;
	remove_ssl(l, oldest);
	return r;
}

/* NULL: no memory. */
static struct dfl_live_ssl *make_ssl(struct dfl_live *l, uint64_t ssl, uint64_t born_ns,
				     uint32_t pid)
{
	struct dfl_live_ssl *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->key = (struct ssl_key){ .ssl = ssl, .born_ns = born_ns, .pid = pid };
	if (add_to_pid(l, s)) {
		free(s);
		return NULL;
	}
	HASH_ADD(hh, l->ssls, key, sizeof(s->key), s);
	if (!DFL_HASHED(hh, s)) {
		free_ssl(l, s);
		return NULL;
	}
	s->id = ++l->next_ssl;
	return s;
}

/* To the end: the order is the order of use, and the first one goes when there is no room. */
static int move_to_end(struct dfl_live *l, struct dfl_live_ssl *s)
{
	if (!s->hh.next)
		return 0;
	HASH_DEL(l->ssls, s);
	HASH_ADD(hh, l->ssls, key, sizeof(s->key), s);
	if (DFL_HASHED(hh, s))
		return 0;
	free_ssl(l, s);
	return -ENOMEM;
}

/* Also makes it the one that was used last. */
static int find_or_make(struct dfl_live *l, uint64_t ssl, uint64_t born_ns, uint32_t pid,
			uint64_t ts_ns, struct dfl_live_ssl **ret_ssl)
{
	struct dfl_live_ssl *s = find(l, ssl, born_ns, pid);
	int r = s ? move_to_end(l, s) : make_room(l, ts_ns);

	if (r)
		return r;
	if (!s)
		s = make_ssl(l, ssl, born_ns, pid);
	if (!s)
		return -ENOMEM;
	*ret_ssl = s;
	return 0;
}

/* Keeps a copy of the record until the socket is known. If too much waits, this object gives up at
 * once. */
static int hold(struct dfl_live *l, struct dfl_live_ssl *s, const struct dfl_k_data *rec)
{
	struct held *h;

	if (l->held_bytes + rec->head.size > LIVE_MAX_HELD)
		return give_up(l, s, rec->head.ts_ns);
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->rec = malloc(rec->head.size);
	if (!h->rec) {
		free(h);
		return -ENOMEM;
	}
	memcpy(h->rec, rec, rec->head.size);
	if (!s->held) {
		s->held_tail = &s->held;
		s->held_since_ns = rec->head.ts_ns;
		DL_APPEND2(l->waiting_ssls, s, prev_waiting, next_waiting);
	}
	*s->held_tail = h;
	s->held_tail = &h->next;
	l->held_bytes += rec->head.size;
	return 0;
}

int dfl_live_tls_object_data(struct dfl_live *l, const struct dfl_k_data *rec)
{
	int r = dfl_live_process_see(l, rec->pid, rec->head.ts_ns);
	struct dfl_live_ssl *s = NULL;
	uint64_t chan;

	if (!r)
		r = find_or_make(l, rec->ssl, rec->ssl_born_ns, rec->pid, rec->head.ts_ns, &s);
	if (r)
		return r;
	chan = chan_of(l, s);
	if (!chan) {
		r = hold(l, s, rec);
		chan = chan_of(l, s);
		if (r || !chan || s->held)
			return r;
	}
	return dfl_live_channel_emit_data(l, rec, chan, s->id, rec->head.ts_ns);
}

int dfl_live_tls_object_bind(struct dfl_live *l, const struct dfl_k_note *rec)
{
	struct dfl_live_ssl *s = NULL;
	int r = find_or_make(l, rec->ssl, rec->ssl_born_ns, rec->pid, rec->head.ts_ns, &s);
	uint64_t chan;

	if (r)
		return r;
	s->bound = true;
	s->sock = rec->key;
	chan = chan_of(l, s);
	return chan && s->held ? send_held(l, s, chan, rec->head.ts_ns) : 0;
}

int dfl_live_tls_object_expire(struct dfl_live *l, uint64_t now_ns, bool all)
{
	struct dfl_live_ssl *s;
	int r;

	/* those that wait longest stand first */
	while ((s = l->waiting_ssls) && (all || now_ns >= s->held_since_ns + LIVE_MAX_HOLD_NS)) {
		r = give_up(l, s, now_ns);
		if (r)
			return r;
	}
	return 0;
}

void dfl_live_tls_object_forget(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_ssl_pid *p = find_pid(l, pid);
	struct dfl_live_ssl *s, *tmp;

	if (!p)
		return;
	/* p goes with its last object; the loop does not look at it again */
	DL_FOREACH_SAFE2(p->ssls, s, tmp, next_of_pid)
	if (!s->held)
		remove_ssl(l, s);
}

void dfl_live_tls_object_fini(struct dfl_live *l)
{
	struct dfl_live_ssl *s, *tmp;

	HASH_ITER(hh, l->ssls, s, tmp)
	remove_ssl(l, s);
}
