// SPDX-License-Identifier: Apache-2.0
/* How texts are packed inside the store: zstd, with a dictionary or without. */
#include "store/codec.h"

#include <errno.h>
#include <stdlib.h>

#define ZSTD_LEVEL 3 /* without a dictionary, which has a level of its own */

int dfl_store_pack(const char *text, size_t len, const ZSTD_CDict *dictionary, void **ret_data,
		   size_t *ret_len)
{
	size_t bound = ZSTD_compressBound(len), n = 0;
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	void *data = malloc(bound);

	if (ctx && data)
		n = dictionary ? ZSTD_compress_usingCDict(ctx, data, bound, text, len, dictionary) :
				 ZSTD_compressCCtx(ctx, data, bound, text, len, ZSTD_LEVEL);
	ZSTD_freeCCtx(ctx);
	if (!n || ZSTD_isError(n)) {
		free(data);
		return -ENOMEM;
	}
	*ret_data = data;
	*ret_len = n;
	return 0;
}

int dfl_store_unpack(const void *data, size_t len, const ZSTD_DDict *dictionary, char **ret_text,
		     size_t *ret_len)
{
	unsigned long long size = ZSTD_getFrameContentSize(data, len);
	ZSTD_DCtx *ctx;
	char *text;
	size_t n;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
	    size > DFL_STORE_MAX_DOC_BYTES)
		return -EBADMSG;
	ctx = ZSTD_createDCtx();
	text = malloc(size + 1);
	if (!ctx || !text) {
		ZSTD_freeDCtx(ctx);
		free(text);
		return -ENOMEM;
	}
	n = ZSTD_decompress_usingDDict(ctx, text, size, data, len, dictionary);
	ZSTD_freeDCtx(ctx);
	if (ZSTD_isError(n) || n != size) {
		free(text);
		return -EBADMSG;
	}
	text[size] = 0;
	*ret_text = text;
	*ret_len = size;
	return 0;
}
