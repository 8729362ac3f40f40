/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace document says of its completeness. */
#pragma once

#include "trace/document/parts.h"

/* Fills in doc.completeness. The list of connections must be there. */
void dfl_completeness_build(struct build *b);
