// SPDX-License-Identifier: Apache-2.0
/* HTTP routes that are no inbound requests but can be named: of Dify, of vendors, of stores. */
#include "decode/dify/routes.h"

#include <string.h>

#include "decode/dify/inbound_routes.h"

/* Dify's API. What has a body brings text: every string in it is a field. */
#define API(method_, path_)                                                                        \
	{                                                                                          \
		.method = method_, .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",   \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_ANY, .response = DFL_FIELDS_EVENT  \
	}
/* The same without text of a user: credentials, or a call by Dify itself. */
#define NO_TEXT(path_)                                                                             \
	{                                                                                          \
		.path = path_, .server = DFL_ST_API, .rule = "http:dify-api",                      \
		.residency = DFL_TRANSIT                                                           \
	}
/* Stops a task, whose id is in the path. */
#define STOP(path_)                                                                                \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .path_id = DFL_ID_TASK, .has_path_id = true              \
	}
/* The plugin daemon runs a plugin. */
#define DISPATCH(path_, response_)                                                                 \
	{                                                                                          \
		.path = path_, .server = DFL_ST_PLUGIN_DAEMON, .rule = "http:plugin-daemon",       \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_DISPATCH, .response = response_    \
	}
#define DAEMON(path_) DISPATCH(path_, DFL_FIELDS_MODEL)
/* A model's vendor, by the API that most of them have copied. */
#define MODEL(path_, rule_)                                                                        \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_LLM, .rule = rule_,              \
		.residency = DFL_EXTERNAL, .response = DFL_FIELDS_MODEL                            \
	}
#define EMBEDDING(path_, rule_)                                                                    \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_EMBEDDING, .rule = rule_,        \
		.residency = DFL_EXTERNAL, .response = DFL_FIELDS_MODEL                            \
	}

/* A vector database. */
#define VECTORS(method_, path_, rule_, residency_)                                                 \
	{                                                                                          \
		.method = method_, .path = path_, .server = DFL_ST_VECTOR_DB, .rule = rule_,       \
		.residency = residency_, .request = DFL_FIELDS_SEARCH, .response = DFL_FIELDS_HITS \
	}

/* The first row that fits wins. Vendors put these paths behind prefixes of their own: "*". */
static const struct dfl_route other_routes[] = {
	STOP("/v1/chat-messages/{uuid}/stop"),
	STOP("/v1/completion-messages/{uuid}/stop"),
	STOP("/v1/workflows/tasks/{uuid}/stop"),
	STOP("/api/chat-messages/{uuid}/stop"),
	STOP("/api/completion-messages/{uuid}/stop"),
	STOP("/api/workflows/tasks/{uuid}/stop"),
	/* dify: controllers/inner_api: the plugin daemon and plugins call back */
	NO_TEXT("/inner/api/*"),
	/* dify: controllers/console/auth, controllers/web/login.py */
	NO_TEXT("/console/api/login"),
	NO_TEXT("/console/api/logout"),
	NO_TEXT("/console/api/refresh-token"),
	NO_TEXT("/console/api/reset-password"),
	NO_TEXT("/console/api/email-code-login"),
	NO_TEXT("/console/api/email-code-login/*"),
	NO_TEXT("/console/api/forgot-password"),
	NO_TEXT("/console/api/forgot-password/*"),
	NO_TEXT("/console/api/init"),
	NO_TEXT("/console/api/setup"),
	NO_TEXT("/console/api/account/password"),
	NO_TEXT("/console/api/oauth/*"),
	NO_TEXT("/api/login"),
	NO_TEXT("/api/logout"),
	NO_TEXT("/api/forgot-password"),
	NO_TEXT("/api/forgot-password/*"),
	NO_TEXT("/api/email-code-login"),
	NO_TEXT("/api/email-code-login/*"),
	API("GET", "/v1/messages"),
	API(NULL, "/v1/messages/{uuid}/feedbacks"),
	API("GET", "/v1/messages/{uuid}/suggested"),
	API("GET", "/v1/conversations"),
	API(NULL, "/v1/conversations/{uuid}"),
	API("POST", "/v1/conversations/{uuid}/name"),
	API("GET", "/v1/conversations/{uuid}/variables"),
	API("GET", "/v1/workflows/run/{uuid}"),
	API("GET", "/v1/workflows/logs"),
	API("GET", "/v1/parameters"),
	API("GET", "/v1/info"),
	API("GET", "/v1/meta"),
	API("GET", "/v1/site"),
	API(NULL, "/v1/conversations/{uuid}/variables/{uuid}"),
	API(NULL, "/v1/apps/annotations"),
	API(NULL, "/v1/apps/annotations/{uuid}"),
	API(NULL, "/v1/datasets"),
	API(NULL, "/v1/datasets/*"),
	API(NULL, "/v1/form/human_input/*"),
	API(NULL, "/api/form/human_input/*"),
	API(NULL, "/console/api/*"),
	API("GET", "/health"),
	DAEMON("/plugin/{uuid}/dispatch/llm/invoke"),
	DAEMON("/plugin/{uuid}/dispatch/llm/num_tokens"),
	DAEMON("/plugin/{uuid}/dispatch/text_embedding/invoke"),
	DAEMON("/plugin/{uuid}/dispatch/text_embedding/num_tokens"),
	DAEMON("/plugin/{uuid}/dispatch/rerank/invoke"),
	DAEMON("/plugin/{uuid}/dispatch/moderation/invoke"),
	DAEMON("/plugin/{uuid}/dispatch/tts/invoke"),
	DAEMON("/plugin/{uuid}/dispatch/speech2text/invoke"),
	DISPATCH("/plugin/{uuid}/dispatch/tool/invoke", DFL_FIELDS_TOOL),
	DISPATCH("/plugin/{uuid}/dispatch/agent_strategy/invoke", DFL_FIELDS_AGENT),
	DAEMON("/plugin/{uuid}/dispatch/model/schema"),
	DAEMON("/plugin/{uuid}/dispatch/model/validate_model_credentials"),
	DAEMON("/plugin/{uuid}/dispatch/*"),
	DAEMON("/plugin/{uuid}/management/models"),
	DAEMON("/plugin/{uuid}/management/tools"),
	DAEMON("/plugin/{uuid}/management/*"),
	{ .method = "POST",
	  .path = "/v1/sandbox/run",
	  .server = DFL_ST_SANDBOX,
	  .rule = "http:sandbox",
	  .residency = DFL_MEMORY },
	MODEL("/v1/chat/completions", "http:openai"),
	MODEL("*/chat/completions", "http:openai"),
	MODEL("/v1/completions", "http:openai"),
	MODEL("/v1/responses", "http:openai"),
	MODEL("/v1/messages", "http:anthropic"),
	MODEL("/model/*/converse", "http:bedrock"),
	MODEL("/model/*/converse-stream", "http:bedrock"),
	MODEL("/model/*/invoke", "http:bedrock"),
	MODEL("/model/*/invoke-with-response-stream", "http:bedrock"),
	EMBEDDING("/v1/embeddings", "http:openai"),
	EMBEDDING("*/embeddings", "http:openai"),
	EMBEDDING("/v1/rerank", "http:rerank"),
	EMBEDDING("*/rerank", "http:rerank"),
	VECTORS("POST", "/collections/*/points/search", "http:qdrant", DFL_MEMORY),
	VECTORS("POST", "/collections/*/points/query", "http:qdrant", DFL_MEMORY),
	VECTORS("PUT", "/collections/*/points", "http:qdrant", DFL_PERSISTENT),
	VECTORS("POST", "/*/_search", "http:elasticsearch", DFL_MEMORY),
	/* Dify's API of external knowledge bases: whoever serves it. */
	{ .method = "POST",
	  .path = "*/retrieval",
	  .residency = DFL_EXTERNAL,
	  .response = DFL_FIELDS_HITS },
	{ .path = NULL },
};

/* The first row of a table that method and path fit; NULL: none. */
static const struct dfl_route *find_in(const struct dfl_route *table, const char *method,
				       const char *path, size_t len, const char **ret_id,
				       size_t *ret_id_len)
{
	for (const struct dfl_route *r = table; r->path; r++) {
		const char *id = NULL;

		if (r->method && strcmp(r->method, method))
			continue;
		if (!dfl_route_matches(r->path, path, len, &id))
			continue;
		*ret_id = r->has_path_id ? id : NULL;
		*ret_id_len = *ret_id ? 36 : 0;
		return r;
	}
	return NULL;
}

const struct dfl_route dfl_route_unknown = { .path = "*",
					     .request = DFL_FIELDS_ANY,
					     .response = DFL_FIELDS_EVENT };

const struct dfl_route *dfl_routes_find(const char *method, const char *path, size_t len,
					const char **ret_id, size_t *ret_id_len)
{
	const struct dfl_route *r = find_in(dfl_inbound_routes, method, path, len, ret_id,
					    ret_id_len);

	return r ? r : find_in(other_routes, method, path, len, ret_id, ret_id_len);
}
