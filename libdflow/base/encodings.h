/* SPDX-License-Identifier: Apache-2.0 */
/* How a text was spelled where it was found: docs/canonical.md lists what is undone. */
#pragma once

/* Bits; several can be set at once. Their names in a document: docs/formats.md, "encoding". */
enum dfl_encoding {
	DFL_ENC_RAW = 1 << 0,	    /* nothing was undone */
	DFL_ENC_UESCAPE = 1 << 1,   /* \uXXXX */
	DFL_ENC_BACKSLASH = 1 << 2, /* other backslash escapes */
	DFL_ENC_PERCENT = 1 << 3,   /* %XX */
	DFL_ENC_ENTITY = 1 << 4,    /* &lt; &#N; … */
	DFL_ENC_BASE64 = 1 << 5,
	DFL_ENC_HEX = 1 << 6,
};
