// SPDX-License-Identifier: Apache-2.0
/*
 * A packet capture as a source of events: TCP and UDP over IPv4 and IPv6, both directions of each
 * flow.
 */
#include "capture/pcap.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define TICK_NS 100000000ull
#define FLOWS_MAX 65536
/* After the file nothing can come any more: far enough for every trace to settle. */
#define LAST_TICK_NS (3600ull * 1000000000)

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

/* The lower address first, so that both directions find it. */
struct flow_key {
	struct dfl_addr a, b;
	uint8_t proto;
};

struct flow {
	UT_hash_handle hh;
	struct flow_key key;
	uint64_t chan;
	struct dfl_addr client, server;
	bool have_isn[2], fin[2]; /* by sender: 0 client */
	uint32_t isn[2];
};

struct pcap_source {
	struct dfl_event_source base;
	pcap_t *pcap;
	int linktype;
	struct flow *flows;
	uint64_t next_chan, next_call;
	uint64_t now_ns, last_tick_ns;
	bool started, ended;
	dfl_event_fn fn;
	void *ud;
};

struct packet {
	const uint8_t *at;
	uint32_t caplen; /* bytes at `at` */
	uint32_t len;	 /* bytes that were on the wire from there on */
	struct dfl_addr src, dst;
	uint8_t proto;
};

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* All events of a capture file have the time of the packet that was read last. */
static int emit(struct pcap_source *s, struct dfl_event *ev)
{
	ev->ts_ns = s->now_ns;
	return s->fn(s->ud, ev);
}

/* Goes n bytes on. False: the packet is too short. */
static bool skip(struct packet *p, uint32_t n)
{
	if (n > p->caplen || n > p->len)
		return false;
	p->at += n;
	p->caplen -= n;
	p->len -= n;
	return true;
}

/* Leaves p at the IP header. */
static bool link_layer(const struct pcap_source *s, struct packet *p)
{
	uint16_t type;

	switch (s->linktype) {
	case DLT_EN10MB:
		if (p->caplen < ETHER_HDR_LEN)
			return false;
		type = be16(p->at + 12);
		if (!skip(p, ETHER_HDR_LEN))
			return false;
		while (type == ETHERTYPE_VLAN && p->caplen >= 4) {
			type = be16(p->at + 2);
			skip(p, 4);
		}
		return type == ETHERTYPE_IP || type == ETHERTYPE_IPV6;
	case DLT_LINUX_SLL:
		return skip(p, SLL_HDR_LEN);
	case DLT_LINUX_SLL2:
		return skip(p, SLL2_HDR_LEN);
	case DLT_NULL:
	case DLT_LOOP:
		return skip(p, 4);
	default: /* DLT_RAW */
		return true;
	}
}

/* RFC 791. Leaves p at the payload. False: cut off, malformed, or a fragment. */
static bool ipv4(struct packet *p)
{
	uint32_t header, total;

	if (p->caplen < 20)
		return false;
	header = (p->at[0] & 15) * 4;
	total = be16(p->at + 2);
	if (header < 20 || (total && total < header) || be16(p->at + 6) & 0x3fff)
		return false; /* fragments are not put together */
	p->proto = p->at[9];
	dfl_addr_set(&p->src, AF_INET, p->at + 12, 0);
	dfl_addr_set(&p->dst, AF_INET, p->at + 16, 0);
	if (total && total < p->len) /* Ethernet padding; 0: segmentation offload */
		p->len = total;
	if (p->caplen > p->len)
		p->caplen = p->len;
	return skip(p, header);
}

/* RFC 8200. Leaves p at the payload. False: cut off. */
static bool ipv6(struct packet *p)
{
	uint32_t payload;

	if (p->caplen < 40)
		return false;
	payload = be16(p->at + 4);
	p->proto = p->at[6];
	dfl_addr_set(&p->src, AF_INET6, p->at + 8, 0);
	dfl_addr_set(&p->dst, AF_INET6, p->at + 24, 0);
	if (payload && payload + 40 < p->len)
		p->len = payload + 40;
	if (p->caplen > p->len)
		p->caplen = p->len;
	if (!skip(p, 40))
		return false;
	/* RFC 8200 4.1: hop-by-hop, routing, destination options */
	while (p->proto == 0 || p->proto == 43 || p->proto == 60) {
		if (p->caplen < 8)
			return false;
		p->proto = p->at[0];
		if (!skip(p, 8 * (1 + p->at[1])))
			return false;
	}
	return true;
}

static int addr_cmp(const struct dfl_addr *a, const struct dfl_addr *b)
{
	int r = memcmp(a->ip, b->ip, sizeof(a->ip));

	return r ? r : (int)a->port - (int)b->port;
}

/* Both directions of a flow have the same key. */
static struct flow_key flow_key(const struct packet *p)
{
	struct flow_key k;
	bool swap = addr_cmp(&p->src, &p->dst) > 0;

	memset(&k, 0, sizeof(k));
	k.a = swap ? p->dst : p->src;
	k.b = swap ? p->src : p->dst;
	k.proto = p->proto;
	return k;
}

static int emit_chan(struct pcap_source *s, const struct flow *f)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN };

	ev.chan = (struct dfl_ev_chan){
		.chan = f->chan,
		.medium = f->key.proto == IPPROTO_TCP ? DFL_TCP : DFL_UDP,
		.role = f->have_isn[0] || f->have_isn[1] ? DFL_ROLE_CONNECTED : DFL_ROLE_UNKNOWN,
		.tap = true,
		.local = f->client,
		.remote = f->server,
		.path = "",
		.seq0_known = f->have_isn[0] && f->have_isn[1],
		.seq0_out = f->isn[0] + 1,
		.seq0_in = f->isn[1] + 1,
		.existed = !f->have_isn[0],
	};
	return emit(s, &ev);
}

/* Tells that the flow is over, and frees it. */
static int close_flow(struct pcap_source *s, struct flow *f)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN_CLOSE, .closed_chan = f->chan };

	HASH_DEL(s->flows, f);
	free(f);
	return emit(s, &ev);
}

/* Makes and tells a flow. When there are too many, the oldest one goes. */
static int open_flow(struct pcap_source *s, const struct packet *p, bool from_client,
		     struct flow **ret_flow)
{
	struct flow *f = calloc(1, sizeof(*f));
	int r = 0;

	if (!f)
		return -ENOMEM;
	if (HASH_COUNT(s->flows) >= FLOWS_MAX)
		r = close_flow(s, s->flows);
	f->key = flow_key(p);
	f->chan = ++s->next_chan;
	f->client = from_client ? p->src : p->dst;
	f->server = from_client ? p->dst : p->src;
	HASH_ADD(hh, s->flows, key, sizeof(f->key), f);
	if (!DFL_HASHED(hh, f)) {
		free(f);
		return -ENOMEM;
	}
	*ret_flow = f;
	return r ? r : emit_chan(s, f);
}

static struct flow *find_flow(struct pcap_source *s, const struct packet *p)
{
	struct flow_key key = flow_key(p);
	struct flow *f;

	HASH_FIND(hh, s->flows, &key, sizeof(key), f);
	return f;
}

static int emit_data(struct pcap_source *s, const struct flow *f, const struct packet *p,
		     uint64_t pos, uint16_t flags)
{
	struct dfl_event ev = { .type = DFL_EV_DATA };

	ev.data = (struct dfl_ev_data){
		.chan = f->chan,
		.call = ++s->next_call,
		.pos = pos,
		.fd = -1,
		.out = dfl_addr_eq(&p->src, &f->client),
		.layer = DFL_WIRE,
		.flags = flags | DFL_DATA_FIRST | DFL_DATA_LAST,
		.len = p->len,
		.copied = p->caplen < p->len ? p->caplen : p->len,
		.data = p->at,
	};
	return emit(s, &ev);
}

/* RFC 768. The higher port is taken for the client of the flow. */
static int udp(struct pcap_source *s, struct packet *p)
{
	struct flow *f;
	int r;

	if (p->caplen < 8)
		return 0;
	p->src.port = be16(p->at);
	p->dst.port = be16(p->at + 2);
	skip(p, 8);
	f = find_flow(s, p);
	if (!f) {
		r = open_flow(s, p, p->src.port >= p->dst.port, &f);
		if (r)
			return r;
	}
	return emit_data(s, f, p, 0, DFL_DATA_DGRAM);
}

/* A SYN names the client; without one the lower port is the server's. */
static int tcp_flow(struct pcap_source *s, const struct packet *p, uint8_t flags, uint32_t seq,
		    struct flow **ret_flow)
{
	struct flow *f = find_flow(s, p);
	bool from_client;
	int r = 0;

	if (f && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && f->have_isn[0] && f->isn[0] != seq) {
		r = close_flow(s, f); /* the port is used again */
		f = NULL;
	}
	if (!f && !r) {
		from_client = flags & TCP_SYN ? !(flags & TCP_ACK) : p->src.port >= p->dst.port;
		r = open_flow(s, p, from_client, &f);
	}
	*ret_flow = f;
	return r;
}

static int tcp(struct pcap_source *s, struct packet *p)
{
	uint8_t flags, header;
	uint32_t seq;
	struct flow *f;
	int from, r;

	if (p->caplen < 20)
		return 0;
	p->src.port = be16(p->at);
	p->dst.port = be16(p->at + 2);
	seq = be32(p->at + 4);
	header = (p->at[12] >> 4) * 4;
	flags = p->at[13];
	if (header < 20 || !skip(p, header))
		return 0;
	r = tcp_flow(s, p, flags, seq, &f);
	if (r)
		return r;
	from = !dfl_addr_eq(&p->src, &f->client);
	if (flags & TCP_SYN) {
		f->have_isn[from] = true;
		f->isn[from] = seq++;
		r = emit_chan(s, f);
	}
	if (!r && (p->len || flags & TCP_FIN))
		r = emit_data(s, f, p, seq, DFL_DATA_POS | (flags & TCP_FIN ? DFL_DATA_END : 0));
	if (flags & TCP_FIN)
		f->fin[from] = true;
	if (!r && (flags & TCP_RST || (f->fin[0] && f->fin[1] && !(flags & TCP_FIN))))
		r = close_flow(s, f);
	return r;
}

static int lost(struct pcap_source *s, uint32_t bytes)
{
	struct dfl_event ev = { .type = DFL_EV_LOSS };

	ev.loss = (struct dfl_ev_loss){
		.reason = DFL_LOSS_OTHER, .events = 1, .bytes = bytes, .since_ns = s->now_ns
	};
	return emit(s, &ev);
}

static int packet(struct pcap_source *s, const struct pcap_pkthdr *h, const uint8_t *data)
{
	struct packet p = { .at = data, .caplen = h->caplen, .len = h->len };
	bool ok;

	if (!link_layer(s, &p) || !p.caplen)
		return 0; /* ARP and the like carry no payload */
	ok = p.at[0] >> 4 == 4 ? ipv4(&p) : p.at[0] >> 4 == 6 ? ipv6(&p) : false;
	if (!ok)
		return lost(s, h->len);
	if (p.proto == IPPROTO_TCP)
		return tcp(s, &p);
	return p.proto == IPPROTO_UDP ? udp(s, &p) : 0;
}

/* A tick every TICK_NS of the time in the file. */
static int tick(struct pcap_source *s)
{
	struct dfl_event ev = { .type = DFL_EV_TICK };

	if (s->now_ns - s->last_tick_ns < TICK_NS)
		return 0;
	s->last_tick_ns = s->now_ns;
	return emit(s, &ev);
}

/* The first event. The id of the node is "pcap", as no host is known. */
static int start(struct pcap_source *s)
{
	struct dfl_event ev = { .type = DFL_EV_NODE };

	s->started = true;
	s->last_tick_ns = s->now_ns;
	ev.node = (struct dfl_ev_node){ .id = "pcap", .hostname = "", .boot_id = "" };
	return emit(s, &ev);
}

static int next_packet(struct pcap_source *s)
{
	const uint8_t *data;
	struct pcap_pkthdr *h;
	uint64_t ts;
	int r = pcap_next_ex(s->pcap, &h, &data);

	if (r == PCAP_ERROR_BREAK)
		return -ENODATA;
	if (r != 1) { /* cut off in the middle of a packet */
		struct dfl_event ev = { .type = DFL_EV_LOSS };

		s->ended = true;
		ev.loss = (struct dfl_ev_loss){ .reason = DFL_LOSS_TRUNCATED_FILE,
						.events = 1,
						.since_ns = s->now_ns };
		r = emit(s, &ev);
		return r ? r : -ENODATA;
	}
	/* opened with nanosecond precision: tv_usec holds nanoseconds */
	ts = (uint64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec;
	if (ts > s->now_ns)
		s->now_ns = ts;
	r = s->started ? tick(s) : start(s);
	return r ? r : packet(s, h, data);
}

static int pcap_dispatch_events(struct dfl_event_source *base, dfl_event_fn fn, void *ud,
				unsigned max_events)
{
	struct pcap_source *s = (struct pcap_source *)base;
	unsigned n = 0;
	int r = 0;

	s->fn = fn;
	s->ud = ud;
	while (n < max_events && !s->ended) {
		r = next_packet(s);
		if (r == -ENODATA)
			s->ended = true;
		if (r)
			break;
		n++;
	}
	if (r && r != -ENODATA)
		return r;
	return n ? (int)n : s->ended ? -ENODATA : 0;
}

static int pcap_finish(struct dfl_event_source *base, dfl_event_fn fn, void *ud)
{
	struct pcap_source *s = (struct pcap_source *)base;
	int r = 0;

	s->fn = fn;
	s->ud = ud;
	if (!s->started)
		r = start(s);
	s->now_ns += LAST_TICK_NS;
	return r ? r : tick(s);
}

static int pcap_fd(struct dfl_event_source *base)
{
	return -1;
}

static uint64_t pcap_timeout(struct dfl_event_source *base)
{
	return 0;
}

static FILE *pcap_source_file(struct dfl_event_source *base)
{
	return pcap_file(((struct pcap_source *)base)->pcap);
}

static void pcap_source_free(struct dfl_event_source *base)
{
	struct pcap_source *s = (struct pcap_source *)base;
	struct flow *f, *next;

	HASH_ITER(hh, s->flows, f, next)
	{
		HASH_DEL(s->flows, f);
		free(f);
	}
	if (s->pcap)
		pcap_close(s->pcap);
	free(s);
}

static const struct dfl_event_source_ops pcap_ops = {
	.fd = pcap_fd,
	.timeout_ns = pcap_timeout,
	.dispatch = pcap_dispatch_events,
	.finish = pcap_finish,
	.file = pcap_source_file,
	.free = pcap_source_free,
};

static bool known_linktype(int t)
{
	return t == DLT_EN10MB || t == DLT_LINUX_SLL || t == DLT_LINUX_SLL2 || t == DLT_NULL ||
	       t == DLT_LOOP || t == DLT_RAW;
}

int dfl_pcap_open(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err)
{
	char errbuf[PCAP_ERRBUF_SIZE] = "";
	struct pcap_source *s;
	FILE *f = fopen(path, "re");

	if (!f)
		return dfl_err_set(err, errno, "cannot open %s: %s", path, strerror(errno));
	s = calloc(1, sizeof(*s));
	if (!s) {
		fclose(f);
		return -ENOMEM;
	}
	s->base.ops = &pcap_ops;
	s->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, errbuf);
	if (!s->pcap) {
		fclose(f);
		free(s);
		return dfl_err_set(err, EBADMSG, "%s is not a pcap or pcapng file (%s)", path,
				   errbuf);
	}
	s->linktype = pcap_datalink(s->pcap);
	if (!known_linktype(s->linktype)) {
		const char *name = pcap_datalink_val_to_name(s->linktype) ?: "unknown";

		pcap_source_free(&s->base);
		return dfl_err_set(err, EPROTONOSUPPORT,
				   "%s: link type %s is not supported; capture with -i any or on "
				   "an Ethernet interface",
				   path, name);
	}
	*ret_source = &s->base;
	return 0;
}
