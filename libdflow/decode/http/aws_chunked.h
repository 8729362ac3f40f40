/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in "aws-chunked" (Amazon S3 API reference, "Signature calculations for the Authorization
 * header: transferring payload in multiple chunks"): tells framing (sizes, signatures, trailers)
 * from data. Zeroed at the start; it keeps and allocates nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dfl_aws_chunked {
	uint8_t state; /* enum of aws_chunked.c */
	uint64_t left; /* bytes of the chunk's data still to come; while its size is read: that size
			*/
};

/*
 * How many of the next bytes are of one sort, framing or data: at least 1 of len > 0. What turns
 * out not to be aws-chunked is data up to the end of the body.
 */
size_t dfl_aws_chunked_run(struct dfl_aws_chunked *a, const uint8_t *data, size_t len,
			   bool *ret_is_data);
/* len bytes are missing. Unless they lie in a chunk's data, all that follows is data. */
void dfl_aws_chunked_skip(struct dfl_aws_chunked *a, uint64_t len);
