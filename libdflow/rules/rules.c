// SPDX-License-Identifier: Apache-2.0
/* Which station is it? Asks the rules of the configuration, then the built-in ones. */
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/aws_region.h"
#include "rules/glob.h"
#include "rules/rules_config.h"
#include "rules/rules_dify.h"
#include "rules/rules_priv.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PROGRAM_WORDS 3 /* "python3 -m celery", "/bin/sh ./entrypoint" */

/* RFC 1918, 4193, 3927, 4291 2.5.6; loopback never leaves the node (RFC 1122, 4291). */
static const char *const default_vpc[] = { "10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16",
					   "fc00::/7",	  "169.254.0.0/16", "fe80::/10",
					   "127.0.0.0/8", "::1/128" };

static bool range_list_has(const char *pattern, const struct dfl_addr *addr)
{
	char one[DFL_ADDR_STRLEN];
	struct dfl_network range;

	for (const char *p = pattern;; p++) {
		size_t len = strcspn(p, "|");

		if (len < sizeof(one)) {
			memcpy(one, p, len);
			one[len] = 0;
			if (!dfl_network_parse(one, &range) && dfl_network_has(&range, addr))
				return true;
		}
		p += len;
		if (!*p)
			return false;
	}
}

/* What is asked about: a text for each key (NULL: unknown), but for two that need more. */
struct facts {
	const char *text[RULE_N_KEY];
	char word[PROGRAM_WORDS][64]; /* RULE_PROGRAM */
	const struct dfl_addr *addr;  /* RULE_ADDRESS */
};

static bool program_matches(const struct facts *f, const char *pattern)
{
	for (int i = 0; i < PROGRAM_WORDS; i++)
		if (f->word[i][0] && dfl_glob(pattern, f->word[i]))
			return true;
	return false;
}

static bool rule_matches(const struct dfl_rule *rule, const struct facts *f)
{
	for (int key = 0; key < RULE_N_KEY; key++) {
		const char *pattern = rule->pattern[key];
		bool ok;

		if (!pattern)
			continue;
		if (key == RULE_PROGRAM)
			ok = program_matches(f, pattern);
		else if (key == RULE_ADDRESS)
			ok = f->addr && f->addr->family && range_list_has(pattern, f->addr);
		else
			ok = f->text[key] && f->text[key][0] && dfl_glob(pattern, f->text[key]);
		if (!ok)
			return false;
	}
	return true;
}

static bool is_peer_rule(const struct dfl_rule *rule)
{
	for (int key = RULE_N_PROCESS; key < RULE_N_KEY; key++)
		if (rule->pattern[key])
			return true;
	return false;
}

static struct dfl_station_answer answer(const struct dfl_rules *r, const struct facts *f, bool peer)
{
	const struct dfl_rule *builtin = peer ? dfl_peer_rules : dfl_process_rules;
	size_t n_builtin = peer ? dfl_n_peer_rules : dfl_n_process_rules;

	for (size_t i = 0; i < r->n_rules; i++)
		if (is_peer_rule(&r->rules[i]) == peer && rule_matches(&r->rules[i], f))
			return (struct dfl_station_answer){ r->rules[i].station, r->rules[i].name };
	for (size_t i = 0; i < n_builtin; i++)
		if (rule_matches(&builtin[i], f))
			return (struct dfl_station_answer){ builtin[i].station, builtin[i].name };
	return (struct dfl_station_answer){ DFL_ST_UNKNOWN, NULL };
}

static void split_program(struct facts *f, const char *cmdline)
{
	const char *p = cmdline;

	for (int i = 0; i < PROGRAM_WORDS && *p; i++) {
		size_t len = strcspn(p, " ");
		const char *slash = memrchr(p, '/', len);
		const char *base = slash ? slash + 1 : p;

		snprintf(f->word[i], sizeof(f->word[i]), "%.*s", (int)(p + len - base), base);
		p += len;
		p += strspn(p, " ");
	}
}

struct dfl_station_answer dfl_rules_process(const struct dfl_rules *r,
					    const struct dfl_ev_proc *proc)
{
	struct facts f = {
		.text = { [RULE_EXE] = proc->exe,
			  [RULE_COMM] = proc->comm,
			  [RULE_CMDLINE] = proc->cmdline,
			  [RULE_CGROUP] = proc->cgroup,
			  [RULE_CONTAINER] = proc->container_name,
			  [RULE_IMAGE] = proc->image,
			  [RULE_POD] = proc->pod,
			  [RULE_NAMESPACE] = proc->namespace_,
			  [RULE_TASK] = proc->task },
	};

	if (proc->cmdline)
		split_program(&f, proc->cmdline);
	return answer(r, &f, false);
}

struct dfl_station_answer dfl_rules_peer(const struct dfl_rules *r,
					 const struct dfl_peer_facts *facts)
{
	char port[8] = "", fd[12] = "";
	struct facts f = {
		.text = { [RULE_MEDIUM] = dfl_medium_name(facts->medium),
			  [RULE_PROTOCOL] = facts->protocol,
			  [RULE_HOST] = facts->name,
			  [RULE_PATH] = facts->path,
			  [RULE_PORT] = port,
			  [RULE_FD] = fd,
			  [RULE_OPERATION] = facts->operation,
			  [RULE_PLACE] = facts->place,
			  [RULE_ROLE] = facts->is_client ? "client" : "server",
			  [RULE_FORWARDED] = facts->forwarded ? "yes" : "no" },
		.addr = facts->addr,
	};

	if (facts->addr && facts->addr->family)
		snprintf(port, sizeof(port), "%u", facts->addr->port);
	if (facts->fd >= 0 && (facts->medium == DFL_PIPE || facts->medium == DFL_FILE))
		snprintf(fd, sizeof(fd), "%d", facts->fd);
	return answer(r, &f, true);
}

int dfl_rules_in_vpc(const struct dfl_rules *r, const struct dfl_addr *a)
{
	if (!a || !a->family)
		return -1;
	for (size_t i = 0; i < r->n_vpc; i++)
		if (dfl_network_has(&r->vpc[i], a))
			return 1;
	return 0;
}

const char *dfl_rules_name(const struct dfl_rules *r, const struct dfl_addr *a)
{
	if (!a || !a->family)
		return NULL;
	for (size_t i = 0; i < r->n_names; i++)
		if (dfl_network_has(&r->names[i].range, a))
			return r->names[i].name;
	return NULL;
}

const char *dfl_rules_region(const struct dfl_rules *r, const struct dfl_addr *a, const char *name)
{
	struct dfl_network range;

	for (size_t i = 0; i < r->n_regions; i++) {
		const struct dfl_region_rule *rule = &r->regions[i];

		if (name && dfl_glob(rule->match, name))
			return rule->region;
		if (a && a->family && !dfl_network_parse(rule->match, &range) &&
		    dfl_network_has(&range, a))
			return rule->region;
	}
	return name ? dfl_aws_region(name) : NULL;
}

const struct dfl_settings *dfl_rules_settings(const struct dfl_rules *r)
{
	return &r->settings;
}

static int set_default_vpc(struct dfl_rules *r)
{
	r->vpc = calloc(ARRAY_LEN(default_vpc), sizeof(*r->vpc));
	if (!r->vpc)
		return -ENOMEM;
	r->n_vpc = ARRAY_LEN(default_vpc);
	for (size_t i = 0; i < r->n_vpc; i++)
		dfl_network_parse(default_vpc[i], &r->vpc[i]);
	return 0;
}

int dfl_rules_load(const char *config, struct dfl_rules **ret_rules, struct dfl_err *err)
{
	struct dfl_rules *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return dfl_err_set(err, ENOMEM, "out of memory");
	r->settings = (struct dfl_settings){ .settle_ns = 3000000000ull,
					     .max_open_ns = 900000000000ull,
					     .keep_client_address = true,
					     .keep_fingerprints = true,
					     .max_open_traces = 4096 };
	ret = config ? dfl_rules_read(r, config, err) : 0;
	if (!ret && !r->vpc && set_default_vpc(r))
		ret = dfl_err_set(err, ENOMEM, "out of memory");
	if (ret) {
		dfl_rules_free(r);
		return ret;
	}
	*ret_rules = r;
	return 0;
}

void dfl_rules_free(struct dfl_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_rules; i++) {
		free((char *)r->rules[i].name);
		for (int key = 0; key < RULE_N_KEY; key++)
			free((char *)r->rules[i].pattern[key]);
	}
	for (size_t i = 0; i < r->n_names; i++)
		free(r->names[i].name);
	for (size_t i = 0; i < r->n_regions; i++) {
		free(r->regions[i].match);
		free(r->regions[i].region);
	}
	free(r->rules);
	free(r->vpc);
	free(r->names);
	free(r->regions);
	free(r);
}
