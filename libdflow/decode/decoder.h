/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decoder is: the functions that it has, and what it is given. README.md says how one is
 * written.
 *
 * A decoder does no I/O and reads no clock. However its input is split, its output is the same.
 * Every plaintext byte goes into exactly one view (a joined or decoded view stands for the raw
 * bytes under it; token deltas may stand in a raw view and in a joined one). Credentials go into
 * none.
 */
#pragma once

#include <errno.h>

#include "decode/sink.h"

/* Limits. When one is reached, what is oldest or too long is given up: its bytes stay in a view. */
enum dfl_decode_limit {
	DFL_LIMIT_SUBSTREAMS, /* TLS objects of one connection */
	DFL_LIMIT_TURNS,      /* decoders tried within one piece of a stream */
	DFL_LIMIT_UNANSWERED, /* requests, commands, statements without an answer */
	DFL_LIMIT_CHANNELS,   /* pub/sub channels of one connection */
	DFL_LIMIT_SESSIONS,   /* sessions of one plugin pipe */
	DFL_LIMIT_STATEMENTS, /* prepared statements of one connection */
	DFL_LIMIT_HEADS,      /* bytes held until an operation has a name */
	DFL_LIMIT_INFLATED,   /* bytes out of one compressed body; windows open at once */
	DFL_LIMIT_HELLOS,     /* bytes of a TLS hello */
	DFL_N_LIMIT
};

struct dfl_decode_stats {
	uint64_t limit[DFL_N_LIMIT]; /* how often each was reached */
	uint32_t windows;	     /* decompressors with a big window that are open now */
};

/*
 * What a decoder is given: one substream of a connection, that is one layer and TLS object in both
 * directions. It lives until fini returned.
 */
struct dfl_decoder_ctx {
	const struct dfl_decode_sink *sink;
	struct dfl_decode_stats *stats;
	struct dfl_conn *conn;
	enum dfl_layer layer;
	uint64_t ssl; /* which TLS object; 0 on the wire */
	void *state;  /* the decoder's own; set by init */
};

enum dfl_guess { DFL_GUESS_NO, DFL_GUESS_MORE, DFL_GUESS_YES };

#define DFL_GUESS_MAX 64 /* bytes that guess is shown at most */

struct dfl_decoder {
	const char *name;
	/*
	 * Does this look like the protocol? data: what one direction began with (or, in a stream
	 * joined in the middle, what a call of the process began with); 0 < len <= DFL_GUESS_MAX.
	 * MORE: show it again when there is more; at DFL_GUESS_MAX bytes that means NO.
	 */
	enum dfl_guess (*guess)(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
				const uint8_t *data, size_t len);
	/* Sets ctx->state. Returns 0 or -ENOMEM. */
	int (*init)(struct dfl_decoder_ctx *ctx);
	/*
	 * The next bytes of one direction, in order. Returns
	 *  0        all were consumed;
	 *  -EPROTO  they are not (any more) the protocol. What was not consumed goes into a raw
	 *           view, and the next call of the process is guessed anew;
	 *  -EAGAIN  another protocol begins at *ret_used (Postgres after SSLRequest, HTTP Upgrade).
	 * *ret_used: how many bytes were consumed; read only when the result is not 0. After such
	 * a result the stage calls fini and nothing else.
	 */
	int (*feed)(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used);
	/* Bytes of one direction are missing here. */
	void (*gap)(struct dfl_decoder_ctx *ctx, const struct dfl_gap *gap);
	/* One direction is over (FIN, end of file). NULL: that means nothing to this protocol. */
	void (*end)(struct dfl_decoder_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns);
	/* Closes the views, ends the operations, frees the state. */
	void (*fini)(struct dfl_decoder_ctx *ctx, uint64_t ts_ns);
};
