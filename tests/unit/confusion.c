// SPDX-License-Identifier: Apache-2.0
/* Plays streams and notes which decoders take them. */
#include "confusion.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decoders.h"
#include "foreign.h"

#define CALLS_MAX 6  /* of a stream that are played from where it is joined */
#define JOINS_MAX 60 /* calls of one stream at which it is joined */

/* What the sink hears of is the name of the decoder, but for files, which log.c reads as well. */
static void claim(void *ud, const char *protocol)
{
	uint32_t *claims = ud;
	const char *name = strcmp(protocol, "file") ? protocol : "log";

	for (int i = 0; dfl_decoders[i]; i++)
		if (!strcmp(name, dfl_decoders[i]->name))
			*claims |= 1u << i;
}

static struct dfl_op *op_begin(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
			       uint64_t ts_ns)
{
	claim(ud, d->protocol);
	return ud;
}

static void op_describe(void *ud, struct dfl_op *op, const struct dfl_op_desc *d)
{
}

static void op_id(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
}

static void op_station(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
		       const char *rule)
{
}

static void op_client(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb)
{
}

static void op_effect(void *ud, struct dfl_op *op, const struct dfl_effect *e)
{
}

static void op_kept(void *ud, struct dfl_op *op, enum dfl_kept kept, uint64_t ts_ns)
{
}

static struct dfl_txn *txn_begin(void *ud)
{
	return (struct dfl_txn *)1;
}

static void op_txn(void *ud, struct dfl_op *op, struct dfl_txn *txn)
{
}

static void txn_end(void *ud, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
}

static void op_end(void *ud, struct dfl_op *op, uint64_t ts_ns)
{
}

static struct dfl_view *view_open(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				  const struct dfl_view_desc *d)
{
	return ud;
}

static void view_data(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len, const struct dfl_chunk *from)
{
}

static void view_framing(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
			 uint64_t pos_len, const struct dfl_chunk *from)
{
}

static void view_gap(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len)
{
}

static void view_close(void *ud, struct dfl_view *v)
{
}

static struct dfl_src *source_begin(void *ud, struct dfl_op *op, const char *field,
				    enum dfl_dir dir)
{
	return ud;
}

static void source_append(void *ud, struct dfl_src *s, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, uint64_t ts_ns)
{
}

static void source_gap(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len)
{
}

static void source_end(void *ud, struct dfl_src *s, uint64_t ts_ns)
{
}

static void tls(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info)
{
}

static void encrypted(void *ud, struct dfl_conn *conn)
{
	claim(ud, "tls");
}

static void unread(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len)
{
}

static void withheld(void *ud, struct dfl_conn *conn, const struct dfl_chunk *from, uint64_t pos,
		     uint64_t pos_to)
{
}

static void limit(void *ud, struct dfl_conn *conn)
{
}

static void dns(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		uint64_t ts_ns)
{
}

static void protocol(void *ud, struct dfl_conn *conn, const char *name, enum dfl_station server)
{
	claim(ud, name);
}

static struct dfl_decode_sink sink_for(uint32_t *claims)
{
	return (struct dfl_decode_sink){
		.ud = claims,
		.op_begin = op_begin,
		.op_describe = op_describe,
		.op_id = op_id,
		.op_station = op_station,
		.op_client = op_client,
		.op_effect = op_effect,
		.op_kept = op_kept,
		.txn_begin = txn_begin,
		.op_txn = op_txn,
		.txn_end = txn_end,
		.op_end = op_end,
		.view_open = view_open,
		.view_data = view_data,
		.view_framing = view_framing,
		.view_gap = view_gap,
		.view_close = view_close,
		.source_begin = source_begin,
		.source_append = source_append,
		.source_gap = source_gap,
		.source_end = source_end,
		.tls = tls,
		.encrypted = encrypted,
		.unread = unread,
		.withheld = withheld,
		.limit = limit,
		.dns = dns,
		.protocol = protocol,
	};
}

enum how { WHOLE, BYTES, SWAPPED, N_HOW };

static const char *const how_names[N_HOW] = { "whole", "byte by byte", "ends swapped" };

static void play_call(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_chunk *call,
		      enum how how)
{
	struct dfl_chunk c = *call;

	c.call_start = true;
	if (how == SWAPPED)
		c.dir = c.dir == DFL_REQUEST ? DFL_RESPONSE : DFL_REQUEST;
	if (how != BYTES || c.dgram) {
		dfl_decode_data(d, conn, &c);
		return;
	}
	for (uint32_t i = 0; i < call->len; i++) {
		c.data = call->data + i;
		c.len = 1;
		c.pos = call->pos + i;
		c.call_start = !i;
		dfl_decode_data(d, conn, &c);
	}
}

/* The claims made on a connection that is joined at an item. */
static uint32_t claims_from(const struct tape *t, size_t first, enum how how)
{
	size_t conn = t->item[first].conn;
	struct dfl_conn c = t->conn[conn];
	uint32_t claims = 0;
	const struct dfl_decode_sink sink = sink_for(&claims);
	struct dfl_decode *d;
	int n = 0;

	c.role_known = how != SWAPPED;
	assert(!dfl_decode_new(&sink, &d));
	for (size_t i = first; i < t->n_items && n < CALLS_MAX; i++) {
		if (t->item[i].conn != conn || t->item[i].is_gap || t->item[i].is_end)
			continue;
		play_call(d, &c, &t->item[i].chunk, how);
		n++;
	}
	dfl_decode_close(d, &c, 1);
	dfl_decode_free(d);
	return claims;
}

static void tell(char text[static 300], const char *name, const struct tape *t, size_t item,
		 enum how how, uint32_t claims)
{
	const struct dfl_chunk *c = &t->item[item].chunk;
	int n = snprintf(text, 300, "%s, stream %zu, %s, %s, taken for", name, t->item[item].conn,
			 c->dir == DFL_REQUEST ? "client" : "server", how_names[how]);

	for (int i = 0; dfl_decoders[i]; i++)
		if (claims >> i & 1)
			n += snprintf(text + n, (size_t)(300 - n), " %s", dfl_decoders[i]->name);
	n += snprintf(text + n, (size_t)(300 - n), ":");
	for (uint32_t i = 0; i < c->len && i < 40; i++)
		n += snprintf(text + n, (size_t)(300 - n), " %02x", c->data[i]);
}

static void note(struct confusion *c, const char *name, const struct tape *t, size_t item,
		 bool start, enum how how)
{
	uint32_t claims = claims_from(t, item, how);

	c->plays++;
	c->none += !claims;
	for (int i = 0; dfl_decoders[i]; i++)
		c->claims[i] += claims >> i & 1;
	if (claims & ~c->allowed && !c->wrong++)
		tell(c->first_wrong, name, t, item, how, claims);
	if (c->expected && start && how != SWAPPED && !(claims & c->allowed) && !c->missed++)
		tell(c->first_missed, name, t, item, how, claims);
}

/* All connections of a tape, each joined at its calls. */
static void note_tape(struct confusion *c, const char *name, const struct tape *t)
{
	unsigned *joins = calloc(t->n_conns, sizeof(*joins));

	for (size_t i = 0; i < t->n_items; i++) {
		const struct tape_item *it = &t->item[i];

		if (it->is_gap || it->is_end || joins[it->conn] == JOINS_MAX)
			continue;
		c->streams += !joins[it->conn];
		for (enum how how = WHOLE; how < N_HOW; how++)
			note(c, name, t, i, !joins[it->conn], how);
		joins[it->conn]++;
	}
	free(joins);
}

static struct confusion row(const char *protocol, uint32_t allowed, bool expected)
{
	struct confusion c = { .allowed = allowed, .expected = expected };

	snprintf(c.protocol, sizeof(c.protocol), "%s", protocol);
	return c;
}

/* The decoders of that names: "tls http". */
static uint32_t bits(const char *names)
{
	uint32_t all = 0;

	for (int i = 0; dfl_decoders[i]; i++) {
		size_t n = strlen(dfl_decoders[i]->name);

		for (const char *at = names; (at = strstr(at, dfl_decoders[i]->name)); at += n)
			if ((at == names || at[-1] == ' ') && (!at[n] || at[n] == ' '))
				all |= 1u << i;
	}
	return all;
}

/*
 * Golden tapes that are not of one protocol alone; what begins with "any" need not be recognised.
 * Other tapes have the name of their decoder, "-" and more.
 */
static const struct {
	const char *name, *decoders;
} mixed[] = {
	{ "embedding", "any http redis postgres plugin-stdio" },
	{ "foreign-", "none" }, /* recorded from programs that dflow does not know */
	{ "http-connect", "http tls" },
	{ "http2", "any http2" },	   /* among them a broken preface */
	{ "plugin-", "plugin-stdio log" }, /* a line of a plugin that is no JSON is a log */
	{ "postgres-tls", "postgres tls" },
	{ "unknown", "any http" },
};

/* "plugin-in" is of plugin-stdio: what is before the first "-" begins the decoder's name. */
static const char *decoders_of(const char *tape)
{
	size_t n = strcspn(tape, "-.");

	for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++)
		if (!strncmp(mixed[i].name, tape, strlen(mixed[i].name)))
			return mixed[i].decoders;
	for (int i = 0; dfl_decoders[i]; i++)
		if (!strncmp(dfl_decoders[i]->name, tape, n) &&
		    (!dfl_decoders[i]->name[n] || dfl_decoders[i]->name[n] == '-'))
			return dfl_decoders[i]->name;
	return "";
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool ends_with(const char *name, const char *tail)
{
	size_t n = strlen(name), k = strlen(tail);

	return n > k && !strcmp(name + n - k, tail);
}

static int is_tape(const struct dirent *e)
{
	return ends_with(e->d_name, ".tape");
}

static int is_capture(const struct dirent *e)
{
	return ends_with(e->d_name, ".pcap");
}

/* Tapes of the same decoders in one row. */
static void golden_tapes(const char *path, confusion_report *report, void *ud)
{
	struct confusion rows[DECODERS_MAX];
	char dir[4200], file[8600], name[64];
	struct dirent **e;
	int n_rows = 0, n, r;
	struct tape t;

	snprintf(dir, sizeof(dir), "%s/decode", path);
	n = scandir(dir, &e, is_tape, by_name);
	assert(n > 0);
	for (int i = 0; i < n; i++) {
		const char *decoders = decoders_of(e[i]->d_name);

		snprintf(name, sizeof(name), "tapes: %s", decoders);
		for (r = 0; r < n_rows && strcmp(rows[r].protocol, name);)
			r++;
		if (r == n_rows) {
			assert(n_rows < DECODERS_MAX);
			rows[n_rows++] = row(name, bits(decoders),
					     bits(decoders) && strncmp(decoders, "any", 3) != 0);
		}
		snprintf(file, sizeof(file), "%s/%s", dir, e[i]->d_name);
		tape_from_text(&t, file);
		note_tape(&rows[r], e[i]->d_name, &t);
		tape_fini(&t);
		free(e[i]);
	}
	free(e);
	for (r = 0; r < n_rows; r++)
		report(ud, &rows[r]);
}

/* The captures have several protocols in them; the server's port tells which. */
static const struct {
	uint16_t port;
	const char *decoders;
} ports[] = {
	{ 16379, "redis" },
	{ 15432, "postgres tls" },
	{ 18443, "tls" },
	{ 0, "http" },
};

#define N_PORTS (sizeof(ports) / sizeof(ports[0]))

/* Only the connections of one port. */
static void note_port(struct confusion *c, const char *name, struct tape *t, size_t port)
{
	struct tape part = *t;

	part.item = calloc(t->n_items, sizeof(*part.item));
	part.n_items = 0;
	for (size_t i = 0; i < t->n_items; i++) {
		const struct dfl_conn *conn = &t->conn[t->item[i].conn];
		size_t p = 0;

		while (ports[p].port && ports[p].port != conn->end[0].addr.port &&
		       ports[p].port != conn->end[1].addr.port)
			p++;
		if (p == port)
			part.item[part.n_items++] = t->item[i];
	}
	note_tape(c, name, &part);
	free(part.item);
}

static void golden_captures(const char *path, confusion_report *report, void *ud)
{
	struct confusion rows[N_PORTS];
	char file[4600], name[64];
	struct dirent **e;
	struct tape t;
	int n = scandir(path, &e, is_capture, by_name);

	assert(n > 0);
	for (size_t p = 0; p < N_PORTS; p++) {
		snprintf(name, sizeof(name), "captures: %s", ports[p].decoders);
		rows[p] = row(name, bits(ports[p].decoders), false);
	}
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, e[i]->d_name);
		tape_from_pcap(&t, file);
		for (size_t p = 0; p < N_PORTS; p++)
			note_port(&rows[p], e[i]->d_name, &t, p);
		tape_fini(&t);
		free(e[i]);
	}
	free(e);
	for (size_t p = 0; p < N_PORTS; p++)
		report(ud, &rows[p]);
}

void confusion_golden(const char *path, confusion_report *report, void *ud)
{
	golden_tapes(path, report, ud);
	golden_captures(path, report, ud);
}

void confusion_foreign(confusion_report *report, void *ud)
{
	for (const struct foreign *f = foreign; f->name; f++) {
		struct confusion c = row(f->name, f->is_tls ? bits("tls") : 0, f->is_tls);
		struct tape t = { 0 };

		f->make(&t);
		note_tape(&c, f->name, &t);
		tape_fini(&t);
		report(ud, &c);
	}
}
