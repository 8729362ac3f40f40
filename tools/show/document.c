// SPDX-License-Identifier: Apache-2.0
/* The document of a trace as text and as an object. */
#include "show/document.h"

#include <stdlib.h>

char *document_text(const struct dflow_trace *trace)
{
	char *text;

	return dflow_trace_json(trace, &text) ? NULL : text;
}

json_t *document_object(const struct dflow_trace *trace)
{
	char *text = document_text(trace);
	json_t *object = text ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return object;
}

const struct field hop_fields[N_HOP_FIELDS] = {
	{ "trace_id", "/trace_id" },
	{ "message_id", "/ids.message_id" },
	{ "started", "/started" },
	{ "seq", "seq" },
	{ "first_ns", "first_ns" },
	{ "last_ns", "last_ns" },
	{ "connection", "connection" },
	{ "from_station", "from.station" },
	{ "from_pid", "from.pid" },
	{ "from_comm", "from.comm" },
	{ "from_pod", "from.container.pod" },
	{ "from_name", "from.name" },
	{ "from_address", "from.address" },
	{ "to_station", "to.station" },
	{ "to_pid", "to.pid" },
	{ "to_comm", "to.comm" },
	{ "to_pod", "to.container.pod" },
	{ "to_name", "to.name" },
	{ "to_address", "to.address" },
	{ "medium", "medium" },
	{ "protocol", "protocol" },
	{ "operation", "operation" },
	{ "place", "place" },
	{ "direction", "direction" },
	{ "residency", "residency" },
	{ "ttl_s", "ttl_s" },
	{ "encrypted", "encrypted" },
	{ "tls_version", "tls.version" },
	{ "sni", "tls.sni" },
	{ "in_vpc", "in_vpc" },
	{ "region", "region" },
	{ "field", "field" },
	{ "bytes", "bytes" },
	{ "wire_bytes", "wire_bytes" },
	{ "occurrences", "occurrences" },
	{ "coverage", "coverage" },
	{ "coverage_basis", "coverage_basis" },
	{ "evidence", "evidence" },
	{ "common", "common" },
	{ "ambiguous", "ambiguous" },
	{ "replayed_from", "replayed_from" },
	{ "kept", "kept" },
};
