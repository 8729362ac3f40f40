/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one line shows together: texts of one kind ("chunk", "chunk.2", …) that took the same way in
 * the same operation.
 */
#pragma once

#include <jansson.h>

/* How many hops the line of hop i stands for; 0: an earlier hop's line includes it. */
unsigned fold_hop(const json_t *hops, size_t i);
/* The same for a list of names of fields. */
unsigned fold_field(const json_t *fields, size_t i);
/* The word for several of a kind: "chunks" for "chunk" or "chunk.2"; else the field itself. */
const char *fold_plural(const char *field);
