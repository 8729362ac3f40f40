/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message that kombu puts into a Redis list or hash: {"body": base64, "headers": {"argsrepr":
 * …}} (Celery, "Message Protocol", version 2). Splits it into views (body, argsrepr, the rest) and
 * reads the ids in the task's arguments.
 */
#pragma once

#include "decode/digits.h"
#include "decode/dify/json_fields.h"

struct dfl_celery {
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	const struct dfl_chunk *from; /* that is being read; NULL between calls */
	struct dfl_json json;	      /* the envelope */
	struct dfl_json args;	      /* the decoded body */
	struct dfl_json_fields task;  /* a string argument that is JSON itself */
	struct dfl_view *rest, *body, *repr;
	struct dfl_view *now; /* one of these: where the bytes go; NULL: rest, not open yet */
	bool in_body, in_arg; /* the string that is being read */
	const struct dfl_slice *slice; /* that is being read; NULL between calls */
	const uint8_t *cursor;	       /* bytes of the slice before it went somewhere */
	struct dfl_digits digits;      /* of the body */
	char place[DFL_NAME_MAX];      /* of the list or hash */
};

/* place: pattern of the list's or hash's key; it is copied. */
void dfl_celery_init(struct dfl_celery *c, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		     enum dfl_dir dir, const char *place);
void dfl_celery_feed(struct dfl_celery *c, const struct dfl_slice *s, const struct dfl_chunk *from);
/* Bytes are missing: the task's arguments are given up. */
void dfl_celery_gap(struct dfl_celery *c, uint64_t pos, uint64_t len);
void dfl_celery_fini(struct dfl_celery *c, uint64_t ts_ns);
