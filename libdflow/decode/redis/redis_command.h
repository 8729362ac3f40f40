/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a Redis client sends: begins operations, finds keys, values, secrets, times to live.
 */
#pragma once

#include "decode/redis/redis_conn.h"

/* For dfl_resp_parser_init; ud is a struct dfl_redis_side. */
extern const struct dfl_resp_parser_ops dfl_redis_command_ops;
