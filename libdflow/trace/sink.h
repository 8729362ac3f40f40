/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders' sink: operations, views and sources come into being, get their bytes, and end. */
#pragma once

#include "trace/stage.h"

/* Fills in the functions that the decoders call. */
void dfl_sink_init(struct dfl_trace *t, struct dfl_decode_sink *sink);
