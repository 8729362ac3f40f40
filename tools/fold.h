/* SPDX-License-Identifier: Apache-2.0 */
/* What is told in one line: texts of one kind ("chunk", "chunk.2", …) that went the same way. */
#pragma once

#include <jansson.h>

/* How many of them hop i stands for; 0: it is in an earlier one's line. */
unsigned fold_hop(const json_t *hops, size_t i);
/* The same for a list of fields. */
unsigned fold_field(const json_t *fields, size_t i);
/* "chunk.2" is one of "chunks". */
const char *fold_plural(const char *field);
