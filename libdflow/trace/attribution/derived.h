/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Derived payload: text that a model answered, that a store or a tool gave, and vectors. It becomes
 * payload of the request whose text went into the same operation.
 */
#pragma once

#include "trace/source.h"

enum {
	ANSWER_SURE = 24,	 /* bytes after which the beginning of an answer tells it apart */
	ANSWER_HELD_MAX = 65536, /* bytes that are held until it is decided whose they are */
	BEGUN_PERCENT = 50,	 /* of a whole text: so much is the beginning of the same one */
	KNOWN_PERCENT = 75,	 /* of a derived text: so much makes it one that came before … */
	LISTED_PERCENT = 50,	 /* … so much of a list of texts */
};

/* Text of a view that may become derived payload. */
void dfl_derived_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len);
/* The view is complete: decides whose its text is, at the latest now. */
void dfl_derived_close(struct dfl_view *v);
/*
 * The request settles: drops what was only perhaps its own, and belongs to another request by an
 * id.
 */
void dfl_derived_settle(struct dfl_trace *t, struct request *r);
