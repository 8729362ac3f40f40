/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which station is it? One table of rules (built in for Dify in rules_dify.c, extended and
 * overridden by the configuration file) decides for processes and for peers; every answer names its
 * rule. Also: which addresses are in the VPC, and which names addresses have by configuration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/station.h"
#include "base/vocab.h"
#include "capture/event.h"
#include "rules/settings.h"

struct dfl_rules;

struct dfl_station_answer {
	enum dfl_station station; /* DFL_ST_UNKNOWN: no rule matched */
	const char *rule;	  /* its name; borrowed from the rules; NULL */
};

/* What is known of the far end of a connection; NULL / 0 where nothing is. */
struct dfl_peer_facts {
	enum dfl_medium medium;
	const char *protocol; /* what a decoder found: "redis" */
	const struct dfl_addr *addr;
	const char *name;      /* from SNI, DNS or configuration */
	const char *path;      /* file, unix socket */
	int32_t fd;	       /* pipes: which fd of the writer, -1 */
	const char *operation; /* of the operation in question: rules like "whoever does BRPOP
				  workflow_based_app_execution is worker" */
	const char *place;
	bool is_client; /* the far end is the client side */
	bool forwarded; /* its request carries what a load balancer adds (X-Amzn-Trace-Id,
			   X-Forwarded-*) */
};

/* config: path of a YAML file, or NULL for the built-in rules only. */
int dfl_rules_load(const char *config, struct dfl_rules **ret_rules, struct dfl_err *err);
void dfl_rules_free(struct dfl_rules *r);

struct dfl_station_answer dfl_rules_process(const struct dfl_rules *r,
					    const struct dfl_ev_proc *proc);
struct dfl_station_answer dfl_rules_peer(const struct dfl_rules *r,
					 const struct dfl_peer_facts *facts);
/* 1 yes, 0 no, -1 cannot be said (no address). */
int dfl_rules_in_vpc(const struct dfl_rules *r, const struct dfl_addr *a);
/* Name that the configuration gives to the address, or NULL. Borrowed. */
const char *dfl_rules_name(const struct dfl_rules *r, const struct dfl_addr *a);
/* Region that the configuration gives to the address range or host, or NULL. Borrowed. */
const char *dfl_rules_region(const struct dfl_rules *r, const struct dfl_addr *a, const char *name);

/* Settings of the same file that other stages use. Borrowed from the rules. */
const struct dfl_settings *dfl_rules_settings(const struct dfl_rules *r);
