// SPDX-License-Identifier: Apache-2.0
/* dflow.h: versions, errors, log lines, and the check of structs that begin with `sz`. */
#include "api.h"

#include <stdio.h>
#include <string.h>

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *dflow_version(void)
{
	return VERSION(DFLOW_VERSION_MAJOR, DFLOW_VERSION_MINOR, DFLOW_VERSION_PATCH);
}

unsigned dflow_version_number(void)
{
	return DFLOW_VERSION_NUMBER;
}

int dfl_api_error(struct dflow_error *ret_error, enum dflow_about about, const struct dfl_err *err,
		  int r)
{
	if (r >= 0 || !ret_error)
		return r;
	ret_error->about = about;
	snprintf(ret_error->message, sizeof(ret_error->message), "%s",
		 err->msg[0] ? err->msg : strerror(-r));
	return r;
}

int dfl_api_query_error(struct dflow_error *ret_error, const struct dfl_err *err, int r)
{
	bool call = r == -ENOENT || r == -ENOTUNIQ || r == -EINVAL || r == -E2BIG ||
		    r == -ECANCELED;

	return dfl_api_error(ret_error, call ? DFLOW_ABOUT_CALL : DFLOW_ABOUT_STORE, err, r);
}

int dfl_api_check(const struct dfl_api_shape *shape, const void *s, struct dfl_err *err)
{
	size_t sz = *(const size_t *)s;

	if (sz < shape->first_size)
		return dfl_err_set(err, EINVAL, "%s: sz is %zu; set it to sizeof(%s)", shape->name,
				   sz, shape->name);
	for (size_t i = shape->size; i < sz; i++)
		if (((const char *)s)[i])
			return dfl_err_set(err, E2BIG,
					   "%s: has a member that libdflow %s does not know; zero "
					   "it, or use a newer library",
					   shape->name, dflow_version());
	return 0;
}

int dfl_api_in(const struct dfl_api_shape *shape, const void *s, void *ret_full,
	       struct dfl_err *err)
{
	int r = s ? dfl_api_check(shape, s, err) : 0;
	size_t sz = s && !r ? *(const size_t *)s : 0;

	if (r)
		return r;
	memset(ret_full, 0, shape->size);
	if (s)
		memcpy(ret_full, s, sz < shape->size ? sz : shape->size);
	return 0;
}

void dfl_api_out(const struct dfl_api_shape *shape, const void *full, void *ret)
{
	size_t sz = *(const size_t *)ret;

	memcpy((char *)ret + sizeof(size_t), (const char *)full + sizeof(size_t),
	       (sz < shape->size ? sz : shape->size) - sizeof(size_t));
}

_Static_assert((int)DFLOW_LOG_ERROR == (int)DFL_LOG_ERROR &&
		       (int)DFLOW_LOG_WARN == (int)DFL_LOG_WARN &&
		       (int)DFLOW_LOG_INFO == (int)DFL_LOG_INFO &&
		       (int)DFLOW_LOG_DEBUG == (int)DFL_LOG_DEBUG,
	       "the same levels inside and outside");

static void forward_line(void *ud, enum dfl_log_level level, const char *line)
{
	const struct dfl_api_log *to = ud;

	to->fn(to->ud, (enum dflow_log_level)level, line);
}

struct dfl_log dfl_api_log(struct dfl_api_log *forward)
{
	return (struct dfl_log){ forward->fn ? forward_line : NULL, forward };
}
