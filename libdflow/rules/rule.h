/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: what it asks and which station it gives. */
#pragma once

#include "base/station.h"

/*
 * What a rule can ask. Every answer is a pattern: shell globs separated by '|', letters of either
 * case; `address` takes ranges instead. Those before RULE_N_PROCESS ask about a process, the
 * others about a peer.
 */
enum dfl_rule_key {
	RULE_PROGRAM, /* base name of one of the first three words of the command line */
	RULE_EXE,
	RULE_COMM,
	RULE_CMDLINE,
	RULE_CGROUP,
	RULE_CONTAINER,
	RULE_IMAGE,
	RULE_POD,
	RULE_NAMESPACE,
	RULE_TASK,
	RULE_N_PROCESS,
	RULE_MEDIUM = RULE_N_PROCESS,
	RULE_PROTOCOL,
	RULE_HOST,
	RULE_ADDRESS,
	RULE_PORT,
	RULE_PATH,
	RULE_FD,
	RULE_OPERATION,
	RULE_PLACE,
	RULE_ROLE,	/* "client", "server" */
	RULE_FORWARDED, /* "yes", "no" */
	RULE_N_KEY
};

struct dfl_rule {
	const char *name;
	enum dfl_station station;
	const char *pattern[RULE_N_KEY]; /* NULL: not asked */
};
