/* SPDX-License-Identifier: Apache-2.0 */
/* The one transaction of the writer: it begins with the first write and ends with a sync. */
#pragma once

#include "store/store_priv.h"

/* Before each write. */
int dfl_store_begin(struct dfl_store *s, struct dfl_err *err);
/*
 * After a write that failed: the whole transaction goes, so that no trace is half there. Returns
 * the error of that write.
 */
int dfl_store_give_up(struct dfl_store *s, struct dfl_err *err);
