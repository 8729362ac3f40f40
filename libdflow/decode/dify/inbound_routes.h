/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of inbound requests: which HTTP requests carry a user's data, where in them it stands
 * and where their ids are. And the other HTTP routes that dflow can name.
 */
#pragma once

#include "decode/dify/json_fields.h"

struct dfl_route {
	const char *method;	 /* NULL: any */
	const char *path;	 /* template; "{uuid}": that, "*": one segment, at the end: all that
				    follows; at the start: any */
	enum dfl_station server; /* what serves it */
	const char *rule;	 /* name of the evidence */
	enum dfl_residency residency;
	enum dfl_field_set request, response; /* what to read in the JSON bodies */
	bool inbound; /* a row of the table of inbound requests: its fields are sources */
	bool file;    /* its multipart part "file" is a source */
	enum dfl_id_kind path_id; /* kind of the first {uuid} in the path when has_path_id */
	bool has_path_id;
};

/* requests.c and routes.c; each ends with a NULL path. */
extern const struct dfl_route dfl_requests[];
extern const struct dfl_route dfl_routes[];

/*
 * path: as on the wire, without the query string. Returns NULL for an unknown route. ret_id: the
 * path's id, points into path; ret_id_len 0: none.
 */
const struct dfl_route *dfl_route_find(const char *method, const char *path, size_t len,
				       const char **ret_id, size_t *ret_id_len);
