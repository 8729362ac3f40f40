// SPDX-License-Identifier: Apache-2.0
/*
 * Observes targets until its standard input ends, then prints what it saw as one JSON object: each
 *channel with its facts, and of each of its streams length, gaps and a hash of the bytes, and how
 *often a text is in them. No payload.
 *
 *	observe [--cgroup DIR] [--pid N] [--all] [--find TEXT] [--copy-cap N] [--ring N] [--window
 *N]
 *	        [--no-tls] [--single] [--drop] [--verbose]
 */
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/host/caps.h"
#include "capture/live/live.h"

#define MAX_STREAM (256u << 20)

/* One direction of a channel in one layer (and TLS object). */
struct stream {
	struct stream *next;
	uint64_t chan, ssl;
	bool out;
	uint8_t layer;
	uint8_t *bytes, *seen; /* seen: 0 nothing, 1 told without bytes, 2 bytes */
	uint64_t size, end;
	uint64_t base;
	bool has_base, ended;
	uint32_t flags, pieces, calls, pid;
	uint64_t last_call, told, copied, overlap, differ, covered, unread, no_pos;
	char peer[DFL_ADDR_STRLEN];
};

struct chan {
	struct chan *next;
	uint64_t id;
	json_t *facts;
	uint32_t seq0[2];
	bool seq0_known, tcp;
};

static struct stream *streams, **stream_tail = &streams;
static struct chan *chans;
static json_t *procs, *losses, *blind;
static uint64_t last_ts, backwards, ticks;
static bool verbose;
static const char *find;

static struct chan *chan_of(uint64_t id)
{
	struct chan *c;

	for (c = chans; c && c->id != id; c = c->next)
		;
	if (!c) {
		c = calloc(1, sizeof(*c));
		c->id = id;
		c->next = chans;
		chans = c;
	}
	return c;
}

static struct stream *stream_of(const struct dfl_ev_data *d)
{
	struct stream *s;

	for (s = streams; s; s = s->next)
		if (s->chan == d->chan && s->out == d->out && s->layer == d->layer &&
		    s->ssl == d->ssl)
			return s;
	s = calloc(1, sizeof(*s));
	s->chan = d->chan;
	s->out = d->out;
	s->layer = d->layer;
	s->ssl = d->ssl;
	*stream_tail = s;
	stream_tail = &s->next;
	return s;
}

static void reserve(struct stream *s, uint64_t end)
{
	uint64_t size = s->size ? s->size : 4096;

	if (end <= s->size)
		return;
	while (size < end)
		size *= 2;
	s->bytes = realloc(s->bytes, size);
	s->seen = realloc(s->seen, size);
	memset(s->bytes + s->size, 0, size - s->size);
	memset(s->seen + s->size, 0, size - s->size);
	s->size = size;
}

/* Where the piece goes in the stream; TCP counts modulo 2^32 from the first payload byte. */
static uint64_t place(struct stream *s, const struct dfl_ev_data *d)
{
	const struct chan *c = chan_of(d->chan);

	if (!(d->flags & DFL_DATA_POS)) {
		s->no_pos += d->len;
		return s->end;
	}
	if (!c->tcp || d->layer)
		return d->pos;
	if (!s->has_base) {
		s->base = c->seq0_known ? c->seq0[d->out ? 0 : 1] : d->pos;
		s->has_base = true;
	}
	return (uint32_t)(d->pos - s->base);
}

static void put(struct stream *s, uint64_t at, const struct dfl_ev_data *d)
{
	if (at > MAX_STREAM || at + d->len > MAX_STREAM)
		return;
	reserve(s, at + d->len);
	for (uint32_t i = 0; i < d->len; i++) {
		if (s->seen[at + i]) {
			s->overlap++;
			s->differ += i < d->copied && s->seen[at + i] == 2 &&
				     s->bytes[at + i] != d->data[i];
		}
		if (i < d->copied) {
			s->bytes[at + i] = d->data[i];
			s->seen[at + i] = 2;
		} else if (!s->seen[at + i]) {
			s->seen[at + i] = 1;
		}
	}
	if (at + d->len > s->end)
		s->end = at + d->len;
}

static void on_data(const struct dfl_ev_data *d)
{
	struct stream *s = stream_of(d);

	s->flags |= d->flags;
	s->ended |= (d->flags & DFL_DATA_END) != 0;
	s->pid = d->pid;
	if (d->peer.family)
		dfl_addr_str(&d->peer, s->peer);
	if (!d->len)
		return;
	s->pieces++;
	s->calls += d->call != s->last_call;
	s->last_call = d->call;
	s->told += d->len;
	s->copied += d->copied;
	s->covered += d->flags & DFL_DATA_COVERED ? d->len : 0;
	s->unread += d->flags & DFL_DATA_UNREAD ? d->len : 0;
	put(s, place(s, d), d);
}

static void on_chan(const struct dfl_ev_chan *c)
{
	char local[DFL_ADDR_STRLEN], remote[DFL_ADDR_STRLEN];
	struct chan *mine = chan_of(c->chan);

	json_decref(mine->facts);
	mine->tcp = c->medium == DFL_TCP;
	mine->seq0_known = c->seq0_known;
	mine->seq0[0] = c->seq0_out;
	mine->seq0[1] = c->seq0_in;
	mine->facts = json_pack(
		"{sI ss si ss ss sI sI sI sb sb ss sI sI}", "chan", (json_int_t)c->chan, "medium",
		dfl_medium_name(c->medium), "role", c->role, "local",
		dfl_addr_str(&c->local, local), "remote", dfl_addr_str(&c->remote, remote), "inode",
		(json_int_t)c->inode, "peer", (json_int_t)c->peer, "netns", (json_int_t)c->netns,
		"seq0_known", c->seq0_known, "existed", c->existed, "path", c->path, "seq0_out",
		(json_int_t)c->seq0_out, "seq0_in", (json_int_t)c->seq0_in);
}

static void on_proc(const struct dfl_ev_proc *p)
{
	json_array_append_new(procs, json_pack("{sI sI ss ss ss ss ss ss ss ss}", "pid",
					       (json_int_t)p->pid, "ppid", (json_int_t)p->ppid,
					       "comm", p->comm, "exe", p->exe, "cmdline",
					       p->cmdline, "cgroup", p->cgroup, "container_id",
					       p->container_id, "container_name", p->container_name,
					       "pod", p->pod, "task", p->task));
}

static int on_event(void *ud, const struct dfl_event *ev)
{
	backwards += ev->ts_ns < last_ts;
	last_ts = ev->ts_ns;
	switch (ev->type) {
	case DFL_EV_TICK:
		ticks++;
		break;
	case DFL_EV_PROC:
		on_proc(&ev->proc);
		break;
	case DFL_EV_CHAN:
		on_chan(&ev->chan);
		break;
	case DFL_EV_CHAN_CLOSE:
		if (chan_of(ev->closed_chan)->facts)
			json_object_set_new(chan_of(ev->closed_chan)->facts, "closed", json_true());
		break;
	case DFL_EV_DATA:
		on_data(&ev->data);
		break;
	case DFL_EV_LOSS:
		json_array_append_new(losses, json_pack("{si sI sI}", "reason", ev->loss.reason,
							"events", (json_int_t)ev->loss.events,
							"bytes", (json_int_t)ev->loss.bytes));
		break;
	case DFL_EV_BLIND:
		json_array_append_new(blind,
				      json_pack("{sI si ss}", "pid", (json_int_t)ev->blind.pid,
						"kind", ev->blind.kind, "way", ev->blind.way));
		break;
	default:
		break;
	}
	if (verbose && ev->type == DFL_EV_DATA)
		fprintf(stderr,
			"%lu chan=%lu %s %s call=%lx pos=%lu len=%u copied=%u flags=%02x ssl=%lu "
			"pid=%u tid=%u fd=%d\n",
			ev->ts_ns, ev->data.chan, ev->data.layer ? "tls" : "wire",
			ev->data.out ? "out" : "in", ev->data.call, ev->data.pos, ev->data.len,
			ev->data.copied, ev->data.flags, ev->data.ssl, ev->data.pid, ev->data.tid,
			ev->data.fd);
	return 0;
}

/* ---- the report ---- */

static unsigned count_found(const struct stream *s)
{
	const uint8_t *at = s->bytes, *end = s->bytes + s->end;
	size_t len = find ? strlen(find) : 0;
	unsigned n = 0;

	while (len && (at = memmem(at, end - at, find, len))) {
		at += len;
		n++;
	}
	return n;
}

static json_t *stream_json(const struct stream *s)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];
	uint64_t gap = 0, bare = 0;

	for (uint64_t i = 0; i < s->end; i++) {
		gap += !s->seen[i];
		bare += s->seen[i] == 1;
	}
	crypto_hash_sha256(hash, s->bytes, s->end);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	return json_pack("{si sb si sI sI sI sI sI sI sI sI sI sI sI sI sb ss ss sI}", "found",
			 count_found(s), "out", s->out, "layer", s->layer, "ssl",
			 (json_int_t)s->ssl, "len", (json_int_t)s->end, "hole", (json_int_t)gap,
			 "bare", (json_int_t)bare, "told", (json_int_t)s->told, "copied",
			 (json_int_t)s->copied, "overlap", (json_int_t)s->overlap, "differ",
			 (json_int_t)s->differ, "covered", (json_int_t)s->covered, "unread",
			 (json_int_t)s->unread, "no_pos", (json_int_t)s->no_pos, "calls",
			 (json_int_t)s->calls, "end", s->ended, "sha256", hex, "dgram_peer",
			 s->peer, "pid", (json_int_t)s->pid);
}

static json_t *chans_json(void)
{
	json_t *all = json_array(), *one, *list;

	for (struct chan *c = chans; c; c = c->next) {
		one = c->facts ? c->facts :
				 json_pack("{sI sI}", "chan", (json_int_t)c->id, "inode",
					   (json_int_t)0);
		list = json_array();
		for (struct stream *s = streams; s; s = s->next)
			if (s->chan == c->id)
				json_array_append_new(list, stream_json(s));
		json_object_set_new(one, "streams", list);
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *stats_json(struct dfl_event_source *source)
{
	struct dfl_live_stats s;

	dfl_live_stats(source, &s);
#define N(field) #field, (json_int_t)s.field
	return json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI}", N(records),
			 N(bytes), N(lost_events), N(lost_bytes), N(faults), N(no_fd),
			 N(table_full), N(early), N(late), N(swapped_fds), N(skipped_peeks),
			 N(other_fds), N(tls_calls), N(tls_retries), N(tls_libraries),
			 N(tls_attach_failures), N(tls_unbound_bytes), N(chans), N(evicted_chans));
#undef N
}

static void report(struct dfl_event_source *source)
{
	json_t *all = json_pack("{so so so so so sI sI}", "chans", chans_json(), "procs", procs,
				"losses", losses, "blind", blind, "stats", stats_json(source),
				"backwards", (json_int_t)backwards, "ticks", (json_int_t)ticks);

	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

static void say(void *ud, enum dfl_log_level level, const char *line)
{
	if (verbose || level <= DFL_LOG_WARN)
		fprintf(stderr, "%s\n", line);
}

static int observe(struct dfl_event_source *s)
{
	struct pollfd p[2] = { { .fd = s->ops->fd(s), .events = POLLIN },
			       { .fd = STDIN_FILENO, .events = POLLIN } };
	int r;

	printf("ready\n");
	fflush(stdout);
	do {
		poll(p, 2, s->ops->timeout_ns(s) / 1000000);
		do
			r = s->ops->dispatch(s, on_event, NULL, 1024);
		while (r == 1024);
	} while (r >= 0 && !p[1].revents);
	return r < 0 ? r : s->ops->finish(s, on_event, NULL);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cgroup", 1, NULL, 'c' },   { "pid", 1, NULL, 'p' },	{ "all", 0, NULL, 'a' },
		{ "copy-cap", 1, NULL, 'C' }, { "ring", 1, NULL, 'r' }, { "no-tls", 0, NULL, 't' },
		{ "verbose", 0, NULL, 'v' },  { "drop", 0, NULL, 'd' }, { "window", 1, NULL, 'w' },
		{ "single", 0, NULL, 's' },   { "find", 1, NULL, 'f' }, { 0 }
	};
	struct dfl_live_opts o = { .log = { .fn = say } };
	const char *cgroup;
	struct dfl_event_source *s;
	struct dfl_err err = { "" };
	bool drop = false;
	uint32_t pid;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			cgroup = optarg;
			o.cgroups = &cgroup;
			o.n_cgroups = 1;
			break;
		case 'p':
			pid = strtoul(optarg, NULL, 10);
			o.pids = &pid;
			o.n_pids = 1;
			break;
		case 'a':
			o.all = true;
			break;
		case 'C':
			o.copy_cap_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			o.ring_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			o.window_max_bytes = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o.no_tls = true;
			break;
		case 'f':
			find = optarg;
			break;
		case 's':
			o.single_probes = true;
			break;
		case 'd':
			drop = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	}
	procs = json_array();
	losses = json_array();
	blind = json_array();
	r = dfl_live_open(&o, &s, &err);
	if (!r && drop)
		r = dfl_caps_drop(false, &err);
	if (r) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	r = observe(s);
	report(s);
	s->ops->free(s);
	if (r)
		fprintf(stderr, "%s\n", strerror(-r));
	return r ? 1 : 0;
}
