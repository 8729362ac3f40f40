/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of lists. */
#pragma once

#include "api.h"
#include "store/cursor.h"

/* What to list, as the store takes it; strings are borrowed from opts. Errors as dfl_api_check().
 */
int dfl_api_filter(const struct dflow_list_opts *opts, struct dfl_filter *ret_filter,
		   struct dfl_err *err);
