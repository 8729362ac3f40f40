// SPDX-License-Identifier: Apache-2.0
/* How texts are packed inside the store: zstd, with a dictionary or without. */
#include "store/codec.h"

#include <errno.h>
#include <stdlib.h>

#define LEVEL 3 /* without a dictionary, which has a level of its own */

int dfl_codec_pack(struct dfl_codec *c, const void *data, size_t len, const ZSTD_CDict *dictionary,
		   struct dfl_buf *ret_packed)
{
	size_t bound = ZSTD_compressBound(len), n;

	if (!c->pack)
		c->pack = ZSTD_createCCtx();
	ret_packed->len = 0;
	if (!c->pack || dfl_buf_reserve(ret_packed, bound))
		return -ENOMEM;
	n = dictionary ? ZSTD_compress_usingCDict(c->pack, ret_packed->data, bound, data, len,
						  dictionary) :
			 ZSTD_compressCCtx(c->pack, ret_packed->data, bound, data, len, LEVEL);
	if (ZSTD_isError(n))
		return -ENOMEM;
	ret_packed->len = n;
	return 0;
}

int dfl_codec_unpack(struct dfl_codec *c, const void *data, size_t len,
		     const ZSTD_DDict *dictionary, char **ret_text, size_t *ret_len)
{
	unsigned long long size = ZSTD_getFrameContentSize(data, len);
	char *text;
	size_t n;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
	    size > DFL_STORE_MAX_DOC_BYTES)
		return -EBADMSG;
	if (!c->unpack)
		c->unpack = ZSTD_createDCtx();
	text = c->unpack ? malloc(size + 1) : NULL;
	if (!text)
		return -ENOMEM;
	n = ZSTD_decompress_usingDDict(c->unpack, text, size, data, len, dictionary);
	if (ZSTD_isError(n) || n != size) {
		free(text);
		return -EBADMSG;
	}
	text[size] = 0;
	*ret_text = text;
	*ret_len = size;
	return 0;
}

void dfl_codec_fini(struct dfl_codec *c)
{
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	*c = (struct dfl_codec){ 0 };
}
