/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of Redis commands: where key, values, times to live and secrets stand. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vocab.h"

enum dfl_cmd_flags {
	DFL_CMD_READS = 1 << 0,	 /* its reply holds values */
	DFL_CMD_POPS = 1 << 1,	 /* its reply is [key, value] */
	DFL_CMD_SECRET = 1 << 2, /* its arguments are never shown */
	DFL_CMD_PUBLISHES = 1 << 3,
	DFL_CMD_SUBSCRIBES = 1 << 4,
	DFL_CMD_OPTIONS = 1 << 5,      /* EX, PX and the like may follow the value */
	DFL_CMD_SUB = 1 << 6,	       /* a subcommand follows */
	DFL_CMD_UNSUBSCRIBES = 1 << 8, /* answered by a push, not by a reply */
	DFL_CMD_EVENTS = 1 << 9,       /* like pub/sub when the key is "stream:…" (Dify's) */
	DFL_CMD_KEYS = 1 << 7,	       /* each value's key is the argument before it */
};

struct dfl_cmd {
	const char *name;
	uint8_t key;	    /* number of the argument, 0 none */
	uint8_t value_from; /* first value, 0 none */
	uint8_t value_step; /* 0: only that one */
	uint8_t ttl;	    /* argument that is a time to live, 0 none */
	uint16_t ttl_ms;    /* its unit; 1000: seconds */
	uint16_t flags;
	uint8_t residency;
};

/* Any case. NULL when it is not on the list. */
const struct dfl_cmd *dfl_cmd_find(const char *verb, size_t len);
bool dfl_cmd_is_value(const struct dfl_cmd *cmd, uint64_t arg);
/* The listed spelling of a subcommand, or NULL. */
const char *dfl_cmd_sub(const char *word, size_t len);
