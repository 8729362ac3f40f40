/* SPDX-License-Identifier: Apache-2.0 */
/* What hops have in common, stored once: stations, names, operation, place, … */
#pragma once

#include "doc/doc.h"
#include "store/store_priv.h"

/* Splits "10.0.0.1:5432" into host and port. port -1: it has none, and the host is all of it. */
void dfl_shape_split(const char *address, size_t *ret_host_len, int *ret_port);
/* The number of the hop's shape, which is made if it is new. 0 or -EIO. Within the transaction. */
int dfl_shape_put(struct dfl_store *s, const struct dfl_doc *doc, const struct dfl_doc_hop *hop,
		  int64_t *ret_n);
/* Forgets the numbers that are remembered: the tables may hold others now. */
void dfl_shape_forget(struct dfl_store *s);
/* Deletes the shapes that no trace of the store has any more. 0 or -EIO. */
int dfl_shape_expire(struct dfl_store *s);
