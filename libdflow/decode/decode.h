/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode: gives structure to streams. Decoders emit operations, ids, facts, views and sources
 * through one sink; they hold no I/O and no clock, and however the input is split the output is the
 * same. A decoder is one file in this folder, one `const struct dfl_decoder`, and one line in
 * decoders.c.
 *
 * Every plaintext byte goes into exactly one view (a joined or decoded view stands for the raw
 * bytes under it; token deltas may stand in a raw view and a joined one). Bytes that no decoder
 * understands go into a view without an operation.
 *
 * Names in an operation (verb, route template, table.column, key pattern) are a closed vocabulary:
 * see redact.h. A variable part is `*`, `{uuid}` or a bound id's kind; never payload.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vocab.h"
#include "stream/stream.h"

struct dfl_op;	 /* owned by the sink; valid until op_end returned */
struct dfl_view; /* owned by the sink; valid until view_close returned */
struct dfl_src;	 /* owned by the sink; valid until source_end returned */

/*
 * Begins when its first byte is seen. `name`, `place` etc. may become known later (op_name). An
 * operation is one exchange: a request and what answers it. One-way ones (a log line, PUBLISH, a
 * pipe line) end with their last byte; PUBLISH on one channel, or the lines of one session, may be
 * one long operation.
 */
struct dfl_op_desc {
	const char *protocol;  /* "http", "redis", "postgres", "dns", "plugin-stdio", … static */
	const char *operation; /* "POST /v1/chat-messages", "INSERT messages", "LPUSH" */
	const char *place;     /* default place of its views; NULL unknown */
	enum dfl_residency residency;
	int64_t ttl_s;	  /* -1 none or unknown */
	enum dfl_dir dir; /* who asks: DFL_REQUEST = the client end does (server push: DFL_RESPONSE)
			   */
};

struct dfl_view_desc {
	const char *place; /* "messages.query", "workflow_based_app_execution"; NULL: the
			      operation's */
	enum dfl_dir dir;  /* which way these bytes went */
	enum dfl_layer layer;
	/*
	 * This text may become a derived payload of that name: "answer": a model (or something that
	 * passes it on) produced it, joined from its deltas; "chunk": it was retrieved;
	 * "tool_result": a tool gave it; "embedding": a vector, spelt (vector.h). NULL else.
	 */
	const char *derives;
	bool relay; /* derives: a client with a pool sends the deltas over several connections; here
		       may be some */
	const char *holds; /* payload that the place is made for, by such a name; NULL unknown */
};

struct dfl_tls_info {
	char sni[256];	 /* "" unknown */
	char version[8]; /* "TLSv1.3" */
	char cipher[48]; /* IANA name, or "0x1301" */
	char alpn[16];
};

struct dfl_decode_sink {
	void *ud;
	/* Never returns NULL: out of memory becomes a dead object that swallows what follows. */
	struct dfl_op *(*op_begin)(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
				   uint64_t ts_ns);
	/* More is known now. Fields that are NULL / UNKNOWN / -1 leave what was there. */
	void (*op_describe)(void *ud, struct dfl_op *op, const struct dfl_op_desc *d);
	/* An id at a place where the decoder knows one, on the wire of this operation. */
	void (*op_id)(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value,
		      size_t len);
	/*
	 * The answer of an LLM or embedding endpoint, an HTTP server etc. names itself; `station`
	 * is from protocol evidence (DFL_ST_UNKNOWN: none).
	 */
	void (*op_station)(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
			   const char *rule);
	/* Facts about the inbound request: client address (X-Forwarded-For), user id. */
	void (*op_client)(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb);
	void (*op_end)(void *ud, struct dfl_op *op, uint64_t ts_ns);

	/* op NULL: bytes without a known operation. */
	struct dfl_view *(*view_open)(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				      const struct dfl_view_desc *d);
	void (*view_data)(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, const struct dfl_chunk *from);
	void (*view_gap)(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len);
	void (*view_close)(void *ud, struct dfl_view *v);

	/*
	 * A field of an inbound request of the request table (requests.h): "query", "inputs.name",
	 * "file". Data are decoded bytes (JSON string unescaped); pos as for views. The trace stage
	 * decides whether the operation is a request; its own body is never matched against it.
	 */
	struct dfl_src *(*source_begin)(void *ud, struct dfl_op *op, const char *field,
					enum dfl_dir dir);
	void (*source_append)(void *ud, struct dfl_src *s, const void *data, size_t len,
			      uint64_t pos, uint64_t pos_len, uint64_t ts_ns);
	/* Bytes of it were not seen; len 0: its end was not, pos means nothing. */
	void (*source_gap)(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len);
	void (*source_end)(void *ud, struct dfl_src *s, uint64_t ts_ns);

	/* Facts. */
	void (*tls)(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info);
	/* The connection carries TLS (also when it began in the middle). */
	void (*encrypted)(void *ud, struct dfl_conn *conn);
	/*
	 * Plaintext bytes passed in a form that no decoder can read: an unknown coding, too much of
	 * it.
	 */
	void (*unread)(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len);
	/*
	 * Something of the connection was given up at a limit, so that not all is known of it any
	 * more.
	 */
	void (*limit)(void *ud, struct dfl_conn *conn);
	void (*dns)(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		    uint64_t ts_ns);
	/* What the peer is by its protocol: a RESP server is redis. */
	void (*protocol)(void *ud, struct dfl_conn *conn, const char *protocol,
			 enum dfl_station server);
};

/* Limits that were reached: what was oldest or too long was given up (it stays in a view). */
enum dfl_decode_limit {
	DFL_LIMIT_LANES,      /* TLS objects of one connection */
	DFL_LIMIT_TURNS,      /* decoders tried within one chunk */
	DFL_LIMIT_UNANSWERED, /* requests, commands, statements without an answer */
	DFL_LIMIT_CHANNELS,   /* pub/sub channels of one connection */
	DFL_LIMIT_SESSIONS,   /* of one plugin pipe */
	DFL_LIMIT_STATEMENTS, /* prepared ones of one connection */
	DFL_LIMIT_HEADS,      /* bytes held until an operation has a name */
	DFL_LIMIT_INFLATED,   /* bytes out of one compressed body, windows open at once */
	DFL_LIMIT_HELLOS,     /* bytes of a TLS hello */
	DFL_N_LIMIT
};

struct dfl_decode_stats {
	uint64_t limit[DFL_N_LIMIT];
	uint64_t refused; /* streams that their decoder gave up */
	uint32_t windows; /* of decompressors, that are open now */
};

/* Per connection and layer (and TLS object): what a decoder is given. */
struct dfl_dec_ctx {
	const struct dfl_decode_sink *sink;
	struct dfl_decode_stats *stats;
	struct dfl_conn *conn;
	enum dfl_layer layer;
	uint64_t ssl;
	void *state; /* the decoder's own */
};

enum dfl_guess { DFL_GUESS_NO, DFL_GUESS_MORE, DFL_GUESS_YES };

struct dfl_decoder {
	const char *name;
	/*
	 * Does this look like it? data: what one direction began with (or, in a stream joined in
	 * the middle, what a call began with); at most DFL_GUESS_MAX bytes are shown, then MORE
	 * means NO.
	 */
	enum dfl_guess (*guess)(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
				const uint8_t *data, size_t len);
	int (*init)(struct dfl_dec_ctx *ctx); /* sets ctx->state; 0 or -ENOMEM */
	/*
	 * In-order bytes. Returns 0; or -EPROTO when this is not (any more) the protocol: what it
	 * had not consumed is then scanned raw and the next call boundary is guessed anew.
	 * *ret_used: consumed bytes in that case. It may return -EAGAIN to hand the stream to
	 * another decoder from *ret_used on (Postgres after SSLRequest, HTTP Upgrade).
	 */
	int (*feed)(struct dfl_dec_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used);
	void (*gap)(struct dfl_dec_ctx *ctx, const struct dfl_gap *gap);
	void (*end)(struct dfl_dec_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns); /* or NULL */
	void (*fini)(struct dfl_dec_ctx *ctx, uint64_t ts_ns); /* ends open operations, frees state
								*/
};

#define DFL_GUESS_MAX 64

/* The stage: chooses decoders and drives them. */
struct dfl_decode;
int dfl_decode_new(const struct dfl_decode_sink *sink, struct dfl_decode **ret_decode);
void dfl_decode_free(struct dfl_decode *d);
void dfl_decode_stats(const struct dfl_decode *d, struct dfl_decode_stats *ret_stats);
void dfl_decode_conn(struct dfl_decode *d, struct dfl_conn *conn);
void dfl_decode_data(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_chunk *chunk);
void dfl_decode_gap(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_gap *gap);
void dfl_decode_end(struct dfl_decode *d, struct dfl_conn *conn, enum dfl_dir dir,
		    enum dfl_layer layer, uint64_t ts_ns);
void dfl_decode_close(struct dfl_decode *d, struct dfl_conn *conn, uint64_t ts_ns);

/* decoders.c: the list, most specific first. */
extern const struct dfl_decoder *const dfl_decoders[];
