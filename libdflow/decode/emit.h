/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms of the sink's calls, for decoders. c: what the decoder was given. What a view or an
 * operation may be, sink.h tells.
 */
#pragma once

#include <string.h>

#include "decode/decoder.h"
#include "decode/slice.h"

/* op NULL: bytes of no known operation. place NULL: the operation's. Never returns NULL. */
static inline struct dfl_view *dfl_open_view(const struct dfl_decoder_ctx *c, struct dfl_op *op,
					     enum dfl_dir dir, const char *place)
{
	const struct dfl_view_desc d = { .place = place, .dir = dir, .layer = c->layer };

	return c->sink->view_open(c->sink->ud, c->conn, op, &d);
}

/* from: the piece of the stream that the bytes came with. An empty slice is fine. */
static inline void dfl_put_view(const struct dfl_decoder_ctx *c, struct dfl_view *v,
				const struct dfl_slice *s, const struct dfl_chunk *from)
{
	if (s->len)
		c->sink->view_data(c->sink->ud, v, s->data, s->len, s->pos, s->pos_len, from);
}

/* Bytes for which the decoder vouches: framing of the protocol. */
static inline void dfl_put_framing(const struct dfl_decoder_ctx *c, struct dfl_view *v,
				   const struct dfl_slice *s, const struct dfl_chunk *from)
{
	if (s->len)
		c->sink->view_framing(c->sink->ud, v, s->data, s->len, s->pos, s->pos_len, from);
}

/* v NULL is fine. */
static inline void dfl_gap_view(const struct dfl_decoder_ctx *c, struct dfl_view *v, uint64_t pos,
				uint64_t len)
{
	if (v)
		c->sink->view_gap(c->sink->ud, v, pos, len);
}

/* Also clears the pointer. *v NULL is fine. */
static inline void dfl_close_view(const struct dfl_decoder_ctx *c, struct dfl_view **v)
{
	if (*v)
		c->sink->view_close(c->sink->ud, *v);
	*v = NULL;
}

/* Never returns NULL. */
static inline struct dfl_op *dfl_begin_op(const struct dfl_decoder_ctx *c,
					  const struct dfl_op_desc *d, uint64_t ts_ns)
{
	return c->sink->op_begin(c->sink->ud, c->conn, d, ts_ns);
}

/* Also clears the pointer. *op NULL is fine. Close its views before. */
static inline void dfl_end_op(const struct dfl_decoder_ctx *c, struct dfl_op **op, uint64_t ts_ns)
{
	if (*op)
		c->sink->op_end(c->sink->ud, *op, ts_ns);
	*op = NULL;
}

/* More is known of an operation; members that are NULL, UNKNOWN or -1 leave what was there. */
static inline void dfl_name_op(const struct dfl_decoder_ctx *c, struct dfl_op *op,
			       const struct dfl_op_desc *d)
{
	c->sink->op_describe(c->sink->ud, op, d);
}

/* The store's verdict: PRESENT, NOT or UNKNOWN. */
static inline void dfl_keep_op(const struct dfl_decoder_ctx *c, struct dfl_op *op,
			       enum dfl_kept kept, uint64_t ts_ns)
{
	c->sink->op_kept(c->sink->ud, op, kept, ts_ns);
}

static inline void dfl_put_effect(const struct dfl_decoder_ctx *c, struct dfl_op *op,
				  const struct dfl_effect *e)
{
	c->sink->op_effect(c->sink->ud, op, e);
}

/* Also clears the pointer. *txn NULL is fine. */
static inline void dfl_end_txn(const struct dfl_decoder_ctx *c, struct dfl_txn **txn,
			       enum dfl_kept kept, uint64_t ts_ns)
{
	if (*txn)
		c->sink->txn_end(c->sink->ud, *txn, kept, ts_ns);
	*txn = NULL;
}

/* value: checked with dfl_is_id() before. */
static inline void dfl_put_id(const struct dfl_decoder_ctx *c, struct dfl_op *op,
			      enum dfl_id_kind kind, const char *value, size_t len)
{
	c->sink->op_id(c->sink->ud, op, kind, value, len);
}

/* len > 0 bytes of plaintext passed that nothing can read. */
static inline void dfl_put_unread(const struct dfl_decoder_ctx *c, enum dfl_dir dir, uint64_t len)
{
	c->sink->unread(c->sink->ud, c->conn, dir, len);
}

/* Credentials: they go to no view. */
static inline void dfl_put_withheld(const struct dfl_decoder_ctx *c, const struct dfl_slice *s,
				    const struct dfl_chunk *from)
{
	c->sink->withheld(c->sink->ud, c->conn, from, s->pos, s->pos + s->pos_len);
}

/* s NULL is fine. len 0: its end was not seen. */
static inline void dfl_gap_source(const struct dfl_decoder_ctx *c, struct dfl_src *s, uint64_t pos,
				  uint64_t len)
{
	if (s)
		c->sink->source_gap(c->sink->ud, s, pos, len);
}

/* Counts it, and tells the sink that not all is known of the connection any more. */
static inline void dfl_limit_hit(const struct dfl_decoder_ctx *c, enum dfl_decode_limit limit)
{
	c->stats->limit[limit]++;
	c->sink->limit(c->sink->ud, c->conn);
}

/* A part of a piece of a stream, byte for byte. */
static inline struct dfl_slice dfl_chunk_slice(const struct dfl_chunk *c, size_t from, size_t len)
{
	return (struct dfl_slice){ c->data + from, len, c->pos + from, len };
}

/* A piece without bytes: for what ends when no bytes come, so that views learn the time. */
static inline struct dfl_chunk dfl_empty_chunk(const struct dfl_decoder_ctx *c, enum dfl_dir dir,
					       uint64_t ts_ns)
{
	return (struct dfl_chunk){ .dir = dir, .layer = c->layer, .ssl = c->ssl, .ts_ns = ts_ns };
}

/* The other direction. */
static inline enum dfl_dir dfl_other(enum dfl_dir d)
{
	return d == DFL_REQUEST ? DFL_RESPONSE : DFL_REQUEST;
}
