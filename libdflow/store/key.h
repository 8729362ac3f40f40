/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the fingerprints: a file beside the store. */
#pragma once

#include "store/store_priv.h"

/*
 * Reads the key of the store at that path, or makes one. -EACCES: it is another user's, or others
 * may read it; -EBADMSG: it is no key.
 */
int dfl_store_key_open(const char *store_path, struct dfl_store_key *ret_key, struct dfl_err *err);
