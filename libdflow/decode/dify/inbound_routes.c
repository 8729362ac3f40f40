// SPDX-License-Identifier: Apache-2.0
/* The table of inbound requests (dify: controllers/{service_api,web,console}). */
#include "decode/dify/inbound_routes.h"

/* A message or run: fields in, events out. */
#define CHAT(path_)                                                                                \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_REQUEST,                           \
		.response = DFL_FIELDS_EVENT                                                       \
	}
/* A file in a form. */
#define UPLOAD(path_)                                                                              \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .response = DFL_FIELDS_UPLOADED, .file_part = "file"     \
	}
/* Whatever it is: each string of a JSON body, each field of a form, or the body. */
#define ANY(path_)                                                                                 \
	{                                                                                          \
		.path = path_, .server = DFL_ST_API, .rule = "http:dify-api",                      \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_ANY, .response = DFL_FIELDS_EVENT  \
	}
/* Speech, text or the other way round. */
#define SPEECH(prefix_) UPLOAD(prefix_ "/audio-to-text"), CHAT(prefix_ "/text-to-audio")
/* A document as text. */
#define TEXT(path_)                                                                                \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_REQUEST,                           \
		.response = DFL_FIELDS_UPLOADED                                                    \
	}

#define RETRIEVE(path_)                                                                            \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_REQUEST,                           \
		.response = DFL_FIELDS_RETRIEVED                                                   \
	}

const struct dfl_route dfl_inbound_routes[] = {
	CHAT("/v1/chat-messages"),
	CHAT("/v1/completion-messages"),
	CHAT("/v1/workflows/run"),
	CHAT("/v1/workflows/{uuid}/run"),
	CHAT("/api/chat-messages"),
	CHAT("/api/completion-messages"),
	CHAT("/api/workflows/run"),
	CHAT("/console/api/apps/{uuid}/chat-messages"),
	CHAT("/console/api/apps/{uuid}/completion-messages"),
	CHAT("/console/api/apps/{uuid}/advanced-chat/workflows/draft/run"),
	CHAT("/console/api/apps/{uuid}/workflows/draft/run"),
	CHAT("/console/api/installed-apps/{uuid}/chat-messages"),
	CHAT("/console/api/installed-apps/{uuid}/completion-messages"),
	CHAT("/console/api/installed-apps/{uuid}/workflows/run"),
	/* controllers/console/explore/trial.py */
	CHAT("/console/api/trial-apps/{uuid}/chat-messages"),
	CHAT("/console/api/trial-apps/{uuid}/completion-messages"),
	CHAT("/console/api/trial-apps/{uuid}/workflows/run"),
	SPEECH("/v1"),
	SPEECH("/api"),
	SPEECH("/console/api/apps/{uuid}"),
	SPEECH("/console/api/installed-apps/{uuid}"),
	SPEECH("/console/api/trial-apps/{uuid}"),
	/* controllers/trigger: whoever calls chooses the form */
	ANY("/triggers/webhook/*"),
	ANY("/triggers/webhook-debug/*"),
	ANY("/triggers/plugin/*"),
	/* controllers/mcp/mcp.py */
	{ .method = "POST",
	  .path = "/mcp/server/*/mcp",
	  .server = DFL_ST_API,
	  .rule = "http:dify-api",
	  .residency = DFL_TRANSIT,
	  .request = DFL_FIELDS_MCP,
	  .response = DFL_FIELDS_MCP_REPLY },
	/* The plugin daemon: internal/server/controllers/endpoint.go */
	{ .path = "/e/*",
	  .server = DFL_ST_PLUGIN_DAEMON,
	  .rule = "http:plugin-daemon",
	  .residency = DFL_TRANSIT,
	  .request = DFL_FIELDS_ANY,
	  .response = DFL_FIELDS_EVENT },
	/* A query for a knowledge base alone. */
	RETRIEVE("/v1/datasets/{uuid}/retrieve"),
	RETRIEVE("/v1/datasets/{uuid}/hit-testing"),
	RETRIEVE("/console/api/datasets/{uuid}/hit-testing"),
	RETRIEVE("/console/api/datasets/{uuid}/external-hit-testing"),
	UPLOAD("/v1/files/upload"),
	UPLOAD("/api/files/upload"),
	UPLOAD("/console/api/files/upload"),
	TEXT("/v1/datasets/{uuid}/document/create-by-text"),
	TEXT("/v1/datasets/{uuid}/document/create_by_text"),
	UPLOAD("/v1/datasets/{uuid}/document/create-by-file"),
	UPLOAD("/v1/datasets/{uuid}/document/create_by_file"),
	{ .path = NULL },
};
