// SPDX-License-Identifier: Apache-2.0
/* Takes control characters and what is no UTF-8 out of names. */
#include "base/printable.h"

#include <stddef.h>
#include <stdint.h>

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * The character at p and how many bytes it takes; 0: no UTF-8. The NUL at the end is no
 * continuation byte, so nothing behind it is read.
 */
static size_t take_character(const unsigned char *p, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* by the length */
	size_t len = *p < 0x80		 ? 1 :
		     (*p & 0xe0) == 0xc0 ? 2 :
		     (*p & 0xf0) == 0xe0 ? 3 :
		     (*p & 0xf8) == 0xf0 ? 4 :
					   0;
	uint32_t code = len < 2 ? *p : *p & (0x7fu >> len);

	for (size_t i = 1; i < len; i++) {
		if (!is_continuation(p[i]))
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* not the shortest form, a surrogate, or behind the last character */
	if (code < smallest[len] || code - 0xd800 < 0x800 || code > 0x10ffff)
		return 0;
	*ret_code = code;
	return len;
}

static bool is_between(uint32_t code, uint32_t first, uint32_t last)
{
	return code >= first && code <= last;
}

static bool is_shown(uint32_t code)
{
	if (code < 0x300)
		return code >= 0x20 && !is_between(code, 0x7f, 0x9f);
	return code != 0x61c &&			    /* ARABIC LETTER MARK */
	       !is_between(code, 0x200e, 0x200f) && /* LEFT-TO-RIGHT MARK, RIGHT-TO-LEFT MARK */
	       !is_between(code, 0x2028, 0x202e) && /* separators, embeddings, overrides */
	       !is_between(code, 0x2066, 0x2069);   /* isolates */
}

bool dfl_is_printable(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		uint32_t code;
		size_t len = take_character(p, &code);

		if (!len || !is_shown(code))
			return false;
		p += len;
	}
	return true;
}

void dfl_printable(char *text)
{
	unsigned char *p = (unsigned char *)text, *out = p;

	while (*p) {
		uint32_t code;
		size_t len = take_character(p, &code);
		bool shown = len && is_shown(code);

		for (size_t i = 0; shown && i < len; i++)
			*out++ = p[i];
		if (!shown)
			*out++ = '?';
		p += len ? len : 1;
	}
	*out = 0;
}
