/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the trace document as tables: which JSON key stands for which member, and of which
 * kind it is. Freeing, writing and parsing all walk these tables, so they cannot disagree.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum dfl_doc_kind {
	DOC_SCHEMA,   /* the constant */
	DOC_TRACE_ID, /* char[33], 32 hex digits */
	DOC_STATE,    /* bool: "settled" or "open" */
	DOC_DERIVED,  /* bool: "derived" or "inbound" */
	DOC_STR,      /* char *, NULL is null */
	DOC_STRS,     /* char **, count */
	DOC_U32,
	DOC_U32_NULL, /* 0 is null */
	DOC_U64,
	DOC_U64_NULL, /* DFL_DOC_UNKNOWN is null */
	DOC_I64,      /* -1 is null */
	DOC_TIME,     /* int64_t, -1 is null: RFC 3339 */
	DOC_BOOL,
	DOC_TRI, /* int, -1 is null */
	DOC_REAL,
	DOC_STATION, /* the enums: their words, unknown is null */
	DOC_MEDIUM,
	DOC_RESIDENCY,
	DOC_DIR,
	DOC_ENCODINGS, /* uint32_t of enum dfl_encoding */
	DOC_FLAGS,     /* the words of `sub` whose bool is true */
	DOC_RANGES,    /* struct dfl_doc_range *, count: [[from, to], …], none is null */
	DOC_IDS,       /* char *[DFL_N_ID] */
	DOC_OBJECT,    /* `sub` at the offset */
	DOC_CONTAINER, /* the same, null when its id is NULL */
	DOC_TLS,       /* the same, null when nothing of it is known and the hop is not encrypted */
	DOC_LIST,      /* array of structs of `size` bytes, described by `sub`, count */
};

struct dfl_doc_key {
	const char *name; /* NULL ends a table */
	enum dfl_doc_kind kind;
	size_t offset;
	size_t count_offset; /* of the size_t that counts, for the kinds that need one */
	const struct dfl_doc_key *sub;
	size_t size;
};

extern const struct dfl_doc_key dfl_doc_keys[];

/* Is it a row of dfl_doc_keys that lists of traces do not need: connections, hops, places, …? */
bool dfl_doc_is_body(const struct dfl_doc_key *k);

/* The table that describes a member of kind DOC_IDS. `ret_keys` has DFL_N_ID + 1 places. */
void dfl_doc_id_keys(struct dfl_doc_key *ret_keys);

/* How a kind is packed (doc_pack.h). The letters stand on disk. */
enum {
	DOC_FORM_INTEGER = 'i',
	DOC_FORM_TEXT = 's',
	DOC_FORM_TEXTS = 'S',
	DOC_FORM_RANGES = 'r',
	DOC_FORM_OBJECT = 'o',
	DOC_FORM_LIST = 'l',
};
char dfl_doc_form(enum dfl_doc_kind kind);
