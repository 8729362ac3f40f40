// SPDX-License-Identifier: Apache-2.0
/* Channels of the live source: from the kernel's objects to ids that are never used again. */
#include "capture/live/channel.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/live/emit.h"
#include "capture/live/process.h"
#include "capture/live/ways.h"

_Static_assert((int)DFL_K_POS == DFL_DATA_POS && (int)DFL_K_DGRAM == DFL_DATA_DGRAM &&
		       (int)DFL_K_COVERED == DFL_DATA_COVERED &&
		       (int)DFL_K_UNREAD == DFL_DATA_UNREAD && (int)DFL_K_FIRST == DFL_DATA_FIRST &&
		       (int)DFL_K_LAST == DFL_DATA_LAST && (int)DFL_K_END == DFL_DATA_END,
	       "flags are passed on as they are");
_Static_assert((int)DFL_K_CONNECTED == DFL_ROLE_CONNECTED &&
		       (int)DFL_K_ACCEPTED == DFL_ROLE_ACCEPTED,
	       "roles too");

static enum dfl_medium medium(uint32_t kind)
{
	switch (kind) {
	case DFL_K_UDP:
		return DFL_UDP;
	case DFL_K_UNIX:
		return DFL_UNIX;
	case DFL_K_PIPE:
	case DFL_K_TTY: /* whoever reads the terminal is not seen */
		return DFL_PIPE;
	case DFL_K_FILE:
	case DFL_K_TEXT:
		return DFL_FILE;
	default:
		return DFL_TCP;
	}
}

/* Leaves a as it is when the kernel had no address: the family is 0 then. */
static void set_addr(struct dfl_addr *a, const struct dfl_k_addr *k)
{
	if (k->family == AF_INET || k->family == AF_INET6)
		dfl_addr_set(a, k->family, k->ip, k->port);
}

/* It is not in l->chans any more. */
static void free_chan(struct dfl_live *l, struct dfl_live_chan *c)
{
	if (c->sk)
		HASH_DELETE(by_sk, l->chans_by_sk, c);
	free((char *)c->ev.path);
	free(c);
}

/* Forgets the channel. Its id is not used again. */
static void unlink_chan(struct dfl_live *l, struct dfl_live_chan *c)
{
	HASH_DELETE(hh, l->chans, c);
	free_chan(l, c);
}

/* Only channels that were told are told to be closed. */
static int send_close(struct dfl_live *l, struct dfl_live_chan *c, uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN_CLOSE,
				.ts_ns = ts_ns,
				.closed_chan = c->ev.chan };

	return c->told ? dfl_live_emit(l, &ev) : 0;
}

/* When there are too many channels, the one that was used longest ago goes. */
static int make_room(struct dfl_live *l, uint64_t ts_ns)
{
	struct dfl_live_chan *oldest = l->chans;
	int r;

	if (HASH_COUNT(l->chans) < LIVE_MAX_CHANS)
		return 0;
	l->stats.evicted_chans++;
	r = send_close(l, oldest, ts_ns);
	unlink_chan(l, oldest);
	return r;
}

struct dfl_live_chan *dfl_live_channel_find(struct dfl_live *l, const struct dfl_k_key *key)
{
	struct dfl_live_chan *c;

	HASH_FIND(hh, l->chans, key, sizeof(*key), c);
	return c;
}

/* Adds a channel with a new id; it is not told yet. NULL: no memory. */
static struct dfl_live_chan *make_chan(struct dfl_live *l, const struct dfl_k_key *key)
{
	struct dfl_live_chan *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->key = *key;
	c->ev.chan = ++l->next_chan;
	c->ev.medium = medium(key->kind);
	c->ev.inode = key->ino;
	c->ev.existed = !key->dev && dfl_preexisting_has(l->preexisting, key->ino);
	HASH_ADD(hh, l->chans, key, sizeof(c->key), c);
	if (!DFL_HASHED(hh, c)) {
		free(c);
		return NULL;
	}
	l->stats.chans++;
	return c;
}

/* Sends what is known of the channel. A receiver takes the last word for what is true. */
static int tell(struct dfl_live *l, struct dfl_live_chan *c, uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN, .ts_ns = ts_ns, .chan = c->ev };

	c->told = true;
	if (!ev.chan.path)
		ev.chan.path = "";
	return dfl_live_emit(l, &ev);
}

/* A file's path comes as components, innermost first. */
static char *join_path(const struct dfl_k_chan *rec)
{
	size_t n = rec->n_parts < DFL_K_PATH_PARTS ? rec->n_parts : DFL_K_PATH_PARTS, len = 0;
	char *path = calloc(1, n * (DFL_K_PATH_PART + 1) + 1);

	while (path && n--)
		len += sprintf(path + len, "/%.*s", DFL_K_PATH_PART - 1,
			       rec->path + n * DFL_K_PATH_PART);
	return path;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/*
 * The kernel's path ends at the root of its mount. If the fd is still open, its link has the rest,
 * as the process sees it.
 */
static char *whole_path(const struct dfl_k_chan *rec)
{
	char *path = join_path(rec), link[64], whole[PATH_MAX];
	ssize_t n;

	if (!path)
		return NULL;
	snprintf(link, sizeof(link), "/proc/%u/fd/%d", rec->pid, rec->fd);
	n = readlink(link, whole, sizeof(whole) - 1);
	whole[n > 0 ? n : 0] = 0;
	if (n <= 0 || !ends_with(whole, path))
		return path;
	free(path);
	return strdup(whole);
}

/* The path of a file or of a unix socket, to be freed; NULL: it has none, or no memory. */
static char *path_of(const struct dfl_k_chan *rec)
{
	if (rec->key.kind == DFL_K_FILE || rec->key.kind == DFL_K_TTY)
		return whole_path(rec);
	if (rec->key.kind == DFL_K_UNIX)
		return strndup(rec->path, 108);
	return NULL;
}

/* Who connected. The kernel tells it of connections that begin under our eyes; of older ones the
 * listening ports do. */
static void set_role(struct dfl_live *l, struct dfl_live_chan *c, uint8_t role)
{
	if (role)
		c->ev.existed = false;
	if (role || !c->ev.existed || c->ev.medium != DFL_TCP) {
		c->ev.role = role ? role : c->ev.role;
		return;
	}
	/* of a connection older than dflow: who listened on its port accepted it */
	c->ev.role = dfl_preexisting_listens(l->preexisting, c->ev.netns, c->ev.local.port) ?
			     DFL_ROLE_ACCEPTED :
			     DFL_ROLE_CONNECTED;
}

/* Keeps what was known before: after a reset or close the kernel's addresses are gone. */
static void merge(struct dfl_live *l, struct dfl_live_chan *c, const struct dfl_k_chan *rec)
{
	if (!c->ev.local.port)
		set_addr(&c->ev.local, &rec->local);
	if (!c->ev.remote.port)
		set_addr(&c->ev.remote, &rec->remote);
	if (rec->netns)
		c->ev.netns = rec->netns;
	if (rec->seq0_known) {
		c->ev.seq0_known = true;
		c->ev.seq0_out = rec->seq0_out;
		c->ev.seq0_in = rec->seq0_in;
	}
	if (rec->peer_ino)
		c->peer_ino = rec->peer_ino;
	if (rec->peer_sk)
		c->peer_sk = rec->peer_sk;
	if (!c->ev.path || !*c->ev.path) {
		free((char *)c->ev.path);
		c->ev.path = path_of(rec);
	}
	set_role(l, c, rec->role);
}

/* The other end of a unix socket, if it was seen: by its inode or by its address in the kernel. */
static struct dfl_live_chan *find_peer(struct dfl_live *l, const struct dfl_live_chan *c)
{
	struct dfl_k_key key = { .ino = c->peer_ino, .kind = DFL_K_UNIX };
	struct dfl_live_chan *peer = NULL;

	if (c->peer_ino)
		peer = dfl_live_channel_find(l, &key);
	if (!peer && c->peer_sk) /* not accepted yet when it was looked at */
		HASH_FIND(by_sk, l->chans_by_sk, &c->peer_sk, sizeof(c->peer_sk), peer);
	return peer;
}

/* Unix sockets know their peers: each end is told of the other. */
static int pair(struct dfl_live *l, struct dfl_live_chan *c, uint64_t sk, uint64_t ts_ns)
{
	struct dfl_live_chan *peer, *old;

	if (c->key.kind != DFL_K_UNIX)
		return 0;
	if (sk && !c->sk) {
		HASH_FIND(by_sk, l->chans_by_sk, &sk, sizeof(sk), old);
		if (old) { /* the address was used again */
			HASH_DELETE(by_sk, l->chans_by_sk, old);
			old->sk = 0;
		}
		c->sk = sk;
		HASH_ADD(by_sk, l->chans_by_sk, sk, sizeof(c->sk), c);
		if (!DFL_HASHED(by_sk, c)) {
			c->sk = 0;
			return -ENOMEM;
		}
	}
	peer = find_peer(l, c);
	if (!peer || peer == c)
		return 0;
	c->ev.peer = peer->ev.chan;
	if (peer->ev.peer == c->ev.chan)
		return 0;
	peer->ev.peer = c->ev.chan;
	return peer->told ? tell(l, peer, ts_ns) : 0;
}

int dfl_live_channel_record(struct dfl_live *l, const struct dfl_k_chan *rec)
{
	struct dfl_live_chan *c = dfl_live_channel_find(l, &rec->key);
	int r = dfl_live_process_see(l, rec->pid, rec->head.ts_ns);

	if (!r && !c) {
		r = make_room(l, rec->head.ts_ns);
		c = make_chan(l, &rec->key);
		if (!c)
			return -ENOMEM;
	}
	if (r)
		return r;
	merge(l, c, rec);
	r = pair(l, c, rec->sk, rec->head.ts_ns);
	return r ? r : tell(l, c, rec->head.ts_ns);
}

/*
 * A close also ends what was written, unless shutdown told that before. Bits 62 and 63 keep its
 * call number apart from those of calls with bytes, which have the CPU there.
 */
static int send_end(struct dfl_live *l, struct dfl_live_chan *c, const struct dfl_k_close *rec)
{
	struct dfl_event ev = { .type = DFL_EV_DATA, .ts_ns = rec->head.ts_ns };

	if (!c->told || c->closed_out || (!rec->has_seq && !rec->end_only))
		return 0;
	c->closed_out = true;
	ev.data = (struct dfl_ev_data){ .chan = c->ev.chan,
					.call = rec->head.seq | 3ull << 62,
					.pos = rec->seq_out,
					.pid = rec->pid,
					.fd = -1,
					.out = true,
					.flags = DFL_DATA_END | DFL_DATA_FIRST | DFL_DATA_LAST };
	if (rec->has_seq)
		ev.data.flags |= DFL_DATA_POS;
	return dfl_live_emit(l, &ev);
}

int dfl_live_channel_close(struct dfl_live *l, const struct dfl_k_close *rec)
{
	struct dfl_live_chan *c = dfl_live_channel_find(l, &rec->key);
	int r;

	if (!c)
		return 0;
	r = send_end(l, c, rec);
	if (rec->end_only)
		return r;
	if (!r)
		r = send_close(l, c, rec->head.ts_ns);
	unlink_chan(l, c);
	return r;
}

int dfl_live_channel_exit(struct dfl_live *l, uint32_t pid, uint64_t ts_ns)
{
	struct dfl_k_key key = { .dev = pid, .kind = DFL_K_TEXT };
	struct dfl_live_chan *c;
	int r = 0;

	for (key.ino = 1; key.ino < DFL_K_N_TEXT && !r; key.ino++) {
		c = dfl_live_channel_find(l, &key);
		if (!c)
			continue;
		r = send_close(l, c, ts_ns);
		unlink_chan(l, c);
	}
	return r;
}

int dfl_live_channel_make_bare(struct dfl_live *l, uint64_t ts_ns, uint64_t *ret_chan)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN, .ts_ns = ts_ns };

	ev.chan.chan = ++l->next_chan;
	ev.chan.medium = DFL_TCP;
	ev.chan.path = "";
	*ret_chan = ev.chan.chan;
	return dfl_live_emit(l, &ev);
}

int dfl_live_channel_emit_data(struct dfl_live *l, const struct dfl_k_data *rec, uint64_t chan,
			       uint64_t ssl, uint64_t ts_ns)
{
	struct dfl_event ev = { .type = DFL_EV_DATA, .ts_ns = ts_ns };
	struct dfl_ev_data *d = &ev.data;

	*d = (struct dfl_ev_data){ .chan = chan,
				   .call = rec->call,
				   .pos = rec->pos,
				   .ssl = ssl,
				   .pid = rec->pid,
				   .tid = rec->tid,
				   .fd = rec->fd,
				   .out = rec->out,
				   .layer = rec->layer,
				   .flags = rec->flags,
				   .len = rec->len,
				   .copied = rec->copied,
				   .data = (const uint8_t *)(rec + 1) };
	if (!rec->layer && rec->key.kind == DFL_K_TCP)
		d->pos = (uint32_t)rec->pos;
	set_addr(&d->peer, &rec->peer);
	l->stats.bytes += rec->len;
	return dfl_live_emit(l, &ev);
}

/*
 * The record that introduced it was lost: what the data says has to do. Of texts that is all, and
 * they have no such record.
 */
static int make_unintroduced(struct dfl_live *l, const struct dfl_k_data *rec,
			     struct dfl_live_chan **ret_chan)
{
	int r = make_room(l, rec->head.ts_ns);

	*ret_chan = make_chan(l, &rec->key);
	if (!*ret_chan)
		return -ENOMEM;
	if (rec->key.kind == DFL_K_TEXT)
		(*ret_chan)->ev.path = strdup(dfl_ways_text_path(rec->key.ino));
	return r ? r : tell(l, *ret_chan, rec->head.ts_ns);
}

/* To the end: the order is the order of use. */
static int move_to_end(struct dfl_live *l, struct dfl_live_chan *c)
{
	if (!c->hh.next)
		return 0;
	HASH_DELETE(hh, l->chans, c);
	HASH_ADD(hh, l->chans, key, sizeof(c->key), c);
	if (DFL_HASHED(hh, c))
		return 0;
	free_chan(l, c);
	return -ENOMEM;
}

int dfl_live_channel_data(struct dfl_live *l, const struct dfl_k_data *rec)
{
	struct dfl_live_chan *c = dfl_live_channel_find(l, &rec->key);
	int r = dfl_live_process_see(l, rec->pid, rec->head.ts_ns);

	if (!r && !c)
		r = make_unintroduced(l, rec, &c);
	if (!r)
		r = move_to_end(l, c);
	if (r)
		return r;
	if (rec->flags & DFL_K_END) {
		bool *closed = rec->out ? &c->closed_out : &c->closed_in;

		if (*closed)
			return 0;
		*closed = true;
	}
	return dfl_live_channel_emit_data(l, rec, c->ev.chan, 0, rec->head.ts_ns);
}

void dfl_live_channel_fini(struct dfl_live *l)
{
	while (l->chans)
		unlink_chan(l, l->chans);
}
