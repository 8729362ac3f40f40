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
/* A document as text. */
#define TEXT(path_)                                                                                \
	{                                                                                          \
		.method = "POST", .path = path_, .server = DFL_ST_API, .rule = "http:dify-api",    \
		.residency = DFL_TRANSIT, .request = DFL_FIELDS_REQUEST,                           \
		.response = DFL_FIELDS_UPLOADED                                                    \
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
	UPLOAD("/v1/files/upload"),
	UPLOAD("/api/files/upload"),
	UPLOAD("/console/api/files/upload"),
	TEXT("/v1/datasets/{uuid}/document/create-by-text"),
	TEXT("/v1/datasets/{uuid}/document/create_by_text"),
	UPLOAD("/v1/datasets/{uuid}/document/create-by-file"),
	UPLOAD("/v1/datasets/{uuid}/document/create_by_file"),
	{ .path = NULL },
};
