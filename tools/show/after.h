/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for people: what follows the hops. */
#pragma once

#include <jansson.h>

/* Returns STATUS_OK, or a status after a complaint. */
int show_after(const json_t *trace);
