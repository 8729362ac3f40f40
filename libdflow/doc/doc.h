/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace document (schema dflow.trace/1): what the trace stage hands out, the store keeps and
 * queries render. Plain data. Strings are owned by the document; NULL is JSON null.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/station.h"
#include "base/vocab.h"

#define DFL_TRACE_SCHEMA "dflow.trace/1"
#define DFL_TRACE_ID_LEN 32 /* hex */
#define DFL_DOC_UNKNOWN UINT64_MAX

struct dfl_doc_endpoint {
	enum dfl_station station;
	char *rule; /* which rule decided */
	char *node;
	uint32_t pid; /* 0: null */
	char *comm;
	struct {
		char *id, *name, *image, *pod, *namespace_, *task;
	} container;	     /* id NULL: no container */
	char *address;	     /* with port */
	char *name;	     /* host name */
	char *name_evidence; /* "sni", "dns", "config" */
};

struct dfl_doc_field {
	char *field;	    /* "query" */
	bool derived;	    /* kind */
	char *derived_from; /* operation it came from */
	uint64_t bytes;	    /* DFL_DOC_UNKNOWN: null */
	uint64_t canonical_bytes;
	char *matchable;  /* "content", "whole-leaf", "binary", "none" */
	char *from_trace; /* the field belongs to this other request (history, an uploaded file);
			     NULL: own */
};

struct dfl_doc_unread {
	uint32_t connection;
	char *why;
	char *library;
	uint64_t bytes;
	bool idle; /* they are too few to hold text: keep-alives */
};

struct dfl_doc_conn {
	uint32_t connection;		  /* 1, 2, … within the document */
	struct dfl_doc_endpoint from, to; /* client, server */
	enum dfl_medium medium;
	int tls; /* 1, 0, -1 null */
	uint64_t bytes_scanned, bytes_unread, bytes_matched;
	uint32_t count; /* connections in this entry; `from` and `to` are of the first. 0: an older
			   document, in which each has an entry */
};

struct dfl_doc_range {
	uint64_t from, to;
};

struct dfl_doc_hop {
	uint32_t seq; /* 1, 2, … by first_ns once the trace is settled; in order of discovery
			 before, and for later ones */
	uint32_t connection;
	struct dfl_doc_endpoint from, to; /* in the direction of the bytes */
	char **via;
	size_t n_via;
	bool observed_by_from, observed_by_to;
	enum dfl_medium medium;
	char *protocol, *operation, *place;
	enum dfl_dir direction;
	enum dfl_residency residency;
	int64_t ttl_s;				  /* -1 null */
	int encrypted;				  /* 1, 0, -1 null */
	char *tls_version, *tls_cipher, *tls_sni; /* tls_version NULL and encrypted != 1: tls is
						     null */
	int in_vpc;				  /* 1, 0, -1 null */
	char *region;
	char *field;
	struct dfl_doc_range *ranges; /* raw bytes of the field; none: null */
	size_t n_ranges;
	uint64_t bytes; /* DFL_DOC_UNKNOWN: null */
	uint64_t wire_bytes;
	uint32_t occurrences;
	double coverage;
	char *coverage_basis; /* "exact", "sampled" */
	uint32_t encodings;   /* enum dfl_encoding bits */
	bool evidence_content, evidence_id, evidence_causal;
	bool common;
	uint32_t common_sources;
	bool ambiguous;
	char **candidates; /* trace ids */
	size_t n_candidates;
	char *replayed_from;	   /* trace id */
	int64_t first_ns, last_ns; /* from started */
	char *kept; /* "attempted", "present", "not_kept", "removed", "expired", "unknown"; NULL:
		       nothing is kept there, or an older document */
	int64_t kept_ns; /* since when, from started; -1 null */
};

struct dfl_doc_place {
	enum dfl_station station;
	char *place;
	enum dfl_residency residency;
	int64_t ttl_s;
	int64_t first_ns;
	int64_t removed_ns; /* -1 null */
	char *now;	    /* as in dfl_doc_hop.kept; never NULL */
	int64_t now_ns;	    /* since when, from started; -1 null */
	char **fields;
	size_t n_fields;
};

struct dfl_doc_replay {
	char *trace_id;
	uint32_t seq;
};

struct dfl_doc_link {
	char *trace_id;
	char *why; /* "conversation", "file", "title" */
};

struct dfl_doc_node {
	char *id, *hostname, *boot_id;
};

struct dfl_doc {
	char trace_id[DFL_TRACE_ID_LEN + 1];
	struct dfl_doc_node *nodes;
	size_t n_nodes;
	bool settled;
	char *ids[DFL_N_ID];
	int64_t started_ns, ended_ns; /* UTC since 1970; ended -1 null */
	char *operation;
	char *route;	      /* "known", "unknown": is it in a table? */
	char *client_address; /* NULL */
	char **client_via;
	size_t n_client_via;
	struct dfl_doc_field *fields;
	size_t n_fields;
	struct {
		bool complete;
		uint64_t lost_events, lost_bytes;
		char **reasons;
		size_t n_reasons;
		struct dfl_doc_unread *unread;
		size_t n_unread;
		char **blind;
		size_t n_blind;
	} completeness;
	struct dfl_doc_conn *connections;
	size_t n_connections;
	struct dfl_doc_hop *hops;
	size_t n_hops;
	struct dfl_doc_place *places;
	size_t n_places;
	struct dfl_doc_replay *replayed_in;
	size_t n_replayed_in;
	struct dfl_doc_link *links;
	size_t n_links;
	uint32_t weak_matches;
};

#define DFL_REASON_NOT_SETTLED "not settled"
#define DFL_REASON_CUT_OFF "the recorder ended before it settled"

/*
 * Of an open trace nothing more will come: it is settled, not complete, and says why. 0 or -ENOMEM.
 */
int dfl_doc_cut_off(struct dfl_doc *doc);

/* Frees what the document holds and the document. */
void dfl_doc_free(struct dfl_doc *doc);

/* The word for a bit of `encodings` ("uescape" for bit 1). NULL: no such bit. Static storage. */
const char *dfl_doc_encoding_name(unsigned bit);

/* The JSON text of the design, one line, no trailing newline; free() it. 0 or -ENOMEM. */
int dfl_doc_to_json(const struct dfl_doc *doc, char **ret_json);
/*
 * The document as an element of "requests" of dflow.ls/1: ids, times, source, completeness, …,
 * and the number of hops, which is given because a head has none. One line, no trailing newline;
 * free() it. 0 or -ENOMEM.
 */
int dfl_doc_to_list_json(const struct dfl_doc *doc, uint64_t n_hops, char **ret_json);
/*
 * Ids, start, source and completeness of such a text as stores of schema 4 have it, which is less
 * than a head tells. 0, -ENOMEM, -EBADMSG.
 */
int dfl_doc_from_old_list_json(const char *json, size_t len, struct dfl_doc **ret_doc);
/* The reverse of dfl_doc_to_json, for readers of a store; distrusts its input. 0, -ENOMEM,
 * -EBADMSG. */
int dfl_doc_from_json(const char *json, size_t len, struct dfl_doc **ret_doc);
