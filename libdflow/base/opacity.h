/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells which bytes can hold a text that nobody would find: compressed, encrypted, masked, or in a
 * charset that the canonical form (docs/canonical.md) does not read. Such bytes are opaque: that no
 * text was found in them proves nothing.
 *
 * The judgement is a count, not a guess of the format. Bytes are looked at in windows of
 * DFL_OPACITY_WINDOW. A byte is *text* when it is printable ASCII, one of the controls that text
 * has (BEL to CR, ESC), or part of a well-formed UTF-8 character; *neutral* when it is NUL, which
 * the canonical form drops; else *binary*. A window of which a fifth or more is binary is opaque.
 *
 * Why a fifth: of random bytes (ciphertext, any compression worth its name) about 0.58 are
 * binary; with 64 bytes the standard deviation is 0.06, so 0.2 is six of them away. Text has
 * next to no binary bytes, and text in binary framing has few unless its strings are short. Mixed
 * Japanese in UTF-16 has about 0.3, in Shift_JIS and EUC-JP 0.5 and more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DFL_OPACITY_WINDOW = 64,
	/*
	 * Opaque bytes of one piece of data that are not counted: they cannot hold a text that
	 * counts (64 canonical bytes, docs/architecture.md), even well compressed. Binary ids,
	 * digests and single numbers are so short.
	 */
	DFL_OPACITY_SHORT = 40,
};

/* State of one piece of data (a view). Zero it to begin. */
struct dfl_opacity {
	uint64_t opaque;    /* bytes of opaque windows that are over */
	uint8_t n, binary;  /* of the open window; n includes `held` */
	uint8_t held, want; /* bytes of an unfinished character; how many it has when whole */
	uint8_t next_from, next_to; /* what the next byte of it may be */
};

/* Looks at the next bytes. However they are split, the result is the same. */
void dfl_opacity_feed(struct dfl_opacity *o, const void *data, size_t len);

/*
 * How many of all bytes so far are opaque; 0 when no more than DFL_OPACITY_SHORT are. The open
 * window counts as if it were over, so the number can fall when more data come.
 */
uint64_t dfl_opacity_bytes(const struct dfl_opacity *o);
