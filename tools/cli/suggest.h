/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …?" */
#pragma once

/* The word of the list (NULL ends it) that is nearest to what was typed; NULL: none is near. */
const char *suggest(const char *typed, const char *const *words);
