/* SPDX-License-Identifier: Apache-2.0 */
/* How texts are packed inside the store: zstd, with a dictionary or without. */
#pragma once

#include <stddef.h>
#include <zstd.h>

#include "base/buf.h"

#define DFL_STORE_MAX_DOC_BYTES (256u << 20) /* of an unpacked text; more is taken for damage */

/* Working memory of zstd, made when it is first needed and kept. All zero is an empty one. */
struct dfl_codec {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

/*
 * dictionary: NULL: none. ret_packed, whose content is replaced, is the caller's. 0 or -ENOMEM;
 * then ret_packed holds nothing of use.
 */
int dfl_codec_pack(struct dfl_codec *c, const void *data, size_t len, const ZSTD_CDict *dictionary,
		   struct dfl_buf *ret_packed);
/*
 * The reverse, with the dictionary that it was packed with. free() the text; it ends with a NUL
 * that ret_len does not count. -EBADMSG: damaged; -ENOMEM.
 */
int dfl_codec_unpack(struct dfl_codec *c, const void *data, size_t len,
		     const ZSTD_DDict *dictionary, char **ret_text, size_t *ret_len);
void dfl_codec_fini(struct dfl_codec *c);
