/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undoes one content coding (RFC 9110, 8.4.1: gzip, deflate; br: RFC 7932; zstd: RFC 8878) in
 * steps, whichever library does it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

/* Largest window of a zstd frame, 2^23 bytes: RFC 9659 allows no larger one in HTTP. */
#define DFL_ZSTD_WINDOW_LOG 23

enum dfl_coding_kind { DFL_CODING_ZLIB, DFL_CODING_BROTLI, DFL_CODING_ZSTD };

struct dfl_content_coding {
	enum dfl_coding_kind coding;
	bool started; /* the library's state exists */
	bool ended;   /* the compressed stream said so */
	union {
		z_stream z;
		struct BrotliDecoderStateStruct *brotli;
		struct ZSTD_DCtx_s *zstd;
	};
};

/* name: "br", in any case; len bytes, no NUL. False: it is none that can be undone. */
bool dfl_content_coding_find(const char *name, size_t len, enum dfl_coding_kind *ret_coding);
/* Does it keep a window of megabytes while it works? (Deflate's is 32 KiB.) */
bool dfl_content_coding_is_big(enum dfl_coding_kind coding);

/*
 * Takes bytes from `in`, gives bytes to `out`. Returns 0, -ENOMEM, or -EPROTO when this is no such
 * stream. Nothing taken and nothing given: it waits for more. The first call with bytes starts the
 * library; from then on *i must not move.
 */
int dfl_content_coding_step(struct dfl_content_coding *i, const uint8_t *in, size_t in_len,
			    uint8_t *out, size_t out_len, size_t *ret_taken, size_t *ret_given);
/* Frees the library's state; one that did not start is fine. */
void dfl_content_coding_fini(struct dfl_content_coding *i);
