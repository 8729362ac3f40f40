/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an HTTP/1 connection (RFC 9112): its exchanges. http_message.c calls back here. */
#pragma once

#include "decode/http/http_message.h"
#include "decode/http/websocket.h"

/* A request and what answers it: one operation. */
struct dfl_http1_exchange {
	struct dfl_http1_exchange *prev, *next;
	struct dfl_op *op;
	const struct dfl_route *route; /* NULL: unknown */
	bool head, connect;	       /* methods whose answers have no body */
	bool asked, answered;	       /* the message is complete */
};

struct dfl_http1 {
	struct dfl_decoder_ctx *ctx;
	struct dfl_http_message side[2];      /* 0 requests, 1 responses */
	struct dfl_http1_exchange *exchanges; /* oldest first */
	unsigned n_exchanges;
	bool asker_known;	  /* which direction the requests go is settled */
	struct dfl_websocket *ws; /* it became a WebSocket; else NULL */
};

/*
 * The exchange of a message that begins. A request begins a new one. An answer belongs to the
 * oldest request that has none; if its request was not seen, to a new one. NULL: no memory.
 */
struct dfl_http1_exchange *dfl_http1_exchange_of(struct dfl_http1 *h, bool is_request,
						 uint64_t ts_ns);
/* A message of it is complete: ends and frees it when both are. */
void dfl_http1_exchange_done(struct dfl_http1 *h, struct dfl_http1_exchange *ex, uint64_t ts_ns);
/*
 * The server agreed to speak WebSocket from here on. extensions: of its answer. Without memory, the
 * connection is guessed anew.
 */
void dfl_http1_to_websocket(struct dfl_http1 *h, const struct dfl_http1_exchange *ex, bool inbound,
			    const char *extensions);
