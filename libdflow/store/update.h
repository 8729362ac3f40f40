/* SPDX-License-Identifier: Apache-2.0 */
/* What is told to stored traces later. */
#pragma once

#include "store/store_priv.h"

/* Settles what an earlier recorder left open, and says why. For the writer, when it opens. */
int dfl_store_end_open(struct dfl_store *s, struct dfl_err *err);
