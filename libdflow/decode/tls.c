// SPDX-License-Identifier: Apache-2.0
/*
 * TLS on the wire (RFC 8446; 1.2: RFC 5246). Reads what the hellos tell; the rest is ciphertext and
 * goes to no view. It also recognises connections whose beginning was not seen.
 *
 * Only the first handshake message of each direction is read, and only it is gathered (it may lie
 * in several records). Of all other records the header is read, to find the next one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "decode/emit.h"

#define RECORD_MAX (16384 + 2048) /* RFC 5246, 6.2.3; TLS 1.3 allows 256 more than 2^14 */
#define HELLO_MAX 16384		  /* a longer hello is not read */

/* ContentType (RFC 8446, 5.1; heartbeat: RFC 6520, 3). */
enum { CCS = 20, ALERT, HANDSHAKE, DATA, HEARTBEAT };
/* HandshakeType (RFC 8446, 4), and of extensions (RFC 6066, RFC 7301, RFC 8446, 4.2). */
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, KEY_UPDATE = 24 };
enum { SERVER_NAME = 0, ALPN = 16, SUPPORTED_VERSIONS = 43 };

/* One direction. */
struct side {
	uint8_t head[5]; /* of a record: type, version, length (RFC 8446, 5.1) */
	uint8_t n_head;
	uint32_t left;	      /* bytes of the record */
	bool done;	      /* its hello was read, or will not be */
	bool lost;	      /* where records begin is not known any more */
	struct dfl_buf hello; /* handshake bytes until the hello is whole */
};

struct tls {
	struct side side[2];
	bool told; /* the sink knows that the connection is encrypted */
	struct dfl_tls_info info;
};

/* Cipher suites in use (IANA registry "TLS Cipher Suites"). */
static const struct {
	uint16_t id;
	const char *name;
} ciphers[] = {
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0x1304, "TLS_AES_128_CCM_SHA256" },
	{ 0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" },
	{ 0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA" },
	{ 0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256" },
	{ 0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384" },
	{ 0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA" },
	{ 0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA" },
};

/* A reader that never passes the end: what is missing reads as 0 and sets `bad`. */
struct cur {
	const uint8_t *p, *end;
	bool bad;
};

static uint32_t take(struct cur *c, unsigned bytes)
{
	uint32_t v = 0;

	if ((size_t)(c->end - c->p) < bytes) {
		c->bad = true;
		c->p = c->end;
		return 0;
	}
	while (bytes--)
		v = v << 8 | *c->p++;
	return v;
}

/* What a length of len_bytes bytes announces. */
static struct cur take_block(struct cur *c, unsigned len_bytes)
{
	uint32_t n = take(c, len_bytes);
	struct cur inner = { c->p, c->p, c->bad };

	if ((size_t)(c->end - c->p) < n) {
		c->bad = inner.bad = true;
		return inner;
	}
	inner.end = c->p += n;
	return inner;
}

static bool sane_header(const uint8_t *h)
{
	unsigned len = (unsigned)h[3] << 8 | h[4];

	return h[0] >= CCS && h[0] <= HEARTBEAT && h[1] == 3 && h[2] <= 4 && len &&
	       len <= RECORD_MAX;
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	if (layer != DFL_WIRE || (conn->medium != DFL_TCP && conn->medium != DFL_UNIX))
		return DFL_GUESS_NO;
	if (data[0] < CCS || data[0] > DATA || (len > 1 && data[1] != 3) ||
	    (len > 2 && data[2] > 4))
		return DFL_GUESS_NO;
	if (len < 6)
		return DFL_GUESS_MORE;
	if (!sane_header(data))
		return DFL_GUESS_NO;
	/* A hello, or another message of a handshake, when its beginning was not seen. */
	if (data[0] == HANDSHAKE && data[5] > KEY_UPDATE)
		return DFL_GUESS_NO;
	return DFL_GUESS_YES;
}

static int init(struct dfl_decoder_ctx *ctx)
{
	ctx->state = calloc(1, sizeof(struct tls));
	return ctx->state ? 0 : -ENOMEM;
}

static void put_version(struct tls *t, uint32_t v)
{
	static const char *const names[] = { "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" };

	if (v >= 0x0300 && v <= 0x0304)
		snprintf(t->info.version, sizeof(t->info.version), "%s", names[v - 0x0300]);
}

static void put_cipher(struct tls *t, uint32_t id)
{
	snprintf(t->info.cipher, sizeof(t->info.cipher), "0x%04x", id);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id)
			snprintf(t->info.cipher, sizeof(t->info.cipher), "%s", ciphers[i].name);
}

/* Copies only what a host or protocol name can hold. */
static void put_text(char *to, size_t size, const struct cur *from)
{
	size_t n = (size_t)(from->end - from->p);

	if (from->bad || !n || n >= size)
		return;
	for (size_t i = 0; i < n; i++)
		if (from->p[i] <= ' ' || from->p[i] > '~')
			return;
	memcpy(to, from->p, n);
	to[n] = 0;
}

static void server_name(struct tls *t, struct cur c)
{
	struct cur list = take_block(&c, 2), name;

	if (take(&list, 1)) /* RFC 6066, 3: host_name is 0 */
		return;
	name = take_block(&list, 2);
	put_text(t->info.sni, sizeof(t->info.sni), &name);
}

/* The first protocol: in a client's hello the one it likes best, in a server's the chosen one. */
static void alpn(struct tls *t, struct cur c)
{
	struct cur list = take_block(&c, 2), name = take_block(&list, 1);

	put_text(t->info.alpn, sizeof(t->info.alpn), &name);
}

static void extensions(struct tls *t, struct cur *hello, bool server)
{
	struct cur list = take_block(hello, 2);

	while (list.p < list.end) {
		uint32_t type = take(&list, 2);
		struct cur body = take_block(&list, 2);

		if (list.bad)
			return;
		if (type == SERVER_NAME && !server)
			server_name(t, body);
		else if (type == ALPN)
			alpn(t, body);
		else if (type == SUPPORTED_VERSIONS && server) /* RFC 8446, 4.2.1 */
			put_version(t, take(&body, 2));
	}
}

/* ClientHello, ServerHello: RFC 8446, 4.1.2 and 4.1.3. data: with its header of 4 bytes. */
static void read_hello(struct tls *t, const uint8_t *data, size_t len)
{
	struct cur c = { data + 4, data + len, false };
	bool server = data[0] == SERVER_HELLO;
	uint32_t version = take(&c, 2);

	c.p += (c.end - c.p) < 32 ? c.end - c.p : 32; /* random */
	take_block(&c, 1);			      /* session id */
	if (server) {
		put_version(t, version);
		put_cipher(t, take(&c, 2));
		take(&c, 1);
	} else {
		take_block(&c, 2); /* cipher suites */
		take_block(&c, 1); /* compression */
	}
	extensions(t, &c, server);
}

/* Collects handshake bytes until the first message is whole. */
static void hello_bytes(struct dfl_decoder_ctx *ctx, struct side *side, const uint8_t *data,
			size_t n)
{
	struct tls *t = ctx->state;
	size_t len;

	if (side->hello.len + n > HELLO_MAX)
		dfl_limit_hit(ctx, DFL_LIMIT_HELLOS);
	if (side->hello.len + n > HELLO_MAX || dfl_buf_append(&side->hello, data, n)) {
		side->done = true;
		dfl_buf_fini(&side->hello);
		return;
	}
	if (side->hello.len < 4)
		return;
	len = 4 + ((size_t)side->hello.data[1] << 16 | (size_t)side->hello.data[2] << 8 |
		   side->hello.data[3]);
	if (side->hello.data[0] != CLIENT_HELLO && side->hello.data[0] != SERVER_HELLO)
		len = 0;
	if (len > side->hello.len)
		return;
	if (len) {
		read_hello(t, side->hello.data, len);
		ctx->sink->tls(ctx->sink->ud, ctx->conn, &t->info);
	}
	side->done = true;
	dfl_buf_fini(&side->hello);
}

static void record_begin(struct side *side)
{
	side->left = (uint32_t)side->head[3] << 8 | side->head[4];
	if (side->head[0] != HANDSHAKE && !side->done) {
		side->done = true;
		dfl_buf_fini(&side->hello);
	}
}

static int head_byte(struct side *side, uint8_t byte)
{
	side->head[side->n_head++] = byte;
	if (side->n_head < sizeof(side->head))
		return 0;
	side->n_head = 0;
	if (!sane_header(side->head))
		return -EPROTO;
	record_begin(side);
	return 0;
}

/* After a gap records begin somewhere: with luck at the start of a call. */
static bool find_again(struct side *side, const struct dfl_chunk *c)
{
	if (!c->call_start || c->len < 5 || !sane_header(c->data))
		return false;
	side->lost = false;
	side->n_head = 0;
	side->left = 0;
	return true;
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct tls *t = ctx->state;
	struct side *side = &t->side[chunk->dir];
	size_t i = 0, n;

	if (!t->told)
		ctx->sink->encrypted(ctx->sink->ud, ctx->conn);
	t->told = true;
	if (side->lost && !find_again(side, chunk))
		return 0;
	while (i < chunk->len) {
		if (!side->left) {
			*ret_used = i >= side->n_head ? i - side->n_head : 0;
			if (head_byte(side, chunk->data[i++]))
				return -EPROTO;
			continue;
		}
		n = chunk->len - i < side->left ? chunk->len - i : side->left;
		if (!side->done)
			hello_bytes(ctx, side, chunk->data + i, n);
		side->left -= (uint32_t)n;
		i += n;
	}
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct tls *t = ctx->state;
	struct side *side = &t->side[g->dir];

	side->done = true;
	dfl_buf_fini(&side->hello);
	if (g->len && g->len <= side->left)
		side->left -= (uint32_t)g->len;
	else
		side->lost = true;
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct tls *t = ctx->state;

	dfl_buf_fini(&t->side[0].hello);
	dfl_buf_fini(&t->side[1].hello);
	free(t);
}

const struct dfl_decoder dfl_decoder_tls = {
	.name = "tls", .guess = guess, .init = init, .feed = feed, .gap = gap, .fini = fini
};
