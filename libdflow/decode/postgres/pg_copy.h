/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the data that a client sends for COPY … FROM STDIN. */
#pragma once

#include "decode/postgres/pg_conn.h"

/* A piece of CopyData. Messages may end anywhere in a row. */
void dfl_pg_copy_feed(struct dfl_pg_side *s, const struct dfl_slice *d);
/* Bytes are missing, or the data are over: the value that was read ends. */
void dfl_pg_copy_lost(struct dfl_pg_side *s);
