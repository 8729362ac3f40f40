// SPDX-License-Identifier: Apache-2.0
/*
 * DNS (RFC 1035): which addresses a name has, by the answers that processes were given.
 *
 * A datagram is a message. Over TCP messages are gathered, since names in them are compressed by
 * pointers to earlier bytes; a message has at most 65,535 bytes, so that is the most that is held.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "decode/emit.h"

#define NAME_MAX_BYTES 254 /* RFC 1035, 2.3.4 */
#define JUMPS_MAX 32	   /* compression pointers followed in one name */
#define RECORDS_MAX 64	   /* answers read in one message */
/* Record types (RFC 1035, 3.2.2; RFC 3596, 2.1). */
#define TYPE_A 1
#define TYPE_AAAA 28

struct dns {
	struct dfl_buf tcp[2]; /* an unfinished message, with its length */
	uint64_t pos[2];       /* of its first byte */
};

static unsigned u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/*
 * A header (RFC 1035, 4.1.1) of a standard query or its answer: opcode 0, reserved bit 0, one
 * question, no more than 256 records of a kind. 0x7840: the opcode and the reserved bit.
 */
static bool sane_header(const uint8_t *h)
{
	unsigned flags = u16(h + 2);

	return !(flags & 0x7840) && u16(h + 4) == 1 && u16(h + 6) <= 256 && u16(h + 8) <= 256 &&
	       u16(h + 10) <= 256;
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	bool port = conn->end[0].addr.port == 53 || conn->end[1].addr.port == 53;

	if (layer != DFL_WIRE || (conn->medium != DFL_UDP && !(conn->medium == DFL_TCP && port)))
		return DFL_GUESS_NO;
	if (conn->medium == DFL_TCP) {
		if (len < 14)
			return DFL_GUESS_MORE;
		return u16(data) >= 17 && sane_header(data + 2) ? DFL_GUESS_YES : DFL_GUESS_NO;
	}
	return len >= 17 && sane_header(data) ? DFL_GUESS_YES : DFL_GUESS_NO;
}

static int init(struct dfl_decoder_ctx *ctx)
{
	ctx->state = calloc(1, sizeof(struct dns));
	return ctx->state ? 0 : -ENOMEM;
}

static bool append_label(char *name, size_t *len, const uint8_t *label, unsigned n)
{
	if (*len + n + 1 >= NAME_MAX_BYTES)
		return false;
	if (*len)
		name[(*len)++] = '.';
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = label[i];

		if (c <= ' ' || c > '~' || c == '.')
			return false;
		name[(*len)++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	return true;
}

/*
 * Reads the name at `at` (RFC 1035, 4.1.4). Returns the offset after it, 0 when it is malformed.
 * name: NAME_MAX_BYTES + 1 bytes, or NULL. Pointers lead backwards only, and are counted, so that
 * loops end.
 */
static size_t read_name(const uint8_t *m, size_t len, size_t at, char *name)
{
	size_t after = 0, n = 0;

	for (int jumps = 0; at < len;) {
		unsigned b = m[at];

		if (!b) {
			if (name)
				name[n] = 0;
			return after ? after : at + 1;
		}
		if (b >= 0xc0) {
			size_t to = at + 1 < len ? ((size_t)(b & 0x3f) << 8 | m[at + 1]) : len;

			if (to >= at || ++jumps > JUMPS_MAX)
				return 0;
			after = after ? after : at + 2;
			at = to;
			continue;
		}
		if (b > 63 || at + 1 + b > len || (name && !append_label(name, &n, m + at + 1, b)))
			return 0;
		at += 1 + b;
	}
	return 0;
}

/*
 * One record (RFC 1035, 4.1.3). An address is told for the name that was asked, whatever aliases
 * are between. Returns the offset after it, 0 when it is malformed.
 */
static size_t read_answer(struct dfl_decoder_ctx *ctx, const uint8_t *m, size_t len, size_t at,
			  const char *asked, uint64_t ts_ns)
{
	struct dfl_addr addr = { 0 };
	unsigned type, n;
	uint32_t ttl;

	at = read_name(m, len, at, NULL);
	if (!at || at + 10 > len)
		return 0;
	type = u16(m + at);
	ttl = (uint32_t)u16(m + at + 4) << 16 | u16(m + at + 6);
	n = u16(m + at + 8);
	at += 10;
	if (at + n > len)
		return 0;
	if (type == TYPE_A && n == 4)
		dfl_addr_set(&addr, AF_INET, m + at, 0);
	else if (type == TYPE_AAAA && n == 16)
		dfl_addr_set(&addr, AF_INET6, m + at, 0);
	if (addr.family)
		ctx->sink->dns(ctx->sink->ud, asked, &addr, ttl, ts_ns);
	return at + n;
}

static void read_message(struct dfl_decoder_ctx *ctx, const uint8_t *m, size_t len, uint64_t ts_ns)
{
	char asked[NAME_MAX_BYTES + 1];
	unsigned n;
	size_t at;

	if (len < 12 || !sane_header(m) || !(u16(m + 2) & 0x8000))
		return;
	at = read_name(m, len, 12, asked);
	if (!at || at + 4 > len)
		return;
	at += 4;
	n = u16(m + 6);
	for (unsigned i = 0; i < n && i < RECORDS_MAX && at; i++)
		at = read_answer(ctx, m, len, at, asked, ts_ns);
}

/* Records whose data are addresses, names and numbers (IANA, DNS Parameters, RR TYPEs). */
static bool holds_no_text(unsigned type)
{
	static const uint8_t types[] = { 1 /* A */,    2 /* NS */,  5 /* CNAME */, 6 /* SOA */,
					 12 /* PTR */, 15 /* MX */, 28 /* AAAA */, 33 /* SRV */,
					 41 /* OPT */, 46 /* RRSIG */ };

	return type < 256 && memchr(types, (int)type, sizeof(types));
}

/* Is all of the message names and such records, up to its last byte? Then it is vouched for. */
static bool is_plain(const uint8_t *m, size_t len)
{
	char asked[NAME_MAX_BYTES + 1];
	unsigned n, type, rdata;
	size_t at;

	if (len < 12 || !sane_header(m) || u16(m + 4) != 1)
		return false;
	at = read_name(m, len, 12, asked);
	if (!at || at + 4 > len)
		return false;
	at += 4;
	n = u16(m + 6) + u16(m + 8) + u16(m + 10);
	for (unsigned i = 0; i < n; i++) {
		at = read_name(m, len, at, NULL);
		if (!at || at + 10 > len)
			return false;
		type = u16(m + at);
		rdata = u16(m + at + 8);
		at += 10 + rdata;
		if (!holds_no_text(type) || at > len)
			return false;
	}
	return at == len;
}

/*
 * A name can carry text, as anything else can: so the message goes into a view. head: bytes before
 * the message, its length over TCP.
 */
static void show(struct dfl_decoder_ctx *ctx, const struct dfl_slice *s, size_t head,
		 const struct dfl_chunk *from)
{
	const struct dfl_op_desc d = { .protocol = "dns",
				       .operation = "QUERY",
				       .residency = DFL_TRANSIT,
				       .ttl_s = -1,
				       .dir = DFL_REQUEST };
	struct dfl_op *op = dfl_begin_op(ctx, &d, from->ts_ns);
	struct dfl_view *v = dfl_open_view(ctx, op, from->dir, NULL);

	if (s->len > head && is_plain(s->data + head, s->len - head))
		dfl_put_framing(ctx, v, s, from);
	else
		dfl_put_view(ctx, v, s, from);
	dfl_close_view(ctx, &v);
	dfl_end_op(ctx, &op, from->ts_ns);
}

/* The first n bytes that are held, whether they are a whole message or not. */
static void show_held(struct dfl_decoder_ctx *ctx, size_t n, const struct dfl_chunk *from)
{
	struct dns *d = ctx->state;
	struct dfl_buf *b = &d->tcp[from->dir];
	const struct dfl_slice s = { b->data, n, d->pos[from->dir], n };

	if (n)
		show(ctx, &s, 2, from);
	d->pos[from->dir] += n;
	dfl_buf_drop(b, n);
}

/* Over TCP a message follows its length of two bytes (RFC 1035, 4.2.2). */
static void tcp_bytes(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *c)
{
	struct dns *d = ctx->state;
	struct dfl_buf *b = &d->tcp[c->dir];
	size_t n;

	if (!b->len)
		d->pos[c->dir] = c->pos;
	if (dfl_buf_append(b, c->data, c->len))
		return;
	while (b->len >= 2 && b->len >= (n = 2 + (size_t)u16(b->data))) {
		read_message(ctx, b->data + 2, n - 2, c->ts_ns);
		show_held(ctx, n, c);
	}
}

static void give_up(struct dfl_decoder_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns)
{
	struct dns *d = ctx->state;
	const struct dfl_chunk at = dfl_empty_chunk(ctx, dir, ts_ns);

	show_held(ctx, d->tcp[dir].len, &at);
	dfl_buf_fini(&d->tcp[dir]);
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	const struct dfl_slice all = dfl_chunk_slice(chunk, 0, chunk->len);

	if (ctx->conn->medium != DFL_UDP) {
		tcp_bytes(ctx, chunk);
		return 0;
	}
	show(ctx, &all, 0, chunk);
	read_message(ctx, chunk->data, chunk->len, chunk->ts_ns);
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	give_up(ctx, g->dir, g->ts_ns);
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	give_up(ctx, DFL_REQUEST, ts_ns);
	give_up(ctx, DFL_RESPONSE, ts_ns);
	free(ctx->state);
}

const struct dfl_decoder dfl_decoder_dns = {
	.name = "dns", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
