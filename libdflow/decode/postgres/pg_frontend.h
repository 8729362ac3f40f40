/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the bodies of the messages that a Postgres client sends (the frontend). */
#pragma once

#include "decode/postgres/pg_conn.h"

/* A body begins: s->type and s->left are set. */
void dfl_pg_frontend_begin(struct dfl_pg_side *s);
/* A piece of it. */
void dfl_pg_frontend_body(struct dfl_pg_side *s, const struct dfl_slice *d);
/* It is complete. */
void dfl_pg_frontend_end(struct dfl_pg_side *s);
/* Bytes are missing here, so the rest of the body cannot be told apart. */
void dfl_pg_frontend_lost(struct dfl_pg_side *s);
