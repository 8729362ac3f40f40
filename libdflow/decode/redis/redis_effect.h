/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of a Redis connection do to keys, and what replies say of it. */
#pragma once

#include "decode/redis/redis_conn.h"

/* An argument that was kept is complete: it may be a key or a field. */
void dfl_redis_effect_arg(struct dfl_redis_side *s);
/* The command is complete, and has an operation of its own: tells the sink what it does. */
void dfl_redis_effects_tell(struct dfl_redis_side *s);

/* What a reply to the command says that is one value of that type and line; "" for a string. */
enum dfl_kept dfl_redis_verdict(const struct dfl_redis_command *cmd, uint8_t type,
				const char *line);
/* What a reply says that is nil. gets: as in dfl_redis_pending. */
enum dfl_kept dfl_redis_verdict_nil(const struct dfl_redis_command *cmd, bool gets);
