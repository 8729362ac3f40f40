/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the fields of JSON texts that mean something: ids, inbound fields (sources), answers, whose
 * deltas are joined into one view, and what was retrieved or came from a tool, one view each. Which
 * path means what is a table in fields.c.
 */
#pragma once

#include "decode/decoder.h"
#include "decode/json.h"
#include "decode/redact.h"
#include "decode/vector.h"

enum dfl_json_field_set {
	DFL_FIELDS_NONE,
	DFL_FIELDS_REQUEST,  /* body of an inbound request */
	DFL_FIELDS_EVENT,    /* Dify's replies, SSE and Redis events: ids and answer */
	DFL_FIELDS_UPLOADED, /* reply to an upload */
	DFL_FIELDS_MODEL,    /* OpenAI- and Anthropic-compatible replies, the plugin daemon's */
	DFL_FIELDS_PLUGIN,   /* lines of a plugin */
	DFL_FIELDS_TASK,     /* arguments of a Celery task */
	DFL_FIELDS_DISPATCH, /* what the plugin daemon is asked */
	DFL_FIELDS_TOOL,     /* what it answers for a tool */
	DFL_FIELDS_AGENT,    /* what it answers for an agent strategy */
	DFL_FIELDS_SEARCH,   /* what a vector database or an external knowledge base is asked */
	DFL_FIELDS_HITS,     /* what it answers */
};

#define DFL_FIELDS_WORD 24 /* of the names of events and nodes, with the NUL */

struct dfl_json_field_rule;

struct dfl_json_fields {
	struct dfl_json json;
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	const char *place; /* of the answer's view; NULL: the operation's */
	const struct dfl_json_field_rule *rules;
	const struct dfl_json_field_rule *now; /* of the string that is being read */
	const struct dfl_chunk *from;
	struct dfl_view *answer;     /* joined from deltas */
	struct dfl_view *value_view; /* of the one value that is being read */
	unsigned tree;		  /* its open containers, when it is JSON: all of its text is it */
	const uint8_t *tree_from; /* in the slice */
	const struct dfl_slice *slice; /* that is being read */
	struct dfl_src *source;
	struct dfl_vector vector;
	bool done;		     /* a document was read to its end, or one cannot be any more */
	bool joined;		     /* an answer came in deltas */
	bool relay;		     /* its deltas may come over several connections */
	bool ended;		     /* the last event said that nothing of this answer follows */
	char event[DFL_FIELDS_WORD]; /* of this document */
	char node[DFL_FIELDS_WORD];  /* type of the workflow's node that it tells of */
	char value[DFL_ID_VALUE_MAX + 1];
	size_t value_len; /* beyond the buffer: longer than any id */
};

/* place must live as long as the fields. */
void dfl_json_fields_init(struct dfl_json_fields *f, const struct dfl_decoder_ctx *ctx,
			  struct dfl_op *op, enum dfl_dir dir, const char *place,
			  enum dfl_json_field_set set);
void dfl_json_fields_feed(struct dfl_json_fields *f, const struct dfl_slice *s,
			  const struct dfl_chunk *from);
/* The document is over, whether it was whole or not. */
void dfl_json_fields_next(struct dfl_json_fields *f, uint64_t ts_ns);
/* Bytes are missing: what was being read is given up. */
void dfl_json_fields_gap(struct dfl_json_fields *f, uint64_t pos, uint64_t len, uint64_t ts_ns);
void dfl_json_fields_fini(struct dfl_json_fields *f, uint64_t ts_ns);
