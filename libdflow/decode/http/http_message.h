/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the messages of one direction of an HTTP/1 connection, one after the other: drives llhttp,
 * and sends its bytes to the views of head and body.
 */
#pragma once

#include <llhttp.h>

#include "decode/http/http_body.h"

struct dfl_http1;
struct dfl_http1_exchange;

struct dfl_http_message {
	struct dfl_http1 *http;
	bool is_request; /* it reads the requests */
	enum dfl_dir dir;
	llhttp_t parser;
	struct dfl_http1_exchange *ex; /* of the message; NULL between messages */
	struct dfl_view *head;	       /* start line, headers, chunk sizes, trailers */
	struct dfl_http_body body;
	const struct dfl_chunk *chunk; /* that is being read; NULL between calls */
	const uint8_t *cursor;	       /* bytes of the chunk before it went somewhere */
	bool broken;		       /* a gap was not inside a body: nobody knows what follows */
	bool muted;	   /* the dummy byte is being parsed that stands for missing ones */
	bool chunked_data; /* between a chunk's header and its end (RFC 9112, 7.1) */
	bool in_value;
	bool secret; /* the value of the header that is being read may not be shown */
	/* of the message's head, with NUL; longer ones are cut */
	uint16_t name_len, value_len, url_len;
	char name[40];		/* of the header that is being read, in lower case */
	char value[256];	/* of that header */
	char url[512];		/* without the query string */
	char host[128];		/* without the port */
	char type[128];		/* Content-Type */
	char encoding[64];	/* Content-Encoding, a list */
	char extensions[128];	/* Sec-WebSocket-Extensions */
	bool websocket;		/* Upgrade: websocket */
	bool url_query;		/* the query string has begun */
	bool s3;		/* signed for S3 */
	bool via_alb;		/* it has a load balancer's id */
	struct dfl_addr client; /* X-Forwarded-For; family 0: none */
};

/* is_request: it reads requests, else responses. */
void dfl_http_message_init(struct dfl_http_message *s, struct dfl_http1 *h, bool is_request);
/* The next bytes. Returns 0, -EPROTO or -EAGAIN, as a decoder's feed (decoder.h). */
int dfl_http_message_feed(struct dfl_http_message *s, const struct dfl_chunk *c, size_t *ret_used);
/* Bytes are missing. Those within a body are stepped over; after others nothing is read. */
void dfl_http_message_gap(struct dfl_http_message *s, const struct dfl_gap *gap);
/* The direction is over: that can be how a body ends (RFC 9112, 6.3). */
void dfl_http_message_end(struct dfl_http_message *s, uint64_t ts_ns);
/* Closes its views and forgets what it held. */
void dfl_http_message_fini(struct dfl_http_message *s, uint64_t ts_ns);
