// SPDX-License-Identifier: Apache-2.0
/* Which station is it? The built-in table for Dify, and the answers. */
#include "rules/rules_priv.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PROGRAM_WORDS 3 /* "python3 -m celery", "/bin/sh ./entrypoint" */

/* clang-format off: tables */
/* The first rule that matches decides. Command lines and paths: dify-wire notes, Dify 1.13.3. */
static const struct dfl_rule process_rules[] = {
	/* A container says what it is by its image, except that api and worker share one. */
	{ "image:dify-sandbox", DFL_ST_SANDBOX, { [RULE_IMAGE] = "*dify-sandbox*" } },
	{ "image:dify-web", DFL_ST_WEB, { [RULE_IMAGE] = "*dify-web*" } },
	{ "image:squid", DFL_ST_SSRF_PROXY, { [RULE_IMAGE] = "*squid*" } },
	{ "python-plugin",
	  DFL_ST_PLUGIN,
	  { [RULE_CMDLINE] = "*python* -m main|*python* -m main *" } },
	{ "celery", DFL_ST_WORKER, { [RULE_PROGRAM] = "celery|\\[celeryd:*" } },
	{ "gunicorn", DFL_ST_API, { [RULE_PROGRAM] = "gunicorn|gunicorn:" } },
	{ "flask-run", DFL_ST_API, { [RULE_CMDLINE] = "*flask run*" } },
	{ "plugin-daemon",
	  DFL_ST_PLUGIN_DAEMON,
	  { [RULE_EXE] = "*/dify-plugin-daemon*|*/plugin-daemon*|*/plugin_daemon*|/app/main" } },
	{ "image:plugin-daemon",
	  DFL_ST_PLUGIN_DAEMON,
	  { [RULE_IMAGE] = "*dify-plugin-daemon*", [RULE_EXE] = "*/main" } },
	{ "sandbox", DFL_ST_SANDBOX, { [RULE_EXE] = "*/dify-sandbox|*/sandbox|/main" } },
	{ "squid", DFL_ST_SSRF_PROXY, { [RULE_EXE] = "*/squid*" } },
	{ "nginx", DFL_ST_ALB, { [RULE_EXE] = "*/nginx*" } },
	{ "next-server", DFL_ST_WEB, { [RULE_PROGRAM] = "next-server|next" } },
	{ "node-server", DFL_ST_WEB, { [RULE_CMDLINE] = "*node */app/web/*|*node *server.js*" } },
	{ "redis-server",
	  DFL_ST_REDIS,
	  { [RULE_EXE] = "*/redis-server|*/valkey-server|*/redis-check-rdb" } },
	{ "postgres", DFL_ST_POSTGRES, { [RULE_EXE] = "*/postgres" } },
	{ "vector-db", DFL_ST_VECTOR_DB, { [RULE_EXE] = "*/weaviate|*/qdrant|*/milvus" } },
};

#define SERVER [RULE_ROLE] = "server"
#define CLIENT [RULE_ROLE] = "client"

static const struct dfl_rule peer_rules[] = {
	/* Names: endpoints of AWS services. */
	{ "host:bedrock",
	  DFL_ST_LLM,
	  { [RULE_HOST] = "bedrock-runtime.*.amazonaws.com|bedrock-runtime-fips.*.amazonaws.com|"
			  "bedrock-agent-runtime.*.amazonaws.com|"
			  "*.bedrock-runtime.*.vpce.amazonaws.com" } },
	{ "host:sagemaker", DFL_ST_LLM, { [RULE_HOST] = "runtime.sagemaker.*.amazonaws.com" } },
	{ "host:s3",
	  DFL_ST_S3,
	  { [RULE_HOST] = "s3.*|*.s3.amazonaws.com|*.s3.*.amazonaws.com*|s3-*.amazonaws.com|"
			  "*.s3-*.amazonaws.com|*.s3.*.vpce.amazonaws.com" } },
	{ "host:secretsmanager",
	  DFL_ST_SECRETS_MANAGER,
	  { [RULE_HOST] = "secretsmanager.*|*.secretsmanager.*" } },
	{ "host:kms",
	  DFL_ST_KMS,
	  { [RULE_HOST] = "kms.*.amazonaws.com|*.kms.*.vpce.amazonaws.com" } },
	{ "host:cloudwatch-logs", DFL_ST_LOGS, { [RULE_HOST] = "logs.*.amazonaws.com" } },
	{ "host:elasticache", DFL_ST_REDIS, { [RULE_HOST] = "*.cache.amazonaws.com" } },
	/* Dify's pgvector tables, also those in the database that holds all else. */
	{ "table:pgvector",
	  DFL_ST_VECTOR_DB,
	  { [RULE_PROTOCOL] = "postgres", [RULE_OPERATION] = "* embedding_*", SERVER } },
	{ "host:rds",
	  DFL_ST_POSTGRES,
	  { [RULE_HOST] = "*.rds.amazonaws.com", [RULE_PORT] = "5432" } },
	/* Model vendors. */
	{ "path:embeddings",
	  DFL_ST_EMBEDDING,
	  { [RULE_OPERATION] = "POST */embeddings|POST */embed|POST */rerank", SERVER } },
	{ "host:openai",
	  DFL_ST_LLM,
	  { [RULE_HOST] = "api.openai.com|*.api.openai.com|*.openai.azure.com" } },
	{ "host:anthropic", DFL_ST_LLM, { [RULE_HOST] = "*.anthropic.com" } },
	{ "host:google",
	  DFL_ST_LLM,
	  { [RULE_HOST] = "generativelanguage.googleapis.com|*aiplatform.googleapis.com" } },
	{ "host:embedding-vendor",
	  DFL_ST_EMBEDDING,
	  { [RULE_HOST] = "api.jina.ai|api.voyageai.com" } },
	{ "host:llm-vendor",
	  DFL_ST_LLM,
	  { [RULE_HOST] = "api.cohere.*|api.mistral.ai|api.deepseek.com|api.groq.com|openrouter.ai|"
			  "api.x.ai|api.together.xyz|api.fireworks.ai|api.perplexity.ai|"
			  "dashscope*.aliyuncs.com|api.moonshot.*|open.bigmodel.cn|"
			  "api.siliconflow.*|api.minimax*|*.volces.com|api.replicate.com|"
			  "*.huggingface.co|*.inference.ai.azure.com|api.nvcf.nvidia.com|"
			  "integrate.api.nvidia.com" } },
	{ "path:chat-completions",
	  DFL_ST_LLM,
	  { [RULE_OPERATION] = "POST */chat/completions|POST /v1/completions|POST /v1/messages|"
			       "POST /v1/responses|POST /api/chat|POST /api/generate|"
			       "POST /model/*/converse*|POST /model/*/invoke*",
	    SERVER } },
	/* Vendors of tracing and error reports. */
	{ "host:telemetry",
	  DFL_ST_TELEMETRY,
	  { [RULE_HOST] = "*.langfuse.com|*.smith.langchain.com|*.sentry.io|*.wandb.ai|*.comet.com|"
			  "*.arize.com" } },
	/* What the operation says of who does it (recordings without processes). */
	{ "behaviour:celery-consumer",
	  DFL_ST_WORKER,
	  { [RULE_PROTOCOL] = "redis",
	    [RULE_OPERATION] = "BRPOP",
	    [RULE_PLACE] = "workflow_based_app_execution*",
	    CLIENT } },
	{ "behaviour:celery-unacked",
	  DFL_ST_WORKER,
	  { [RULE_PROTOCOL] = "redis",
	    [RULE_OPERATION] = "HSET|HDEL|ZADD|ZREM",
	    [RULE_PLACE] = "unacked*",
	    CLIENT } },
	{ "behaviour:publisher",
	  DFL_ST_WORKER,
	  { [RULE_PROTOCOL] = "redis",
	    [RULE_OPERATION] = "PUBLISH|XADD|SPUBLISH",
	    [RULE_PLACE] = "channel:*|stream:*",
	    CLIENT } },
	{ "behaviour:celery-producer",
	  DFL_ST_API,
	  { [RULE_PROTOCOL] = "redis",
	    [RULE_OPERATION] = "LPUSH",
	    [RULE_PLACE] = "workflow_based_app_execution*",
	    CLIENT } },
	{ "behaviour:subscriber",
	  DFL_ST_API,
	  { [RULE_PROTOCOL] = "redis",
	    [RULE_OPERATION] = "SUBSCRIBE|SSUBSCRIBE|XREAD|message",
	    [RULE_PLACE] = "channel:*|stream:*",
	    CLIENT } },
	{ "behaviour:forwarder",
	  DFL_ST_ALB,
	  { [RULE_PROTOCOL] = "http", [RULE_FORWARDED] = "yes", CLIENT } },
	/* Protocols and ports. */
	{ "protocol:redis", DFL_ST_REDIS, { [RULE_PROTOCOL] = "redis", SERVER } },
	{ "protocol:postgres", DFL_ST_POSTGRES, { [RULE_PROTOCOL] = "postgres", SERVER } },
	{ "protocol:dns", DFL_ST_OTHER, { [RULE_PROTOCOL] = "dns", SERVER } },
	{ "port:api", DFL_ST_API, { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "5001", SERVER } },
	{ "port:plugin-daemon",
	  DFL_ST_PLUGIN_DAEMON,
	  { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "5002", SERVER } },
	{ "port:sandbox", DFL_ST_SANDBOX, { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "8194", SERVER } },
	{ "port:squid",
	  DFL_ST_SSRF_PROXY,
	  { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "3128", SERVER } },
	{ "port:redis",
	  DFL_ST_REDIS,
	  { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "6379|6380", SERVER } },
	{ "port:postgres",
	  DFL_ST_POSTGRES,
	  { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "5432", SERVER } },
	{ "port:vector-db",
	  DFL_ST_VECTOR_DB,
	  { [RULE_MEDIUM] = "tcp", [RULE_PORT] = "6333|6334|19530", SERVER } },
	{ "client-of-api",
	  DFL_ST_BROWSER,
	  { [RULE_PROTOCOL] = "http",
	    [RULE_OPERATION] = "POST */chat-messages|POST */completion-messages|"
			       "POST */workflows/run|POST */files/upload",
	    CLIENT } },
	/* Files and pipes. */
	{ "stdio", DFL_ST_LOGS, { [RULE_MEDIUM] = "pipe", [RULE_FD] = "1|2" } },
	{ "stdio-file", DFL_ST_LOGS, { [RULE_MEDIUM] = "file", [RULE_FD] = "1|2" } },
	{ "log-file",
	  DFL_ST_LOGS,
	  { [RULE_MEDIUM] = "file", [RULE_PATH] = "*.log|*.log.*|/var/log/*" } },
	{ "syslog", DFL_ST_LOGS, { [RULE_MEDIUM] = "unix", [RULE_PATH] = "/dev/log|*/journal/*" } },
	{ "file", DFL_ST_FILE, { [RULE_MEDIUM] = "file" } },
};
/* clang-format on */

/* RFC 1918, 4193, 3927, 4291 2.5.6; loopback never leaves the node (RFC 1122, 4291). */
static const char *const default_vpc[] = { "10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16",
					   "fc00::/7",	  "169.254.0.0/16", "fe80::/10",
					   "127.0.0.0/8", "::1/128" };

/* AWS regions (docs.aws.amazon.com/global-infrastructure/latest/regions). */
static const char *const aws_regions[] = {
	"af-south-1",	  "ap-east-1",	    "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
	"ap-northeast-3", "ap-south-1",	    "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
	"ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1",	  "ca-west-1",	    "cn-north-1",     "cn-northwest-1", "eu-central-1",
	"eu-central-2",	  "eu-north-1",	    "eu-south-1",     "eu-south-2",	"eu-west-1",
	"eu-west-2",	  "eu-west-3",	    "il-central-1",   "me-central-1",	"me-south-1",
	"mx-central-1",	  "sa-east-1",	    "us-east-1",      "us-east-2",	"us-gov-east-1",
	"us-gov-west-1",  "us-west-1",	    "us-west-2",
};

bool dfl_glob(const char *pattern, const char *text)
{
	char one[DFL_RULE_PATTERN_MAX + 1];

	for (const char *p = pattern;; p++) {
		size_t len = strcspn(p, "|");

		if (len < sizeof(one)) {
			memcpy(one, p, len);
			one[len] = 0;
			if (!fnmatch(one, text, FNM_CASEFOLD))
				return true;
		}
		p += len;
		if (!*p)
			return false;
	}
}

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
	const struct dfl_rule *builtin = peer ? peer_rules : process_rules;
	size_t n_builtin = peer ? ARRAY_LEN(peer_rules) : ARRAY_LEN(process_rules);

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

/* ElastiCache's spelling: "ap-northeast-1" is "apne1". */
static void abbreviate_region(const char *region, char ret_short[static 16])
{
	size_t n = 0;

	for (const char *p = region; *p && n < 14; p += strcspn(p, "-"), p += *p == '-') {
		size_t len = strcspn(p, "-");

		if (p == region)
			len = len < 2 ? len : 2;
		else if (len > 5 &&
			 (!strncmp(p, "north", 5) || !strncmp(p, "south", 5))) { /* "northeast"
										    is
										    "ne"
										  */
			ret_short[n++] = p[0];
			ret_short[n++] = p[5];
			continue;
		} else
			len = 1;
		memcpy(ret_short + n, p, len);
		n += len;
	}
	ret_short[n] = 0;
}

/* Is the label at p (up to the next dot) this word? */
static bool is_label(const char *p, const char *word)
{
	size_t len = strlen(word);

	return !strncasecmp(p, word, len) && p[len] == '.';
}

/* Regional endpoints of AWS carry their region as one label of the name. */
static const char *aws_region_of(const char *name)
{
	bool cache = dfl_glob("*.cache.amazonaws.com", name);
	char abbreviated[16];

	if (!dfl_glob("*.amazonaws.com|*.amazonaws.com.cn|*.api.aws", name))
		return NULL;
	for (const char *p = name; p; p = strchr(p, '.')) {
		p += *p == '.';
		for (size_t i = 0; i < ARRAY_LEN(aws_regions); i++) {
			abbreviate_region(aws_regions[i], abbreviated);
			if (is_label(p, aws_regions[i]) || (cache && is_label(p, abbreviated)))
				return aws_regions[i];
		}
	}
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
	return name ? aws_region_of(name) : NULL;
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
