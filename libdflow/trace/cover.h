/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed account of a connection: every byte that came is shown in a view, or a decoder said
 * that it is unread; what is neither was skipped, and counts as unread. So a decoder that passes
 * over bytes, by a fault or because a sender found out how to make it, cannot make a trace
 * complete.
 *
 * Positions are those of one stream: a direction of one layer and TLS object. Stretches of less
 * than DFL_OPACITY_SHORT bytes are framing: lengths, types and delimiters.
 */
#pragma once

#include "stream/sink.h"

struct cover;

/* Of one connection. Zero it, and set `skipped`. */
struct covers {
	struct cover *newest; /* its streams */
	uint64_t *skipped;    /* counts bytes that are in no view (yet). Borrowed */
};

/* Bytes came. Call it before the decoders see them. Ciphertext must be left out. */
void dfl_cover_came(struct covers *all, const struct dfl_chunk *chunk);
/* [pos, pos_to) is in a view, or holds credentials. from: its layer and TLS object. */
void dfl_cover_shown(struct covers *all, const struct dfl_chunk *from, enum dfl_dir dir,
		     uint64_t pos, uint64_t pos_to);
/* A decoder said that the next len bytes are unread; they are not shown. */
void dfl_cover_unread(struct covers *all, enum dfl_dir dir, uint64_t len);
/* There is TLS on the connection: what stands on the wire is ciphertext from now on. */
void dfl_cover_encrypted(struct covers *all);
void dfl_cover_free(struct covers *all);
