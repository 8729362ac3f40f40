/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the route of an HTTP request: inbound ones first, then the others that can be named. */
#pragma once

#include "decode/dify/route.h"

/*
 * path: as on the wire, without the query string; len bytes, no NUL. Returns NULL for an unknown
 * route. *ret_id: the path's id, within path; *ret_id_len: 0 when it has none.
 */
const struct dfl_route *dfl_routes_find(const char *method, const char *path, size_t len,
					const char **ret_id, size_t *ret_id_len);

/*
 * What an inbound request is read by whose route is unknown: each string of a JSON body, each field
 * of a form, or the body is text. Its path is "*".
 */
extern const struct dfl_route dfl_route_unknown;
