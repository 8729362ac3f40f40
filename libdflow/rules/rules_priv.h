/* SPDX-License-Identifier: Apache-2.0 */
/* What rules.c (the table and the answers) and rules_config.c (the file) share. */
#pragma once

#include "rules/rules.h"

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

#define DFL_RULE_PATTERN_MAX 255 /* bytes of one alternative */

struct dfl_rule {
	const char *name;
	enum dfl_station station;
	const char *pattern[RULE_N_KEY]; /* NULL: not asked */
};

struct dfl_named_addr {
	struct dfl_network range;
	char *name;
};

struct dfl_region_rule {
	char *match; /* range or host glob */
	char *region;
};

struct dfl_rules {
	struct dfl_rule *rules; /* of the configuration; asked before the built-in ones */
	size_t n_rules;
	struct dfl_network *vpc;
	size_t n_vpc;
	struct dfl_named_addr *names;
	size_t n_names;
	struct dfl_region_rule *regions;
	size_t n_regions;
	struct dfl_settings settings;
};

/* Does one of the alternatives of the pattern match the text? */
bool dfl_glob(const char *pattern, const char *text);
/* Fills `r` (empty, settings at their defaults) from the file. */
int dfl_rules_read(struct dfl_rules *r, const char *path, struct dfl_err *err);
