/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: the texts of a request that are looked for, inbound and derived. */
#pragma once

#include "trace/op.h"

enum {
	MAX_FIELDS_PER_REQUEST = 64,
	MAX_DERIVED_PER_REQUEST = 1024, /* texts; vectors share one field, each other text has its
					   own */
	ANSWER_HEAD = 256,		/* bytes that tell an echo of a text from another text */
};

/* One text of a request. */
struct dfl_src {
	struct dfl_src *next;	 /* of the request */
	struct request *request; /* NULL: the request is gone, and what follows is swallowed */
	struct dfl_match_source *match; /* NULL: it is not looked for any more */
	uint64_t number;
	const char *field; /* "query", "answer.2"; interned */
	uint64_t op;	   /* number of the operation it came from */
	enum dfl_dir dir;  /* in which it came there */
	uint64_t begin_ns;
	uint64_t pos_from, pos_to; /* where it stood in its stream */
	struct dfl_trace *trace;
	struct dfl_binary_text *binary; /* it is no text, and looked for by its bytes; NULL */
	bool judged;			/* it is known whether it is binary */
	bool open;			/* inbound: the decoder still appends */
	bool cut; /* a limit kept the rest of it out, so that its length is not known */

	/* The rest is of derived text. */
	const char *derived_from; /* name of the operation; NULL: it is inbound */
	const char *kind;	  /* "answer", "chunk", …; NULL: it is inbound */
	bool retrieved;	   /* a "chunk": it stands in a store, where others can get the same text */
	uint64_t asked_ns; /* it was asked for then, or earlier */
	uint64_t view;	   /* number of the view it came from */
	struct dfl_view *from;	   /* that view, while it still appends */
	struct dfl_src *next_twin; /* the same text, as a source of another request to which it may
				      belong; only while the view is open */
	bool shared;		   /* there were twins */
	bool claimed;		   /* an id said that it belongs to this request */
	uint32_t canon_from;	   /* the newest text begins there: vectors came before it … */
	uint64_t raw_from;	   /* … the same in raw bytes */
	/* Of an inbound one: its first bytes, until it is judged. */
	uint8_t head[ANSWER_HEAD];
	uint32_t head_len;
};

/* A new, empty text of the request. NULL at a limit (the request is capped) or without memory. */
struct dfl_src *dfl_source_new(struct dfl_trace *t, struct request *r, const char *field,
			       uint64_t ts_ns);
/* pos, pos_len: where the bytes stand in the stream. */
void dfl_source_append(struct dfl_src *s, const void *data, size_t len, uint64_t pos,
		       uint64_t pos_len);
/* The decoder appends no more to an inbound source. Frees it when its request is gone. */
void dfl_source_ended(struct dfl_src *s);
/* Takes it out of its request, which is settling. dfl_sources_free(r->dropped) must follow. */
void dfl_source_drop(struct request *r, struct dfl_src *s);
/* It is not looked for any more. Runs of operations still point at it. */
void dfl_source_let_go(struct dfl_src *s);
/*
 * Frees a list of sources that were let go, and empties it. Runs forget them first: all at once,
 * because that walks all operations. Those that a decoder still holds stay until they ended.
 */
void dfl_sources_free(struct dfl_trace *t, struct dfl_src **list);

/*
 * Does it hold the text of the run as well? Then the run is made one of this source. Compares
 * bytes: it costs as much as a search in the source.
 */
bool dfl_source_takes(struct dfl_src *s, struct text_run *r);
/* The same without changing the run. */
bool dfl_source_holds(const struct dfl_src *s, const struct text_run *r);

/* Is it of this name? "chunk.2" is of the name "chunk". name NULL: no. */
bool dfl_source_is(const struct dfl_src *s, const char *name);
/* An uploaded document: it goes into stores, and comes back in other requests. */
bool dfl_source_is_document(const struct dfl_src *s);
/* A field that may be binary: the content of a file. */
bool dfl_field_is_file(const char *field);
/* The same by the name of the field alone, of a source that came in. */
bool dfl_field_is_document(const char *field);
