/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a trace (schema dflow.trace/1, docs/formats.md) as text and as an object. */
#pragma once

#include <dflow.h>
#include <jansson.h>

#include "output/format.h"

/* One line of JSON, to the byte as the library gives it; NULL: out of memory. free() it. */
char *document_text(const struct dflow_trace *trace);
/* The same as an object; NULL: out of memory. */
json_t *document_object(const struct dflow_trace *trace);

/* Columns of a hop in formats that have rows. */
#define N_HOP_FIELDS 42
extern const struct field hop_fields[N_HOP_FIELDS];
