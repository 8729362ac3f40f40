/* SPDX-License-Identifier: Apache-2.0 */
/* The AWS region that an endpoint names. */
#pragma once

/*
 * The region in the host name of an AWS endpoint ("s3.eu-west-1.amazonaws.com"), also in
 * ElastiCache's short spelling ("apne1"). NULL: no AWS name, or none of the known regions in it.
 * Static storage.
 */
const char *dfl_aws_region(const char *host);
