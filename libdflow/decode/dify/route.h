/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a kind of HTTP request, and whether a path is of that kind. */
#pragma once

#include "decode/dify/json_fields.h"

/*
 * A row of the tables of routes. Members that are not set: unknown, or there is none. A table ends
 * with a row without a path.
 */
struct dfl_route {
	const char *method; /* NULL: any */
	/*
	 * Template of the path: "{uuid}" stands for one; "*" for one segment; "*" at the end for
	 * all that follows, but not nothing; "*" at the start for any beginning.
	 */
	const char *path;
	enum dfl_station server;		   /* what serves it */
	const char *rule;			   /* the name of that evidence */
	enum dfl_residency residency;		   /* of what is sent there */
	enum dfl_json_field_set request, response; /* what to read in the JSON bodies */
	const char *file_part;	  /* the content of the multipart part of this name is a source */
	enum dfl_id_kind path_id; /* kind of the first {uuid} in the path */
	bool has_path_id;
};

/*
 * Is path (as on the wire, without the query string; len bytes, no NUL) of this template? *ret_id:
 * its first {uuid}, 36 bytes within path; not touched when it has none.
 */
bool dfl_route_matches(const char *template, const char *path, size_t len, const char **ret_id);
