// SPDX-License-Identifier: Apache-2.0
/* How documents are spelled inside the store. */
#include "store/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define ZSTD_LEVEL 3

int dfl_store_pack(const struct dfl_doc *doc, void **ret_data, size_t *ret_len)
{
	size_t len, bound, n;
	void *data;
	char *json;
	int r = dfl_doc_to_json(doc, &json);

	if (r)
		return r;
	len = strlen(json);
	bound = ZSTD_compressBound(len);
	data = malloc(bound);
	n = data ? ZSTD_compress(data, bound, json, len, ZSTD_LEVEL) : 0;
	free(json);
	if (!data || ZSTD_isError(n)) {
		free(data);
		return -ENOMEM;
	}
	*ret_data = data;
	*ret_len = n;
	return 0;
}

int dfl_store_unpack(const void *data, size_t len, struct dfl_doc **ret_doc)
{
	unsigned long long size = ZSTD_getFrameContentSize(data, len);
	char *json;
	size_t n;
	int r;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
	    size > DFL_STORE_MAX_DOC_BYTES)
		return -EBADMSG;
	json = malloc(size + 1);
	if (!json)
		return -ENOMEM;
	n = ZSTD_decompress(json, size, data, len);
	r = ZSTD_isError(n) || n != size ? -EBADMSG : dfl_doc_from_json(json, size, ret_doc);
	free(json);
	return r;
}
