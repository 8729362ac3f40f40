/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of what tells rows, keys and objects apart. They are compared, and never shown. */
#pragma once

#include "decode/sink.h"

#define DFL_ITEM_KEYS_MAX 16 /* of one operation */

/*
 * The key of an item: column ("messages.id") and value. A UUID gives the same key as text and as
 * its 16 bytes.
 */
struct dfl_item_key dfl_item_key(const char *column, const void *value, size_t len);
