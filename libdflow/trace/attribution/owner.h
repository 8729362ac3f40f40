/* SPDX-License-Identifier: Apache-2.0 */
/* Tells which request an operation belongs to: by ids, by a text that only one request has, or
 * perhaps one of several. */
#pragma once

#include "trace/source.h"

/*
 * Ranks the runs and finds the owner. Sets the operation's owner, owned_by_id, owner_text and
 * maybe. Returns the request on whose behalf it was done: mostly the owner; but a file that is read
 * again is read for the request that uses it. NULL: not known.
 */
struct request *dfl_owner_find(struct dfl_trace *t, struct dfl_op *op);
/*
 * The same; else all requests whose equal texts are in it. ret_owners has room for MAX_OWNERS.
 * Returns how many: 0, 1, or more when it is ambiguous.
 */
unsigned dfl_owners_find(struct dfl_trace *t, struct dfl_op *op, struct request **ret_owners);
/* The owner by an id that names just one request; NULL. */
struct request *dfl_owner_by_unique_id(struct dfl_trace *t, const struct dfl_op *op);
/* The same, else by the id of a conversation. */
struct request *dfl_owner_by_id(struct dfl_trace *t, const struct dfl_op *op);
