// SPDX-License-Identifier: Apache-2.0
/*
 * The Redis keys, lists and channels of Dify, of its plugin daemon and of Celery: which of their
 * parts may be named, which ids they carry, what they hold.
 */
#include "decode/dify/redis_keys.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Segments that are literals of the code of Dify, of its plugin daemon, or of Celery. */
static const char *const key_words[] = {
	"account",
	"active_requests",
	"advanced-chat",
	"agent-chat",
	"api_token",
	"api_token_active",
	"app",
	"app_deletion",
	"app_dsl_version",
	"auto_type",
	"celery",
	"celeryev",
	"channel",
	"chat",
	"cluster-master-preemption-lock",
	"cluster-nodes-status-hash-map",
	"cluster-status",
	"commands",
	"completion",
	"conv_name",
	"conversation",
	"credentials",
	"dataset",
	"dataset_summary",
	"dify",
	"endpoint",
	"generate_task_belong",
	"generate_task_stopped",
	"id",
	"installation",
	"llm",
	"load_balancing",
	"mail",
	"member_invite",
	"model",
	"model_load_balancing_enabled",
	"ops_trace",
	"pending",
	"pipeline",
	"plugin",
	"plugin_daemon",
	"plugin_id",
	"priority_dataset",
	"priority_pipeline",
	"provider",
	"provider_credentials",
	"provider_model_credentials",
	"provider_model",
	"rate_limit",
	"refresh_token",
	"rerank",
	"retention",
	"schedule_executor",
	"schedule_poller",
	"session_info",
	"speech2text",
	"stream",
	"tenant",
	"tenant_id",
	"text-embedding",
	"token",
	"trigger_refresh_executor",
	"triggered_workflow_dispatcher",
	"tts",
	"unacked",
	"unacked_index",
	"unacked_mutex",
	"worker.*",
	"worker.heartbeat",
	"worker.offline",
	"worker.online",
	"workflow",
	"workflow_based_app_execution",
	"workflow_storage",
	"celery.pidbox",
	"reply.celery.pidbox",
};

/* Where keys carry an id. first: the key's first segment; segment: number of the id's, from 0. */
static const struct {
	const char *first;
	int segment;
	enum dfl_id_kind kind;
} key_ids[] = {
	{ "generate_task_belong", 1, DFL_ID_TASK },
	{ "generate_task_stopped", 1, DFL_ID_TASK },
	{ "workflow", 1, DFL_ID_TASK },
	{ "conv_name", 1, DFL_ID_CONVERSATION },
	{ "channel", 2, DFL_ID_WORKFLOW_RUN },
	{ "stream", 2, DFL_ID_WORKFLOW_RUN },
};

static bool equals(const char *word, const char *s, size_t len)
{
	return strlen(word) == len && !memcmp(word, s, len);
}

static bool known_word(const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(key_words) / sizeof(key_words[0]); i++)
		if (equals(key_words[i], s, len))
			return true;
	return false;
}

/* A pattern that is being written. */
struct pattern {
	char *out; /* DFL_NAME_MAX bytes, always with a NUL */
	size_t len;
	bool literal; /* a listed word is in it */
	bool full;    /* something did not fit */
};

/* All or nothing: a pattern that is cut would be a wrong one. */
static void put(struct pattern *p, const char *s, size_t len)
{
	if (p->len + len >= DFL_NAME_MAX) {
		p->full = true;
		return;
	}
	memcpy(p->out + p->len, s, len);
	p->len += len;
	p->out[p->len] = 0;
}

/* One or more segments in a row that cannot be named are one "*". */
static void put_star(struct pattern *p)
{
	if (p->len >= 2 && !memcmp(p->out + p->len - 2, "*:", 2))
		p->out[--p->len] = 0;
	else
		put(p, "*", 1);
}

/* What varies: UUIDs and short numbers are told apart, all else is "*". */
static void put_variable(struct pattern *p, const char *s, size_t len)
{
	if (dfl_is_uuid(s, len))
		put(p, "{uuid}", 6);
	else if (len <= 12 && dfl_is_number(s, len))
		put(p, "{n}", 3);
	else
		put_star(p);
}

/*
 * kombu marks a queue's priority with "\x06\x16" and a digit after the name (transport/redis.py).
 */
static size_t without_priority(const char *s, size_t len)
{
	if (len > 3 && s[len - 3] == 6 && s[len - 2] == 0x16 && is_digit(s[len - 1]))
		return len - 3;
	return len;
}

/* A listed word stays as it is; so do the two prefixes of Celery and kombu. */
static void put_segment(struct pattern *p, const char *s, size_t len)
{
	if (known_word(s, len)) {
		put(p, s, len);
		p->literal = true;
		return;
	}
	if (len == 53 && !memcmp(s, "celery-task-meta-", 17) && dfl_is_uuid(s + 17, 36)) {
		put(p, "celery-task-meta-{uuid}", 23);
		p->literal = true;
		return;
	}
	if (len > 15 && !memcmp(s, "_kombu.binding.", 15) && known_word(s + 15, len - 15)) {
		put(p, s, len);
		p->literal = true;
		return;
	}
	put_variable(p, s, len);
}

/* celery's event exchange: "/1.celeryev/worker.heartbeat" (kombu prefixes the database number). */
static bool put_event_channel(struct pattern *p, const char *s, size_t len)
{
	const char *dot, *slash;

	if (len < 5 || s[0] != '/' || !is_digit(s[1]))
		return false;
	dot = memchr(s, '.', len);
	if (!dot)
		return false;
	slash = memchr(dot, '/', (size_t)(s + len - dot));
	if (!slash || !dfl_is_number(s + 1, (size_t)(dot - s - 1)))
		return false;
	put(p, "/{n}.", 5);
	put_segment(p, dot + 1, (size_t)(slash - dot - 1));
	put(p, "/", 1);
	put_segment(p, slash + 1, (size_t)(s + len - slash - 1));
	return true;
}

/* first: the key's first segment; s: the segment of that number. */
static void find_id(struct dfl_redis_key_ids *ids, const char *first, size_t first_len, int segment,
		    const char *s, size_t len)
{
	if (!ids || ids->n == 2 || !dfl_is_uuid(s, len))
		return;
	for (size_t i = 0; i < sizeof(key_ids) / sizeof(key_ids[0]); i++) {
		if (key_ids[i].segment != segment || !equals(key_ids[i].first, first, first_len))
			continue;
		ids->id[ids->n].kind = key_ids[i].kind;
		ids->id[ids->n].value = s;
		ids->id[ids->n++].len = len;
	}
}

/* Keys of cached vectors: {provider}_{model}_{sha256} (dify:
 * core/rag/embedding/cached_embedding.py). */
static const char vector_pattern[] = "*_{sha256}";

static bool is_vector_key(const char *key, size_t len)
{
	return len > 66 && key[len - 65] == '_' && dfl_is_hex(key + len - 64, 64);
}

/* Segment by segment, between colons. */
static void put_segments(struct pattern *p, const char *key, const char *end,
			 struct dfl_redis_key_ids *ids)
{
	const char *s = key, *colon;
	size_t first_len = 0;

	for (int n = 0;; n++) {
		colon = s < end ? memchr(s, ':', (size_t)(end - s)) : NULL;
		size_t n_bytes = (size_t)((colon ? colon : end) - s);

		if (!n)
			first_len = n_bytes;
		put_segment(p, s, n_bytes);
		find_id(ids, key, first_len, n, s, n_bytes);
		if (!colon)
			return;
		put(p, ":", 1);
		s = colon + 1;
	}
}

void dfl_redis_key_pattern(const char *key, size_t len, char ret_pattern[static DFL_NAME_MAX],
			   struct dfl_redis_key_ids *ret_ids)
{
	struct pattern p = { .out = ret_pattern };
	const char *end = key + without_priority(key, len);

	ret_pattern[0] = 0;
	if (ret_ids)
		ret_ids->n = 0;
	if (is_vector_key(key, len)) {
		memcpy(ret_pattern, vector_pattern, sizeof(vector_pattern));
		return;
	}
	if (!put_event_channel(&p, key, (size_t)(end - key)))
		put_segments(&p, key, end, ret_ids);
	if (!p.literal || p.full)
		memcpy(ret_pattern, "*", 2);
}

bool dfl_redis_key_is_vector(const char *pattern)
{
	return !strcmp(pattern, vector_pattern);
}

/* kombu keeps messages that are not acknowledged yet in the hash "unacked" (transport/redis.py). */
bool dfl_redis_key_is_queue(const char *pattern)
{
	return !strncmp(pattern, "unacked", 7);
}

/* Events of a workflow run: PUBLISH channel:MODE:{uuid}, or XADD stream:MODE:{uuid}, as configured.
 */
bool dfl_redis_key_is_event_channel(const char *pattern)
{
	return !strncmp(pattern, "channel:", 8);
}

bool dfl_redis_key_is_event_stream(const char *key, size_t len)
{
	return len > 7 && !memcmp(key, "stream:", 7);
}
