/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a view is no text: bytes that are opaque (base/opacity.h), as they are or behind base64
 * and hex, and copies of binary texts, which are found piece by piece (match/binary.h) and are not
 * opaque then.
 */
#pragma once

#include "trace/op.h"

enum {
	/*
	 * Opaque bytes behind one run of base64 or hex that are not counted: digests, signatures
	 * and keys of 512 bits are so short.
	 */
	OPAQUE_CODED_SHORT = 64,
};

/* Looks at data of the view, for which no decoder vouches. As view_data of decode/sink.h. */
void dfl_opaque_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		     uint64_t pos_len, uint64_t ts_ns);
/* Bytes are missing in the view. */
void dfl_opaque_gap(struct dfl_view *v);
/* A window of a run of base64 or hex: a dfl_coded_fn. ud: the stage. */
void dfl_opaque_coded(void *ud, void *view_ud, void **slot, const struct dfl_coded *coded);
/* The view is complete: what was held back is judged. Call it before the matcher's view closes. */
void dfl_opaque_close(struct dfl_view *v);
