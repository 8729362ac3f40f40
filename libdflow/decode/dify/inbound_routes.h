/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of inbound requests: which HTTP requests carry a user's data, where in them it stands
 * and where their ids are.
 */
#pragma once

#include "decode/dify/route.h"

/* Ends with a NULL path. First match wins. */
extern const struct dfl_route dfl_inbound_routes[];
