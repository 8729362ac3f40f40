// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/2 (RFC 9113) and gRPC, which nothing takes apart yet. Their bytes go into a raw view, frames
 * and all, and are counted as unread: headers are Huffman-coded, and bodies may be compressed.
 */
#include <errno.h>
#include <stdlib.h>

#include "decode/emit.h"
#include "decode/guess.h"

/* The first bytes of a client (RFC 9113, 3.4). */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct http2 {
	struct dfl_view *view[2];
};

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	if (conn->medium != DFL_TCP && conn->medium != DFL_UNIX)
		return DFL_GUESS_NO;
	return dfl_guess_word(preface, data, len);
}

static int init(struct dfl_decoder_ctx *ctx)
{
	ctx->state = calloc(1, sizeof(struct http2));
	if (!ctx->state)
		return -ENOMEM;
	ctx->sink->protocol(ctx->sink->ud, ctx->conn, "http2", DFL_ST_UNKNOWN);
	return 0;
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct http2 *h = ctx->state;
	const struct dfl_slice all = dfl_chunk_slice(chunk, 0, chunk->len);

	if (!h->view[chunk->dir])
		h->view[chunk->dir] = dfl_open_view(ctx, NULL, chunk->dir, NULL);
	dfl_put_view(ctx, h->view[chunk->dir], &all, chunk);
	dfl_put_unread(ctx, chunk->dir, chunk->len);
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct http2 *h = ctx->state;

	dfl_gap_view(ctx, h->view[g->dir], g->pos, g->len);
}

static void end(struct dfl_decoder_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns)
{
	struct http2 *h = ctx->state;

	dfl_close_view(ctx, &h->view[dir]);
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	end(ctx, DFL_REQUEST, ts_ns);
	end(ctx, DFL_RESPONSE, ts_ns);
	free(ctx->state);
}

const struct dfl_decoder dfl_decoder_http2 = { .name = "http2",
					       .guess = guess,
					       .init = init,
					       .feed = feed,
					       .gap = gap,
					       .end = end,
					       .fini = fini };
