/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where each byte of a derived text came from. Kept in segments, because almost all of a text is
 * either copied with some bytes dropped, or one escape after the other.
 */
#pragma once

#include <stdint.h>

enum dfl_seg_kind {
	DFL_SEG_KEPT,  /* mask: which of the 64 bytes from pos on were kept, one by one */
	DFL_SEG_LINE,  /* they are the bytes from pos on, one after the other */
	DFL_SEG_SPAN,  /* each of the bytes stands for [pos, pos + mask) */
	DFL_SEG_UNITS, /* each three bytes stand for mask ones (\uXXXX), one unit after the other */
};

struct dfl_seg {
	uint64_t pos;
	uint64_t mask;
	uint32_t at; /* first byte of the derived text, counted from its base */
	uint8_t kind;
	uint8_t enc;	 /* what was undone to get these bytes */
	uint8_t enc_pre; /* what was undone just before them and gave nothing */
};

struct dfl_map {
	struct dfl_seg *segs;
	uint32_t n, cap;
};

/* Room for n more segments; 0 or -ENOMEM. The adders rely on it: at most one segment a call. */
int dfl_map_reserve(struct dfl_map *m, uint32_t n);
void dfl_map_fini(struct dfl_map *m);

/* The bytes from `at` on are the bytes that `mask` marks from pos on. */
void dfl_map_kept(struct dfl_map *m, uint32_t at, uint64_t pos, uint64_t mask, uint8_t enc_pre);
/* The bytes from `at` on stand for [from, to). */
void dfl_map_span(struct dfl_map *m, uint32_t at, uint64_t from, uint64_t to, uint8_t enc,
		  uint8_t enc_pre);
/* The bytes from `at` on are those from pos on, none left out. */
void dfl_map_line(struct dfl_map *m, uint32_t at, uint64_t pos);
/* Each three bytes from `at` on stand for the next `unit` ones from pos on. */
void dfl_map_unit(struct dfl_map *m, uint32_t at, uint64_t pos, uint64_t unit, uint8_t enc,
		  uint8_t enc_pre);

/* dfl_map_kept for what surely does not touch the segment before. */
static inline void dfl_map_kept_new(struct dfl_map *m, uint32_t at, uint64_t pos, uint64_t mask)
{
	m->segs[m->n++] = (struct dfl_seg){ pos, mask, at, DFL_SEG_KEPT, 0, 0 };
}

/* What byte `at` stands for: [*ret_from, *ret_to). The map must not be empty. */
void dfl_map_find(const struct dfl_map *m, uint32_t at, uint64_t *ret_from, uint64_t *ret_to);
/* What was undone between byte `from` and byte `to` (not included). */
uint8_t dfl_map_enc(const struct dfl_map *m, uint32_t from, uint32_t to);
/* Forgets the first n bytes: `at` counts from there now. */
void dfl_map_drop(struct dfl_map *m, uint32_t n);
