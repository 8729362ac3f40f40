/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for people: under 100 columns. */
#pragma once

#include <jansson.h>

/* Prints the document (schema dflow.trace/1) on stdout. */
void show_trace(const json_t *trace);
