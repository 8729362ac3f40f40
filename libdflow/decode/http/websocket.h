/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a connection that HTTP/1 handed over to WebSocket (RFC 6455), with the extension
 * permessage-deflate (RFC 7692). A message of the client is an operation of its own; what the
 * server sends up to the next one is another.
 */
#pragma once

#include <zlib.h>

#include "decode/http/http_body.h"

#define DFL_WS_HEAD_MAX 14 /* RFC 6455, 5.2: 2 bytes, a length of 8, a mask of 4 */

/* One direction. */
struct dfl_websocket_side {
	enum dfl_dir dir;
	bool is_client;
	bool broken; /* a gap was not inside a payload: nobody knows where the next frame begins */
	uint8_t head[DFL_WS_HEAD_MAX]; /* of the frame that is being read */
	uint8_t head_len;
	uint64_t left; /* bytes of its payload that are still to come */
	uint64_t at;   /* bytes of its payload so far: the mask goes on with them */
	bool in_payload;
	struct dfl_op *op;
	struct dfl_view *frames;       /* heads, and the payload of control frames */
	bool in_message;	       /* a message has begun that is not over */
	bool compressed;	       /* … with permessage-deflate */
	uint64_t message_pos;	       /* where its payload began */
	struct dfl_http_body body;     /* of a client's message */
	struct dfl_view *view;	       /* of a server's message */
	struct dfl_json_fields fields; /* of the server's messages of this operation */
	/*
	 * Compressed bytes wait for a step to be full or the frame to end, so that positions do not
	 * depend on how the input is split.
	 */
	uint8_t step[DFL_INFLATE_STEP];
	uint16_t step_len;
	uint64_t step_pos;
	bool has_inflater;
	bool deflate_lost; /* a piece is missing: what follows in this window cannot be undone */
	z_stream z;
};

struct dfl_websocket {
	const struct dfl_decoder_ctx *ctx;
	bool inbound;			   /* its client's messages are requests */
	bool deflate;			   /* permessage-deflate was agreed on */
	bool no_takeover[2];		   /* by is_client: each message has a window of its own */
	struct dfl_websocket_side side[2]; /* 0 the client's */
	char operation[DFL_NAME_MAX];
};

/*
 * asker: the direction in which the client writes. path: of the route, "*" unknown. extensions: the
 * answer's Sec-WebSocket-Extensions; "" none. Returns NULL without memory.
 */
struct dfl_websocket *dfl_websocket_new(const struct dfl_decoder_ctx *ctx, enum dfl_dir asker,
					bool inbound, const char *path, const char *extensions);
/* Takes all bytes. */
void dfl_websocket_feed(struct dfl_websocket *w, const struct dfl_chunk *c);
void dfl_websocket_gap(struct dfl_websocket *w, const struct dfl_gap *g);
/* Closes what is open, and frees. NULL is fine. */
void dfl_websocket_free(struct dfl_websocket *w, uint64_t ts_ns);
