// SPDX-License-Identifier: Apache-2.0
/* The built-in rules: how the processes and peers of a Dify deployment are recognised. */
#include "rules/rules_dify.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off: tables */
/* The first rule that matches decides. Command lines and paths: dify-wire notes, Dify 1.13.3. */
const struct dfl_rule dfl_process_rules[] = {
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

const struct dfl_rule dfl_peer_rules[] = {
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

const size_t dfl_n_process_rules = ARRAY_LEN(dfl_process_rules);
const size_t dfl_n_peer_rules = ARRAY_LEN(dfl_peer_rules);
