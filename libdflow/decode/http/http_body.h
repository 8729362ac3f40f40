/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of an HTTP message: undoes its Content-Encoding into a view, and reads what the route
 * says about its content.
 */
#pragma once

#include "decode/dify/route.h"
#include "decode/http/aws_chunked.h"
#include "decode/http/aws_event_stream.h"
#include "decode/http/content_coding.h"
#include "decode/http/form.h"
#include "decode/http/multipart.h"
#include "decode/http/sse.h"

/* Compressed bytes that are undone at once: so exact are positions in inflated text. */
#define DFL_INFLATE_STEP 256
#define DFL_INFLATE_MAX (256u << 20) /* bytes out of one compressed body; the rest is unread */
#define DFL_CODINGS_MAX 3	     /* codings stacked on one body; more are unread */
#define DFL_WINDOWS_MAX 128	     /* windows of megabytes open at once, all connections */

/* Which reader the content goes to, beside the view. */
enum dfl_http_body_kind {
	DFL_HTTP_BODY_PLAIN,
	DFL_HTTP_BODY_JSON,
	DFL_HTTP_BODY_SSE,
	DFL_HTTP_BODY_EVENTS,
	DFL_HTTP_BODY_MULTIPART,
	DFL_HTTP_BODY_FORM,
	DFL_HTTP_BODY_WHOLE,	 /* all of it is one source */
	DFL_HTTP_BODY_UNDECIDED, /* JSON, a form or neither: its first byte tells */
};

struct dfl_http_body {
	const struct dfl_decoder_ctx *ctx; /* NULL: no body is being read */
	struct dfl_op *op;
	enum dfl_dir dir;
	struct dfl_view *view;
	enum dfl_http_body_kind kind;
	enum dfl_http_body_kind else_kind; /* of UNDECIDED: what it is when it is no JSON */
	bool says_json;			   /* … and what its Content-Type says */
	bool unreadable; /* from here on: an unknown coding, a broken stream, too much */
	bool is_aws;	 /* aws-chunked lies around all codings */
	struct dfl_aws_chunked aws;
	struct dfl_view *frames; /* of aws-chunked */
	uint8_t n_codings;
	bool big;					   /* counts as an open window */
	struct dfl_content_coding coding[DFL_CODINGS_MAX]; /* in the order in which they were
							      applied */
	uint64_t inflated;				   /* bytes that came out of all codings */
	/*
	 * Compressed bytes wait until a step is full, so that positions do not depend on how the
	 * input is split.
	 */
	uint8_t step[DFL_INFLATE_STEP];
	uint16_t step_len;
	uint64_t step_pos, step_end;
	bool dry; /* nothing has come out yet of what stands from dry_pos on */
	uint64_t dry_pos;
	struct dfl_chunk last; /* what the last of them came with; its data are gone */
	union {
		struct dfl_json_fields json;
		struct dfl_sse sse;
		struct dfl_aws_event_stream events;
		struct dfl_multipart multipart;
		struct dfl_form form;
		struct dfl_src *whole;
	};
};

/* Header values are "" when absent. route NULL: unknown. */
void dfl_http_body_init(struct dfl_http_body *b, const struct dfl_decoder_ctx *ctx,
			struct dfl_op *op, enum dfl_dir dir, const struct dfl_route *route,
			bool is_request, const char *content_type, const char *content_encoding);
/* Also when no body is being read; then nothing is done. So with the next two. */
void dfl_http_body_feed(struct dfl_http_body *b, const struct dfl_slice *s,
			const struct dfl_chunk *from);
void dfl_http_body_gap(struct dfl_http_body *b, uint64_t pos, uint64_t len, uint64_t ts_ns);
/* Closes its views and sources, and releases the libraries. */
void dfl_http_body_fini(struct dfl_http_body *b, uint64_t ts_ns);
