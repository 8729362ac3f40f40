/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decoders tell: operations, ids, views, sources and facts. The trace stage implements these
 * calls; a decoder only makes them (emit.h has short forms).
 *
 * All calls are made from within dfl_decode_data(), _gap(), _end() and _close(), on the caller's
 * thread. Strings and data are borrowed for the time of the call: the sink copies what it keeps.
 * None of the calls fails: what a sink cannot keep, it counts.
 *
 * Names in an operation (verb, route template, table.column, key pattern) are a closed vocabulary:
 * see redact.h. A variable part is `*`, `{uuid}` or `{n}`; never payload.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/station.h"
#include "base/vocab.h"
#include "stream/stream.h"

struct dfl_op;	 /* an operation. The sink owns it; valid until op_end returned */
struct dfl_view; /* readable bytes. The sink owns it; valid until view_close returned */
struct dfl_src;	 /* a source. The sink owns it; valid until source_end returned */
struct dfl_txn;	 /* a transaction. The sink owns it; valid until txn_end returned */

/*
 * What is known of an operation: one exchange, a request and what answers it. It begins when its
 * first byte is seen; name and place may become known later (op_describe). What has no answer (a
 * log line, PUBLISH, a line in a pipe) ends with its last byte. All PUBLISH on one channel, and all
 * lines of one plugin session, are one long operation.
 */
struct dfl_op_desc {
	const char *protocol;	      /* "http", "redis", "postgres", "dns", … static storage */
	const char *operation;	      /* "POST /v1/chat-messages", "INSERT messages", "LPUSH" */
	const char *place;	      /* of its views that name none; NULL: unknown */
	enum dfl_residency residency; /* how long the place keeps what is put there */
	int64_t ttl_s;		      /* seconds until it expires; -1: never, or unknown */
	enum dfl_dir dir; /* of the request: DFL_REQUEST when the client asks, DFL_RESPONSE when
			     the server does (a push) */
	bool may_store;	  /* what the asker sends may stay there, although residency is MEMORY (in
			     a store that is in memory) or unknown (a function of the database) */
};

/*
 * What tells one row, key or object from others: the name of a column and its value, both as hashes
 * (decode/item.h). They never leave the process.
 */
struct dfl_item_key {
	uint64_t column, value;
};

enum dfl_effect_kind {
	DFL_WRITES,   /* the asker's text goes into this item; keys: all that are known of it */
	DFL_REPLACES, /* what was in the place before is overwritten; keys: conditions, as below */
	DFL_REMOVES,  /* what was in the place is gone */
	DFL_EXPIRES,  /* what is in the place gets another time to live: ttl_s, -1 none */
};

/*
 * What an operation does to items of a store, once the store keeps it. The conditions: an item is
 * meant when of each column that is named one of its values is the item's.
 */
struct dfl_effect {
	enum dfl_effect_kind kind;
	const char *table; /* "messages", a key pattern, a bucket; NULL: all of the store */
	const char *place; /* only this place of it ("messages.query"); NULL: all */
	const struct dfl_item_key *keys;
	size_t n_keys;
	bool more;	/* there are conditions besides that are not understood */
	unsigned items; /* of DFL_WRITES: so many items have these keys together */
	int64_t ttl_s;
};

/* What is known of a view: bytes of one direction, decoded, with their stream positions. */
struct dfl_view_desc {
	const char *place;    /* "messages.query"; NULL: the operation's */
	enum dfl_dir dir;     /* which way these bytes went */
	enum dfl_layer layer; /* the stream that positions count in: wire or TLS plaintext */
	/*
	 * The text may become a derived payload of that name; NULL: it does not.
	 * "answer": a model wrote it (or something that passes it on), joined from its deltas;
	 * "chunk": it was retrieved; "tool_result": a tool gave it; "embedding": a vector, spelt
	 * (vector.h).
	 */
	const char *derives;
	/*
	 * Of derives: this may be a part only. A client with a pool of connections sends the deltas
	 * over several of them.
	 */
	bool relay;
	const char *holds; /* the payload that the place is made for, in the words of `derives`
			      and of sources ("query", "file"); NULL: unknown */
	enum dfl_residency residency; /* of these bytes; UNKNOWN: the operation's */
};

/* What the hellos of a TLS connection say. */
struct dfl_tls_info {
	char sni[256];	 /* server name; "" unknown */
	char version[8]; /* "TLSv1.3" */
	char cipher[48]; /* IANA name, or its number: "0x1301" */
	char alpn[16];	 /* application protocol; "" unknown */
};

struct dfl_decode_sink {
	void *ud; /* given to every call */

	/*
	 * Begins an operation. Never returns NULL: when memory is short, it returns an object that
	 * swallows what follows. ts_ns: the time of its first byte, as the events tell time.
	 */
	struct dfl_op *(*op_begin)(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
				   uint64_t ts_ns);
	/*
	 * More is known now. Members that are NULL, UNKNOWN or -1 leave what was there; but with
	 * may_store the residency is what d says, also when that is UNKNOWN.
	 */
	void (*op_describe)(void *ud, struct dfl_op *op, const struct dfl_op_desc *d);
	/* An id stood at a place where the decoder knows one. value: len bytes, no NUL. */
	void (*op_id)(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value,
		      size_t len);
	/* The protocol shows which station an end is. rule: the name of that evidence, static. */
	void (*op_station)(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
			   const char *rule);
	/* Who sent the inbound request (X-Forwarded-For). via_alb: through an AWS load balancer. */
	void (*op_client)(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb);
	/* What it does to items of the store. Comes before the store's verdict. */
	void (*op_effect)(void *ud, struct dfl_op *op, const struct dfl_effect *e);
	/*
	 * The store's verdict on the operation: PRESENT, NOT or UNKNOWN. An operation that ends
	 * without a verdict and without a transaction is UNKNOWN.
	 */
	void (*op_kept)(void *ud, struct dfl_op *op, enum dfl_kept kept, uint64_t ts_ns);
	/*
	 * A transaction: operations that the store keeps or drops together. Never returns NULL. The
	 * verdict on all of them comes with txn_end, also after they ended.
	 */
	struct dfl_txn *(*txn_begin)(void *ud);
	/* The operation is part of it; once for each operation, instead of op_kept. */
	void (*op_txn)(void *ud, struct dfl_op *op, struct dfl_txn *txn);
	void (*txn_end)(void *ud, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns);
	/* It is over. Its views and sources must be closed before. */
	void (*op_end)(void *ud, struct dfl_op *op, uint64_t ts_ns);

	/* Opens a view; op NULL: its bytes belong to no known operation. Never returns NULL. */
	struct dfl_view *(*view_open)(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				      const struct dfl_view_desc *d);
	/*
	 * More bytes of a view, len > 0. They stand for the stream positions [pos, pos + pos_len):
	 * byte for byte when pos_len == len, else each of them for the whole range. from: the piece
	 * of the stream that they came with (process, time).
	 */
	void (*view_data)(void *ud, struct dfl_view *v, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, const struct dfl_chunk *from);
	/*
	 * As view_data, and the decoder vouches for these bytes: they are lengths, types and names
	 * of the protocol, and hold no data. All other bytes have to be text by themselves, else
	 * they are opaque (base/opacity.h).
	 */
	void (*view_framing)(void *ud, struct dfl_view *v, const void *data, size_t len,
			     uint64_t pos, uint64_t pos_len, const struct dfl_chunk *from);
	/* Bytes that belong here were not seen, or may not be shown (credentials). */
	void (*view_gap)(void *ud, struct dfl_view *v, uint64_t pos, uint64_t len);
	void (*view_close)(void *ud, struct dfl_view *v);

	/*
	 * Begins a source: a field of an inbound request (dify/inbound_routes.h): "query",
	 * "inputs.name", "file". The trace stage decides whether the operation is a request, and
	 * does not match the request's own body against it. Never returns NULL.
	 */
	struct dfl_src *(*source_begin)(void *ud, struct dfl_op *op, const char *field,
					enum dfl_dir dir);
	/* Decoded bytes (a JSON string without its escapes); pos and pos_len as of view_data. */
	void (*source_append)(void *ud, struct dfl_src *s, const void *data, size_t len,
			      uint64_t pos, uint64_t pos_len, uint64_t ts_ns);
	/* Bytes of it were not seen. len 0: its end was not seen, and pos means nothing. */
	void (*source_gap)(void *ud, struct dfl_src *s, uint64_t pos, uint64_t len);
	void (*source_end)(void *ud, struct dfl_src *s, uint64_t ts_ns);

	/* The hellos of the connection were read. May come twice: after each of them. */
	void (*tls)(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info);
	/* The connection carries TLS, also when its beginning was not seen. */
	void (*encrypted)(void *ud, struct dfl_conn *conn);
	/* len bytes of plaintext passed that no decoder can read: an unknown coding, too much. */
	void (*unread)(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len);
	/*
	 * The stream positions [pos, pos_to) hold credentials, which go to no view. All other bytes
	 * that no view has were skipped (trace/cover.h). from: as of view_data.
	 */
	void (*withheld)(void *ud, struct dfl_conn *conn, const struct dfl_chunk *from,
			 uint64_t pos, uint64_t pos_to);
	/* A limit made a decoder forget something: not all is known of the connection any more. */
	void (*limit)(void *ud, struct dfl_conn *conn);
	/* A name was resolved. name: lower case, without the last dot. */
	void (*dns)(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		    uint64_t ts_ns);
	/*
	 * The protocol is known. protocol: static. server: the station that its server is (a
	 * server of RESP is redis); UNKNOWN when the protocol does not tell.
	 */
	void (*protocol)(void *ud, struct dfl_conn *conn, const char *protocol,
			 enum dfl_station server);
};
