/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints of texts in the store. */
#pragma once

#include "store/store_priv.h"

/* Deletes all of them, whatever key they were made with; no byte of them stays in the file. */
int dfl_store_drop_prints(struct dfl_store *s, struct dfl_err *err);
