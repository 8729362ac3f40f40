// SPDX-License-Identifier: Apache-2.0
/* Hashes of what tells rows, keys and objects apart. */
#include "decode/item.h"

#include <string.h>
#include <xxhash.h>

#include "decode/redact.h"

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* text: a UUID in its usual spelling, of 36 characters. */
static void pack_uuid(const char *text, uint8_t ret_uuid[static 16])
{
	size_t n = 0;

	for (size_t i = 0; i < 36 && n < 16; i++) {
		if (text[i] == '-')
			continue;
		ret_uuid[n++] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
		i++;
	}
}

struct dfl_item_key dfl_item_key(const char *column, const void *value, size_t len)
{
	struct dfl_item_key key = { .column = XXH3_64bits(column, strlen(column)) };
	uint8_t uuid[16];

	if (len == 36 && dfl_is_uuid(value, len)) {
		pack_uuid(value, uuid);
		value = uuid;
		len = sizeof(uuid);
	}
	key.value = XXH3_64bits(value, len);
	return key;
}
