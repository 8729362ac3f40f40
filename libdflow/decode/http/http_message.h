/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of an HTTP/1 connection: the messages of one end. Inner to http1.c and http_side.c.
 */
#pragma once

#include <llhttp.h>

#include "decode/http/http_body.h"

/* A request and what answers it. */
struct dfl_exchange {
	struct dfl_exchange *prev, *next;
	struct dfl_op *op;
	const struct dfl_route *route;
	bool head, connect;   /* methods that change how the answer is read */
	bool asked, answered; /* the message is complete */
};

struct dfl_http;

struct dfl_http_side {
	struct dfl_http *http;
	bool is_request;
	enum dfl_dir dir;
	llhttp_t parser;
	struct dfl_exchange *ex; /* of the message being read; NULL between messages */
	struct dfl_view *head;
	struct dfl_body body;
	const struct dfl_chunk *chunk;
	const uint8_t *cursor; /* bytes of the chunk before it are accounted for */
	bool broken;	       /* a gap that cannot be bridged */
	bool muted;	       /* the dummy byte of a bridged gap is being parsed */
	bool in_value;
	bool secret;	   /* value of the header being read */
	bool chunked_data; /* between a chunk's header and its end */
	bool via_alb;
	uint16_t name_len, value_len, url_len;
	char name[40];
	char value[256];
	char url[512]; /* without the query string */
	char host[128];
	char type[128];
	char encoding[64];
	bool s3;
	bool url_query;
	struct dfl_addr client;
};

struct dfl_http {
	struct dfl_dec_ctx *ctx;
	struct dfl_http_side side[2];	/* 0 requests, 1 responses */
	struct dfl_exchange *exchanges; /* oldest first */
	unsigned n_exchanges;
	bool asker_known;
	bool handed_over;
};

/* Finds or makes the exchange of a message that begins. */
struct dfl_exchange *dfl_http_exchange(struct dfl_http *h, bool is_request, uint64_t ts_ns);
/* Ends it once both of its messages are complete. */
void dfl_http_exchange_done(struct dfl_http *h, struct dfl_exchange *ex, uint64_t ts_ns);

void dfl_http_side_init(struct dfl_http_side *s, struct dfl_http *h, bool is_request);
/* 0, -EPROTO, -EAGAIN: see decode.h. */
int dfl_http_side_feed(struct dfl_http_side *s, const struct dfl_chunk *c, size_t *ret_used);
void dfl_http_side_gap(struct dfl_http_side *s, const struct dfl_gap *gap);
/* The direction ended: that can be how a body ends. */
void dfl_http_side_end(struct dfl_http_side *s, uint64_t ts_ns);
void dfl_http_side_fini(struct dfl_http_side *s, uint64_t ts_ns);
