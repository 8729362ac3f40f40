/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all decoders. */
#pragma once

#include "decode/decoder.h"

/* Most specific first; ends with NULL. */
extern const struct dfl_decoder *const dfl_decoders[];
