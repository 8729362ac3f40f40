/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decode stage: gives structure to streams. It chooses a decoder for each substream of a
 * connection and drives it; what the decoders find goes to one sink. One stage belongs to one
 * thread.
 */
#pragma once

#include "decode/decoder.h"

struct dfl_decode; /* the stage */

/* sink is copied; its ud must outlive the stage. Returns 0 or -ENOMEM; free with _free. */
int dfl_decode_new(const struct dfl_decode_sink *sink, struct dfl_decode **ret_decode);
/* Closes what is open (with time 0), then frees. NULL is fine. */
void dfl_decode_free(struct dfl_decode *d);
void dfl_decode_stats(const struct dfl_decode *d, struct dfl_decode_stats *ret_stats);

/*
 * The calls of the stream stage (stream/stream.h: dfl_stream_sink). They set conn->decode. When
 * memory is short, bytes of the connection are dropped.
 */
void dfl_decode_conn(struct dfl_decode *d, struct dfl_conn *conn);
void dfl_decode_data(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_chunk *chunk);
void dfl_decode_gap(struct dfl_decode *d, struct dfl_conn *conn, const struct dfl_gap *gap);
void dfl_decode_end(struct dfl_decode *d, struct dfl_conn *conn, enum dfl_dir dir,
		    enum dfl_layer layer, uint64_t ts_ns);
/* Closes all that is open of the connection and clears conn->decode. */
void dfl_decode_close(struct dfl_decode *d, struct dfl_conn *conn, uint64_t ts_ns);
