// SPDX-License-Identifier: Apache-2.0
/* The tables that describe the trace document. */
#include "doc/doc_keys.h"

#include <string.h>

#include "doc/doc.h"

#define M(type, member, key, kind)                                                                 \
	{                                                                                          \
		key, kind, offsetof(type, member)                                                  \
	}
#define COUNTED(type, member, count, key, kind)                                                    \
	{                                                                                          \
		key, kind, offsetof(type, member), offsetof(type, count)                           \
	}
#define SUB(type, member, key, kind, table)                                                        \
	{                                                                                          \
		key, kind, offsetof(type, member), 0, table                                        \
	}
#define LIST(type, member, key, table)                                                             \
	{                                                                                          \
		key, DOC_LIST, offsetof(type, member), offsetof(type, n_##member), table,          \
			sizeof(*((type *)0)->member)                                               \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

typedef struct dfl_doc_endpoint endpoint;
static const struct dfl_doc_key container_keys[] = {
	M(endpoint, container.id, "id", DOC_STR),
	M(endpoint, container.name, "name", DOC_STR),
	M(endpoint, container.image, "image", DOC_STR),
	M(endpoint, container.pod, "pod", DOC_STR),
	M(endpoint, container.namespace_, "namespace", DOC_STR),
	M(endpoint, container.task, "task", DOC_STR),
	END,
};

static const struct dfl_doc_key endpoint_keys[] = {
	M(endpoint, station, "station", DOC_STATION),
	M(endpoint, rule, "rule", DOC_STR),
	M(endpoint, node, "node", DOC_STR),
	M(endpoint, pid, "pid", DOC_U32_NULL),
	M(endpoint, comm, "comm", DOC_STR),
	{ "container", DOC_CONTAINER, 0, 0, container_keys },
	M(endpoint, address, "address", DOC_STR),
	M(endpoint, name, "name", DOC_STR),
	M(endpoint, name_evidence, "name_evidence", DOC_STR),
	END,
};

typedef struct dfl_doc_node node;
static const struct dfl_doc_key node_keys[] = {
	M(node, id, "id", DOC_STR),
	M(node, hostname, "hostname", DOC_STR),
	M(node, boot_id, "boot_id", DOC_STR),
	END,
};

typedef struct dfl_doc_field field;
static const struct dfl_doc_key field_keys[] = {
	M(field, field, "field", DOC_STR),
	M(field, derived, "kind", DOC_DERIVED),
	M(field, derived_from, "derived_from", DOC_STR),
	M(field, bytes, "bytes", DOC_U64_NULL),
	M(field, canonical_bytes, "canonical_bytes", DOC_U64),
	M(field, matchable, "matchable", DOC_STR),
	M(field, from_trace, "from_trace", DOC_STR),
	END,
};

static const struct dfl_doc_key client_keys[] = {
	M(struct dfl_doc, client_address, "address", DOC_STR),
	COUNTED(struct dfl_doc, client_via, n_client_via, "via", DOC_STRS),
	END,
};

static const struct dfl_doc_key source_keys[] = {
	M(struct dfl_doc, operation, "operation", DOC_STR),
	M(struct dfl_doc, route, "route", DOC_STR),
	{ "client", DOC_OBJECT, 0, 0, client_keys },
	LIST(struct dfl_doc, fields, "fields", field_keys),
	END,
};

typedef struct dfl_doc_unread unread;
static const struct dfl_doc_key unread_keys[] = {
	M(unread, connection, "connection", DOC_U32_NULL),
	M(unread, why, "why", DOC_STR),
	M(unread, library, "library", DOC_STR),
	M(unread, bytes, "bytes", DOC_U64),
	M(unread, idle, "idle", DOC_BOOL),
	END,
};

static const struct dfl_doc_key completeness_keys[] = {
	M(struct dfl_doc, completeness.complete, "complete", DOC_BOOL),
	M(struct dfl_doc, completeness.lost_events, "lost_events", DOC_U64),
	M(struct dfl_doc, completeness.lost_bytes, "lost_bytes", DOC_U64),
	COUNTED(struct dfl_doc, completeness.reasons, completeness.n_reasons, "reasons", DOC_STRS),
	{ "unread", DOC_LIST, offsetof(struct dfl_doc, completeness.unread),
	  offsetof(struct dfl_doc, completeness.n_unread), unread_keys, sizeof(unread) },
	COUNTED(struct dfl_doc, completeness.blind, completeness.n_blind, "blind", DOC_STRS),
	END,
};

typedef struct dfl_doc_conn conn;
static const struct dfl_doc_key conn_keys[] = {
	M(conn, connection, "connection", DOC_U32),
	SUB(conn, from, "from", DOC_OBJECT, endpoint_keys),
	SUB(conn, to, "to", DOC_OBJECT, endpoint_keys),
	M(conn, medium, "medium", DOC_MEDIUM),
	M(conn, tls, "tls", DOC_TRI),
	M(conn, bytes_scanned, "bytes_scanned", DOC_U64),
	M(conn, bytes_unread, "bytes_unread", DOC_U64),
	M(conn, bytes_matched, "bytes_matched", DOC_U64),
	M(conn, count, "count", DOC_U32),
	END,
};

typedef struct dfl_doc_hop hop;
static const struct dfl_doc_key observed_keys[] = {
	M(hop, observed_by_from, "from", DOC_BOOL),
	M(hop, observed_by_to, "to", DOC_BOOL),
	END,
};

static const struct dfl_doc_key tls_keys[] = {
	M(hop, tls_version, "version", DOC_STR),
	M(hop, tls_cipher, "cipher", DOC_STR),
	M(hop, tls_sni, "sni", DOC_STR),
	END,
};

static const struct dfl_doc_key evidence_keys[] = {
	M(hop, evidence_content, "content", DOC_BOOL),
	M(hop, evidence_id, "id", DOC_BOOL),
	M(hop, evidence_causal, "causal", DOC_BOOL),
	END,
};

static const struct dfl_doc_key hop_keys[] = {
	M(hop, seq, "seq", DOC_U32),
	M(hop, connection, "connection", DOC_U32),
	SUB(hop, from, "from", DOC_OBJECT, endpoint_keys),
	SUB(hop, to, "to", DOC_OBJECT, endpoint_keys),
	COUNTED(hop, via, n_via, "via", DOC_STRS),
	{ "observed_by", DOC_FLAGS, 0, 0, observed_keys },
	M(hop, medium, "medium", DOC_MEDIUM),
	M(hop, protocol, "protocol", DOC_STR),
	M(hop, operation, "operation", DOC_STR),
	M(hop, place, "place", DOC_STR),
	M(hop, direction, "direction", DOC_DIR),
	M(hop, residency, "residency", DOC_RESIDENCY),
	M(hop, ttl_s, "ttl_s", DOC_I64),
	M(hop, encrypted, "encrypted", DOC_TRI),
	{ "tls", DOC_TLS, 0, 0, tls_keys },
	M(hop, in_vpc, "in_vpc", DOC_TRI),
	M(hop, region, "region", DOC_STR),
	M(hop, field, "field", DOC_STR),
	COUNTED(hop, ranges, n_ranges, "ranges", DOC_RANGES),
	M(hop, bytes, "bytes", DOC_U64_NULL),
	M(hop, wire_bytes, "wire_bytes", DOC_U64),
	M(hop, occurrences, "occurrences", DOC_U32),
	M(hop, coverage, "coverage", DOC_REAL),
	M(hop, coverage_basis, "coverage_basis", DOC_STR),
	M(hop, encodings, "encoding", DOC_ENCODINGS),
	{ "evidence", DOC_FLAGS, 0, 0, evidence_keys },
	M(hop, common, "common", DOC_BOOL),
	M(hop, common_sources, "common_sources", DOC_U32),
	M(hop, ambiguous, "ambiguous", DOC_BOOL),
	COUNTED(hop, candidates, n_candidates, "candidates", DOC_STRS),
	M(hop, replayed_from, "replayed_from", DOC_STR),
	M(hop, first_ns, "first_ns", DOC_I64),
	M(hop, last_ns, "last_ns", DOC_I64),
	M(hop, kept, "kept", DOC_STR),
	M(hop, kept_ns, "kept_ns", DOC_I64),
	END,
};

typedef struct dfl_doc_place place;
static const struct dfl_doc_key place_keys[] = {
	M(place, station, "station", DOC_STATION),
	M(place, place, "place", DOC_STR),
	M(place, residency, "residency", DOC_RESIDENCY),
	M(place, ttl_s, "ttl_s", DOC_I64),
	M(place, first_ns, "first_ns", DOC_I64),
	M(place, removed_ns, "removed_ns", DOC_I64),
	M(place, now, "now", DOC_STR),
	M(place, now_ns, "now_ns", DOC_I64),
	COUNTED(place, fields, n_fields, "fields", DOC_STRS),
	END,
};

typedef struct dfl_doc_replay replay;
static const struct dfl_doc_key replay_keys[] = {
	M(replay, trace_id, "trace_id", DOC_STR),
	M(replay, seq, "seq", DOC_U32),
	END,
};

typedef struct dfl_doc_link doc_link;
static const struct dfl_doc_key link_keys[] = {
	M(doc_link, trace_id, "trace_id", DOC_STR),
	M(doc_link, why, "why", DOC_STR),
	END,
};

const struct dfl_doc_key dfl_doc_keys[] = {
	{ "schema", DOC_SCHEMA },
	M(struct dfl_doc, trace_id, "trace_id", DOC_TRACE_ID),
	LIST(struct dfl_doc, nodes, "nodes", node_keys),
	M(struct dfl_doc, settled, "state", DOC_STATE),
	M(struct dfl_doc, ids, "ids", DOC_IDS),
	M(struct dfl_doc, started_ns, "started", DOC_TIME),
	M(struct dfl_doc, ended_ns, "ended", DOC_TIME),
	{ "source", DOC_OBJECT, 0, 0, source_keys },
	{ "completeness", DOC_OBJECT, 0, 0, completeness_keys },
	LIST(struct dfl_doc, connections, "connections", conn_keys),
	LIST(struct dfl_doc, hops, "hops", hop_keys),
	LIST(struct dfl_doc, places, "places", place_keys),
	LIST(struct dfl_doc, replayed_in, "replayed_in", replay_keys),
	LIST(struct dfl_doc, links, "links", link_keys),
	M(struct dfl_doc, weak_matches, "weak_matches", DOC_U32),
	END,
};

bool dfl_doc_is_body(const struct dfl_doc_key *k)
{
	return k->kind == DOC_LIST && strcmp(k->name, "nodes");
}

void dfl_doc_id_keys(struct dfl_doc_key *ret_keys)
{
	for (int i = 0; i < DFL_N_ID; i++)
		ret_keys[i] = (struct dfl_doc_key){ .name = dfl_id_name(i),
						    .kind = DOC_STR,
						    .offset = (size_t)i * sizeof(char *) };
	ret_keys[DFL_N_ID] = (struct dfl_doc_key){ .name = NULL };
}

char dfl_doc_form(enum dfl_doc_kind kind)
{
	switch (kind) {
	case DOC_SCHEMA:
	case DOC_TRACE_ID:
	case DOC_STR:
	case DOC_REAL:
	case DOC_STATION:
	case DOC_MEDIUM:
	case DOC_RESIDENCY:
	case DOC_DIR:
		return DOC_FORM_TEXT;
	case DOC_STRS:
		return DOC_FORM_TEXTS;
	case DOC_RANGES:
		return DOC_FORM_RANGES;
	case DOC_FLAGS:
	case DOC_IDS:
	case DOC_OBJECT:
	case DOC_CONTAINER:
	case DOC_TLS:
		return DOC_FORM_OBJECT;
	case DOC_LIST:
		return DOC_FORM_LIST;
	default:
		return DOC_FORM_INTEGER;
	}
}
