// SPDX-License-Identifier: Apache-2.0
/*
 * The table of Redis commands (redis.io/commands). A command that is not here is named "*", and
 * none of its arguments is taken for a value.
 */
#include "decode/redis/redis_command_table.h"

#include <string.h>
#include <strings.h>

#define R DFL_REDIS_READS
#define POP (DFL_REDIS_READS | DFL_REDIS_POPS)
#define OVER DFL_REDIS_REPLACES
#define GONE DFL_REDIS_REMOVES
#define SOME DFL_REDIS_REMOVES_SOME
#define FIELDS DFL_REDIS_FIELDS
#define COUNTS DFL_REDIS_COUNTS

static const struct dfl_redis_command commands[] = {
	/* name, key, value_from, value_step, ttl, ttl_ms, flags, residency */
	{ "GET", 1, 0, 0, 0, 0, R, DFL_CACHE },
	{ "SET", 1, 2, 0, 0, 0, DFL_REDIS_OPTIONS | R | OVER, DFL_MEMORY },
	{ "SETEX", 1, 3, 0, 2, 1000, OVER, DFL_CACHE },
	{ "PSETEX", 1, 3, 0, 2, 1, OVER, DFL_CACHE },
	{ "SETNX", 1, 2, 0, 0, 0, COUNTS, DFL_MEMORY },
	{ "GETSET", 1, 2, 0, 0, 0, R | OVER, DFL_MEMORY },
	{ "GETDEL", 1, 0, 0, 0, 0, R | GONE, DFL_CACHE },
	{ "GETEX", 1, 0, 0, 0, 0, R | DFL_REDIS_OPTIONS, DFL_CACHE },
	{ "GETRANGE", 1, 0, 0, 0, 0, R, DFL_CACHE },
	{ "SETRANGE", 1, 3, 0, 0, 0, 0, DFL_MEMORY },
	{ "APPEND", 1, 2, 0, 0, 0, 0, DFL_MEMORY },
	{ "STRLEN", 1 },
	{ "MGET", 1, 0, 0, 0, 0, R, DFL_CACHE },
	{ "MSET", 1, 2, 2, 0, 0, DFL_REDIS_KEYS | OVER, DFL_MEMORY },
	{ "MSETNX", 1, 2, 2, 0, 0, DFL_REDIS_KEYS | COUNTS, DFL_MEMORY },
	{ "INCR", 1 },
	{ "INCRBY", 1 },
	{ "DECR", 1 },
	{ "DECRBY", 1 },
	{ "INCRBYFLOAT", 1 },
	{ "DEL", 1, 0, 0, 0, 0, GONE | COUNTS },
	{ "UNLINK", 1, 0, 0, 0, 0, GONE | COUNTS },
	{ "EXISTS", 1 },
	{ "TYPE", 1 },
	{ "TTL", 1 },
	{ "PTTL", 1 },
	{ "PERSIST", 1, 0, 0, 0, 0, DFL_REDIS_EXPIRES | COUNTS },
	{ "TOUCH", 1 },
	{ "RENAME", 1, 0, 0, 0, 0, SOME },
	{ "RENAMENX", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "EXPIRE", 1, 0, 0, 2, 1000, DFL_REDIS_EXPIRES | COUNTS },
	{ "PEXPIRE", 1, 0, 0, 2, 1, DFL_REDIS_EXPIRES | COUNTS },
	{ "EXPIREAT", 1 },
	{ "PEXPIREAT", 1 },
	{ "KEYS" },
	{ "SCAN" },
	{ "RANDOMKEY" },
	{ "DUMP", 1, 0, 0, 0, 0, R },
	{ "RESTORE", 1, 3 },
	{ "HSET", 1, 3, 2, 0, 0, OVER | FIELDS, DFL_MEMORY },
	{ "HMSET", 1, 3, 2, 0, 0, OVER | FIELDS, DFL_MEMORY },
	{ "HSETNX", 1, 3, 2, 0, 0, FIELDS | COUNTS, DFL_MEMORY },
	{ "HGET", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "HMGET", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "HGETALL", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "HVALS", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "HSCAN", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "HDEL", 1, 0, 0, 0, 0, GONE | FIELDS | COUNTS },
	{ "HEXISTS", 1 },
	{ "HLEN", 1 },
	{ "HKEYS", 1 },
	{ "HINCRBY", 1 },
	{ "HINCRBYFLOAT", 1 },
	{ "HEXPIRE", 1, 0, 0, 2, 1000 },
	{ "LPUSH", 1, 2, 1, 0, 0, 0, DFL_QUEUE },
	{ "RPUSH", 1, 2, 1, 0, 0, 0, DFL_QUEUE },
	{ "LPUSHX", 1, 2, 1, 0, 0, COUNTS, DFL_QUEUE },
	{ "RPUSHX", 1, 2, 1, 0, 0, COUNTS, DFL_QUEUE },
	{ "LSET", 1, 3, 0, 0, 0, 0, DFL_QUEUE },
	{ "LINSERT", 1, 4, 0, 0, 0, COUNTS, DFL_QUEUE },
	{ "LPOP", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "RPOP", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "BLPOP", 0, 0, 0, 0, 0, POP, DFL_QUEUE },
	{ "BRPOP", 0, 0, 0, 0, 0, POP, DFL_QUEUE },
	{ "LMOVE", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "BLMOVE", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "RPOPLPUSH", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "BRPOPLPUSH", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "LRANGE", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "LINDEX", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "LLEN", 1 },
	{ "LREM", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "LTRIM", 1, 0, 0, 0, 0, SOME },
	{ "LPOS", 1 },
	{ "SADD", 1, 2, 1, 0, 0, 0, DFL_MEMORY },
	{ "SMEMBERS", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "SPOP", 1, 0, 0, 0, 0, R | SOME, DFL_MEMORY },
	{ "SSCAN", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "SREM", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "SCARD", 1 },
	{ "SISMEMBER", 1 },
	{ "SMISMEMBER", 1 },
	{ "ZADD", 1, 3, 2, 0, 0, 0, DFL_MEMORY },
	{ "ZRANGE", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "ZREVRANGE", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "ZRANGEBYSCORE", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "ZREVRANGEBYSCORE", 1, 0, 0, 0, 0, R, DFL_MEMORY },
	{ "ZPOPMIN", 1, 0, 0, 0, 0, R | SOME, DFL_MEMORY },
	{ "ZREM", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "ZCARD", 1 },
	{ "ZCOUNT", 1 },
	{ "ZSCORE", 1 },
	{ "ZREMRANGEBYSCORE", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "ZREMRANGEBYRANK", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "ZRANK", 1 },
	{ "ZINCRBY", 1 },
	{ "XADD", 1, 3, 1, 0, 0, DFL_REDIS_EVENTS, DFL_QUEUE },
	{ "XRANGE", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "XREVRANGE", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "XREAD", 0, 0, 0, 0, 0, R | DFL_REDIS_EVENTS, DFL_QUEUE },
	{ "XREADGROUP", 0, 0, 0, 0, 0, R | DFL_REDIS_EVENTS, DFL_QUEUE },
	{ "XAUTOCLAIM", 1, 0, 0, 0, 0, R, DFL_QUEUE },
	{ "XACK", 1 },
	{ "XDEL", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "XTRIM", 1, 0, 0, 0, 0, SOME | COUNTS },
	{ "XLEN", 1 },
	{ "XGROUP", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "XINFO", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "PUBLISH", 1, 2, 0, 0, 0, DFL_REDIS_PUBLISHES, DFL_TRANSIT },
	{ "SPUBLISH", 1, 2, 0, 0, 0, DFL_REDIS_PUBLISHES, DFL_TRANSIT },
	{ "SUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_SUBSCRIBES, DFL_TRANSIT },
	{ "PSUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_SUBSCRIBES, DFL_TRANSIT },
	{ "SSUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_SUBSCRIBES, DFL_TRANSIT },
	{ "UNSUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_UNSUBSCRIBES },
	{ "PUNSUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_UNSUBSCRIBES },
	{ "SUNSUBSCRIBE", 1, 0, 0, 0, 0, DFL_REDIS_UNSUBSCRIBES },
	{ "PUBSUB", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "EVAL", 0, 0, 0, 0, 0, R },
	{ "EVALSHA", 0, 0, 0, 0, 0, R },
	{ "FCALL", 0, 0, 0, 0, 0, R },
	{ "SCRIPT", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "MULTI" },
	{ "EXEC", 0, 0, 0, 0, 0, R },
	{ "DISCARD" },
	{ "WATCH", 1 },
	{ "UNWATCH" },
	{ "PING" },
	{ "ECHO" },
	{ "SELECT" },
	{ "QUIT" },
	{ "RESET" },
	{ "INFO" },
	{ "TIME" },
	{ "DBSIZE" },
	{ "ROLE" },
	{ "WAIT" },
	{ "FLUSHDB" },
	{ "FLUSHALL" },
	{ "READONLY" },
	{ "ASKING" },
	{ "MONITOR" },
	{ "CLIENT", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "CLUSTER", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "COMMAND", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "MEMORY", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "OBJECT", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "LATENCY", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	{ "SENTINEL", 0, 0, 0, 0, 0, DFL_REDIS_HAS_SUBCOMMAND },
	/* passwords are among their arguments */
	{ "AUTH", 0, 0, 0, 0, 0, DFL_REDIS_SECRET },
	{ "HELLO", 0, 0, 0, 0, 0, DFL_REDIS_SECRET },
	{ "CONFIG", 0, 0, 0, 0, 0, DFL_REDIS_SECRET },
	{ "ACL", 0, 0, 0, 0, 0, DFL_REDIS_SECRET },
	{ "MIGRATE", 0, 0, 0, 0, 0, DFL_REDIS_SECRET },
};

/* Of all commands; a word that is not here may be anything, and is not shown. */
static const char *const subcommands[] = { "SETINFO",	"MAINT_NOTIFICATIONS",
					   "SETNAME",	"GETNAME",
					   "LIST",	"ID",
					   "INFO",	"KILL",
					   "TRACKING",	"NO-EVICT",
					   "NO-TOUCH",	"REPLY",
					   "PAUSE",	"UNPAUSE",
					   "SLOTS",	"SHARDS",
					   "NODES",	"KEYSLOT",
					   "MYID",	"DOCS",
					   "COUNT",	"GETKEYS",
					   "LOAD",	"EXISTS",
					   "FLUSH",	"CREATE",
					   "DESTROY",	"SETID",
					   "STREAM",	"GROUPS",
					   "CONSUMERS", "CHANNELS",
					   "NUMSUB",	"NUMPAT",
					   "USAGE",	"ENCODING",
					   "IDLETIME",	"FREQ",
					   "MASTERS",	"GET-MASTER-ADDR-BY-NAME",
					   "SENTINELS", "SLAVES",
					   "REPLICAS" };

const struct dfl_redis_command *dfl_redis_command_find(const char *verb, size_t len)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].name) == len && !strncasecmp(commands[i].name, verb, len))
			return &commands[i];
	return NULL;
}

bool dfl_redis_command_is_value(const struct dfl_redis_command *cmd, uint64_t arg)
{
	if (!cmd->value_from || arg < cmd->value_from)
		return false;
	if (!cmd->value_step)
		return arg == cmd->value_from;
	return (arg - cmd->value_from) % cmd->value_step == 0;
}

const char *dfl_redis_subcommand_find(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strlen(subcommands[i]) == len && !strncasecmp(subcommands[i], word, len))
			return subcommands[i];
	return NULL;
}
