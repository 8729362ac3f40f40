/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for people. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/*
 * Prints the document (schema dflow.trace/1) on standard output. wide: with more columns of hops.
 * Returns STATUS_OK, or a status after a complaint.
 */
int show_trace(const json_t *trace, bool wide);

/* Prints the title alone: what was asked for, when, and the state. */
void show_title(const json_t *trace);

/* Prints one line for each hop from index `from` on: for who follows a trace that is still open. */
void show_new_hops(const json_t *trace, size_t from);
