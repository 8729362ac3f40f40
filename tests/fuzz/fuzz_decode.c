// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzzes one decoder (FUZZ_DECODER, set by the build for each of the list), or the whole stage,
 * with the sink of the unit tests, which aborts when the contract of decode.h is broken.
 *
 * Input: a byte for the medium, then records: a byte of flags, a length byte, that many bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode_sink.h"

#define FLAG_RESPONSE 1
#define FLAG_GAP 2
#define FLAG_CALL 4
#define FLAG_TLS 8
#define FLAG_END 16

#ifdef FUZZ_DECODER
extern const struct dfl_decoder FUZZ_DECODER;
#endif

struct run {
	struct sink sink;
	struct dfl_conn conn;
	uint64_t pos[2][2];
	struct dfl_decode *stage;
	struct dfl_decoder_ctx ctx;
	struct dfl_decode_stats stats;
};

#ifdef FUZZ_DECODER
static void start(struct run *r)
{
	r->ctx = (struct dfl_decoder_ctx){ .sink = &r->sink.ops,
					   .stats = &r->stats,
					   .conn = &r->conn };
	if (FUZZ_DECODER.init(&r->ctx))
		abort();
}

static void put(struct run *r, const struct dfl_chunk *c)
{
	size_t used = 0;

	FUZZ_DECODER.guess(&r->conn, c->layer, c->dir, c->data,
			   c->len < DFL_GUESS_MAX ? c->len : DFL_GUESS_MAX);
	if (!FUZZ_DECODER.feed(&r->ctx, c, &used))
		return;
	if (used > c->len)
		abort();
	FUZZ_DECODER.fini(&r->ctx, c->ts_ns);
	start(r);
}

static void put_gap(struct run *r, const struct dfl_gap *g)
{
	FUZZ_DECODER.gap(&r->ctx, g);
}

static void put_end(struct run *r, enum dfl_dir dir, enum dfl_layer layer)
{
	if (FUZZ_DECODER.end)
		FUZZ_DECODER.end(&r->ctx, dir, 9);
}

static void finish(struct run *r)
{
	FUZZ_DECODER.fini(&r->ctx, 10);
}
#else
static void start(struct run *r)
{
	if (dfl_decode_new(&r->sink.ops, &r->stage))
		abort();
}

static void put(struct run *r, const struct dfl_chunk *c)
{
	dfl_decode_data(r->stage, &r->conn, c);
}

static void put_gap(struct run *r, const struct dfl_gap *g)
{
	dfl_decode_gap(r->stage, &r->conn, g);
}

static void put_end(struct run *r, enum dfl_dir dir, enum dfl_layer layer)
{
	dfl_decode_end(r->stage, &r->conn, dir, layer, 9);
}

static void finish(struct run *r)
{
	dfl_decode_close(r->stage, &r->conn, 10);
	dfl_decode_free(r->stage);
}
#endif

static void record(struct run *r, uint8_t flags, const uint8_t *data, uint32_t len)
{
	enum dfl_dir dir = flags & FLAG_RESPONSE ? DFL_RESPONSE : DFL_REQUEST;
	enum dfl_layer layer = flags & FLAG_TLS ? DFL_TLS : DFL_WIRE;
	uint64_t *pos = &r->pos[dir][layer];
	uint8_t *copy;

	if (flags & FLAG_GAP) {
		const struct dfl_gap g = {
			.dir = dir, .layer = layer, .pos = *pos, .len = len, .ts_ns = 1
		};

		put_gap(r, &g);
		*pos += len;
	} else if (len) {
		copy = malloc(len);
		memcpy(copy, data, len);
		const struct dfl_chunk c = { .dir = dir,
					     .layer = layer,
					     .pos = *pos,
					     .data = copy,
					     .len = len,
					     .call_start = flags & FLAG_CALL,
					     .dgram = r->conn.medium == DFL_UDP,
					     .ts_ns = 2 };

		put(r, &c);
		*pos += len;
		free(copy);
	}
	if (flags & FLAG_END)
		put_end(r, dir, layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run *r;

	if (!size)
		return 0;
	r = calloc(1, sizeof(*r));
	sink_init(&r->sink);
	r->conn.id = 1;
	r->conn.medium = (enum dfl_medium)((data[0] & 7) % DFL_N_MEDIUM);
	r->conn.end[DFL_CLIENT].fd = data[0] >> 3 & 3;
	r->conn.end[DFL_SERVER].addr.port = data[0] & 0x40 ? 53 : 5432;
	r->conn.role_known = !(data[0] & 0x80);
	start(r);
	for (size_t i = 1; i + 2 <= size;) {
		uint8_t flags = data[i], len = data[i + 1];
		size_t have = flags & FLAG_GAP ? 0 : size - i - 2 < len ? size - i - 2 : len;

		record(r, flags, data + i + 2, flags & FLAG_GAP ? len : (uint32_t)have);
		i += 2 + have;
	}
	finish(r);
	sink_fini(&r->sink);
	free(r);
	return 0;
}
