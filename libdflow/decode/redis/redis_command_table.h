/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each Redis command: where key, values, time to live and secrets stand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vocab.h"

enum dfl_redis_command_flags {
	DFL_REDIS_READS = 1 << 0,	   /* its reply holds values */
	DFL_REDIS_POPS = 1 << 1,	   /* its reply is [key, value] */
	DFL_REDIS_SECRET = 1 << 2,	   /* passwords are among its arguments */
	DFL_REDIS_PUBLISHES = 1 << 3,	   /* its value is a message of a channel */
	DFL_REDIS_SUBSCRIBES = 1 << 4,	   /* answered by a push, not by a reply */
	DFL_REDIS_UNSUBSCRIBES = 1 << 5,   /* likewise */
	DFL_REDIS_OPTIONS = 1 << 6,	   /* EX, PX and the like may follow the value */
	DFL_REDIS_HAS_SUBCOMMAND = 1 << 7, /* its first argument is one */
	DFL_REDIS_KEYS = 1 << 8,	   /* each value's key is the argument before it */
	DFL_REDIS_EVENTS = 1 << 9,	   /* on a stream of events it is like pub/sub */
	DFL_REDIS_REPLACES = 1 << 10,	   /* its value overwrites what was there */
	DFL_REDIS_REMOVES = 1 << 11,	   /* it removes its keys, or with FIELDS fields */
	DFL_REDIS_REMOVES_SOME = 1 << 12,  /* it removes something of what its key has */
	DFL_REDIS_FIELDS = 1 << 13,	   /* of a hash: fields stand after the key */
	DFL_REDIS_COUNTS = 1 << 14,	   /* ":0" says that nothing was done */
	DFL_REDIS_EXPIRES = 1 << 15,	   /* it changes the time to live of its key */
};

/* Arguments are numbered from 0, which is the verb; so 0 means "none" below. */
struct dfl_redis_command {
	const char *name;   /* capitals */
	uint8_t key;	    /* argument that is the key */
	uint8_t value_from; /* first argument that is a value */
	uint8_t value_step; /* each how many arguments another one follows; 0: there is one value */
	uint8_t ttl;	    /* argument that is a time to live */
	uint16_t ttl_ms;    /* the unit of that: 1000 for seconds */
	uint16_t flags;	    /* enum dfl_redis_command_flags */
	uint8_t residency;  /* enum dfl_residency of what it stores or reads */
};

/* verb: in any case. NULL: not in the table, so it may not be named. */
const struct dfl_redis_command *dfl_redis_command_find(const char *verb, size_t len);
/* Is the argument of that number a value? */
bool dfl_redis_command_is_value(const struct dfl_redis_command *cmd, uint64_t arg);
/* The listed spelling of a subcommand ("SETINFO"), in capitals; NULL: not on the list. */
const char *dfl_redis_subcommand_find(const char *word, size_t len);
