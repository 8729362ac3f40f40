/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of the process. */
#pragma once

#include <stdbool.h>

bool dfl_caps_has(int cap);	    /* effective */
const char *dfl_caps_name(int cap); /* of those that recording uses; NULL for others */
