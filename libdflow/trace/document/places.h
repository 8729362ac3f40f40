/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace document says of where the text is now. */
#pragma once

#include "trace/document/parts.h"

/* Fills in doc.places. The hops must be there. */
void dfl_places_build(struct build *b);
