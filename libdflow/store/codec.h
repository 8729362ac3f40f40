/* SPDX-License-Identifier: Apache-2.0 */
/* How texts are packed inside the store: zstd, with a dictionary or without. */
#pragma once

#include <stddef.h>
#include <zstd.h>

#define DFL_STORE_MAX_DOC_BYTES (256u << 20) /* of an unpacked text; more is taken for damage */

/* dictionary: NULL: none. free() the result. 0 or -ENOMEM. */
int dfl_store_pack(const char *text, size_t len, const ZSTD_CDict *dictionary, void **ret_data,
		   size_t *ret_len);
/*
 * The reverse, with the dictionary that it was packed with. free() the text; it ends with a NUL
 * that ret_len does not count. -EBADMSG: damaged; -ENOMEM.
 */
int dfl_store_unpack(const void *data, size_t len, const ZSTD_DDict *dictionary, char **ret_text,
		     size_t *ret_len);
