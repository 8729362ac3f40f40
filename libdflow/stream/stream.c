// SPDX-License-Identifier: Apache-2.0
/* Connections: which channel ends belong together, and which lane a piece goes to. */
#include "stream/stream.h"
#include "stream/reassembly.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/hash.h"

struct conn {
	struct dfl_conn pub; /* first: the sinks get a pointer to it */
	struct conn *prev, *next;
	struct lane *lanes;
	struct pair_key *keys; /* by key.of_conn */
	uint64_t shared_chan;  /* pipe, file: both ends are this kernel object */
	bool closed[2];
	bool have_tls;
	enum dfl_end tls_end; /* whose plaintext is delivered when both ends are read */
};

struct chan_ref {
	UT_hash_handle hh;
	uint64_t chan;
	struct conn *conn;
	enum dfl_end end; /* sockets: which end it is */
	bool seq0_known;
	uint32_t seq0_out, seq0_in;
};

/*
 * What one end knows of the other. Sequence numbers of both directions pair exactly, through NAT
 * too; addresses do where there is none; a unix socket knows its peer.
 */
struct pair_id {
	uint8_t kind; /* 's'equence, 'a'ddresses, 'u'nix */
	uint8_t proto;
	uint64_t netns; /* loopback addresses only */
	uint64_t peer;
	uint32_t seq[2];
	struct dfl_addr from, to;
};

struct pair_key {
	UT_hash_handle hh;
	struct pair_id id;
	struct conn *conn;
	enum dfl_end end;
	struct pair_key *of_conn;
};

int dfl_stream_new(const struct dfl_stream_opts *opts, const struct dfl_stream_sink *sink,
		   struct dfl_stream **ret_stream)
{
	struct dfl_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->opts = *opts;
	s->sink = *sink;
	if (!s->opts.reorder_ns)
		s->opts.reorder_ns = 200000000;
	if (!s->opts.pipe_hold_ns)
		s->opts.pipe_hold_ns = 500000000;
	if (!s->opts.pending_max_bytes)
		s->opts.pending_max_bytes = 64u << 20;
	if (!s->opts.max_conns)
		s->opts.max_conns = 65536;
	*ret_stream = s;
	return 0;
}

static struct chan_ref *find_chan(struct dfl_stream *s, uint64_t chan)
{
	struct chan_ref *ref;

	HASH_FIND(hh, s->chans, &chan, sizeof(chan), ref);
	return ref;
}

static struct chan_ref *add_chan(struct dfl_stream *s, uint64_t chan)
{
	struct chan_ref *ref = calloc(1, sizeof(*ref));

	if (!ref)
		return NULL;
	ref->chan = chan;
	HASH_ADD(hh, s->chans, chan, sizeof(ref->chan), ref);
	if (DFL_HASHED(hh, ref))
		return ref;
	free(ref);
	return NULL;
}

static void drop_chan(struct dfl_stream *s, uint64_t chan)
{
	struct chan_ref *ref = chan ? find_chan(s, chan) : NULL;

	if (!ref)
		return;
	HASH_DEL(s->chans, ref);
	free(ref);
}

static void free_conn(struct dfl_stream *s, struct conn *c)
{
	struct pair_key *k;
	struct lane *l;

	while ((l = c->lanes)) {
		c->lanes = l->next_lane;
		dfl_reasm_free(l);
	}
	while ((k = c->keys)) {
		c->keys = k->of_conn;
		HASH_DEL(s->pairs, k);
		free(k);
	}
	drop_chan(s, c->shared_chan);
	drop_chan(s, c->pub.end[0].chan);
	drop_chan(s, c->pub.end[1].chan);
	DL_DELETE(s->conns, c);
	s->n_conns--;
	free(c);
}

static void close_conn(struct dfl_stream *s, struct conn *c, uint64_t ts_ns)
{
	for (struct lane *l = c->lanes; l; l = l->next_lane)
		dfl_reasm_flush(l, ts_ns);
	s->sink.close(s->sink.ud, &c->pub, ts_ns);
	free_conn(s, c);
}

static struct conn *new_conn(struct dfl_stream *s, const struct dfl_ev_chan *ev, uint64_t ts_ns)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (s->n_conns >= s->opts.max_conns) {
		s->stats.evicted_conns++;
		close_conn(s, s->conns, ts_ns);
	}
	c->pub.id = ++s->next_id;
	c->pub.medium = ev->medium;
	c->pub.opened_ns = c->pub.last_ns = ts_ns;
	c->pub.tap = ev->tap;
	c->pub.end[0].fd = c->pub.end[1].fd = -1;
	strncpy(c->pub.path, ev->path ? ev->path : "", sizeof(c->pub.path) - 1);
	s->n_conns++;
	s->stats.conns++;
	DL_APPEND(s->conns, c);
	return c;
}

/* The key under which this end waits for its other end, and the one it looks for. */
static bool pair_ids(const struct dfl_ev_chan *ev, int kind, struct pair_id *mine,
		     struct pair_id *theirs)
{
	memset(mine, 0, sizeof(*mine));
	memset(theirs, 0, sizeof(*theirs));
	mine->kind = theirs->kind = kind;
	mine->proto = theirs->proto = ev->medium;
	if (kind == 's') {
		if (ev->medium != DFL_TCP || !ev->seq0_known)
			return false;
		mine->seq[0] = theirs->seq[1] = ev->seq0_out;
		mine->seq[1] = theirs->seq[0] = ev->seq0_in;
		return true;
	}
	if (kind == 'u') {
		if (ev->medium != DFL_UNIX || !ev->peer)
			return false;
		mine->peer = ev->chan;
		theirs->peer = ev->peer;
		return true;
	}
	if ((ev->medium != DFL_TCP && ev->medium != DFL_UDP) || !ev->remote.family ||
	    !ev->local.family)
		return false;
	if (dfl_addr_is_loopback(&ev->local))
		mine->netns = theirs->netns = ev->netns;
	mine->from = theirs->to = ev->local;
	mine->to = theirs->from = ev->remote;
	return true;
}

static const char pair_kinds[] = { 's', 'a', 'u' };

/* The connection whose other end this is. */
static struct conn *find_other_end(struct dfl_stream *s, const struct dfl_ev_chan *ev,
				   enum dfl_end *ret_end)
{
	struct pair_id mine, theirs;
	struct pair_key *k;

	for (size_t i = 0; i < sizeof(pair_kinds); i++) {
		if (!pair_ids(ev, pair_kinds[i], &mine, &theirs))
			continue;
		HASH_FIND(hh, s->pairs, &theirs, sizeof(theirs), k);
		if (k && !k->conn->pub.end[!k->end].chan) {
			*ret_end = !k->end;
			return k->conn;
		}
	}
	return NULL;
}

static int add_pair_keys(struct dfl_stream *s, struct conn *c, enum dfl_end end,
			 const struct dfl_ev_chan *ev)
{
	struct pair_id mine, theirs;
	struct pair_key *k;

	for (size_t i = 0; i < sizeof(pair_kinds); i++) {
		if (!pair_ids(ev, pair_kinds[i], &mine, &theirs))
			continue;
		HASH_FIND(hh, s->pairs, &mine, sizeof(mine), k);
		if (k)
			continue; /* an older connection with the same addresses; it ends soon */
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->id = mine;
		k->conn = c;
		k->end = end;
		HASH_ADD(hh, s->pairs, id, sizeof(k->id), k);
		if (!DFL_HASHED(hh, k)) {
			free(k);
			return -ENOMEM;
		}
		k->of_conn = c->keys;
		c->keys = k;
	}
	return 0;
}

static enum dfl_end guess_end(const struct dfl_ev_chan *ev)
{
	if (ev->role == DFL_ROLE_CONNECTED)
		return DFL_CLIENT;
	if (ev->role == DFL_ROLE_ACCEPTED)
		return DFL_SERVER;
	/* Servers listen on the lower port, nearly always. */
	return ev->local.port && ev->remote.port && ev->local.port < ev->remote.port ? DFL_SERVER :
										       DFL_CLIENT;
}

/* Whether its two ends are two kernel objects. */
static bool has_ends(const struct conn *c)
{
	return c->pub.medium != DFL_PIPE && c->pub.medium != DFL_FILE;
}

static void set_end(struct conn *c, enum dfl_end end, const struct dfl_ev_chan *ev)
{
	struct dfl_conn_end *e = &c->pub.end[end];

	if (!has_ends(c)) {
		c->shared_chan = ev->chan;
		return;
	}
	e->chan = ev->chan;
	e->addr = ev->local;
	e->netns = ev->netns;
	if (!c->pub.end[!end].addr.family)
		c->pub.end[!end].addr = ev->remote;
	if (ev->role != DFL_ROLE_UNKNOWN || ev->tap)
		c->pub.role_known = true;
}

static void learn_seq0(struct chan_ref *ref, const struct dfl_ev_chan *ev)
{
	if (!ev->seq0_known || ref->seq0_known)
		return;
	ref->seq0_known = true;
	ref->seq0_out = ev->seq0_out;
	ref->seq0_in = ev->seq0_in;
}

static int chan_event(struct dfl_stream *s, const struct dfl_ev_chan *ev, uint64_t ts_ns)
{
	struct chan_ref *ref = find_chan(s, ev->chan);
	enum dfl_end end = guess_end(ev);
	struct conn *c;

	if (ref) {
		learn_seq0(ref, ev);
		set_end(ref->conn, ref->end, ev);
		s->sink.conn(s->sink.ud, &ref->conn->pub);
		return add_pair_keys(s, ref->conn, ref->end, ev);
	}
	ref = add_chan(s, ev->chan);
	if (!ref)
		return -ENOMEM;
	c = ev->tap ? NULL : find_other_end(s, ev, &end);
	if (!c)
		c = new_conn(s, ev, ts_ns);
	if (!c) {
		drop_chan(s, ev->chan);
		return -ENOMEM;
	}
	ref->conn = c;
	ref->end = end;
	learn_seq0(ref, ev);
	set_end(c, end, ev);
	s->sink.conn(s->sink.ud, &c->pub);
	return ev->tap ? 0 : add_pair_keys(s, c, end, ev);
}

static enum lane_kind lane_kind(const struct conn *c, const struct dfl_ev_data *ev)
{
	if (ev->flags & DFL_DATA_DGRAM)
		return LANE_DGRAM;
	if (ev->layer == DFL_TLS)
		return LANE_COUNT;
	if (!(ev->flags & DFL_DATA_POS))
		return LANE_ARRIVAL;
	if (c->pub.medium == DFL_FILE)
		return LANE_FILE;
	return c->pub.medium == DFL_TCP ? LANE_SEQ32 : LANE_COUNT;
}

static struct lane *find_lane(struct dfl_stream *s, struct conn *c, const struct chan_ref *ref,
			      const struct dfl_ev_data *ev, enum dfl_dir dir)
{
	uint64_t ssl = ev->layer == DFL_TLS ? ev->ssl : 0;
	struct lane *l;

	for (l = c->lanes; l; l = l->next_lane)
		if (l->dir == dir && l->layer == ev->layer && l->ssl == ssl)
			return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->stream = s;
	l->conn = &c->pub;
	l->kind = lane_kind(c, ev);
	l->dir = dir;
	l->layer = ev->layer;
	l->ssl = ssl;
	if (l->kind == LANE_SEQ32 && ref->seq0_known) {
		l->base = ev->out ? ref->seq0_out : ref->seq0_in;
		l->started = true;
	}
	l->next_lane = c->lanes;
	c->lanes = l;
	return l;
}

static enum dfl_dir data_dir(const struct conn *c, const struct chan_ref *ref,
			     const struct dfl_ev_data *ev)
{
	switch (c->pub.medium) {
	case DFL_PIPE:
		return DFL_REQUEST;
	case DFL_FILE:
		return ev->out ? DFL_REQUEST : DFL_RESPONSE;
	default:
		return (ref->end == DFL_CLIENT) == ev->out ? DFL_REQUEST : DFL_RESPONSE;
	}
}

/* Who reports: the writer of a pipe is its client end. */
static enum dfl_end data_end(const struct conn *c, const struct chan_ref *ref,
			     const struct dfl_ev_data *ev)
{
	if (c->pub.medium == DFL_PIPE)
		return ev->out ? DFL_CLIENT : DFL_SERVER;
	return c->pub.medium == DFL_FILE ? DFL_CLIENT : ref->end;
}

static void note_process(struct dfl_stream *s, struct conn *c, enum dfl_end end,
			 const struct dfl_ev_data *ev)
{
	struct dfl_conn_end *e = &c->pub.end[end];
	bool news = e->pid != ev->pid || (e->fd < 0 && ev->fd >= 0) || !e->chan;

	if (c->pub.tap || !news)
		return;
	e->pid = ev->pid;
	e->fd = ev->fd;
	e->chan = ev->chan;
	s->sink.conn(s->sink.ud, &c->pub);
}

static void end_lane(struct dfl_stream *s, struct lane *l, uint64_t ts_ns)
{
	if (l->ended)
		return;
	l->ended = true;
	if (l->kind == LANE_ARRIVAL)
		dfl_reasm_flush(l, ts_ns);
	s->sink.end(s->sink.ud, l->conn, l->dir, l->layer, ts_ns);
}

static int data_event(struct dfl_stream *s, const struct dfl_ev_data *ev, uint64_t ts_ns)
{
	struct chan_ref *ref = find_chan(s, ev->chan);
	struct lane_input in = { .ev = ev, .ts_ns = ts_ns };
	enum dfl_dir dir;
	struct lane *l;
	struct conn *c;
	int r = 0;

	if (!ref)
		return 0; /* its channel was evicted: the capture counts what it could not name */
	c = ref->conn;
	dir = data_dir(c, ref, ev);
	in.end = c->pub.tap ? (ev->out ? DFL_CLIENT : DFL_SERVER) : data_end(c, ref, ev);
	in.from_writer = ev->out || c->pub.tap;
	in.alone = c->pub.tap || !c->pub.end[!in.end].chan;
	note_process(s, c, in.end, ev);
	if (ev->layer == DFL_TLS && !c->have_tls) {
		c->have_tls = true;
		c->tls_end = in.end;
	}
	if (ev->layer == DFL_TLS && in.end != c->tls_end)
		return 0; /* the same plaintext, seen at the other end */
	l = find_lane(s, c, ref, ev, dir);
	if (!l)
		return -ENOMEM;
	DL_DELETE(s->conns, c);
	DL_APPEND(s->conns, c);
	if (ev->len)
		r = dfl_reasm_feed(l, &in);
	if (ev->flags & DFL_DATA_END)
		end_lane(s, l, ts_ns);
	return r;
}

static void closed_event(struct dfl_stream *s, uint64_t chan, uint64_t ts_ns)
{
	struct chan_ref *ref = find_chan(s, chan);
	struct conn *c;

	if (!ref)
		return;
	c = ref->conn;
	c->closed[ref->end] = true;
	if (has_ends(c) && !c->pub.tap && c->pub.end[!ref->end].chan && !c->closed[!ref->end])
		return;
	close_conn(s, c, ts_ns);
}

static void tick(struct dfl_stream *s, uint64_t now_ns)
{
	struct lane *l, *next;

	for (l = s->waiting; l; l = next) {
		next = l->next_waiting;
		dfl_reasm_expire(l, now_ns);
	}
}

int dfl_stream_event(struct dfl_stream *s, const struct dfl_event *ev)
{
	switch (ev->type) {
	case DFL_EV_CHAN:
		return chan_event(s, &ev->chan, ev->ts_ns);
	case DFL_EV_DATA:
		return data_event(s, &ev->data, ev->ts_ns);
	case DFL_EV_CHAN_CLOSE:
		closed_event(s, ev->closed_chan, ev->ts_ns);
		return 0;
	case DFL_EV_TICK:
		tick(s, ev->ts_ns);
		return 0;
	default:
		return 0;
	}
}

int dfl_stream_finish(struct dfl_stream *s, uint64_t ts_ns)
{
	while (s->conns)
		close_conn(s, s->conns, ts_ns);
	return 0;
}

void dfl_stream_free(struct dfl_stream *s)
{
	if (!s)
		return;
	while (s->conns)
		free_conn(s, s->conns);
	free(s);
}

void dfl_stream_stats(const struct dfl_stream *s, struct dfl_stream_stats *ret_stats)
{
	*ret_stats = s->stats;
}
