/* SPDX-License-Identifier: Apache-2.0 */
/* What decoders guess by: words that a stream begins with. */
#pragma once

#include <string.h>

#include "decode/decoder.h"

/* YES: data begins with the word; MORE: with a beginning of it. */
static inline enum dfl_guess dfl_guess_word(const char *word, const uint8_t *data, size_t len)
{
	size_t n = strlen(word);

	if (memcmp(word, data, len < n ? len : n))
		return DFL_GUESS_NO;
	return len < n ? DFL_GUESS_MORE : DFL_GUESS_YES;
}

/* The same for n words, one of which it may be. */
static inline enum dfl_guess dfl_guess_words(const char *const *words, size_t n,
					     const uint8_t *data, size_t len)
{
	enum dfl_guess best = DFL_GUESS_NO;

	for (size_t i = 0; i < n && best != DFL_GUESS_YES; i++) {
		enum dfl_guess g = dfl_guess_word(words[i], data, len);

		if (g != DFL_GUESS_NO)
			best = g;
	}
	return best;
}
