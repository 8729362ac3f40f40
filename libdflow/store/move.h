/* SPDX-License-Identifier: Apache-2.0 */
/* Moving what stores before version 4 hold into the tables of today. */
#pragma once

#include "store/store_priv.h"

/* What the views `entry` and `id` select when nothing is left to be moved. */
#define DFL_ENTRY "SELECT *, (SELECT doc FROM document AS d WHERE d.n = trace.n) AS doc FROM trace"
#define DFL_ID "SELECT key, kind, trace_id FROM id_row JOIN trace USING (n)"

/*
 * Moves all rows of trace_old and id_old, if there are such tables, in many small transactions, so
 * that the log stays small and a recorder that is killed meanwhile goes on where it was. Readers
 * see every trace at any time. 0 or -EIO.
 */
int dfl_schema_move(struct dfl_store *s);
