/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner of SQL: bytes into words, marks and literals. This is the way in. */
#pragma once

#include "decode/postgres/sql.h"

/* ud: given to the calls of ops. Free with _fini. */
void dfl_sql_init(struct dfl_sql *q, const struct dfl_sql_ops *ops, void *ud);
/* The next bytes of the text, however it is split. */
void dfl_sql_feed(struct dfl_sql *q, const struct dfl_slice *s);
/* The text is over: an open literal is closed, the operation is named. */
void dfl_sql_end(struct dfl_sql *q);
/* Frees its lists. A zeroed one is fine. */
void dfl_sql_fini(struct dfl_sql *q);
