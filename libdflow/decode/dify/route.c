// SPDX-License-Identifier: Apache-2.0
/* Compares a path with the template of a route. */
#include "decode/dify/route.h"

#include <string.h>

static bool ends_with(const char *path, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len > n && !memcmp(path + len - n, tail, n);
}

/* Segment by segment: *t and *path stand at a '/'. */
bool dfl_route_matches(const char *t, const char *path, size_t len, const char **ret_id)
{
	const char *end = path + len;

	if (t[0] == '*')
		return ends_with(path, len, t + 1);
	while (*t) {
		size_t n = strcspn(t + 1, "/"), m = 0;

		if (path == end || *t != *path)
			return false;
		t++;
		path++;
		while (path + m < end && path[m] != '/')
			m++;
		if (n == 1 && *t == '*') {
			if (!t[1])
				return path < end;
		} else if (n == 6 && !memcmp(t, "{uuid}", 6)) {
			if (!dfl_is_uuid(path, m))
				return false;
			if (!*ret_id)
				*ret_id = path;
		} else if (n != m || memcmp(t, path, n)) {
			return false;
		}
		t += n;
		path += m;
	}
	return path == end;
}
