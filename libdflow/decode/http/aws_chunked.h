/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in "aws-chunked" (Amazon S3 API reference, "Signature calculations … transferring payload
 * in multiple chunks"): tells framing (sizes, signatures, trailers) from data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dfl_aws_chunked {
	uint8_t state;
	uint64_t left; /* of this chunk's data; while its size is read: that */
};

/*
 * How many of the bytes are of one sort; at least 1 of len > 0. What is not aws-chunked is data up
 * to its end.
 */
size_t dfl_aws_chunked_run(struct dfl_aws_chunked *a, const uint8_t *data, size_t len,
			   bool *ret_is_data);
/* Bytes are missing. */
void dfl_aws_chunked_skip(struct dfl_aws_chunked *a, uint64_t len);
