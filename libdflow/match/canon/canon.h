/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form (docs/canonical.md), streaming: however the input is split, the output and
 * its positions are the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/canon/text.h"
#include "match/simd/simd.h"

#define DFL_CANON_VERSION 1 /* of the form; fingerprints on disk carry it */

#define DFL_CANON_ENTITY_MAX 10 /* "&#x10FFFF": longer ones are not entities */
#define DFL_CANON_HEX_MAX 9	/* "U0010FFFF" */

/* A byte on its way through the layers and the raw bytes it stands for. */
struct dfl_ch {
	uint64_t from, to;
	uint8_t c;
	uint8_t enc; /* what was undone to get it, … */
	uint8_t pre; /* … and just before it, giving nothing */
};

/* Receives what both layers leave, before anything is dropped. ud: tap_ud of the canonicaliser. */
struct dfl_canon_tap {
	/* Each returns whether a run goes on. */
	bool (*byte)(void *ud, struct dfl_ch ch);
	/* \xHH: its two digits, which may be the beginning of a longer hex run (bytea). */
	bool (*hex)(void *ud, struct dfl_ch hi, struct dfl_ch lo);
	/* Something that is no byte: the next byte does not join what came before. */
	bool (*cut)(void *ud);
	/*
	 * n raw bytes that may be in a run: base64 chars, newlines, blanks, and backslashes that
	 * only go (with the letter of \n, \r, \t, \b, \f).
	 */
	bool (*plain)(void *ud, const uint8_t *data, size_t n, uint64_t pos);
};

struct dfl_canon {
	struct dfl_text *text;
	const struct dfl_canon_tap *tap;
	void *tap_ud;
	const struct dfl_simd *simd;
	bool tap_open; /* the tap is in a run: it has to see what comes next */

	/* layer 1: %XX */
	struct dfl_ch pct[2];
	uint8_t n_pct;

	/* layer 2: backslashes */
	uint64_t bs_from; /* where the run of backslashes began */
	uint8_t bs_enc;
	uint8_t bs_pre;	  /* undone before the next character */
	bool in_bs;	  /* after a run of backslashes */
	uint8_t hex_want; /* digits of \x, \u, \U; 0: not in one */
	uint8_t n_hex;	  /* kept in hex[], led by the letter */
	struct dfl_ch hex[DFL_CANON_HEX_MAX];

	/* layer 2: entities */
	uint8_t n_ent;
	struct dfl_ch ent[DFL_CANON_ENTITY_MAX];

	/* UTF-8, surrogates */
	uint8_t utf8_want;	  /* continuation bytes to come */
	uint8_t utf8_lo, utf8_hi; /* range of the next one */
	uint8_t utf8_enc, high_enc;
	uint32_t utf8_cp;
	uint64_t utf8_from;
	uint32_t high; /* a high surrogate that waits, or 0 */
	uint64_t high_from;

	uint8_t enc_pre; /* undone since the last canonical byte, giving nothing */
};

/* simd: the fast ways to use. tap: NULL, none. All are borrowed. */
void dfl_canon_init(struct dfl_canon *c, const struct dfl_simd *simd, struct dfl_text *text,
		    const struct dfl_canon_tap *tap, void *tap_ud);
/*
 * The text must have room (dfl_text_reserve). Byte i is at pos + i when pos_len == len, else all
 * are [pos, pos + pos_len).
 */
void dfl_canon_feed(struct dfl_canon *c, const uint8_t *data, size_t len, uint64_t pos,
		    uint64_t pos_len);
/* No more comes, or bytes are missing: what was held back is no escape. */
void dfl_canon_flush(struct dfl_canon *c);
