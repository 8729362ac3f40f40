/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the Redis keys of Dify, of its plugin daemon and of Celery: how they are named
 * without showing what varies in them, which ids they carry, and what stands under them. "Key"
 * means also a list, a stream and a pub/sub channel.
 */
#pragma once

#include "decode/redact.h"

/* Ids that were found in a key. */
struct dfl_redis_key_ids {
	int n;
	struct {
		enum dfl_id_kind kind;
		const char *value; /* points into the key; no NUL */
		size_t len;
	} id[2];
};

/*
 * The pattern of a key: "generate_task_belong:{uuid}"; "*" when no part of it is on the list.
 * ret_ids: the ids that it carries; may be NULL.
 */
void dfl_redis_key_pattern(const char *key, size_t len, char ret_pattern[static DFL_NAME_MAX],
			   struct dfl_redis_key_ids *ret_ids);

/* pattern: of an embedding cache, whose values are vectors in base64? */
bool dfl_redis_key_is_vector(const char *pattern);
/* pattern: of messages that wait, although a hash and not a list holds them? */
bool dfl_redis_key_is_queue(const char *pattern);
/* pattern: of a pub/sub channel that carries Dify's events? */
bool dfl_redis_key_is_event_channel(const char *pattern);
/* key (not its pattern): of a stream that carries Dify's events? */
bool dfl_redis_key_is_event_stream(const char *key, size_t len);
