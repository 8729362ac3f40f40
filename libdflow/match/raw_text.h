/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw look-back: what a view was fed while no text was looked for. It costs a copy. When a text
 * comes, it is fed to the scan as if it came then (view.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Raw bytes that are kept: the last DFL_RAW_KEPT to 2 * DFL_RAW_KEPT. Twice the canonical look-back
 * of 4096 bytes: text that is escaped as \uXXXX has two raw bytes for each canonical one.
 */
#define DFL_RAW_KEPT 8192
#define DFL_RAW_PIECES 1024 /* with more of them the bytes are made canonical at once */

/* Some bytes that were fed together, or a gap. */
struct dfl_raw_piece {
	uint64_t pos, pos_len; /* as dfl_match_view_feed */
	uint64_t ts_ns;
	uint64_t len; /* 0: bytes are missing here */
	bool linear;  /* byte i is at pos + i */
};

/* All zero: nothing was fed. */
struct dfl_raw_text {
	uint8_t *data; /* wiped when it is dropped */
	uint32_t len, cap;
	uint64_t base; /* bytes that were dropped from the front */
	struct dfl_raw_piece *pieces;
	uint32_t n_pieces, cap_pieces;
};

/* 0, or -ENOMEM: the bytes are not kept. */
int dfl_raw_text_add(struct dfl_raw_text *t, const uint8_t *data, size_t len, uint64_t pos,
		     uint64_t pos_len, uint64_t ts_ns);
/* Bytes are missing here. 0 or -ENOMEM. */
int dfl_raw_text_gap(struct dfl_raw_text *t);
/* Wipes what it holds; it can be used again. */
void dfl_raw_text_clear(struct dfl_raw_text *t);
/* Wipes and frees. */
void dfl_raw_text_fini(struct dfl_raw_text *t);
