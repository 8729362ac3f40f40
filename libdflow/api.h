/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind dflow.h share: the store, the check of public structs, errors, log lines.
 */
#pragma once

#include <stddef.h>

#include "dflow.h"

#include "base/err.h"
#include "base/log.h"

/* The store that dflow.h hands out. */
struct dflow_store {
	struct dfl_store *store;
};

/* What this library knows of a public struct that begins with `size_t sz`. */
struct dfl_api_shape {
	const char *name;
	size_t size;	   /* now */
	size_t first_size; /* of the first version; no caller has a smaller one */
};

/*
 * last: the last member of the first version of struct type. It stays when later versions add
 * members behind it. That no padding follows it is checked, because a later member in what was
 * padding could not be told from garbage of an old caller.
 */
#define DFL_API_SHAPE(type, last)                                                                  \
	(&(const struct dfl_api_shape){ "struct " #type, sizeof(struct type),                      \
					offsetof(struct type, last) +                              \
						sizeof(((struct type *)0)->last) })

/*
 * Is a caller's struct one that this library can serve? As libbpf's libbpf_validate_opts() judges
 * it: 0; -EINVAL sz is 0 or smaller than the first version; -E2BIG bytes behind what the library
 * knows are not zero. err (may be NULL) gets the sentence. s is not NULL.
 */
int dfl_api_check(const struct dfl_api_shape *shape, const void *s, struct dfl_err *err);

/*
 * Checks a struct that the caller filled, and copies it into one of the library's size. What the
 * caller does not know is zero there. s NULL: all zero. Errors as dfl_api_check().
 */
int dfl_api_in(const struct dfl_api_shape *shape, const void *s, void *ret_full,
	       struct dfl_err *err);

/*
 * Fills a struct of the caller, which passed dfl_api_check(), from one of the library's size: what
 * the caller does not know is left out. Its sz stays.
 */
void dfl_api_out(const struct dfl_api_shape *shape, const void *full, void *ret);

/* Hands a sentence over, if there is an error; without one in err, errno's words. Returns r. */
int dfl_api_error(struct dflow_error *ret_error, enum dflow_about about, const struct dfl_err *err,
		  int r);

/* The same for a query. What was asked for is not there or wrong: that is no fault of the store. */
int dfl_api_query_error(struct dflow_error *ret_error, const struct dfl_err *err, int r);

/* The caller's log hook as the one inside. `forward` holds it, and lives as long as the object. */
struct dfl_api_log {
	dflow_log_fn fn;
	void *ud;
};
struct dfl_log dfl_api_log(struct dfl_api_log *forward);
