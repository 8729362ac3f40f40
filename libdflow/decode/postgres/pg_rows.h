/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows a statement of a connection means, and what it does to them: for the sink. */
#pragma once

#include "decode/postgres/pg_conn.h"

/* Tells the sink what the statement does to rows. sql: what it says; its rows are forgotten. */
void dfl_pg_rows_tell(struct dfl_pg_conn *c, struct dfl_pg_op *op, const struct dfl_sql *sql);
