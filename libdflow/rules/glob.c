// SPDX-License-Identifier: Apache-2.0
/* Patterns of rules. */
#include "rules/glob.h"

#include <fnmatch.h>
#include <string.h>

bool dfl_glob(const char *pattern, const char *text)
{
	char one[DFL_RULE_PATTERN_MAX + 1];

	for (const char *p = pattern;; p++) {
		size_t len = strcspn(p, "|");

		if (len < sizeof(one)) {
			memcpy(one, p, len);
			one[len] = 0;
			if (!fnmatch(one, text, FNM_CASEFOLD))
				return true;
		}
		p += len;
		if (!*p)
			return false;
	}
}
