/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming reader of application/x-www-form-urlencoded (WHATWG URL, 5.1): the value of each
 * field is a source. All bytes are also in the body's view; this reader opens none.
 */
#pragma once

#include "decode/decoder.h"
#include "decode/slice.h"

#define DFL_FORM_NAME_MAX 40 /* a longer name of a field is shown as "*" */

struct dfl_form {
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	struct dfl_src *source; /* of the value that is being read; NULL: it is none */
	bool in_value;
	uint8_t name_len; /* DFL_FORM_NAME_MAX + 1: longer */
	char name[DFL_FORM_NAME_MAX + 1];
	uint8_t n_hex;	  /* digits of %XX so far, counted with the '%'; 0: none */
	uint8_t hex;	  /* the first digit's value */
	char held;	  /* the first digit, as it was spelt */
	uint64_t hex_pos; /* where the '%' stood */
};

void dfl_form_init(struct dfl_form *f, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		   enum dfl_dir dir);
void dfl_form_feed(struct dfl_form *f, const struct dfl_slice *s, uint64_t ts_ns);
/* Bytes are missing. What follows is taken for the same field, up to the next '&'. */
void dfl_form_gap(struct dfl_form *f, uint64_t pos, uint64_t len);
/* The body is over: so is the last value. */
void dfl_form_fini(struct dfl_form *f, uint64_t ts_ns);
