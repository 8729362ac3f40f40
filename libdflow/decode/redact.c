// SPDX-License-Identifier: Apache-2.0
/* Patterns of keys and checks of names: nothing leaves a decoder that is not of this vocabulary. */
#include "decode/redact.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool all_of(bool (*is)(char), const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is(s[i]))
			return false;
	return len > 0;
}

bool dfl_is_uuid(const char *s, size_t len)
{
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !is_hex(s[i]))
			return false;
	}
	return true;
}

bool dfl_is_token(const char *s, size_t len)
{
	if (!len || len > DFL_ID_VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_word(s[i]) && s[i] != '-')
			return false;
	return true;
}

bool dfl_is_identifier(const char *s, size_t len)
{
	if (!len || len > 63 || is_digit(s[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_word(s[i]))
			return false;
	return true;
}

/* "8_4_4_4_12" of hex digits. */
static bool is_table_uuid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool mark = i == 8 || i == 13 || i == 18 || i == 23;

		if (mark ? s[i] != '_' : !is_hex(s[i]))
			return false;
	}
	return true;
}

/*
 * The longest such name, embedding_Vector_index_{uuid}_Node, is sent with 64 characters and kept
 * with 63.
 */
bool dfl_table_name(const char *table, char ret_name[static DFL_NAME_MAX])
{
	size_t len = strlen(table), from = 0;

	while (from + 36 <= len && !is_table_uuid(table + from))
		from++;
	if (from + 36 > len || !from) {
		if (!dfl_is_identifier(table, len))
			return false;
		memcpy(ret_name, table, len + 1);
		return true;
	}
	if (!dfl_is_identifier(table, from) ||
	    (table[from + 36] && !all_of(is_word, table + from + 36, len - from - 36)))
		return false;
	snprintf(ret_name, DFL_NAME_MAX, "%.*s{uuid}%s", (int)from, table, table + from + 36);
	return true;
}

bool dfl_is_bucket(const char *s, size_t len)
{
	if (len < 3 || len > 63)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'z') && s[i] != '-' && s[i] != '.')
			return false;
	return true;
}

bool dfl_is_id(enum dfl_id_kind kind, const char *s, size_t len)
{
	switch (kind) {
	case DFL_ID_X_AMZN_TRACE_ID:
	case DFL_ID_X_REQUEST_ID:
	case DFL_ID_TRACEPARENT:
		return dfl_is_token(s, len);
	default:
		return dfl_is_uuid(s, len);
	}
}

/* Literal segments of the keys, lists and channels of Dify, its plugin daemon and Celery. */
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

/* Where known keys carry an id: first segment, number of the segment. */
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

struct pattern {
	char *out;
	size_t len;
	bool literal; /* a listed word is in it */
	bool full;
};

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

/* Segments that cannot be named are one "*", however many they are. */
static void put_star(struct pattern *p)
{
	if (p->len >= 2 && !memcmp(p->out + p->len - 2, "*:", 2))
		p->out[--p->len] = 0;
	else
		put(p, "*", 1);
}

static void put_variable(struct pattern *p, const char *s, size_t len)
{
	if (dfl_is_uuid(s, len))
		put(p, "{uuid}", 6);
	else if (len <= 12 && all_of(is_digit, s, len))
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
	if (!slash || !all_of(is_digit, s + 1, (size_t)(dot - s - 1)))
		return false;
	put(p, "/{n}.", 5);
	put_segment(p, dot + 1, (size_t)(slash - dot - 1));
	put(p, "/", 1);
	put_segment(p, slash + 1, (size_t)(s + len - slash - 1));
	return true;
}

static void find_id(struct dfl_key_ids *ids, const char *first, size_t first_len, int segment,
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

/* dify: core/rag/embedding/cached_embedding.py */
static bool is_embedding_key(const char *key, size_t len)
{
	return len > 66 && key[len - 65] == '_' && all_of(is_hex, key + len - 64, 64);
}

void dfl_key_pattern(const char *key, size_t len, char ret_pattern[static DFL_NAME_MAX],
		     struct dfl_key_ids *ret_ids)
{
	struct pattern p = { .out = ret_pattern };
	const char *s = key, *end = key + without_priority(key, len), *colon;
	size_t first_len = 0;

	ret_pattern[0] = 0;
	if (ret_ids)
		ret_ids->n = 0;
	if (is_embedding_key(key, len)) {
		memcpy(ret_pattern, DFL_EMBEDDING_KEY, sizeof(DFL_EMBEDDING_KEY));
		return;
	}
	if (!put_event_channel(&p, key, (size_t)(end - key))) {
		for (int n = 0;; n++) {
			colon = s < end ? memchr(s, ':', (size_t)(end - s)) : NULL;
			size_t n_bytes = (size_t)((colon ? colon : end) - s);

			if (!n)
				first_len = n_bytes;
			put_segment(&p, s, n_bytes);
			find_id(ret_ids, key, first_len, n, s, n_bytes);
			if (!colon)
				break;
			put(&p, ":", 1);
			s = colon + 1;
		}
	}
	if (!p.literal || p.full)
		memcpy(ret_pattern, "*", 2);
}
