/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data bodies: the content of the part "file" is a source. */
#pragma once

#include "decode/decode.h"
#include "decode/slice.h"

#define DFL_BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

struct dfl_multipart {
	const struct dfl_dec_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	struct dfl_src *source;
	uint8_t state;
	uint8_t delim_len, matched;
	uint64_t match_pos; /* where the matched part of the delimiter began */
	uint16_t line_len;
	bool is_file;
	uint8_t delim[4 + DFL_BOUNDARY_MAX]; /* CR LF "--" boundary */
	char line[256]; /* of a part's header; the rest of a longer line is dropped */
};

/* content_type: of the message's header. Returns false when it has no usable boundary. */
bool dfl_multipart_init(struct dfl_multipart *m, const struct dfl_dec_ctx *ctx, struct dfl_op *op,
			enum dfl_dir dir, const char *content_type);
void dfl_multipart_feed(struct dfl_multipart *m, const struct dfl_slice *s, uint64_t ts_ns);
void dfl_multipart_gap(struct dfl_multipart *m, uint64_t pos, uint64_t len);
void dfl_multipart_fini(struct dfl_multipart *m, uint64_t ts_ns);
