/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming reader of multipart/form-data (RFC 7578; framing: RFC 2046, 5.1): the content of the
 * parts of one name, or of all parts, is a source. All bytes are also in the body's view; this
 * reader opens none.
 */
#pragma once

#include "decode/decoder.h"
#include "decode/slice.h"

#define DFL_BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

struct dfl_multipart {
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	const char *part;	/* name of the part; borrowed; NULL: all parts */
	struct dfl_src *source; /* of the part that is being read; NULL: it is another one */
	uint8_t state;
	uint8_t delim_len, matched; /* matched: bytes of the delimiter seen so far */
	uint64_t match_pos;	    /* where they began */
	uint16_t line_len;
	bool is_wanted; /* the headers have the part's name */
	char name[40];	/* all parts: the name in the headers; "": none to show */
	uint8_t delim[4 + DFL_BOUNDARY_MAX]; /* CR LF "--" boundary */
	char line[256];			     /* of a part's header; a longer line is cut */
};

/*
 * content_type: the message's header. part: must outlive the reader; NULL: all. Returns false when
 * there is no usable boundary; then nothing else may be called.
 */
bool dfl_multipart_init(struct dfl_multipart *m, const struct dfl_decoder_ctx *ctx,
			struct dfl_op *op, enum dfl_dir dir, const char *content_type,
			const char *part);
void dfl_multipart_feed(struct dfl_multipart *m, const struct dfl_slice *s, uint64_t ts_ns);
/* Bytes are missing. What follows is taken for content of the same part. */
void dfl_multipart_gap(struct dfl_multipart *m, uint64_t pos, uint64_t len);
/* The body is over: ends the source, which has a gap when its delimiter was not seen. */
void dfl_multipart_fini(struct dfl_multipart *m, uint64_t ts_ns);
