// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration file (docs/configuration.md). Read with libyaml's document interface, not with
 * libcyaml's schemas, because there every complaint can name its line.
 */
#include "rules/rules_config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "rules/glob.h"

#define MAX_ITEMS 4096 /* of one list */
#define MAX_FILE_BYTES (1 << 20)

struct reader {
	struct dfl_rules *rules;
	yaml_document_t doc;
	const char *path;
	struct dfl_err *err;
};

/* What reads the value of one key. Returns 0 or an error that is set already. */
typedef int (*read_fn)(struct reader *rd, yaml_node_t *value, void *into);

struct key {
	const char *name;
	read_fn read;
	size_t offset; /* of what it fills, in `into` */
};

static const char *const rule_keys[RULE_N_KEY] = {
	[RULE_PROGRAM] = "program", [RULE_EXE] = "exe",		[RULE_COMM] = "comm",
	[RULE_CMDLINE] = "cmdline", [RULE_CGROUP] = "cgroup",	[RULE_CONTAINER] = "container",
	[RULE_IMAGE] = "image",	    [RULE_POD] = "pod",		[RULE_NAMESPACE] = "namespace",
	[RULE_TASK] = "task",	    [RULE_MEDIUM] = "medium",	[RULE_PROTOCOL] = "protocol",
	[RULE_HOST] = "host",	    [RULE_ADDRESS] = "address", [RULE_PORT] = "port",
	[RULE_PATH] = "path",	    [RULE_FD] = "fd",		[RULE_OPERATION] = "operation",
	[RULE_PLACE] = "place",	    [RULE_ROLE] = "role",	[RULE_FORWARDED] = "forwarded",
};

#define COMPLAIN(rd, node, fmt, ...)                                                               \
	dfl_err_set((rd)->err, EINVAL, "%s:%zu: " fmt, (rd)->path, (node)->start_mark.line + 1,    \
		    ##__VA_ARGS__)

static int no_memory(struct reader *rd)
{
	return dfl_err_set(rd->err, ENOMEM, "out of memory while reading %s", rd->path);
}

static const char *scalar(yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int read_text(struct reader *rd, yaml_node_t *value, void *into)
{
	const char *text = scalar(value);

	if (!text || !*text || strlen(text) != value->data.scalar.length)
		return COMPLAIN(rd, value, "a text is expected here");
	*(char **)into = strdup(text);
	return *(char **)into ? 0 : no_memory(rd);
}

static int read_station(struct reader *rd, yaml_node_t *value, void *into)
{
	const char *text = scalar(value);
	int station = text ? dfl_station_parse(text) : -1;

	if (station < 0)
		return COMPLAIN(rd, value,
				"'%.40s' is no station; docs/configuration.md lists them",
				text ? text : "");
	*(enum dfl_station *)into = station;
	return 0;
}

static int read_range(struct reader *rd, yaml_node_t *value, void *into)
{
	const char *text = scalar(value);

	if (!text || dfl_network_parse(text, into))
		return COMPLAIN(rd, value, "'%.60s' is no address or range such as 10.0.0.0/8",
				text ? text : "");
	return 0;
}

static int read_number(struct reader *rd, yaml_node_t *value, double max, double *ret_number)
{
	const char *text = scalar(value);
	char *end = NULL;
	double n = text ? strtod(text, &end) : 0;

	if (!text || end == text || *end || !isfinite(n) || n < 0 || n > max)
		return COMPLAIN(rd, value, "a number from 0 to %.0f is expected here", max);
	*ret_number = n;
	return 0;
}

static int read_seconds(struct reader *rd, yaml_node_t *value, void *into)
{
	double seconds = 0;
	int r = read_number(rd, value, 1e6, &seconds);

	if (!r)
		*(uint64_t *)into = seconds * 1e9;
	return r;
}

static int read_count(struct reader *rd, yaml_node_t *value, void *into)
{
	double n = 0;
	int r = read_number(rd, value, 1e6, &n);

	if (!r && n < 1)
		return COMPLAIN(rd, value, "at least 1 is expected here");
	if (!r)
		*(uint32_t *)into = n;
	return r;
}

static int read_bool(struct reader *rd, yaml_node_t *value, void *into)
{
	const char *text = scalar(value);

	if (!text || (strcmp(text, "true") && strcmp(text, "false")))
		return COMPLAIN(rd, value, "true or false is expected here");
	*(bool *)into = !strcmp(text, "true");
	return 0;
}

/* Reads a mapping by its table of keys; the table ends with a NULL name. */
static int read_map(struct reader *rd, yaml_node_t *map, const struct key *keys, void *into)
{
	uint64_t seen = 0;

	if (map->type != YAML_MAPPING_NODE)
		return COMPLAIN(rd, map, "'key: value' lines are expected here");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *name = yaml_document_get_node(&rd->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(&rd->doc, p->value);
		const char *text = scalar(name);
		int i = 0, r;

		while (keys[i].name && (!text || strcmp(keys[i].name, text)))
			i++;
		if (!keys[i].name)
			return COMPLAIN(rd, name, "unknown key '%.40s'", text ? text : "");
		if (seen & 1ull << i)
			return COMPLAIN(rd, name, "key '%s' stands here twice", text);
		seen |= 1ull << i;
		r = keys[i].read(rd, value, (char *)into + keys[i].offset);
		if (r)
			return r;
	}
	return 0;
}

/* Makes room for a list; *array becomes n zeroed elements. */
static int list_begin(struct reader *rd, yaml_node_t *list, size_t size, void **array, size_t *n)
{
	if (list->type != YAML_SEQUENCE_NODE)
		return COMPLAIN(rd, list, "a list is expected here");
	*n = list->data.sequence.items.top - list->data.sequence.items.start;
	if (*n > MAX_ITEMS)
		return COMPLAIN(rd, list, "more than %d items", MAX_ITEMS);
	*array = calloc(*n + 1, size);
	if (!*array) {
		*n = 0;
		return no_memory(rd);
	}
	return 0;
}

static yaml_node_t *list_item(struct reader *rd, yaml_node_t *list, size_t i)
{
	return yaml_document_get_node(&rd->doc, list->data.sequence.items.start[i]);
}

static int read_vpc(struct reader *rd, yaml_node_t *list, void *into)
{
	struct dfl_rules *rules = rd->rules;
	int r = list_begin(rd, list, sizeof(*rules->vpc), (void **)&rules->vpc, &rules->n_vpc);

	for (size_t i = 0; !r && i < rules->n_vpc; i++)
		r = read_range(rd, list_item(rd, list, i), &rules->vpc[i]);
	return r;
}

static int read_names(struct reader *rd, yaml_node_t *list, void *into)
{
	static const struct key keys[] = {
		{ "address", read_range, offsetof(struct dfl_named_addr, range) },
		{ "name", read_text, offsetof(struct dfl_named_addr, name) },
		{ NULL },
	};
	struct dfl_rules *rules = rd->rules;
	int r = list_begin(rd, list, sizeof(*rules->names), (void **)&rules->names,
			   &rules->n_names);

	for (size_t i = 0; !r && i < rules->n_names; i++) {
		yaml_node_t *item = list_item(rd, list, i);

		r = read_map(rd, item, keys, &rules->names[i]);
		if (!r && (!rules->names[i].name || !rules->names[i].range.base.family))
			r = COMPLAIN(rd, item, "a name needs 'address' and 'name'");
	}
	return r;
}

static int read_regions(struct reader *rd, yaml_node_t *list, void *into)
{
	static const struct key keys[] = {
		{ "match", read_text, offsetof(struct dfl_region_rule, match) },
		{ "region", read_text, offsetof(struct dfl_region_rule, region) },
		{ NULL },
	};
	struct dfl_rules *rules = rd->rules;
	int r = list_begin(rd, list, sizeof(*rules->regions), (void **)&rules->regions,
			   &rules->n_regions);

	for (size_t i = 0; !r && i < rules->n_regions; i++) {
		yaml_node_t *item = list_item(rd, list, i);

		r = read_map(rd, item, keys, &rules->regions[i]);
		if (!r && (!rules->regions[i].match || !rules->regions[i].region))
			r = COMPLAIN(rd, item, "a region needs 'match' and 'region'");
	}
	return r;
}

static int check_pattern(struct reader *rd, yaml_node_t *item, int key, const char *pattern)
{
	for (const char *p = pattern;; p++) {
		size_t len = strcspn(p, "|");
		char one[DFL_RULE_PATTERN_MAX + 1];
		struct dfl_network range;

		if (!len || len > DFL_RULE_PATTERN_MAX)
			return COMPLAIN(rd, item, "'%s': each pattern has 1 to %d bytes",
					rule_keys[key], DFL_RULE_PATTERN_MAX);
		memcpy(one, p, len);
		one[len] = 0;
		if (key == RULE_ADDRESS && dfl_network_parse(one, &range))
			return COMPLAIN(rd, item,
					"'%.60s' is no address or range such as 10.0.0.0/8", one);
		p += len;
		if (!*p)
			return 0;
	}
}

static int check_rule(struct reader *rd, yaml_node_t *item, const struct dfl_rule *rule)
{
	bool process = false, peer = false;
	int r;

	for (int key = 0; key < RULE_N_KEY; key++) {
		if (!rule->pattern[key])
			continue;
		r = check_pattern(rd, item, key, rule->pattern[key]);
		if (r)
			return r;
		*(key < RULE_N_PROCESS ? &process : &peer) = true;
	}
	if (!rule->name || !rule->station)
		return COMPLAIN(rd, item, "a rule needs 'name' and 'station'");
	if (process && peer)
		return COMPLAIN(rd, item,
				"rule '%.40s' asks about a process and about a peer; make it two",
				rule->name);
	if (!process && !peer)
		return COMPLAIN(rd, item,
				"rule '%.40s' asks about nothing, so it would match everything",
				rule->name);
	return 0;
}

static int read_stations(struct reader *rd, yaml_node_t *list, void *into)
{
	struct key keys[RULE_N_KEY + 3] = {
		{ "name", read_text, offsetof(struct dfl_rule, name) },
		{ "station", read_station, offsetof(struct dfl_rule, station) },
	};
	struct dfl_rules *rules = rd->rules;
	int r = list_begin(rd, list, sizeof(*rules->rules), (void **)&rules->rules,
			   &rules->n_rules);

	for (int i = 0; i < RULE_N_KEY; i++)
		keys[i + 2] = (struct key){ rule_keys[i], read_text,
					    offsetof(struct dfl_rule, pattern[i]) };
	for (size_t i = 0; !r && i < rules->n_rules; i++) {
		yaml_node_t *item = list_item(rd, list, i);

		r = read_map(rd, item, keys, &rules->rules[i]);
		if (!r)
			r = check_rule(rd, item, &rules->rules[i]);
	}
	return r;
}

static int read_settings(struct reader *rd, yaml_node_t *map, void *into)
{
	static const struct key keys[] = {
		{ "settle_seconds", read_seconds, offsetof(struct dfl_settings, settle_ns) },
		{ "max_open_seconds", read_seconds, offsetof(struct dfl_settings, max_open_ns) },
		{ "keep_client_address", read_bool,
		  offsetof(struct dfl_settings, keep_client_address) },
		{ "keep_fingerprints", read_bool,
		  offsetof(struct dfl_settings, keep_fingerprints) },
		{ "max_open_traces", read_count, offsetof(struct dfl_settings, max_open_traces) },
		{ NULL },
	};

	return read_map(rd, map, keys, &rd->rules->settings);
}

static int read_document(struct reader *rd)
{
	static const struct key keys[] = {
		{ "stations", read_stations }, { "vpc", read_vpc },
		{ "names", read_names },       { "regions", read_regions },
		{ "settings", read_settings }, { NULL },
	};
	yaml_node_t *root = yaml_document_get_root_node(&rd->doc);

	return root ? read_map(rd, root, keys, rd->rules) : 0; /* an empty file changes nothing */
}

static int parse(struct reader *rd, FILE *file)
{
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return no_memory(rd);
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &rd->doc)) {
		r = dfl_err_set(rd->err, EINVAL, "%s:%zu: not YAML: %s", rd->path,
				parser.problem_mark.line + 1,
				parser.problem ? parser.problem : "cannot be read");
	} else {
		r = read_document(rd);
		yaml_document_delete(&rd->doc);
	}
	yaml_parser_delete(&parser);
	return r;
}

int dfl_rules_read(struct dfl_rules *r, const char *path, struct dfl_err *err)
{
	struct reader rd = { .rules = r, .path = path, .err = err };
	FILE *file = fopen(path, "re");
	int ret;

	if (!file)
		return dfl_err_set(err, errno, "cannot read the configuration %s: %m", path);
	if (fseek(file, 0, SEEK_END) || ftell(file) > MAX_FILE_BYTES)
		ret = dfl_err_set(err, EINVAL, "%s is no configuration: more than %d bytes", path,
				  MAX_FILE_BYTES);
	else {
		rewind(file);
		ret = parse(&rd, file);
	}
	fclose(file);
	return ret;
}
