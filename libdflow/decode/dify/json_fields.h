/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the fields of JSON texts that mean something: ids; fields of inbound requests, which are
 * sources; answers, whose deltas are joined into one view; what was retrieved or came from a tool,
 * each a view of its own; vectors. json_fields.c has a table for each set: which path means what.
 */
#pragma once

#include "decode/decoder.h"
#include "decode/json.h"
#include "decode/redact.h"
#include "decode/vector.h"

/* Whose texts they are: each set has a table of paths. */
enum dfl_json_field_set {
	DFL_FIELDS_NONE,
	DFL_FIELDS_REQUEST,   /* body of an inbound request */
	DFL_FIELDS_EVENT,     /* Dify's replies, SSE and Redis events: ids and answer */
	DFL_FIELDS_UPLOADED,  /* reply to an upload */
	DFL_FIELDS_MODEL,     /* OpenAI- and Anthropic-compatible replies, the plugin daemon's */
	DFL_FIELDS_PLUGIN,    /* lines of a plugin */
	DFL_FIELDS_TASK,      /* arguments of a Celery task */
	DFL_FIELDS_DISPATCH,  /* what the plugin daemon is asked */
	DFL_FIELDS_TOOL,      /* what it answers for a tool */
	DFL_FIELDS_AGENT,     /* what it answers for an agent strategy */
	DFL_FIELDS_SEARCH,    /* what a vector database or an external knowledge base is asked */
	DFL_FIELDS_HITS,      /* what it answers */
	DFL_FIELDS_ANY,	      /* a body of which nothing is known: every string is text */
	DFL_FIELDS_RETRIEVED, /* Dify's reply to a query of a knowledge base */
	DFL_FIELDS_MCP,	      /* what an MCP server is asked */
	DFL_FIELDS_MCP_REPLY,
};

#define DFL_FIELD_KEY_MAX 40 /* a longer key of a JSON object is not taken for a name */

#define DFL_FIELDS_WORD 24 /* of the names of events and nodes, with the NUL */

struct dfl_json_field_rule;

struct dfl_json_fields {
	struct dfl_json json;
	const struct dfl_decoder_ctx *ctx;
	struct dfl_op *op;
	enum dfl_dir dir;
	const char *place;			 /* of its views; NULL: the operation's */
	const struct dfl_json_field_rule *rules; /* NULL: nothing is read */
	const struct dfl_json_field_rule *now;	 /* of the string that is being read */
	const struct dfl_chunk *from;		 /* that is being read; NULL between calls */
	struct dfl_view *answer;		 /* joined from deltas */
	struct dfl_view *value_view;		 /* of the one value that is being read */
	unsigned tree;		       /* open containers of a value that is JSON; 0: it is none */
	const uint8_t *tree_from;      /* in the slice: where its text goes on */
	const struct dfl_slice *slice; /* that is being read */
	struct dfl_src *source;	       /* of the string that is being read; NULL: it is none */
	struct dfl_vector vector;
	bool done;		     /* a document was read to its end, or one cannot be any more */
	bool joined;		     /* an answer came in deltas */
	bool relay;		     /* may be set after init: as in dfl_view_desc */
	bool ended;		     /* the last event said that nothing follows in this channel */
	char event[DFL_FIELDS_WORD]; /* of this document */
	char node[DFL_FIELDS_WORD];  /* type of the workflow's node that it tells of */
	char value[DFL_ID_VALUE_MAX + 1];
	size_t value_len; /* sizeof(value) or more: longer than any id */
};

/* place: must outlive the fields; NULL: the operation's. */
void dfl_json_fields_init(struct dfl_json_fields *f, const struct dfl_decoder_ctx *ctx,
			  struct dfl_op *op, enum dfl_dir dir, const char *place,
			  enum dfl_json_field_set set);
/* The next bytes. A text that is no JSON is ignored up to _next. */
void dfl_json_fields_feed(struct dfl_json_fields *f, const struct dfl_slice *s,
			  const struct dfl_chunk *from);
/* The document is over, whether it was whole or not. The answer goes on in the next one. */
void dfl_json_fields_next(struct dfl_json_fields *f, uint64_t ts_ns);
/* Bytes are missing: what was being read is given up. */
void dfl_json_fields_gap(struct dfl_json_fields *f, uint64_t pos, uint64_t len, uint64_t ts_ns);
/* Does a member or form field of that name hold a credential? len bytes, no NUL. */
bool dfl_json_fields_is_secret(const char *key, size_t len);
/* Closes the answer and what else is open. A zeroed one is fine. */
void dfl_json_fields_fini(struct dfl_json_fields *f, uint64_t ts_ns);
