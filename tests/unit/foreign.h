/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of protocols that dflow does not read, made from their published formats, in all the
 * sizes and numbers in which a byte of them could be taken for another protocol's.
 */
#pragma once

#include <stdbool.h>

#include "decode_tape.h"

struct foreign {
	const char *name;
	/* Adds connections to an empty tape. */
	void (*make)(struct tape *t);
	bool is_tls; /* one that dflow does read, made here to be beside the others */
};

/* Ends with a NULL name. */
extern const struct foreign foreign[];
