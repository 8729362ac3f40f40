// SPDX-License-Identifier: Apache-2.0
/* What the commands of a Redis connection do to keys, and what replies say of it. */
#include "decode/redis/redis_effect.h"

#include "decode/dify/redis_keys.h"
#include "decode/emit.h"

static void add_key(struct dfl_redis_side *s, struct dfl_item_key key)
{
	if (s->n_keys < DFL_ITEM_KEYS_MAX)
		s->keys[s->n_keys++] = key;
	else
		s->keys_cut = true;
}

/* A field is told by its key and its name. */
static struct dfl_item_key field_key(const struct dfl_redis_side *s)
{
	struct dfl_item_key field = dfl_item_key("field", s->arg_text, s->arg_len);

	field.value ^= s->key.value;
	return field;
}

/* "DEL key key …": each key has its own pattern. */
static void remove_key(struct dfl_redis_side *s)
{
	char pattern[DFL_NAME_MAX];
	const struct dfl_effect e = {
		.kind = DFL_REMOVES, .table = pattern, .keys = &s->key, .n_keys = 1, .ttl_s = -1
	};

	dfl_redis_key_pattern(s->arg_text, s->arg_len, pattern, NULL);
	dfl_put_effect(s->conn->ctx, s->op, &e);
}

void dfl_redis_effect_arg(struct dfl_redis_side *s)
{
	const struct dfl_redis_command *cmd = s->cmd;
	bool is_key = cmd && cmd->key &&
		      (s->arg == cmd->key || (cmd->flags & DFL_REDIS_KEYS) ||
		       (s->arg > cmd->key && (cmd->flags & DFL_REDIS_REMOVES) &&
			!(cmd->flags & DFL_REDIS_FIELDS)));

	if (!cmd || !s->arg || s->channel || !s->op)
		return;
	if (s->arg_len == sizeof(s->arg_text)) {
		s->keys_cut = true; /* a part of it alone tells nothing */
		return;
	}
	if (is_key) {
		s->key = dfl_item_key("key", s->arg_text, s->arg_len);
		if ((cmd->flags & DFL_REDIS_REMOVES) && !(cmd->flags & DFL_REDIS_FIELDS))
			remove_key(s);
		else if (!(cmd->flags & DFL_REDIS_FIELDS))
			add_key(s, s->key);
	} else if (s->arg > cmd->key && (cmd->flags & DFL_REDIS_FIELDS)) {
		add_key(s, field_key(s));
	}
}

static void put(struct dfl_redis_side *s, enum dfl_effect_kind kind, bool more)
{
	struct dfl_effect e = { .kind = kind,
				.table = s->place,
				.keys = s->keys,
				.n_keys = s->n_keys,
				.more = more || s->keys_cut,
				.items = (unsigned)s->n_keys,
				.ttl_s = s->ttl_s };

	/* a field is in its key, too */
	if (kind == DFL_WRITES && (s->cmd->flags & DFL_REDIS_FIELDS))
		s->keys[e.n_keys++] = s->key;
	dfl_put_effect(s->conn->ctx, s->op, &e);
}

/* FLUSHDB empties one of several databases; which one a connection uses is not always seen. */
static void put_flush(struct dfl_redis_side *s)
{
	struct dfl_effect e = { .kind = DFL_REMOVES, .ttl_s = -1 };

	if (strcmp(s->cmd->name, "FLUSHALL") && strcmp(s->cmd->name, "FLUSHDB"))
		return;
	e.more = !strcmp(s->cmd->name, "FLUSHDB");
	dfl_put_effect(s->conn->ctx, s->op, &e);
}

void dfl_redis_effects_tell(struct dfl_redis_side *s)
{
	unsigned flags = s->cmd ? s->cmd->flags : 0;

	if (!s->cmd || !s->op)
		return;
	put_flush(s);
	if (!s->place[0])
		return;
	if (s->cmd->value_from)
		put(s, DFL_WRITES, false);
	if (flags & DFL_REDIS_REPLACES)
		put(s, DFL_REPLACES, false);
	if ((flags & DFL_REDIS_REMOVES) && (flags & DFL_REDIS_FIELDS))
		put(s, DFL_REMOVES, false);
	if (flags & DFL_REDIS_REMOVES_SOME)
		put(s, DFL_REMOVES, true);
	if (flags & DFL_REDIS_EXPIRES)
		put(s, DFL_EXPIRES, false);
}

/* Without an error, what a script or a command that is not known did is not told. */
static bool is_script(const struct dfl_redis_command *cmd)
{
	return !cmd || !strcmp(cmd->name, "EVAL") || !strcmp(cmd->name, "EVALSHA") ||
	       !strcmp(cmd->name, "FCALL");
}

enum dfl_kept dfl_redis_verdict(const struct dfl_redis_command *cmd, uint8_t type, const char *line)
{
	if (type == '-' || type == '!')
		return DFL_KEPT_NOT;
	if (type == '_')
		return dfl_redis_verdict_nil(cmd, false);
	if (is_script(cmd))
		return DFL_KEPT_UNKNOWN;
	if (type == ':' && cmd && (cmd->flags & DFL_REDIS_COUNTS) &&
	    (!strcmp(line, "0") || !strcmp(line, "-1")))
		return DFL_KEPT_NOT;
	return DFL_KEPT_PRESENT;
}

enum dfl_kept dfl_redis_verdict_nil(const struct dfl_redis_command *cmd, bool gets)
{
	bool is_refused = cmd && ((!strcmp(cmd->name, "SET") && !gets) ||
				  !strcmp(cmd->name, "XADD") || !strcmp(cmd->name, "EXEC"));

	return is_refused ? DFL_KEPT_NOT : is_script(cmd) ? DFL_KEPT_UNKNOWN : DFL_KEPT_PRESENT;
}
