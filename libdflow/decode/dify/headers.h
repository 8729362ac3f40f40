/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of HTTP headers that only Dify uses. */
#pragma once

#include <stdbool.h>

/* Is the value of this header a credential? name: in lower case, with NUL. */
bool dfl_headers_is_secret(const char *name);
