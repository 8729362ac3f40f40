/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for people: what follows the hops. */
#pragma once

#include <jansson.h>

void show_after(const json_t *trace);
