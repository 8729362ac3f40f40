// SPDX-License-Identifier: Apache-2.0
/* Keys of ids, and ranges of keys. */
#include "store/id_key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void dfl_id_key(const char *id, char ret_key[static DFL_ID_KEY_MAX + 1])
{
	size_t n = 0;

	if (!strncasecmp(id, "Root=", 5))
		id += 5;
	else if (!strncmp(id, "00-", 3)) /* W3C Trace Context 1, 3.2.2.1: version */
		id += 3;
	for (; *id && *id != ';' && n < DFL_ID_KEY_MAX; id++)
		ret_key[n++] = tolower((unsigned char)*id);
	ret_key[n] = 0;
}

void dfl_id_range(const char *prefix, struct dfl_id_range *ret_range)
{
	dfl_id_key(prefix, ret_range->from);
	snprintf(ret_range->to, sizeof(ret_range->to), "%s" DFL_ID_KEY_LAST, ret_range->from);
}
