// SPDX-License-Identifier: Apache-2.0
/* Connections: which channel ends belong together, and which reassembly a piece goes to. */
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "stream/reassembly.h"

/*
 * Of one connection: 16 TLS objects, two directions each. The decode stage keeps as many, and
 * counts those that it gives up for a new one.
 */
#define MAX_TLS_STREAMS 32

struct conn {
	struct dfl_conn pub; /* first: the sinks get a pointer to it */
	struct conn *prev, *next;
	struct dfl_reasm *streams; /* newest first */
	unsigned n_tls;		   /* of those: plaintext */
	struct pair_key *keys;	   /* by key.of_conn */
	uint64_t shared_chan;	   /* pipe, file: both ends are this kernel object */
	bool closed[2];
	bool have_tls;
	enum dfl_end tls_end; /* whose plaintext is delivered when both ends are read */
};

/* A kernel object, as the capture numbers them. */
struct chan_ref {
	UT_hash_handle hh;
	uint64_t chan;
	struct conn *conn;
	enum dfl_end end; /* sockets: which end it is */
	bool seq0_known;
	uint32_t seq0_out, seq0_in;
};

/*
 * What one end knows of the other. The sequence numbers of both directions find the other end for
 * sure, through NAT too. Addresses do where there is no NAT. A unix socket knows its peer.
 */
struct pair_id {
	uint8_t kind; /* 's'equence, 'a'ddresses, 'u'nix */
	uint8_t proto;
	uint64_t netns; /* of loopback addresses, which each namespace has; else 0 */
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

struct dfl_stream {
	struct dfl_reasm_shared shared;
	struct chan_ref *chans; /* uthash: chan → connection */
	struct pair_key *pairs; /* uthash: what finds the other end */
	struct conn *conns;	/* utlist: least recently used first */
	uint32_t max_conns, n_conns;
	uint64_t next_id, evicted_conns;
};

int dfl_stream_new(const struct dfl_stream_opts *opts, const struct dfl_stream_sink *sink,
		   struct dfl_stream **ret_stream)
{
	struct dfl_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->shared.sink = *sink;
	s->shared.reorder_ns = opts->reorder_ns ? opts->reorder_ns : 200000000;
	s->shared.pipe_hold_ns = opts->pipe_hold_ns ? opts->pipe_hold_ns : 500000000;
	s->shared.pending_max_bytes = opts->pending_max_bytes ? opts->pending_max_bytes : 64u << 20;
	s->max_conns = opts->max_conns ? opts->max_conns : 65536;
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

static void free_stream(struct conn *c, struct dfl_reasm *r)
{
	LL_DELETE2(c->streams, r, next_of_conn);
	dfl_reasm_fini(r);
	free(r);
}

static void free_conn(struct dfl_stream *s, struct conn *c)
{
	struct pair_key *k;

	while (c->streams)
		free_stream(c, c->streams);
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
	for (struct dfl_reasm *r = c->streams; r; r = r->next_of_conn)
		dfl_reasm_flush(r, ts_ns);
	s->shared.sink.close(s->shared.sink.ud, &c->pub, ts_ns);
	free_conn(s, c);
}

static struct conn *new_conn(struct dfl_stream *s, const struct dfl_ev_chan *ev, uint64_t ts_ns)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (s->n_conns >= s->max_conns) {
		s->evicted_conns++;
		close_conn(s, s->conns, ts_ns);
	}
	c->pub.id = ++s->next_id;
	c->pub.medium = ev->medium;
	c->pub.opened_ns = c->pub.last_ns = ts_ns;
	c->pub.tap = ev->tap;
	c->pub.end[0].fd = c->pub.end[1].fd = -1;
	strncpy(c->pub.path, ev->path ? ev->path : "", sizeof(c->pub.path) - 1);
	s->n_conns++;
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
		s->shared.sink.conn(s->shared.sink.ud, &ref->conn->pub);
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
	s->shared.sink.conn(s->shared.sink.ud, &c->pub);
	return ev->tap ? 0 : add_pair_keys(s, c, end, ev);
}

static enum dfl_reasm_kind kind_of(const struct conn *c, const struct dfl_ev_data *ev)
{
	if (ev->flags & DFL_DATA_DGRAM)
		return DFL_REASM_DGRAM;
	if (ev->layer == DFL_TLS)
		return DFL_REASM_COUNT;
	if (!(ev->flags & DFL_DATA_POS))
		return DFL_REASM_ARRIVAL;
	if (c->pub.medium == DFL_FILE)
		return DFL_REASM_FILE;
	return c->pub.medium == DFL_TCP ? DFL_REASM_SEQ32 : DFL_REASM_COUNT;
}

/* Forgets the TLS object that came first. */
static void evict_tls(struct conn *c, uint64_t ts_ns)
{
	struct dfl_reasm *oldest = NULL;

	for (struct dfl_reasm *r = c->streams; r; r = r->next_of_conn)
		if (r->layer == DFL_TLS)
			oldest = r;
	dfl_reasm_flush(oldest, ts_ns);
	free_stream(c, oldest);
	c->n_tls--;
}

static struct dfl_reasm *add_stream(struct dfl_stream *s, struct conn *c,
				    const struct chan_ref *ref, const struct dfl_ev_data *ev,
				    enum dfl_dir dir, uint64_t ts_ns)
{
	struct dfl_reasm *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	if (ev->layer == DFL_TLS && c->n_tls == MAX_TLS_STREAMS)
		evict_tls(c, ts_ns);
	dfl_reasm_init(r, &s->shared, &c->pub, kind_of(c, ev));
	r->dir = dir;
	r->layer = ev->layer;
	r->ssl = ev->layer == DFL_TLS ? ev->ssl : 0;
	if (r->kind == DFL_REASM_SEQ32 && ref->seq0_known)
		dfl_reasm_set_base(r, ev->out ? ref->seq0_out : ref->seq0_in);
	LL_PREPEND2(c->streams, r, next_of_conn);
	c->n_tls += ev->layer == DFL_TLS;
	return r;
}

static struct dfl_reasm *find_stream(const struct conn *c, const struct dfl_ev_data *ev,
				     enum dfl_dir dir)
{
	uint64_t ssl = ev->layer == DFL_TLS ? ev->ssl : 0;
	struct dfl_reasm *r;

	for (r = c->streams; r; r = r->next_of_conn)
		if (r->dir == dir && r->layer == ev->layer && r->ssl == ssl)
			return r;
	return NULL;
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
	s->shared.sink.conn(s->shared.sink.ud, &c->pub);
}

static void end_stream(struct dfl_stream *s, struct dfl_reasm *r, uint64_t ts_ns)
{
	if (r->ended)
		return;
	r->ended = true;
	if (r->kind == DFL_REASM_ARRIVAL)
		dfl_reasm_flush(r, ts_ns);
	s->shared.sink.end(s->shared.sink.ud, r->conn, r->dir, r->layer, ts_ns);
}

/* Both ends may be read; one of them is chosen, for all TLS objects of the connection. */
static bool is_told_elsewhere(struct conn *c, const struct dfl_ev_data *ev, enum dfl_end end)
{
	if (ev->layer != DFL_TLS)
		return false;
	if (!c->have_tls) {
		c->have_tls = true;
		c->tls_end = end;
	}
	return end != c->tls_end;
}

static int data_event(struct dfl_stream *s, const struct dfl_ev_data *ev, uint64_t ts_ns)
{
	struct chan_ref *ref = find_chan(s, ev->chan);
	struct dfl_reasm_input in = { .ev = ev, .ts_ns = ts_ns };
	struct dfl_reasm *r;
	enum dfl_dir dir;
	enum dfl_end end;
	struct conn *c;
	int ret = 0;

	if (!ref)
		return 0; /* its channel was evicted: the capture counts what it could not name */
	c = ref->conn;
	dir = data_dir(c, ref, ev);
	end = c->pub.tap ? (ev->out ? DFL_CLIENT : DFL_SERVER) : data_end(c, ref, ev);
	in.from_writer = ev->out || c->pub.tap;
	in.alone = c->pub.tap || !c->pub.end[!end].chan;
	note_process(s, c, end, ev);
	if (is_told_elsewhere(c, ev, end))
		return 0;
	r = find_stream(c, ev, dir);
	if (!r)
		r = add_stream(s, c, ref, ev, dir, ts_ns);
	if (!r)
		return -ENOMEM;
	DL_DELETE(s->conns, c);
	DL_APPEND(s->conns, c);
	if (ev->len)
		ret = dfl_reasm_feed(r, &in);
	if (ev->flags & DFL_DATA_END)
		end_stream(s, r, ts_ns);
	return ret;
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
		dfl_reasm_expire(&s->shared, ev->ts_ns);
		return 0;
	default:
		return 0;
	}
}

void dfl_stream_finish(struct dfl_stream *s, uint64_t ts_ns)
{
	while (s->conns)
		close_conn(s, s->conns, ts_ns);
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
	*ret_stats = (struct dfl_stream_stats){
		.conns = s->next_id,
		.evicted_conns = s->evicted_conns,
		.gaps = s->shared.gaps,
		.gap_bytes = s->shared.gap_bytes,
		.overlap_bytes = s->shared.overlap_bytes,
		.disagree_bytes = s->shared.disagree_bytes,
		.hurried_holes = s->shared.hurried_holes,
		.pending_bytes = s->shared.pending_bytes,
	};
}
