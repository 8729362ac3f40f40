/* SPDX-License-Identifier: Apache-2.0 */
/* One recorder at a time. */
#pragma once

#include "store/store_priv.h"

/* Takes the lock until the store is closed. -EBUSY: another recorder has it. */
int dfl_store_take_lock(struct dfl_store *s, struct dfl_err *err);
