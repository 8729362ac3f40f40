/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind dflow.h share: a trace, the check of public structs, errors. */
#pragma once

#include <stddef.h>

#include "dflow.h"

#include "base/err.h"
#include "base/log.h"
#include "store/cursor.h"
#include "trace/trace.h"

struct dflow_store {
	struct dfl_store *store;
};

/*
 * A trace of which only a head may be at hand: in a callback and in a cursor the rest is made when
 * it is asked for.
 */
struct dflow_trace {
	const struct dfl_doc *head; /* ids, times, operation; without `load`: the whole document */
	size_t n_hops;
	size_t hop_index; /* of the one hop that a head has, as hops[0]; SIZE_MAX: it has none */
	int complete;	  /* 1 or 0; -1: the whole document tells */
	/* Makes the whole document, borrowed as the trace is. 0, -ENOMEM, -ENOENT, -EBADMSG. */
	int (*load)(void *of, const struct dfl_doc **ret_doc);
	void *of;
};

/* A trace whose document is at hand; it is borrowed. */
struct dflow_trace dfl_api_trace(const struct dfl_doc *doc);

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

/* What to list, as the store takes it; strings are borrowed from opts. Errors as dfl_api_check().
 */
int dfl_api_filter(const struct dflow_list_opts *opts, struct dfl_filter *ret_filter,
		   struct dfl_err *err);

/* The caller's log hook as the one inside. `forward` holds it, and lives as long as the object. */
struct dfl_api_log {
	dflow_log_fn fn;
	void *ud;
};
struct dfl_log dfl_api_log(struct dfl_api_log *forward);
