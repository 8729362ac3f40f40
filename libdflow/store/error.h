/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite says, as an errno and a sentence for the person. */
#pragma once

#include "store/store_priv.h"

/*
 * For the last failed call of SQLite on this store. doing completes "cannot … the store": "read",
 * "write to". Returns the negative errno: -EBADMSG damaged, -ENOSPC, -EACCES, -EAGAIN busy,
 * -ENOMEM, else -EIO.
 */
int dfl_store_error(const struct dfl_store *s, struct dfl_err *err, const char *doing);
