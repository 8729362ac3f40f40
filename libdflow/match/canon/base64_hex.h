/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and hex: the alphabets, decoding in any phase, and whether the outcome is text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/canon/map.h"

/*
 * Chars looked at together; a multiple of every group. Long enough that random bytes are not taken
 * for text (96 of them are three quarters readable with a chance of 10^-9), short enough that
 * a nested text of two lines has one of its own.
 */
#define DFL_BASE64_HEX_WINDOW 128
#define DFL_BASE64_HEX_GROUP 4
#define DFL_BASE64_HEX_TEXT 96 /* bytes of a window of base64 */
#define DFL_BASE64_HEX_OUT                                                                         \
	(DFL_BASE64_HEX_WINDOW + 2 * DFL_BASE64_HEX_GROUP + 32) /* 32: whole stores */
#define DFL_BASE64_HEX_BATCH 3072 /* decoded bytes collected before they are scanned */

struct dfl_scan;

struct dfl_base64_hex_code {
	const uint8_t *plus1; /* value of a char + 1; 0: it is none */
	uint8_t bits;	      /* of a char */
	uint8_t group, group_bytes;
	uint8_t phases;
	uint8_t enc;		/* enum dfl_encoding */
	uint32_t min, min_leaf; /* chars: anywhere, and when they are the whole leaf */
};

extern const struct dfl_base64_hex_code dfl_base64_code; /* also base64url */
extern const struct dfl_base64_hex_code dfl_hex_code;

/* A run of such chars that goes on. */
struct dfl_base64_hex {
	const struct dfl_base64_hex_code *code;
	const struct dfl_simd *simd;
	struct dfl_scan *scan;	/* whose text it is part of */
	struct dfl_scan *child; /* of what it decodes to; NULL: it is no text (yet) */
	unsigned phase;		/* of child */
	uint8_t quiet;		/* windows since it was text */
	bool from_start;	/* child begins with the run */
	bool leaf;		/* nothing stood before the run */
	bool padded;		/* '=' came */
	bool is_jwt;		/* the run begins as a part of a JWT does … */
	bool after_jwt;		/* … the one before it did, and a full stop stood between them */
	uint64_t ts_ns;
	uint64_t base, done; /* char number of values[0]; of the next window */
	uint32_t n;
	uint8_t values[3 * DFL_BASE64_HEX_WINDOW + 64]; /* of the chars */
	uint8_t *batch; /* decoded, not yet scanned: DFL_BASE64_HEX_BATCH + DFL_BASE64_HEX_OUT;
			   NULL: none */
	size_t n_batch;
	uint64_t batch_pos;
	void *slot;	    /* of dfl_coded_fn */
	struct dfl_map map; /* char number - map_base → position in the scan's input */
	uint64_t map_base;
};

/* The char in which byte `pos` of the run begins, when it is decoded in this phase. */
uint64_t dfl_base64_hex_char(const struct dfl_base64_hex *c, unsigned phase, uint64_t pos);

/*
 * Decodes the groups that begin in chars [from, to); last: the run ends at `to`, the bytes of a
 * cut group come out too. Returns the bytes; *ret_pos: of the first one in the decoded run.
 */
size_t dfl_base64_hex_decode(const struct dfl_base64_hex *c, unsigned phase, uint64_t from,
			     uint64_t to, bool last, uint8_t out[static DFL_BASE64_HEX_OUT],
			     uint64_t *ret_pos);

/* A cheap yes for ASCII that dfl_base64_hex_is_text would say yes to. */
bool dfl_base64_hex_is_ascii(const uint8_t *p, size_t n);
bool dfl_base64_hex_is_text(size_t good, size_t n);
