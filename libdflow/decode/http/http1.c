// SPDX-License-Identifier: Apache-2.0
/* The HTTP/1 decoder (RFC 9112): pairs requests with their answers. */
#include "decode/http/http1.h"

#include <stdlib.h>
#include <utlist.h>

#include "decode/emit.h"
#include "decode/guess.h"

#define EXCHANGES_MAX 64 /* requests without an answer on one connection; the oldest is ended */

static const char *const methods[] = { "GET ",	 "POST ",    "PUT ",	 "DELETE ", "HEAD ",
				       "PATCH ", "OPTIONS ", "CONNECT ", NULL };

/*
 * The target of a request (RFC 9112, 3.2): a path, an address with its scheme, "*", or with CONNECT
 * a host and port.
 */
static enum dfl_guess guess_target(const char *method, const uint8_t *data, size_t len)
{
	static const char *const starts[] = { "/", "http://", "https://", "* " };

	if (method[0] != 'C')
		return dfl_guess_words(starts, sizeof(starts) / sizeof(starts[0]), data, len);
	return (data[0] | 0x20) >= 'a' && (data[0] | 0x20) <= 'z'   ? DFL_GUESS_YES :
	       (data[0] >= '0' && data[0] <= '9') || data[0] == '[' ? DFL_GUESS_YES :
								      DFL_GUESS_NO;
}

/*
 * A method and a target are not enough, Redis has inline "GET key": the line must end with the
 * version, if its end is among the bytes that are shown.
 */
static enum dfl_guess guess_line(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);

	if (end)
		return memmem(data, (size_t)(end - data), " HTTP/1.", 8) ? DFL_GUESS_YES :
									   DFL_GUESS_NO;
	return len < DFL_GUESS_MAX ? DFL_GUESS_MORE : DFL_GUESS_YES;
}

static enum dfl_guess guess_request(const uint8_t *data, size_t len)
{
	for (size_t i = 0; methods[i]; i++) {
		enum dfl_guess g = dfl_guess_word(methods[i], data, len);
		size_t n = strlen(methods[i]);

		if (g == DFL_GUESS_NO)
			continue;
		if (g == DFL_GUESS_MORE || len == n)
			return DFL_GUESS_MORE;
		g = guess_target(methods[i], data + n, len - n);
		return g == DFL_GUESS_YES ? guess_line(data, len) : g;
	}
	return DFL_GUESS_NO;
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	enum dfl_guess response = dfl_guess_word("HTTP/1.", data, len);

	if (conn->medium == DFL_PIPE || conn->medium == DFL_FILE || conn->medium == DFL_UDP)
		return DFL_GUESS_NO;
	return response != DFL_GUESS_NO ? response : guess_request(data, len);
}

static int init(struct dfl_decoder_ctx *ctx)
{
	struct dfl_http1 *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->ctx = ctx;
	dfl_http_message_init(&h->side[0], h, true);
	dfl_http_message_init(&h->side[1], h, false);
	ctx->state = h;
	return 0;
}

/* When it is given up, a side that is in the middle of it cannot go on. */
static void end_exchange(struct dfl_http1 *h, struct dfl_http1_exchange *ex, uint64_t ts_ns)
{
	for (int i = 0; i < 2; i++)
		if (h->side[i].ex == ex) {
			dfl_http_message_fini(&h->side[i], ts_ns);
			h->side[i].ex = NULL;
			h->side[i].broken = true;
		}
	DL_DELETE(h->exchanges, ex);
	h->n_exchanges--;
	dfl_end_op(h->ctx, &ex->op, ts_ns);
	free(ex);
}

void dfl_http1_exchange_done(struct dfl_http1 *h, struct dfl_http1_exchange *ex, uint64_t ts_ns)
{
	if (ex->asked && ex->answered)
		end_exchange(h, ex, ts_ns);
}

/* asked: its request was not seen, so that it counts as complete. */
static struct dfl_http1_exchange *new_exchange(struct dfl_http1 *h, bool asked, uint64_t ts_ns)
{
	const struct dfl_op_desc d = {
		.protocol = "http", .operation = "*", .ttl_s = -1, .dir = h->side[0].dir
	};
	struct dfl_http1_exchange *ex;

	if (h->n_exchanges == EXCHANGES_MAX) {
		dfl_limit_hit(h->ctx, DFL_LIMIT_UNANSWERED);
		end_exchange(h, h->exchanges, ts_ns);
	}
	ex = calloc(1, sizeof(*ex));
	if (!ex)
		return NULL;
	ex->asked = asked;
	ex->op = dfl_begin_op(h->ctx, &d, ts_ns);
	DL_APPEND(h->exchanges, ex);
	h->n_exchanges++;
	return ex;
}

struct dfl_http1_exchange *dfl_http1_exchange_of(struct dfl_http1 *h, bool is_request,
						 uint64_t ts_ns)
{
	struct dfl_http1_exchange *ex;

	for (ex = is_request ? NULL : h->exchanges; ex; ex = ex->next)
		if (!ex->answered)
			return ex;
	return new_exchange(h, !is_request, ts_ns);
}

/* The first line tells who asks, whoever connected. */
static void learn_asker(struct dfl_http1 *h, const struct dfl_chunk *c)
{
	bool is_response = c->data[0] == 'H' && (c->len < 2 || c->data[1] == 'T');
	enum dfl_dir asker = is_response ? dfl_other(c->dir) : c->dir;

	h->asker_known = true;
	h->side[0].dir = asker;
	h->side[1].dir = dfl_other(asker);
	h->ctx->sink->protocol(h->ctx->sink->ud, h->ctx->conn, "http", DFL_ST_UNKNOWN);
}

/* The reader of a direction: side 0 reads where the asker writes. */
static struct dfl_http_message *side_of(struct dfl_http1 *h, enum dfl_dir dir)
{
	return &h->side[h->side[0].dir == dir ? 0 : 1];
}

void dfl_http1_to_websocket(struct dfl_http1 *h, const struct dfl_http1_exchange *ex, bool inbound,
			    const char *extensions)
{
	if (!h->ws)
		h->ws = dfl_websocket_new(h->ctx, h->side[0].dir, inbound,
					  ex->route ? ex->route->path : "*", extensions);
}

/* The answer that led to WebSocket took the first `used` bytes of the chunk. */
static void feed_rest(struct dfl_http1 *h, const struct dfl_chunk *chunk, size_t used)
{
	struct dfl_chunk rest = *chunk;

	rest.data += used;
	rest.len -= (uint32_t)used;
	rest.pos += used;
	if (rest.len)
		dfl_websocket_feed(h->ws, &rest);
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct dfl_http1 *h = ctx->state;
	int err;

	if (!h->asker_known)
		learn_asker(h, chunk);
	if (h->ws) {
		dfl_websocket_feed(h->ws, chunk);
		return 0;
	}
	err = dfl_http_message_feed(side_of(h, chunk->dir), chunk, ret_used);
	if (err != -EAGAIN || !h->ws)
		return err;
	feed_rest(h, chunk, *ret_used);
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct dfl_http1 *h = ctx->state;

	if (h->ws)
		dfl_websocket_gap(h->ws, g);
	else if (h->asker_known)
		dfl_http_message_gap(side_of(h, g->dir), g);
}

static void end(struct dfl_decoder_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns)
{
	struct dfl_http1 *h = ctx->state;

	if (h->asker_known && !h->ws)
		dfl_http_message_end(side_of(h, dir), ts_ns);
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct dfl_http1 *h = ctx->state;

	dfl_websocket_free(h->ws, ts_ns);
	while (h->exchanges)
		end_exchange(h, h->exchanges, ts_ns);
	dfl_http_message_fini(&h->side[0], ts_ns);
	dfl_http_message_fini(&h->side[1], ts_ns);
	free(h);
}

const struct dfl_decoder dfl_decoder_http1 = { .name = "http",
					       .guess = guess,
					       .init = init,
					       .feed = feed,
					       .gap = gap,
					       .end = end,
					       .fini = fini };
