// SPDX-License-Identifier: Apache-2.0
/* Content codings by zlib, libbrotlidec and libzstd. */
#include "decode/http/content_coding.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <brotli/decode.h>
#include <zstd.h>

static const struct {
	const char *name;
	enum dfl_coding_kind coding;
} codings[] = {
	{ "gzip", DFL_CODING_ZLIB }, { "x-gzip", DFL_CODING_ZLIB }, { "deflate", DFL_CODING_ZLIB },
	{ "br", DFL_CODING_BROTLI }, { "zstd", DFL_CODING_ZSTD },
};

bool dfl_content_coding_find(const char *name, size_t len, enum dfl_coding_kind *ret_coding)
{
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++)
		if (strlen(codings[i].name) == len && !strncasecmp(codings[i].name, name, len)) {
			*ret_coding = codings[i].coding;
			return true;
		}
	return false;
}

bool dfl_content_coding_is_big(enum dfl_coding_kind coding)
{
	return coding != DFL_CODING_ZLIB;
}

/*
 * The first byte tells: 0x1f is gzip's (RFC 1952, 2.3.1). "deflate" is a zlib stream (RFC 9110,
 * 8.4.1.2), which has 8 in its low four bits (RFC 1950, 2.2); but some send a bare deflate stream.
 */
static int start_zlib(z_stream *z, uint8_t first)
{
	int bits = first == 0x1f ? 15 + 16 : (first & 0x0f) == 8 ? 15 : -15;

	memset(z, 0, sizeof(*z));
	return inflateInit2(z, bits) == Z_OK ? 0 : -ENOMEM;
}

/* first: the first byte of the stream. */
static int start(struct dfl_content_coding *i, uint8_t first)
{
	int err = 0;

	switch (i->coding) {
	case DFL_CODING_ZLIB:
		err = start_zlib(&i->z, first);
		break;
	case DFL_CODING_BROTLI:
		i->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		err = i->brotli ? 0 : -ENOMEM;
		break;
	case DFL_CODING_ZSTD:
		i->zstd = ZSTD_createDCtx();
		err = i->zstd ? 0 : -ENOMEM;
		if (!err)
			ZSTD_DCtx_setParameter(i->zstd, ZSTD_d_windowLogMax, DFL_ZSTD_WINDOW_LOG);
		break;
	}
	i->started = !err;
	return err;
}

/* What is left of the input, and of the room for output. */
struct io {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
};

/* Members may follow each other (RFC 1952, 2.2). */
static int step_zlib(struct dfl_content_coding *i, struct io *f)
{
	int r;

	if (i->ended && (!f->in_len || inflateReset(&i->z) != Z_OK))
		return 0;
	i->z.next_in = (uint8_t *)(uintptr_t)f->in;
	i->z.avail_in = (uInt)f->in_len;
	i->z.next_out = f->out;
	i->z.avail_out = (uInt)f->out_len;
	r = inflate(&i->z, Z_NO_FLUSH);
	*f = (struct io){ i->z.next_in, i->z.avail_in, i->z.next_out, i->z.avail_out };
	i->ended = r == Z_STREAM_END;
	return r == Z_OK || r == Z_BUF_ERROR || r == Z_STREAM_END ? 0 : -EPROTO;
}

/* A brotli stream is the last thing: bytes after it are an error (RFC 7932 has no members). */
static int step_brotli(struct dfl_content_coding *i, struct io *f)
{
	BrotliDecoderResult r;

	if (i->ended)
		return f->in_len ? -EPROTO : 0;
	r = BrotliDecoderDecompressStream(i->brotli, &f->in_len, &f->in, &f->out_len, &f->out,
					  NULL);
	i->ended = r == BROTLI_DECODER_RESULT_SUCCESS;
	return r == BROTLI_DECODER_RESULT_ERROR ? -EPROTO : 0;
}

/* Frames may follow each other (RFC 8878, 3). */
static int step_zstd(struct dfl_content_coding *i, struct io *f)
{
	ZSTD_inBuffer in = { f->in, f->in_len, 0 };
	ZSTD_outBuffer out = { f->out, f->out_len, 0 };
	size_t r = ZSTD_decompressStream(i->zstd, &out, &in);

	*f = (struct io){ f->in + in.pos, f->in_len - in.pos, f->out + out.pos,
			  f->out_len - out.pos };
	i->ended = !r;
	return ZSTD_isError(r) ? -EPROTO : 0;
}

/* Moves *f on by what was taken and given. */
static int step(struct dfl_content_coding *i, struct io *f)
{
	switch (i->coding) {
	case DFL_CODING_ZLIB:
		return step_zlib(i, f);
	case DFL_CODING_BROTLI:
		return step_brotli(i, f);
	default:
		return step_zstd(i, f);
	}
}

int dfl_content_coding_step(struct dfl_content_coding *i, const uint8_t *in, size_t in_len,
			    uint8_t *out, size_t out_len, size_t *ret_taken, size_t *ret_given)
{
	struct io f = { in, in_len, out, out_len };
	int err = i->started || !in_len ? 0 : start(i, in[0]);

	if (!err && i->started)
		err = step(i, &f);
	*ret_taken = (size_t)(f.in - in);
	*ret_given = (size_t)(f.out - out);
	return err;
}

void dfl_content_coding_fini(struct dfl_content_coding *i)
{
	if (!i->started)
		return;
	switch (i->coding) {
	case DFL_CODING_ZLIB:
		inflateEnd(&i->z);
		break;
	case DFL_CODING_BROTLI:
		BrotliDecoderDestroyInstance(i->brotli);
		break;
	case DFL_CODING_ZSTD:
		ZSTD_freeDCtx(i->zstd);
		break;
	}
	i->started = false;
}
